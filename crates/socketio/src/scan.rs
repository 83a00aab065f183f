//! One pass over a JSON text: is it JSON, is it shallow enough, do its placeholders point to
//! attachments. No recursion, no allocation.

use thiserror::Error;

use nested::nested;
use words::plain_end_inline;

mod ends;
mod nested;
mod words;

pub(crate) use ends::Ends;
pub(crate) use words::plain_end;

/// Why a text is not the JSON that was expected.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// The text ended inside a value.
    #[error("the JSON text ends inside a value")]
    UnexpectedEnd,
    /// A byte that cannot stand where it stands (RFC 8259).
    #[error("unexpected byte at offset {offset}")]
    UnexpectedByte {
        /// Its place in the text that was scanned.
        offset: usize,
    },
    /// More levels of nesting than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("nested deeper than the limit of {limit}")]
    TooDeep {
        /// The limit.
        limit: u8,
    },
    /// A `{"_placeholder":true}` whose `num` is not the number of one of the packet's attachments.
    #[error("illegal placeholder in the object that ends at offset {offset}")]
    IllegalPlaceholder {
        /// Where the object ends in the text that was scanned.
        offset: usize,
    },
}

/// `serde_json` counts levels down from 128 and refuses at 0.
pub(crate) const MAX_DEPTH: u8 = 127;

/// What a text has to keep to.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    max_depth: u8,
    /// Levels that are open around what is scanned.
    depth: u8,
    /// Above 0, placeholders are checked.
    attachments: u16,
}

impl Rules {
    /// Those of a text that has been scanned before.
    pub(crate) const KEPT: Self = Self::new(MAX_DEPTH, 0);

    pub(crate) const fn new(max_depth: u8, attachments: u16) -> Self {
        let max_depth = if max_depth < MAX_DEPTH {
            max_depth
        } else {
            MAX_DEPTH
        };
        Self {
            max_depth,
            depth: 0,
            attachments,
        }
    }

    /// Those for what stands one level deeper.
    #[inline(always)]
    fn inside(self) -> Result<Self, JsonError> {
        if self.depth >= self.max_depth {
            let limit = self.max_depth;
            return Err(JsonError::TooDeep { limit });
        }
        let depth = self.depth + 1;
        Ok(Self { depth, ..self })
    }
}

/// What a value turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A string without escapes.
    PlainString,
    Other,
}

