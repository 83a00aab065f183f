//! Payloads of protocol revision 3.
//!
//! As text each packet follows its length in UTF-16 code units: `6:4hello2:40`, and binary is
//! base64 with the type digit: `10:b4AQIDBA==`. As binary each packet follows a byte that tells
//! text (0) from binary (1), the decimal digits of its length in bytes as byte values, and 255.

use alloc::{string::String, vec::Vec};
use core::fmt::Write as _;

use bytes::{Buf as _, BufMut as _, Bytes};
use faststr::FastStr;

use super::{PayloadError, Rest, bounded};
use crate::{
    dialect::{Dialect, MESSAGE},
    packet::{Frame, Packet, PacketError, encode_base64},
    transport::Revision,
};

/// The most digits that the length of a packet may have: more than any body that fits in memory.
pub const MAX_LENGTH_DIGITS: usize = 15;

/// What ends the digits of a length in a binary payload.
const END_OF_LENGTH: u8 = 255;

const V3: Dialect = Dialect {
    revision: Revision::V3,
    base64: false,
};

/// Joins frames to one text body of protocol revision 3.
///
/// ```
/// use songi_engineio::{payload, Bytes, Frame};
/// let frames = [Frame::Text("4hello".into()), Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]))];
/// assert_eq!(payload::encode_v3_text(&frames), "6:4hello10:b4AQIDBA==");
/// ```
pub fn encode_v3_text<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Bytes {
    let mut body = String::new();
    for frame in frames {
        // Writing to a String does not fail.
        let _ = match frame {
            Frame::Text(text) => write!(body, "{}:{text}", utf16_len(text)),
            Frame::Binary(bytes) => {
                let encoded = encode_base64("b4", bytes);
                write!(body, "{}:{encoded}", encoded.len())
            }
        };
    }
    body.into()
}

/// Joins frames to one binary body of protocol revision 3.
///
/// ```
/// use songi_engineio::{payload, Bytes, Frame};
/// let frames = [Frame::Text("4€".into()), Frame::Binary(Bytes::from_static(&[9]))];
/// assert_eq!(payload::encode_v3_binary(&frames), &b"\x00\x04\xff4\xe2\x82\xac\x01\x02\xff\x04\x09"[..]);
/// ```
pub fn encode_v3_binary<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Bytes {
    let mut body = Vec::new();
    for frame in frames {
        match frame {
            Frame::Text(text) => {
                put_head(&mut body, 0, text.len());
                body.put_slice(text.as_bytes());
            }
            Frame::Binary(bytes) => {
                put_head(&mut body, 1, bytes.len().saturating_add(1));
                body.put_u8(MESSAGE);
                body.put_slice(bytes);
            }
        }
    }
    body.into()
}

/// Splits a text body of protocol revision 3 into packets, one at a time.
///
/// # Errors
/// When the body is longer than `max` bytes, or not UTF-8.
///
/// ```
/// use songi_engineio::{payload, Message, Packet};
/// let packets: Result<Vec<_>, _> = payload::decode_v3_text("6:4hello2:40".into(), 100)?.collect();
/// assert_eq!(packets?, ["hello", "0"].map(|text| Packet::Message(Message::text(text))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode_v3_text(body: Bytes, max: usize) -> Result<super::Packets, PayloadError> {
    let body = bounded(body, max)?;
    let body = FastStr::from_bytes(body).map_err(|_| PayloadError::Utf8)?;
    Ok(Rest::V3Text(body, 0).into())
}

/// Splits a binary body of protocol revision 3 into packets, one at a time.
///
/// # Errors
/// When the body is longer than `max` bytes.
pub fn decode_v3_binary(body: Bytes, max: usize) -> Result<super::Packets, PayloadError> {
    Ok(Rest::V3Binary(bounded(body, max)?).into())
}

/// The packet at `position`, and where the next one starts.
pub(super) fn next_text(body: &FastStr, position: usize) -> Result<(Packet, usize), PacketError> {
    let rest = body.get(position..).unwrap_or_default();
    if rest.is_empty() {
        return Err(PacketError::Empty);
    }
    let window = rest.as_bytes().iter().take(MAX_LENGTH_DIGITS + 1);
    let digits = window.take_while(|byte| byte.is_ascii_digit()).count();
    let (length, text) = rest.split_at_checked(digits).ok_or(PacketError::Length)?;
    let text = text.strip_prefix(':').ok_or(PacketError::Length)?;
    let length = parse_length(length.bytes().map(|digit| digit - b'0'))?;
    let end = utf16_end(text, length).ok_or(PacketError::Truncated)?;
    let (text, after) = text.split_at_checked(end).ok_or(PacketError::Truncated)?;
    let packet = V3.decode(Frame::Text(body.slice_ref(text)))?;
    Ok((packet, body.len() - after.len()))
}

/// The first packet, which is taken from the body.
pub(super) fn next_binary(body: &mut Bytes) -> Result<Packet, PacketError> {
    let (&kind, after) = body.split_first().ok_or(PacketError::Empty)?;
    if kind > 1 {
        return Err(PacketError::Type(kind));
    }
    let window = after.iter().take(MAX_LENGTH_DIGITS + 1);
    let digits = window.take_while(|&&byte| byte <= 9).count();
    let (length, after) = after.split_at_checked(digits).ok_or(PacketError::Length)?;
    if after.first() != Some(&END_OF_LENGTH) {
        return Err(PacketError::Length);
    }
    let length = parse_length(length.iter().copied())?;
    // Neither the kind, nor the digits, nor what ends them.
    body.advance(digits + 2);
    if length > body.len() {
        return Err(PacketError::Truncated);
    }
    let bytes = body.split_to(length);
    V3.decode(if kind == 1 {
        Frame::Binary(bytes)
    } else {
        Frame::Text(FastStr::from_bytes(bytes).map_err(|_| PacketError::Utf8)?)
    })
}

fn put_head(body: &mut Vec<u8>, kind: u8, length: usize) {
    let mut buffer = itoa::Buffer::new();
    body.put_u8(kind);
    body.extend(buffer.format(length).bytes().map(|digit| digit - b'0'));
    body.put_u8(END_OF_LENGTH);
}

/// A number without leading zeros.
fn parse_length(digits: impl ExactSizeIterator<Item = u8> + Clone) -> Result<usize, PacketError> {
    let leading_zero = digits.len() > 1 && digits.clone().next() == Some(0);
    if digits.len() == 0 || digits.len() > MAX_LENGTH_DIGITS || leading_zero {
        return Err(PacketError::Length);
    }
    // Fifteen digits fit.
    let length = digits.fold(0_u64, |number, digit| number * 10 + u64::from(digit));
    // What does not fit an address is longer than any body.
    Ok(usize::try_from(length).unwrap_or(usize::MAX))
}

fn utf16_len(text: &str) -> usize {
    let is_start = |byte: u8| usize::from(byte & 0xc0 != 0x80);
    let is_pair = |byte: u8| usize::from(byte >= 0xf0);
    text.bytes()
        .map(|byte| is_start(byte) + is_pair(byte))
        .sum()
}

/// The end in bytes of so many UTF-16 code units; `None` when there are fewer, or a character
/// would be split.
fn utf16_end(text: &str, units: usize) -> Option<usize> {
    // A code unit is at least one byte.
    if units > text.len() {
        return None;
    }
    if text.as_bytes().get(..units)?.is_ascii() {
        return Some(units);
    }
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

#[cfg(test)]
mod tests;
