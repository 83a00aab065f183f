//! One pass over a JSON text: is it JSON, is it shallow enough, do its placeholders point to
//! attachments. No recursion, no allocation.

use thiserror::Error;

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

/// A cursor over a JSON text. Its steps are inlined by force: as calls, they would give their
/// results and the position through memory, which costs about a quarter of the speed.
///
/// Which of the open levels are objects, and what is known of them as placeholders, is one bit per
/// level.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
    max_depth: u8,
    depth: u8,
    /// Whether the innermost open level is an object: its bit in `objects`, kept at hand.
    in_object: bool,
    objects: u128,
    attachments: u16,
    placeholders: u128,
    good_nums: u128,
    bad_nums: u128,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `text`. With `attachments` above 0, placeholders are checked.
    pub(crate) fn new(text: &'a str, max_depth: u8, attachments: u16) -> Self {
        Self {
            text: text.as_bytes(),
            pos: 0,
            max_depth: max_depth.min(MAX_DEPTH),
            depth: 0,
            in_object: false,
            objects: 0,
            attachments,
            placeholders: 0,
            good_nums: 0,
            bad_nums: 0,
        }
    }

    /// A scanner at `pos` of a text that has been scanned before.
    pub(crate) fn at(text: &'a str, pos: usize) -> Self {
        Self {
            pos,
            ..Self::new(text, MAX_DEPTH, 0)
        }
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// The byte at the cursor.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    #[inline(always)]
    pub(crate) fn skip_whitespace(&mut self) {
        // There is none in what `JSON.stringify` writes.
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.pos += whitespace_len(self.rest());
        }
    }

    /// Moves past `byte` if it stands at the cursor.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Moves past one value.
    pub(crate) fn value(&mut self) -> Result<(), JsonError> {
        loop {
            self.first_scalar()?;
            if self.is_finished()? {
                return Ok(());
            }
        }
    }

    /// Moves past the `[` of the outermost array.
    pub(crate) fn open_array(&mut self) -> Result<(), JsonError> {
        if !self.eat(b'[') {
            return Err(self.unexpected());
        }
        self.open(false)
    }

    /// Moves past the rest of the outermost array, the cursor being behind its first element.
    pub(crate) fn rest_of_array(&mut self) -> Result<(), JsonError> {
        if self.is_finished()? {
            Ok(())
        } else {
            self.value()
        }
    }

    /// Nothing but whitespace may follow.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// Moves past a string. Tells whether it has escapes.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<bool, JsonError> {
        if !self.eat(b'"') {
            return Err(self.unexpected());
        }
        let mut escaped = false;
        loop {
            self.pos += plain_start(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    self.pos += 1;
                    self.escape()?;
                    escaped = true;
                }
                _ => return Err(self.unexpected()),
            }
        }
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

    /// Moves into the value at the cursor, past its first scalar or empty array or object.
    #[inline(always)]
    fn first_scalar(&mut self) -> Result<(), JsonError> {
        loop {
            self.skip_whitespace();
            match self.peek() {
                Some(b'[') => {
                    self.pos += 1;
                    self.open(false)?;
                    self.skip_whitespace();
                    if self.peek() == Some(b']') {
                        return self.close();
                    }
                }
                Some(b'{') => {
                    self.pos += 1;
                    self.open(true)?;
                    self.skip_whitespace();
                    if self.peek() == Some(b'}') {
                        return self.close();
                    }
                    self.key()?;
                }
                Some(byte) => return self.scalar(byte),
                None => return Err(JsonError::UnexpectedEnd),
            }
        }
    }

    /// Behind a value: closes what ends here, or moves to the next value. Tells whether all is closed.
    #[inline(always)]
    fn is_finished(&mut self) -> Result<bool, JsonError> {
        while self.depth > 0 {
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => {
                    self.pos += 1;
                    if self.in_object {
                        self.skip_whitespace();
                        self.key()?;
                    }
                    return Ok(false);
                }
                Some(b'}') if self.in_object => self.close()?,
                Some(b']') if !self.in_object => self.close()?,
                _ => return Err(self.unexpected()),
            }
        }
        Ok(true)
    }

    #[inline(always)]
    fn scalar(&mut self, first: u8) -> Result<(), JsonError> {
        match first {
            b'"' => self.string().map(|_| ()),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        let matching = self
            .rest()
            .iter()
            .zip(word)
            .take_while(|(a, b)| a == b)
            .count();
        self.pos += matching;
        if matching == word.len() {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The part of an escape behind the backslash. Lone surrogates pass, as in `JSON.parse`:
    /// `JSON.stringify` writes them.
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

    /// A key and its colon. In a binary packet, looks whether it makes its object a placeholder.
    #[inline(always)]
    fn key(&mut self) -> Result<(), JsonError> {
        let start = self.pos;
        self.string()?;
        let end = self.pos;
        self.skip_whitespace();
        if !self.eat(b':') {
            return Err(self.unexpected());
        }
        if self.attachments > 0 {
            self.skip_whitespace();
            match self.text.get(start..end) {
                // As JavaScript: only the literal `true` makes a placeholder.
                Some(br#""_placeholder""#) if self.rest().starts_with(b"true") => {
                    self.placeholders |= self.level();
                }
                Some(br#""num""#) if self.is_attachment_number() => self.good_nums |= self.level(),
                Some(br#""num""#) => self.bad_nums |= self.level(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the value at the cursor is a plain integer below the number of attachments.
    fn is_attachment_number(&self) -> bool {
        let rest = self.rest();
        let (mut number, mut len) = (0_u32, 0);
        while let Some(digit @ b'0'..=b'9') = rest.get(len) {
            let digit = u32::from(digit - b'0');
            number = number.saturating_mul(10).saturating_add(digit);
            len += 1;
        }
        len > 0
            && number < u32::from(self.attachments)
            && !matches!(rest.get(len), Some(b'.' | b'e' | b'E'))
    }

    #[inline(always)]
    fn open(&mut self, object: bool) -> Result<(), JsonError> {
        if self.depth >= self.max_depth {
            return Err(JsonError::TooDeep {
                limit: self.max_depth,
            });
        }
        self.depth += 1;
        self.in_object = object;
        if object {
            self.objects |= self.level();
        }
        if self.attachments > 0 {
            let level = self.level();
            self.placeholders &= !level;
            self.good_nums &= !level;
            self.bad_nums &= !level;
        }
        Ok(())
    }

    #[inline(always)]
    fn close(&mut self) -> Result<(), JsonError> {
        if self.placeholders != 0 {
            let level = self.level();
            if self.placeholders & level != 0 && (self.good_nums & !self.bad_nums & level) == 0 {
                return Err(JsonError::IllegalPlaceholder { offset: self.pos });
            }
        }
        // Most levels are shallow and few are objects: the wide shifts are for those that need them.
        if self.in_object {
            self.objects &= !self.level();
        }
        self.pos += 1;
        self.depth -= 1;
        self.in_object = self.objects != 0 && self.objects & self.level() != 0;
        Ok(())
    }

    /// The bit of the innermost open level. `depth` is at most 127.
    fn level(&self) -> u128 {
        1 << self.depth
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn unexpected(&self) -> JsonError {
        if self.pos < self.text.len() {
            JsonError::UnexpectedByte { offset: self.pos }
        } else {
            JsonError::UnexpectedEnd
        }
    }
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

#[cold]
fn whitespace_len(text: &[u8]) -> usize {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    text.iter().take_while(blank).count()
}

/// As [`plain_len`], inlined for strings that end within a word, as names and keys do.
#[inline(always)]
fn plain_start(bytes: &[u8]) -> usize {
    match bytes.split_first_chunk() {
        Some((word, rest)) => match specials(*word) {
            0 => 8 + plain_len(rest),
            specials => specials.trailing_zeros() as usize / 8,
        },
        None => plain_len(bytes),
    }
}

/// How many bytes at the start stand for themselves in a JSON string: all up to the first quote,
/// backslash or control character.
#[inline(never)]
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    // Most strings end within the first words. Longer ones go by chunks that the compiler compares
    // as vectors (so no early exit inside a chunk), and end by words again.
    let (head, rest) = bytes.split_at_checked(32).unwrap_or((bytes, &[]));
    let len = plain_len_by_words(head);
    if len < head.len() || rest.is_empty() {
        return len;
    }
    let (chunks, _) = rest.as_chunks::<32>();
    let plain = chunks
        .iter()
        .take_while(|chunk| !chunk.iter().fold(false, |any, &b| any | is_special(b)));
    let len = len + plain.count() * 32;
    len + plain_len_by_words(bytes.get(len..).unwrap_or_default())
}

fn plain_len_by_words(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let specials = specials(*word);
        if specials != 0 {
            return at * 8 + specials.trailing_zeros() as usize / 8;
        }
    }
    let special = rest.iter().position(|&byte| is_special(byte));
    bytes.len() - rest.len() + special.unwrap_or(rest.len())
}

/// The high bits of the bytes that are special, right up to the first one that is.
#[inline(always)]
fn specials(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let word = u64::from_le_bytes(word);
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & (ONES << 7)
}

/// Without `||`, which would keep the chunks above from becoming vectors.
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

#[cfg(test)]
mod tests;
