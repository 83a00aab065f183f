//! Arrays and objects.

use super::{JsonError, Rules, Scanner};

/// The levels that are open, one bit each, the innermost being the lowest.
struct Levels<const BINARY: bool> {
    rules: Rules,
    /// How many levels stand around the value.
    around: u8,
    objects: u128,
    /// What is known of them as placeholders.
    placeholders: u128,
    good_nums: u128,
    bad_nums: u128,
}

/// Where the array or object at `pos` ends.
#[inline(always)]
pub(super) fn nested(text: &[u8], pos: usize, rules: Rules) -> Result<usize, JsonError> {
    if rules.attachments == 0 {
        scan::<false>(text, pos, rules)
    } else {
        scan::<true>(text, pos, rules)
    }
}

/// Placeholders are looked for in a `BINARY` packet alone.
#[inline(never)]
fn scan<const BINARY: bool>(text: &[u8], pos: usize, rules: Rules) -> Result<usize, JsonError> {
    let mut scanner = Scanner { text, pos };
    let mut levels = Levels::<BINARY>::new(rules);
    scanner.open_to_scalar(&mut levels)?;
    while !levels.all_closed() {
        match scanner.peek() {
            Some(b',') => {
                scanner.pos += 1;
                if levels.in_object() {
                    scanner.key(&mut levels)?;
                }
                scanner.open_to_scalar(&mut levels)?;
            }
            Some(b'}') if levels.in_object() => scanner.close(&mut levels)?,
            Some(b']') if !levels.in_object() => scanner.close(&mut levels)?,
            Some(byte) if byte <= b' ' && scanner.skipped_whitespace() => {}
            _ => return Err(scanner.unexpected()),
        }
    }
    Ok(scanner.pos)
}

impl Scanner<'_> {
    /// Moves into the value at the cursor, past its first scalar or empty array or object.
    #[inline(always)]
    fn open_to_scalar<const BINARY: bool>(
        &mut self,
        levels: &mut Levels<BINARY>,
    ) -> Result<(), JsonError> {
        loop {
            match self.peek() {
                Some(b'[') => {
                    self.pos += 1;
                    levels.open(false)?;
                    self.skip_whitespace();
                    if self.peek() == Some(b']') {
                        return self.close(levels);
                    }
                }
                Some(b'{') => {
                    levels.open(true)?;
                    if BINARY && let Some(len) = self.placeholder_len(levels.rules.attachments) {
                        self.pos += len;
                        return self.close(levels);
                    }
                    self.pos += 1;
                    self.skip_whitespace();
                    if self.peek() == Some(b'}') {
                        return self.close(levels);
                    }
                    self.key(levels)?;
                }
                Some(b'"') => return self.string().map(|_| ()),
                Some(byte) if byte <= b' ' && self.skipped_whitespace() => {}
                Some(byte) => return self.scalar(byte),
                None => return Err(JsonError::UnexpectedEnd),
            }
        }
    }

    /// A key and its colon. In a binary packet, looks whether it makes its object a
    /// placeholder.
    #[inline(always)]
    fn key<const BINARY: bool>(&mut self, levels: &mut Levels<BINARY>) -> Result<(), JsonError> {
        self.skip_whitespace();
        let start = self.pos;
        self.string()?;
        let end = self.pos;
        self.skip_whitespace();
        if !self.eat(b':') {
            return Err(self.unexpected());
        }
        if BINARY {
            self.skip_whitespace();
            match self.text.get(start..end) {
                // As JavaScript: only the literal `true` makes a placeholder.
                Some(br#""_placeholder""#) if self.rest().starts_with(b"true") => {
                    levels.placeholders |= 1;
                }
                Some(br#""num""#) if self.is_attachment_number(levels.rules.attachments) => {
                    levels.good_nums |= 1;
                }
                Some(br#""num""#) => levels.bad_nums |= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// The length of the placeholder at the cursor without its last bracket, if it is written as
    /// `JSON.stringify` writes it and points to an attachment.
    #[inline(always)]
    fn placeholder_len(&self, attachments: u16) -> Option<usize> {
        const START: &[u8] = br#"{"_placeholder":true,"num":"#;
        let (digits, behind) = attachment_number(self.rest().strip_prefix(START)?, attachments)?;
        (behind == Some(b'}')).then_some(START.len() + digits)
    }

    /// Whether the value at the cursor is a plain integer below the number of attachments.
    fn is_attachment_number(&self, attachments: u16) -> bool {
        attachment_number(self.rest(), attachments)
            .is_some_and(|(_, behind)| !matches!(behind, Some(b'.' | b'e' | b'E')))
    }

    #[inline(always)]
    fn close<const BINARY: bool>(&mut self, levels: &mut Levels<BINARY>) -> Result<(), JsonError> {
        if levels.is_illegal_placeholder() {
            return Err(JsonError::IllegalPlaceholder { offset: self.pos });
        }
        levels.close();
        self.pos += 1;
        Ok(())
    }
}

/// How many digits at the start of `text` are a number below the number of attachments, and what
/// stands behind them.
#[inline(always)]
fn attachment_number(text: &[u8], attachments: u16) -> Option<(usize, Option<u8>)> {
    let (mut number, mut len) = (0_u32, 0);
    while let Some(digit @ b'0'..=b'9') = text.get(len) {
        number = number
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'));
        len += 1;
    }
    // JSON has no leading zeros.
    let legal = len == 1 || len > 1 && text.first() != Some(&b'0');
    (legal && number < u32::from(attachments)).then(|| (len, text.get(len).copied()))
}

impl<const BINARY: bool> Levels<BINARY> {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            around: rules.depth,
            objects: 0,
            placeholders: 0,
            good_nums: 0,
            bad_nums: 0,
        }
    }

    #[inline(always)]
    fn open(&mut self, object: bool) -> Result<(), JsonError> {
        self.rules = self.rules.inside()?;
        self.objects = self.objects << 1 | u128::from(object);
        if BINARY {
            self.placeholders <<= 1;
            self.good_nums <<= 1;
            self.bad_nums <<= 1;
        }
        Ok(())
    }

    #[inline(always)]
    fn close(&mut self) {
        self.rules.depth -= 1;
        self.objects >>= 1;
        if BINARY {
            self.placeholders >>= 1;
            self.good_nums >>= 1;
            self.bad_nums >>= 1;
        }
    }

    fn all_closed(&self) -> bool {
        self.rules.depth == self.around
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn is_illegal_placeholder(&self) -> bool {
        BINARY && self.placeholders & !(self.good_nums & !self.bad_nums) & 1 == 1
    }
}
