//! Packets: what one WebSocket message, or one part of a long-polling body, says.
//!
//! A packet is a type digit and data ("Engine.IO protocol v4, Packet"): `0` open, `1` close,
//! `2` ping, `3` pong, `4` message, `5` upgrade, `6` noop. A binary message has no digit: on a
//! WebSocket it is a binary message; where only text travels (in a long-polling body, or on the
//! WebSocket of a client that asks for it) it is `b` and base64.

use alloc::string::String;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use faststr::FastStr;
use thiserror::Error;

/// What the layer above sends and receives.
///
/// ```
/// use songi_engineio::{Bytes, Message};
/// assert_eq!(Message::text("abc").len(), 3);
/// assert_eq!(Message::binary(Bytes::from_static(&[1, 2])).len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(FastStr),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<FastStr>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether the message has no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One Engine.IO packet ("Engine.IO protocol v4, Packet types").
///
/// ```
/// use songi_engineio::{Frame, Message, Packet};
/// let packet = Packet::decode(Frame::Text("4hello".into()))?;
/// assert_eq!(packet, Packet::Message(Message::text("hello")));
/// assert_eq!(packet.encode(), Frame::Text("4hello".into()));
/// # Ok::<(), songi_engineio::PacketError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0`: the session is open. The data is JSON: see [`Handshake`](crate::Handshake).
    Open(FastStr),
    /// `1`: the session ends.
    Close,
    /// `2`: the heartbeat of the server, or `probe` on the candidate of an upgrade.
    Ping(FastStr),
    /// `3`: the answer to a ping, with its data.
    Pong(FastStr),
    /// `4` or a binary message.
    Message(Message),
    /// `5`: the candidate becomes the transport.
    Upgrade,
    /// `6`: nothing; it ends a long-polling cycle.
    Noop,
}

impl Packet {
    /// Parses one frame. Text is shared with the frame, or inlined when it is short.
    ///
    /// # Errors
    /// When the frame is empty, the type unknown, a type that carries no data has some, or what
    /// follows a `b` is not padded standard base64.
    pub fn decode(frame: Frame) -> Result<Self, PacketError> {
        match frame {
            Frame::Binary(bytes) => Ok(Self::Message(Message::Binary(bytes))),
            // Where it is: to move a text costs as much as to share it.
            Frame::Text(ref text) => Self::decode_text(text),
        }
    }

    fn decode_text(text: &FastStr) -> Result<Self, PacketError> {
        if let [b'b', encoded @ ..] = text.as_bytes() {
            return decode_base64(encoded);
        }
        let (&digit, _) = text.as_bytes().split_first().ok_or(PacketError::Empty)?;
        // A digit is one byte, so that the rest is text again; any other first byte is refused.
        let data = text.get(1..).ok_or(PacketError::Type(digit))?;
        let bare = |packet| {
            if data.is_empty() {
                Ok(packet)
            } else {
                Err(PacketError::Data(digit))
            }
        };
        match digit {
            b'4' => Ok(Self::Message(Message::Text(part(text, data)))),
            b'0' => Ok(Self::Open(part(text, data))),
            b'1' => bare(Self::Close),
            b'2' => Ok(Self::Ping(part(text, data))),
            b'3' => Ok(Self::Pong(part(text, data))),
            b'5' => bare(Self::Upgrade),
            b'6' => bare(Self::Noop),
            _ => Err(PacketError::Type(digit)),
        }
    }

    /// The packet as it travels in one WebSocket message.
    pub fn encode(&self) -> Frame {
        match self {
            Self::Message(Message::Binary(bytes)) => Frame::Binary(bytes.clone()),
            Self::Message(Message::Text(text)) => Frame::prefixed(b'4', text),
            Self::Open(data) => Frame::prefixed(b'0', data),
            Self::Ping(data) => Frame::prefixed(b'2', data),
            Self::Pong(data) => Frame::prefixed(b'3', data),
            Self::Close => Frame::CLOSE,
            Self::Upgrade => Frame::UPGRADE,
            Self::Noop => Frame::NOOP,
        }
    }
}

