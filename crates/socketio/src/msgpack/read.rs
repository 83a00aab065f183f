use alloc::borrow::Cow;
use alloc::string::String;

use super::MsgpackError;
use super::skip::value_end;
use crate::scan::MAX_DEPTH;

/// A cursor over MessagePack values. Its quick steps are inlined by force, so that the position stays
/// in a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    data: &'a [u8],
    pos: usize,
}

/// The start of a value: all of it, where it is a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Negative(i64),
    Float(f64),
    Text(Text<'a>),
    Binary(&'a [u8]),
    /// So many values follow.
    Array(u32),
    /// So many pairs of values follow.
    Map(u32),
    Date(Date),
    /// Of a type that has no meaning to us.
    Extension(i8, &'a [u8]),
}

/// The bytes of a text. That they are UTF-8 is seen when it is read, and only then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Text<'a>(&'a [u8]);

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// Since 1970, rounded down.
    pub(crate) seconds: i64,
    pub(crate) millis: u16,
}

impl<'a> Reader<'a> {
    /// A reader at `pos` of `data`.
    #[inline(always)]
    pub(crate) fn new(data: &'a [u8], pos: usize) -> Self {
        Self { data, pos }
    }

    #[inline(always)]
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// What has not been read.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.data.get(self.pos..).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.data.get(self.pos).copied()
    }

    /// Moves past the start of a value: all of it, where it is a scalar.
    #[inline(always)]
    pub(crate) fn token(&mut self) -> Result<Token<'a>, MsgpackError> {
        let [marker] = self.bytes()?;
        Ok(match marker {
            0..=0x7f => Token::Unsigned(marker.into()),
            0x80..=0x8f => Token::Map((marker & 0x0f).into()),
            0x90..=0x9f => Token::Array((marker & 0x0f).into()),
            0xa0..=0xbf => self.text((marker & 0x1f).into())?,
            0xc0 => Token::Nil,
            0xc1 => return Err(MsgpackError::ReservedByte),
            0xc2 | 0xc3 => Token::Bool(marker == 0xc3),
            0xc4 => Token::Binary(self.len8().and_then(|len| self.take(len))?),
            0xc5 => Token::Binary(self.len16().and_then(|len| self.take(len))?),
            0xc6 => Token::Binary(self.len32().and_then(|len| self.take(len))?),
            0xc7 => self.len8().and_then(|len| self.extension(len))?,
            0xc8 => self.len16().and_then(|len| self.extension(len))?,
            0xc9 => self.len32().and_then(|len| self.extension(len))?,
            0xca => Token::Float(f32::from_be_bytes(self.bytes()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.bytes()?)),
            0xcc => Token::Unsigned(u8::from_be_bytes(self.bytes()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.bytes()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.bytes()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.bytes()?)),
            0xd0 => integer(i8::from_be_bytes(self.bytes()?).into()),
            0xd1 => integer(i16::from_be_bytes(self.bytes()?).into()),
            0xd2 => integer(i32::from_be_bytes(self.bytes()?).into()),
            0xd3 => integer(i64::from_be_bytes(self.bytes()?)),
            0xd4..=0xd8 => self.fixed_extension(1 << (marker - 0xd4))?,
            0xd9 => self.len8().and_then(|len| self.text(len))?,
            0xda => self.len16().and_then(|len| self.text(len))?,
            0xdb => self.len32().and_then(|len| self.text(len))?,
            0xdc => Token::Array(u16::from_be_bytes(self.bytes()?).into()),
            0xdd => Token::Array(u32::from_be_bytes(self.bytes()?)),
            0xde => Token::Map(u16::from_be_bytes(self.bytes()?).into()),
            0xdf => Token::Map(u32::from_be_bytes(self.bytes()?)),
            0xe0..=0xff => Token::Negative(marker.cast_signed().into()),
        })
    }

    /// Moves past `bytes`, if they follow.
    #[inline(always)]
    pub(crate) fn eat<const N: usize>(&mut self, bytes: &[u8; N]) -> bool {
        let found = self.rest().first_chunk() == Some(bytes);
        if found {
            self.pos += N;
        }
        found
    }

    /// Whether a text of at most so many bytes follows.
    #[inline]
    pub(crate) fn is_text(mut self, max_bytes: usize) -> bool {
        matches!(self.token(), Ok(Token::Text(text)) if text.0.len() <= max_bytes)
    }

    /// Moves past an unsigned integer below 128, if one follows.
    #[inline(always)]
    pub(crate) fn small_unsigned(&mut self) -> Option<u8> {
        let value = self.peek().filter(|value| *value <= 0x7f)?;
        self.pos += 1;
        Some(value)
    }

    /// Moves past the start of a map of less than 16 pairs, if one follows.
    #[inline(always)]
    pub(crate) fn short_map(&mut self) -> Option<u32> {
        let marker = self.peek().filter(|marker| marker & 0xf0 == 0x80)?;
        self.pos += 1;
        Some((marker & 0x0f).into())
    }

    /// Moves past the start of an array of less than 16 elements, if one follows.
    #[inline(always)]
    pub(crate) fn short_array(&mut self) -> Option<u32> {
        let marker = self.peek().filter(|marker| marker & 0xf0 == 0x90)?;
        self.pos += 1;
        Some((marker & 0x0f).into())
    }

    /// Moves past a text of less than 32 bytes, if one follows.
    #[inline(always)]
    pub(crate) fn short_text(&mut self) -> Option<Text<'a>> {
        let marker = self.peek().filter(|marker| marker & 0xe0 == 0xa0)?;
        let bytes = self.rest().get(1..)?.get(..usize::from(marker & 0x1f))?;
        self.pos += 1 + bytes.len();
        Some(Text(bytes))
    }

    /// A step that is not inlined, done by a copy, so that this reader stays in registers.
    #[inline(always)]
    pub(crate) fn aside<T, E>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut copy = *self;
        let result = step(&mut copy);
        *self = copy;
        result
    }

    /// Moves past a value, and gives its start: all of it, where it is a scalar.
    #[cold]
    pub(crate) fn scalar(&mut self, max_depth: u8) -> Result<Token<'a>, MsgpackError> {
        let mut start = *self;
        self.skip(max_depth)?;
        start.token()
    }

    /// Moves past a value. Its outermost array or map is the first level.
    #[inline(always)]
    pub(crate) fn skip(&mut self, max_depth: u8) -> Result<(), MsgpackError> {
        self.pos = value_end(self.data, self.pos, max_depth)?;
        Ok(())
    }

    /// Moves past a value that has been checked.
    pub(crate) fn checked_value(&mut self) -> Result<(), MsgpackError> {
        self.skip(MAX_DEPTH)
    }

    /// JavaScript makes a text of any key; none but these is written by anybody.
    #[inline(never)]
    pub(crate) fn key(&mut self) -> Result<Token<'a>, MsgpackError> {
        match self.token()? {
            key @ (Token::Text(_) | Token::Unsigned(_) | Token::Negative(_)) => Ok(key),
            _ => Err(MsgpackError::IllegalKey),
        }
    }

    #[inline(always)]
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let bytes = *self
            .rest()
            .first_chunk()
            .ok_or(MsgpackError::UnexpectedEnd)?;
        self.pos += N;
        Ok(bytes)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<&'a [u8], MsgpackError> {
        let bytes = self.rest().get(..len).ok_or(MsgpackError::UnexpectedEnd)?;
        self.pos += len;
        Ok(bytes)
    }

    #[inline(always)]
    fn len8(&mut self) -> Result<usize, MsgpackError> {
        Ok(u8::from_be_bytes(self.bytes()?).into())
    }

    #[inline(always)]
    fn len16(&mut self) -> Result<usize, MsgpackError> {
        Ok(u16::from_be_bytes(self.bytes()?).into())
    }

    #[inline(always)]
    fn len32(&mut self) -> Result<usize, MsgpackError> {
        let len = u32::from_be_bytes(self.bytes()?);
        usize::try_from(len).map_err(|_| MsgpackError::UnexpectedEnd)
    }

    #[inline(always)]
    fn text(&mut self, len: usize) -> Result<Token<'a>, MsgpackError> {
        self.take(len).map(|bytes| Token::Text(Text(bytes)))
    }

    /// Of any length: type 0 is an `ArrayBuffer`.
    #[cold]
    fn extension(&mut self, len: usize) -> Result<Token<'a>, MsgpackError> {
        let [kind] = self.bytes()?;
        let data = self.take(len)?;
        Ok(match (kind, data.split_first_chunk()) {
            (0, _) => Token::Binary(data),
            // The timestamp of 96 bits.
            (0xff, Some((nanos, seconds))) if seconds.len() == 8 => {
                let seconds = seconds.first_chunk().copied().unwrap_or_default();
                timestamp(i64::from_be_bytes(seconds), u32::from_be_bytes(*nanos))
            }
            _ => Token::Extension(kind.cast_signed(), data),
        })
    }

    /// Of 1, 2, 4, 8 or 16 bytes: type 0 is `undefined` or a `Date`.
    #[cold]
    fn fixed_extension(&mut self, len: usize) -> Result<Token<'a>, MsgpackError> {
        let [kind] = self.bytes()?;
        let data = self.take(len)?;
        let word = data.first_chunk().map(|word| u64::from_be_bytes(*word));
        Ok(match (kind, word, data) {
            (0, _, [_]) => Token::Nil,
            (0, Some(millis), _) if len == 8 => {
                let millis = millis.cast_signed();
                Token::Date(Date {
                    seconds: millis.div_euclid(1000),
                    millis: millis.rem_euclid(1000) as u16,
                })
            }
            // The timestamps of 32 and 64 bits.
            (0xff, _, &[a, b, c, d]) => timestamp(u32::from_be_bytes([a, b, c, d]).into(), 0),
            (0xff, Some(both), _) if len == 8 => {
                timestamp((both & 0x3_ffff_ffff).cast_signed(), (both >> 34) as u32)
            }
            _ => Token::Extension(kind.cast_signed(), data),
        })
    }
}

impl<'a> Text<'a> {
    #[inline]
    pub(crate) fn read(self) -> Result<&'a str, MsgpackError> {
        let Self(bytes) = self;
        // Vectors pay off for longer texts only.
        let text = if bytes.len() < 64 {
            core::str::from_utf8(bytes).ok()
        } else {
            simdutf8::basic::from_utf8(bytes).ok()
        };
        text.ok_or(MsgpackError::NotUtf8)
    }

    /// With U+FFFD for what is not UTF-8.
    pub(crate) fn read_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }
}

fn integer(value: i64) -> Token<'static> {
    u64::try_from(value).map_or(Token::Negative(value), Token::Unsigned)
}

/// Nanoseconds above a second, which no writer makes, count as its last millisecond.
fn timestamp(seconds: i64, nanos: u32) -> Token<'static> {
    let millis = (nanos / 1_000_000).min(999) as u16;
    Token::Date(Date { seconds, millis })
}
