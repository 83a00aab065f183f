//! Payloads: several packets in the body of one long-polling request or response.
//!
//! Packets are joined by `0x1e`; a binary message is `b` and padded standard base64
//! ("Engine.IO protocol v4, HTTP long-polling"): `4hello\x1ebAQIDBA==`. Protocol revision 3 puts
//! the length before each packet instead: see the functions with `v3` in their names.

use alloc::string::String;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use faststr::FastStr;
use thiserror::Error;

use crate::packet::{Frame, Packet, PacketError, decode_base64};

mod v3;
pub use v3::{
    MAX_LENGTH_DIGITS, decode_v3_binary, decode_v3_text, encode_v3_binary, encode_v3_text,
};

/// What separates two packets of a payload.
pub const SEPARATOR: u8 = 0x1e;

/// Joins frames to one body. A single text frame becomes the body without a copy.
///
/// A text frame must not contain [`SEPARATOR`]: the receiver would see two packets. The sessions
/// refuse such a message.
///
/// ```
/// use songi_engineio::{payload, Bytes, Frame};
/// let frames = [Frame::Text("4hello".into()), Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]))];
/// assert_eq!(payload::encode(&frames), "4hello\x1ebAQIDBA==");
/// ```
pub fn encode<'a, I>(frames: I) -> Bytes
where
    I: IntoIterator<Item = &'a Frame>,
    I::IntoIter: Clone,
{
    let mut frames = frames.into_iter();
    let mut all = frames.clone();
    if let (Some(Frame::Text(text)), None) = (all.next(), all.next()) {
        return text.clone().into_bytes();
    }
    let mut body = String::with_capacity(frames.clone().map(|f| encoded_len(f) + 1).sum());
    if let Some(first) = frames.next() {
        push(&mut body, first);
    }
    for frame in frames {
        body.push(char::from(SEPARATOR));
        push(&mut body, frame);
    }
    body.into()
}

/// Bytes that a frame takes in a payload, without a separator.
pub fn encoded_len(frame: &Frame) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        Frame::Binary(bytes) => bytes.len().div_ceil(3).saturating_mul(4).saturating_add(1),
    }
}

/// Splits a body into packets, one at a time: a body of half a million two-byte packets costs no
/// more memory than itself.
///
/// The whole body is checked to be UTF-8 first.
///
/// # Errors
/// When the body is longer than `max` bytes, or not UTF-8.
///
/// ```
/// use songi_engineio::{payload, Bytes, Message, Packet};
/// let body = Bytes::from_static(b"4hello\x1ebAQIDBA==");
/// let packets: Result<Vec<_>, _> = payload::decode(body, 1_000_000)?.collect();
/// assert_eq!(packets?, [
///     Packet::Message(Message::text("hello")),
///     Packet::Message(Message::binary(Bytes::from_static(&[1, 2, 3, 4]))),
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode(body: Bytes, max: usize) -> Result<Packets, PayloadError> {
    let body = bounded(body, max)?;
    let body = FastStr::from_bytes(body).map_err(|_| PayloadError::Utf8)?;
    Ok(Rest::V4(body, 0).into())
}

/// The packets of a body, in order. It ends after the first malformed one.
#[derive(Debug, Clone)]
pub struct Packets {
    rest: Rest,
}

/// What is still to be split, with where the next packet starts.
#[derive(Debug, Clone)]
enum Rest {
    V4(FastStr, usize),
    V3Text(FastStr, usize),
    V3Binary(Bytes),
    End,
}

impl From<Rest> for Packets {
    fn from(rest: Rest) -> Self {
        Self { rest }
    }
}

impl Iterator for Packets {
    type Item = Result<Packet, PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (packet, is_last) = match &mut self.rest {
            Rest::V4(body, position) => {
                let (packet, next) = next_packet(body, *position);
                *position = next.unwrap_or(body.len());
                (packet, next.is_none())
            }
            Rest::V3Text(body, position) => match v3::next_text(body, *position) {
                Ok((packet, next)) => {
                    *position = next;
                    (Ok(packet), next == body.len())
                }
                Err(error) => (Err(error), true),
            },
            Rest::V3Binary(body) => (v3::next_binary(body), body.is_empty()),
            Rest::End => return None,
        };
        if is_last || packet.is_err() {
            self.rest = Rest::End;
        }
        Some(packet)
    }
}

impl core::iter::FusedIterator for Packets {}

/// The packet at `position`, and where the next one starts, if there is one.
fn next_packet(body: &FastStr, position: usize) -> (Result<Packet, PacketError>, Option<usize>) {
    let rest = body.get(position..).unwrap_or_default();
    let (text, next) = match rest.split_once(char::from(SEPARATOR)) {
        Some((text, after)) => (text, Some(body.len() - after.len())),
        None => (rest, None),
    };
    let packet = match text.as_bytes() {
        // It is decoded where it stands.
        [b'b', encoded @ ..] => decode_base64(encoded),
        _ => Packet::decode(Frame::Text(body.slice_ref(text))),
    };
    (packet, next)
}

fn push(body: &mut String, frame: &Frame) {
    match frame {
        Frame::Text(text) => body.push_str(text),
        Frame::Binary(bytes) => {
            body.push('b');
            STANDARD.encode_string(bytes, body);
        }
    }
}

fn bounded(body: Bytes, max: usize) -> Result<Bytes, PayloadError> {
    let len = body.len();
    if len > max {
        return Err(PayloadError::TooLarge { len, max });
    }
    Ok(body)
}

/// Why a body is not a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The body is longer than the limit.
    #[error("payload of {len} bytes is over the limit of {max}")]
    TooLarge {
        /// Length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The body is not UTF-8.
    #[error("payload is not UTF-8")]
    Utf8,
}

#[cfg(test)]
mod tests;