/// A packet as it travels in one WebSocket message: text starts with the type digit (or with the
/// `b` of base64), and a binary message is the raw bytes. What other [dialects](crate::Dialect) do,
/// sessions translate.
///
/// A broadcast encodes it once and every session shares it: a clone copies no more than 30 bytes.
///
/// ```
/// use songi_engineio::{Frame, Message};
/// assert_eq!(Frame::message(Message::text("hi")), Frame::Text("4hi".into()));
/// // A layer above that encodes straight into one buffer writes the digit itself.
/// assert_eq!(Frame::from_message_wire("4hi".into()), Frame::message(Message::text("hi")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text message: type digit and data.
    Text(FastStr),
    /// A binary message: the bytes of [`Message::Binary`].
    Binary(Bytes),
}

impl Frame {
    pub(crate) const CLOSE: Self = Self::Text(FastStr::from_static_str("1"));
    pub(crate) const PING: Self = Self::Text(FastStr::from_static_str("2"));
    pub(crate) const PONG: Self = Self::Text(FastStr::from_static_str("3"));
    pub(crate) const PING_PROBE: Self = Self::Text(FastStr::from_static_str("2probe"));
    pub(crate) const PONG_PROBE: Self = Self::Text(FastStr::from_static_str("3probe"));
    pub(crate) const UPGRADE: Self = Self::Text(FastStr::from_static_str("5"));
    pub(crate) const NOOP: Self = Self::Text(FastStr::from_static_str("6"));

    /// Encodes a message.
    pub fn message(message: Message) -> Self {
        match message {
            Message::Text(ref text) => Self::prefixed(b'4', text),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }

    /// A text message whose leading `4` the caller already wrote.
    pub fn from_message_wire(wire: FastStr) -> Self {
        debug_assert!(wire.starts_with('4'), "the caller writes the type digit");
        Self::Text(wire)
    }

    /// Length in bytes, with the type digit.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether the frame has no bytes: an empty binary message, or an invalid empty text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn prefixed(digit: u8, data: &str) -> Self {
        let mut text = String::with_capacity(1 + data.len());
        text.push(char::from(digit));
        text.push_str(data);
        Self::Text(FastStr::from_string(text))
    }
}

/// Never inlined: where the compiler sees what a text is made of, it moves it piece by piece, and
/// each piece waits for the one before.
#[inline(never)]
fn part(text: &FastStr, part: &str) -> FastStr {
    text.slice_ref(part)
}

pub(crate) fn decode_base64(encoded: &[u8]) -> Result<Packet, PacketError> {
    let bytes = STANDARD.decode(encoded).map_err(|_| PacketError::Base64)?;
    Ok(Packet::Message(Message::Binary(bytes.into())))
}

pub(crate) fn encode_base64(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4);
    text.push_str(prefix);
    STANDARD.encode_string(bytes, &mut text);
    text
}

/// Why a frame is not a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacketError {
    /// No type digit.
    #[error("empty packet")]
    Empty,
    /// The type is not a digit from 0 to 6, or in a binary packet of revision 3 not 4.
    #[error("unknown packet type (first byte {0:#04x})")]
    Type(u8),
    /// A close, upgrade or noop packet with data.
    #[error("packet type {0:#04x} carries no data")]
    Data(u8),
    /// A binary packet as text that is not padded standard base64.
    #[error("binary packet is not valid base64")]
    Base64,
    /// A length of a payload of revision 3 that is missing, has another character than a decimal
    /// digit, a leading zero, or more than
    /// [`MAX_LENGTH_DIGITS`](crate::payload::MAX_LENGTH_DIGITS) digits.
    #[error("packet length is not a decimal number")]
    Length,
    /// A length of a payload of revision 3 that ends beyond the body, or inside a character.
    #[error("packet length does not fit the body")]
    Truncated,
    /// Text in a binary payload of revision 3 that is not UTF-8.
    #[error("text packet is not UTF-8")]
    Utf8,
}

#[cfg(test)]
pub(crate) mod tests;
