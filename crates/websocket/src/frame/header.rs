//! Frame headers (RFC 6455 §5.2): read from a prefix, refused at the byte that decides it.

use bytes::BufMut;

use super::Opcode;
use crate::{Role, Violation};

/// The longest header: two bytes, eight of length, four of masking key.
pub(crate) const MAX: usize = 14;

/// The longest payload of a control frame (RFC 6455 §5.5).
pub(crate) const CONTROL_MAX: usize = 125;

/// The reserved bit that says "compressed" where that was agreed on (RFC 7692 §6).
pub(crate) const RSV1: u8 = 0x40;

/// A header whose every field has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    /// RSV1: the first frame of a compressed message (RFC 7692 §6).
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    /// All zero where the frame is not masked.
    pub(crate) mask: [u8; 4],
    /// Payload bytes; within the room that was left, so it fits a `usize` of any width.
    pub(crate) len: usize,
}

/// What the receiver's state allows the next frame to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expect {
    /// The receiver's own role: a server takes masked frames only, a client unmasked ones only.
    pub(crate) role: Role,
    /// Whether a fragmented message is under way.
    pub(crate) in_message: bool,
    /// Whether a message may be compressed.
    pub(crate) compression: bool,
    /// Bytes that the message under way may still take.
    pub(crate) room: usize,
    /// The message limit in bytes.
    pub(crate) limit: usize,
}

/// Reads a header from the start of `input`; returns it with its size.
///
/// `Ok(None)` means that the bytes so far are the start of a frame that may still be valid.
/// Whether a prefix is refused never depends on bytes behind the one that decides it.
#[inline]
pub(crate) fn parse(input: &[u8], expect: Expect) -> Result<Option<(Header, usize)>, Violation> {
    let Some((&first, rest)) = input.split_first() else {
        return Ok(None);
    };
    let First {
        fin,
        compressed,
        opcode,
    } = first_byte(first, expect)?;
    let Some((&second, rest)) = rest.split_first() else {
        return Ok(None);
    };
    let short = second_byte(second, opcode, expect.role)?;

    let room = if opcode.is_control() {
        CONTROL_MAX
    } else if compressed {
        // The limit is for what it inflates to.
        usize::MAX
    } else {
        expect.room
    };
    let limits = Limits {
        room: room as u64,
        limit: expect.limit,
    };
    let length = match short {
        126 => extended::<2>(rest, 125, limits)?,
        127 => extended::<8>(rest, 0xFFFF, limits)?,
        short => {
            limits.check(u64::from(short))?;
            Some((u64::from(short), rest))
        }
    };
    let Some((len, rest)) = length else {
        return Ok(None);
    };
    // `len <= room`, and `room` is a `usize`.
    let len = len as usize;

    let (mask, rest) = match expect.role {
        Role::Client => ([0; 4], rest),
        Role::Server => match rest.split_first_chunk::<4>() {
            Some((mask, rest)) => (*mask, rest),
            None => return Ok(None),
        },
    };
    Ok(Some((
        Header {
            fin,
            compressed,
            opcode,
            mask,
            len,
        },
        input.len() - rest.len(),
    )))
}

struct First {
    fin: bool,
    compressed: bool,
    opcode: Opcode,
}

fn first_byte(byte: u8, expect: Expect) -> Result<First, Violation> {
    let compressed = byte & RSV1 != 0;
    if byte & 0x70 != 0 && !(expect.compression && byte & 0x70 == RSV1) {
        return Err(Violation::ReservedBits);
    }
    let fin = byte & 0x80 != 0;
    let bits = byte & 0x0F;
    let opcode = Opcode::from_bits(bits).ok_or(Violation::ReservedOpcode(bits))?;
    match opcode {
        // Only the first frame of a message says that it is compressed (RFC 7692 §6).
        Opcode::Continuation if compressed => Err(Violation::ReservedBits),
        opcode if opcode.is_control() && compressed => Err(Violation::ReservedBits),
        Opcode::Continuation if !expect.in_message => Err(Violation::UnexpectedContinuation),
        Opcode::Text | Opcode::Binary if expect.in_message => Err(Violation::InterleavedMessage),
        opcode if opcode.is_control() && !fin => Err(Violation::FragmentedControl),
        opcode => Ok(First {
            fin,
            compressed,
            opcode,
        }),
    }
}

fn second_byte(byte: u8, opcode: Opcode, role: Role) -> Result<u8, Violation> {
    let masked = byte & 0x80 != 0;
    match role {
        Role::Server if !masked => return Err(Violation::Unmasked),
        Role::Client if masked => return Err(Violation::Masked),
        _ => {}
    }
    let short = byte & 0x7F;
    if opcode.is_control() && usize::from(short) > CONTROL_MAX {
        return Err(Violation::ControlTooLong);
    }
    Ok(short)
}

#[derive(Clone, Copy)]
struct Limits {
    room: u64,
    limit: usize,
}

impl Limits {
    fn check(self, len: u64) -> Result<(), Violation> {
        if len > self.room {
            return Err(Violation::MessageTooBig { limit: self.limit });
        }
        Ok(())
    }
}

/// Reads an extended length of `N` bytes, which must be above `below` to be minimal.
///
/// From the bytes known so far follow the least and the greatest length possible; that is enough
/// to refuse a length before its last byte.
fn extended<const N: usize>(
    rest: &[u8],
    below: u64,
    limits: Limits,
) -> Result<Option<(u64, &[u8])>, Violation> {
    let (known, rest, missing) = match rest.split_first_chunk::<N>() {
        Some((known, rest)) => (known.as_slice(), rest, 0),
        None => (rest, rest, 8 * (N - rest.len()) as u32),
    };
    if known.is_empty() {
        return Ok(None);
    }
    let least = known
        .iter()
        .fold(0, |value: u64, &byte| value << 8 | u64::from(byte))
        << missing;
    let greatest = least | ((1 << missing) - 1);
    if greatest <= below {
        return Err(Violation::NonMinimalLength);
    }
    if least >> 63 != 0 {
        return Err(Violation::LengthOverflow);
    }
    limits.check(least)?;
    Ok((missing == 0).then_some((least, rest)))
}

/// The first byte of a header.
pub(crate) const fn first(fin: bool, compressed: bool, opcode: Opcode) -> u8 {
    let fin = if fin { 0x80 } else { 0 };
    let rsv1 = if compressed { RSV1 } else { 0 };
    fin | rsv1 | opcode.bits()
}

/// Bytes of a header in its minimal form, without a mask.
pub(crate) const fn size(len: usize) -> u8 {
    match len {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

/// Appends a header in its minimal form; a client's header carries `mask`.
#[inline]
pub(crate) fn encode(out: &mut impl BufMut, first: u8, len: usize, mask: Option<[u8; 4]>) {
    let masked = u8::from(mask.is_some()) << 7;
    match len {
        0..=125 => out.put_slice(&[first, masked | len as u8]),
        126..=0xFFFF => {
            let [a, b] = (len as u16).to_be_bytes();
            out.put_slice(&[first, masked | 126, a, b]);
        }
        _ => {
            out.put_slice(&[first, masked | 127]);
            out.put_slice(&(len as u64).to_be_bytes());
        }
    }
    if let Some(mask) = mask {
        out.put_slice(&mask);
    }
}

#[cfg(test)]
mod tests;