/// A cursor over a JSON text. Its steps are inlined by force, so that the position stays in a
/// register, and what is called instead takes and gives the position alone.
#[derive(Clone, Copy)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at `pos` of a text.
    #[inline(always)]
    pub(crate) fn new(text: &'a [u8], pos: usize) -> Self {
        Self { text, pos }
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// The byte at the cursor.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    #[inline(always)]
    pub(crate) fn skip_whitespace(&mut self) {
        // There is none in what `JSON.stringify` writes.
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.skipped_whitespace();
        }
    }

    /// Moves past whitespace, and tells whether there was any.
    #[cold]
    fn skipped_whitespace(&mut self) -> bool {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        let len = self.rest().iter().take_while(blank).count();
        self.pos += len;
        len > 0
    }

    /// Moves past `byte` if it stands at the cursor.
    #[inline(always)]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Moves past one value, and whitespace before it.
    #[inline(always)]
    pub(crate) fn value(&mut self, rules: Rules) -> Result<Found, JsonError> {
        loop {
            match self.peek() {
                Some(b'"') => return self.string(),
                Some(b'[' | b'{') => self.pos = nested(self.text, self.pos, rules)?,
                Some(byte) if byte <= b' ' && self.skipped_whitespace() => continue,
                Some(byte) => self.scalar(byte)?,
                None => return Err(JsonError::UnexpectedEnd),
            }
            return Ok(Found::Other);
        }
    }

    /// Moves past the `[` of an array, and gives the rules for its elements.
    #[inline(always)]
    pub(crate) fn open_array(&mut self, rules: Rules) -> Result<Rules, JsonError> {
        if !self.eat(b'[') {
            return Err(self.unexpected());
        }
        rules.inside()
    }

    /// Moves past the elements of an array that is open, and past its end.
    #[inline(always)]
    pub(crate) fn elements(&mut self, rules: Rules) -> Result<Ends, JsonError> {
        self.skip_whitespace();
        let mut ends = Ends::default();
        if self.eat(b']') {
            return Ok(ends);
        }
        let found = self.value(rules)?;
        ends.set(0, self.pos, found);
        self.more_elements(rules, ends, 1)
    }

    /// Moves past the rest of an array, the cursor being behind an element or the event's name. So
    /// many elements are in `ends` already.
    #[inline(always)]
    pub(crate) fn more_elements(
        &mut self,
        rules: Rules,
        mut ends: Ends,
        mut count: usize,
    ) -> Result<Ends, JsonError> {
        loop {
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b']') => {
                    self.pos += 1;
                    return Ok(ends);
                }
                Some(byte) if byte <= b' ' && self.skipped_whitespace() => continue,
                _ => return Err(self.unexpected()),
            }
            let found = self.value(rules)?;
            ends.set(count, self.pos, found);
            count += 1;
        }
    }

    /// Nothing but whitespace may follow.
    #[inline(always)]
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// Moves past a string.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Found, JsonError> {
        if !self.eat(b'"') {
            return Err(self.unexpected());
        }
        self.pos = plain_end_inline(self.text, self.pos);
        if self.eat(b'"') {
            return Ok(Found::PlainString);
        }
        self.pos = rest_of_string(self.text, self.pos)?;
        Ok(Found::Other)
    }

    /// Moves past a number (RFC 8259 §6).
    #[inline(always)]
    pub(crate) fn number(&mut self) -> Result<(), JsonError> {
        let (len, legal) = number_len(self.rest());
        self.pos += len;
        if legal {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Moves past a literal or a number.
    #[inline(always)]
    fn scalar(&mut self, first: u8) -> Result<(), JsonError> {
        match first {
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    #[inline(always)]
    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.rest().starts_with(word) {
            self.pos += word.len();
            return Ok(());
        }
        let same = self.rest().iter().zip(word).take_while(|(a, b)| a == b);
        self.pos += same.count();
        Err(self.unexpected())
    }

    /// The part of an escape behind the backslash. Lone surrogates pass, as in `JSON.parse`:
    /// `JSON.stringify` writes them.
    #[inline(always)]
    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 1;
                Ok(())
            }
            Some(b'u') => {
                self.pos += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected());
                    }
                    self.pos += 1;
                }
                Ok(())
            }
            _ => Err(self.unexpected()),
        }
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    #[cold]
    fn unexpected(&self) -> JsonError {
        if self.pos < self.text.len() {
            JsonError::UnexpectedByte { offset: self.pos }
        } else {
            JsonError::UnexpectedEnd
        }
    }
}

/// Where a string ends of which an escape is at `pos`.
#[inline(never)]
fn rest_of_string(text: &[u8], pos: usize) -> Result<usize, JsonError> {
    let mut scanner = Scanner { text, pos };
    while !scanner.eat(b'"') {
        if !scanner.eat(b'\\') {
            return Err(scanner.unexpected());
        }
        scanner.escape()?;
        scanner.pos = plain_end_inline(text, scanner.pos);
    }
    Ok(scanner.pos)
}

/// How far the start of `text` is a number, and whether it is a whole one.
#[inline(always)]
fn number_len(text: &[u8]) -> (usize, bool) {
    let byte = |at: usize| text.get(at).copied();
    let digits = |mut at: usize| {
        while matches!(byte(at), Some(b'0'..=b'9')) {
            at += 1;
        }
        at
    };
    let start = usize::from(byte(0) == Some(b'-'));
    let mut at = if byte(start) == Some(b'0') {
        start + 1
    } else {
        digits(start)
    };
    if at == start {
        return (at, false);
    }
    if byte(at) == Some(b'.') {
        let fraction = at + 1;
        at = digits(fraction);
        if at == fraction {
            return (at, false);
        }
    }
    if matches!(byte(at), Some(b'e' | b'E')) {
        let exponent = at + 1 + usize::from(matches!(byte(at + 1), Some(b'+' | b'-')));
        at = digits(exponent);
        return (at, at > exponent);
    }
    (at, true)
}

#[cfg(test)]
mod tests;
