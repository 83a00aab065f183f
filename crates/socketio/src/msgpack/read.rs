use super::MsgpackError;
use crate::scan::MAX_DEPTH;

/// A cursor over MessagePack values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
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
    Text(&'a str),
    Binary(&'a [u8]),
    /// So many values follow.
    Array(u32),
    /// So many pairs of values follow.
    Map(u32),
    Date(Date),
    /// Of a type that has no meaning to us.
    Extension(i8, &'a [u8]),
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// Since 1970, rounded down.
    pub(crate) seconds: i64,
    pub(crate) millis: u16,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// What has not been read.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
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

    /// Moves past a text of less than 32 bytes, if one follows, and gives its bytes: the quick way
    /// for what is only compared or passed over.
    #[inline(always)]
    pub(crate) fn short_text(&mut self) -> Result<Option<&'a [u8]>, MsgpackError> {
        let Some((&marker @ 0xa0..=0xbf, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        let (bytes, rest) = rest
            .split_at_checked((marker & 0x1f).into())
            .ok_or(MsgpackError::UnexpectedEnd)?;
        check_text(bytes)?;
        self.rest = rest;
        Ok(Some(bytes))
    }

    /// Moves past `bytes`, if they follow.
    #[inline(always)]
    pub(crate) fn eat<const N: usize>(&mut self, bytes: &[u8; N]) -> bool {
        match self.rest.split_first_chunk() {
            Some((found, rest)) if found == bytes => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Whether a text of at most so many bytes follows.
    #[inline]
    pub(crate) fn is_text(mut self, max_bytes: usize) -> bool {
        matches!(self.token(), Ok(Token::Text(text)) if text.len() <= max_bytes)
    }

    /// Moves past an unsigned integer below 128, if one follows.
    #[inline(always)]
    pub(crate) fn small_unsigned(&mut self) -> Option<u64> {
        let (&value @ 0..=0x7f, rest) = self.rest.split_first()? else {
            return None;
        };
        self.rest = rest;
        Some(value.into())
    }

    /// Moves past the start of an array of less than 16 elements, if one follows.
    #[inline(always)]
    pub(crate) fn short_array(&mut self) -> Option<u32> {
        let (&marker @ 0x90..=0x9f, rest) = self.rest.split_first()? else {
            return None;
        };
        self.rest = rest;
        Some((marker & 0x0f).into())
    }

    /// Moves past a value, and gives its start: all of it, where it is a scalar.
    #[cold]
    pub(crate) fn scalar(&mut self, max_depth: u8) -> Result<Token<'a>, MsgpackError> {
        let start = *self;
        let token = self.token()?;
        if matches!(token, Token::Array(_) | Token::Map(_)) {
            *self = start;
            self.value(max_depth)?;
        }
        Ok(token)
    }

    /// Moves past a value, and gives its bytes. Its outermost array or map is the first level.
    ///
    /// Each element takes a byte at least, so a length that is declared too large ends with the
    /// data.
    #[inline(always)]
    pub(crate) fn value(&mut self, max_depth: u8) -> Result<&'a [u8], MsgpackError> {
        let limit = max_depth.min(MAX_DEPTH);
        let left = skip(self.rest, 1, false, Levels { left: limit, limit })?;
        let len = self.rest.len().saturating_sub(left);
        let (value, rest) = self.rest.split_at_checked(len).unwrap_or_default();
        self.rest = rest;
        Ok(value)
    }

    /// Moves past a value that has been checked.
    pub(crate) fn checked_value(&mut self) -> Result<(), MsgpackError> {
        self.value(MAX_DEPTH).map(|_| ())
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
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(MsgpackError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<&'a [u8], MsgpackError> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(MsgpackError::UnexpectedEnd)?;
        self.rest = rest;
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

    #[inline]
    fn text(&mut self, len: usize) -> Result<Token<'a>, MsgpackError> {
        let bytes = self.take(len)?;
        // Vectors pay off for longer texts only.
        let text = if len < 64 {
            core::str::from_utf8(bytes).ok()
        } else {
            simdutf8::basic::from_utf8(bytes).ok()
        };
        text.map(Token::Text).ok_or(MsgpackError::NotUtf8)
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

/// The levels of nesting that may still be opened.
#[derive(Clone, Copy)]
struct Levels {
    left: u8,
    limit: u8,
}

impl Levels {
    #[inline(always)]
    fn inside(self) -> Result<Self, MsgpackError> {
        let limit = self.limit;
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, limit }),
            None => Err(MsgpackError::TooDeep { limit }),
        }
    }
}

/// How many bytes follow so many values, each with a key before it where they are those of a map.
fn skip(data: &[u8], count: u32, keys: bool, levels: Levels) -> Result<usize, MsgpackError> {
    let mut reader = Reader::new(data);
    for _ in 0..count {
        if keys && reader.short_text()?.is_none() {
            reader.key()?;
        }
        if reader.short_text()?.is_some() {
            continue;
        }
        let (len, keys) = match reader.token()? {
            Token::Array(len) => (len, false),
            Token::Map(len) => (len, true),
            _ => continue,
        };
        let left = skip(reader.rest, len, keys, levels.inside()?)?;
        let start = reader.rest.len().saturating_sub(left);
        reader.rest = reader.rest.get(start..).unwrap_or_default();
    }
    Ok(reader.rest.len())
}

/// A short text has to be UTF-8: most are ASCII.
#[inline(always)]
fn check_text(bytes: &[u8]) -> Result<(), MsgpackError> {
    if bytes.is_ascii() || core::str::from_utf8(bytes).is_ok() {
        Ok(())
    } else {
        Err(MsgpackError::NotUtf8)
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
