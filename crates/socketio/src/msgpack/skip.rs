//! Where a value ends.

use super::MsgpackError;
use super::read::{Reader, Token};
use crate::scan::MAX_DEPTH;

/// Where the value at `pos` ends. Its outermost array or map is the first level.
///
/// The position alone is taken and given, so that it stays in a register.
///
/// Each element takes a byte at least, so a length that is declared too large ends with the data.
#[inline(always)]
pub(super) fn value_end(data: &[u8], pos: usize, max_depth: u8) -> Result<usize, MsgpackError> {
    let limit = max_depth.min(MAX_DEPTH);
    let levels = Levels { left: limit, limit };
    let end = match data.get(pos) {
        Some(marker @ 0x90..=0x9f) => elements_end(data, pos + 1, (marker & 0x0f).into(), levels)?,
        _ => end(data, pos, levels)?,
    };
    if end > data.len() {
        return Err(MsgpackError::UnexpectedEnd);
    }
    Ok(end)
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

/// As [`value_end`], without a look whether the end of a short text lies behind the data. What most
/// values are goes a quick way.
#[inline(always)]
fn end(data: &[u8], pos: usize, levels: Levels) -> Result<usize, MsgpackError> {
    match data.get(pos) {
        Some(marker @ 0xa0..=0xbf) => Ok(pos + 1 + usize::from(marker & 0x1f)),
        Some(0..=0x7f | 0xe0..=0xff) => Ok(pos + 1),
        // Binary data, or a text, of less than 256 bytes.
        Some(0xc4 | 0xd9) => match data.get(pos + 1) {
            Some(&len) => Ok(pos + 2 + usize::from(len)),
            None => Err(MsgpackError::UnexpectedEnd),
        },
        Some(marker @ 0x90..=0x9f) => array_end(data, pos + 1, (marker & 0x0f).into(), levels),
        Some(_) => long_end(data, pos, levels),
        None => Err(MsgpackError::UnexpectedEnd),
    }
}

#[inline(never)]
fn long_end(data: &[u8], pos: usize, levels: Levels) -> Result<usize, MsgpackError> {
    let mut reader = Reader::new(data, pos);
    match reader.token()? {
        Token::Array(len) => array_end(data, reader.pos(), len, levels),
        Token::Map(len) => map_end(data, reader.pos(), len, levels),
        _ => Ok(reader.pos()),
    }
}

/// Where an array of so many elements ends, the first of which is at `pos`.
#[inline(never)]
fn array_end(data: &[u8], pos: usize, len: u32, levels: Levels) -> Result<usize, MsgpackError> {
    elements_end(data, pos, len, levels)
}

#[inline(always)]
fn elements_end(
    data: &[u8],
    mut pos: usize,
    len: u32,
    levels: Levels,
) -> Result<usize, MsgpackError> {
    let levels = levels.inside()?;
    for _ in 0..len {
        pos = end(data, pos, levels)?;
    }
    Ok(pos)
}

/// Where a map of so many pairs ends, the first of which is at `pos`.
#[inline(never)]
fn map_end(data: &[u8], mut pos: usize, len: u32, levels: Levels) -> Result<usize, MsgpackError> {
    let levels = levels.inside()?;
    for _ in 0..len {
        pos = match data.get(pos) {
            Some(marker @ 0xa0..=0xbf) => pos + 1 + usize::from(marker & 0x1f),
            _ => long_key_end(data, pos)?,
        };
        pos = end(data, pos, levels)?;
    }
    Ok(pos)
}

#[inline(never)]
fn long_key_end(data: &[u8], pos: usize) -> Result<usize, MsgpackError> {
    let mut reader = Reader::new(data, pos);
    reader.key()?;
    Ok(reader.pos())
}
