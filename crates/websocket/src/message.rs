//! What is sent and what is received.

pub(crate) mod assembly;

use alloc::{borrow::Cow, string::String, vec::Vec};

use bytes::Bytes;
use faststr::FastStr;

use crate::{
    CloseFrame,
    frame::{Opcode, header::CONTROL_MAX},
};

/// Something to send. Closing is not a message: see [`Connection::close`](crate::Connection::close).
///
/// ```
/// use songi_websocket::Message;
///
/// assert_eq!(Message::text("hi"), Message::Text("hi".into()));
/// assert_eq!(Message::binary(vec![1, 2]), Message::Binary(vec![1, 2].into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(FastStr),
    /// A binary message.
    Binary(Bytes),
    /// A ping; the peer answers with a pong of the same payload (RFC 6455 §5.5.2).
    Ping(ControlPayload),
    /// A pong that answers no ping, a one-way heartbeat (RFC 6455 §5.5.3). Pings are answered
    /// without it.
    Pong(ControlPayload),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<FastStr>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(payload: impl Into<Bytes>) -> Self {
        Self::Binary(payload.into())
    }

    /// Payload bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(payload) => payload.len(),
            Self::Ping(payload) | Self::Pong(payload) => payload.len(),
        }
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is sent, and as what.
    #[inline]
    pub(crate) fn parts(&self) -> (Opcode, &[u8]) {
        match self {
            Self::Text(text) => (Opcode::Text, text.as_bytes()),
            Self::Binary(payload) => (Opcode::Binary, payload),
            Self::Ping(payload) => (Opcode::Ping, payload),
            Self::Pong(payload) => (Opcode::Pong, payload),
        }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.parts().1
    }

    pub(crate) fn into_payload(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(payload) => payload,
            Self::Ping(payload) | Self::Pong(payload) => payload.into_bytes(),
        }
    }

    pub(crate) fn opcode(&self) -> Opcode {
        self.parts().0
    }
}

/// Something received.
///
/// Pings and Close frames have been answered by the time they are seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A text message.
    Text(FastStr),
    /// A binary message.
    Binary(Bytes),
    /// A part of a text message, if [`Config::chunks`](crate::Config::chunks) asks for parts. It
    /// ends between two characters, wherever the frames end.
    TextChunk {
        /// The part's text; that of the last part may be empty.
        text: FastStr,
        /// Whether the message ends with it.
        last: bool,
    },
    /// A part of a binary message, if [`Config::chunks`](crate::Config::chunks) asks for parts.
    BinaryChunk {
        /// The part's bytes; those of the last part may be none.
        payload: Bytes,
        /// Whether the message ends with it.
        last: bool,
    },
    /// A ping; its pong is queued.
    Ping(ControlPayload),
    /// A pong, asked for or not (RFC 6455 §5.5.3).
    Pong(ControlPayload),
    /// The peer closes, with a code and a reason where it gave one; nothing follows. `None` is
    /// close code 1005 to an application that speaks in codes (RFC 6455 §7.1.5).
    Close(Option<CloseFrame>),
}

/// A short message, lent from the input: see
/// [`Connection::receive_short`](crate::Connection::receive_short).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShortMessage<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

/// Something received, lent from the input where it lies there whole: see
/// [`Connection::receive_ref`](crate::Connection::receive_ref).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventRef<'a> {
    /// A text message; owned if it came in parts or compressed.
    Text(Cow<'a, str>),
    /// A binary message; owned if it came in parts or compressed.
    Binary(Cow<'a, [u8]>),
    /// As [`Event::TextChunk`].
    TextChunk {
        /// The part's text.
        text: String,
        /// Whether the message ends with it.
        last: bool,
    },
    /// As [`Event::BinaryChunk`].
    BinaryChunk {
        /// The part's bytes.
        payload: Vec<u8>,
        /// Whether the message ends with it.
        last: bool,
    },
    /// A ping; its pong is queued.
    Ping(&'a [u8]),
    /// A pong, asked for or not (RFC 6455 §5.5.3).
    Pong(&'a [u8]),
    /// As [`Event::Close`].
    Close(Option<CloseFrame>),
}

impl EventRef<'_> {
    /// The same event, free of the input.
    #[must_use]
    pub fn into_owned(self) -> Event {
        match self {
            Self::Text(Cow::Borrowed(text)) => Event::Text(FastStr::new(text)),
            Self::Text(Cow::Owned(text)) => Event::Text(FastStr::from_string(text)),
            Self::Binary(Cow::Borrowed(bytes)) => Event::Binary(Bytes::copy_from_slice(bytes)),
            Self::Binary(Cow::Owned(bytes)) => Event::Binary(bytes.into()),
            Self::TextChunk { text, last } => Event::TextChunk {
                text: FastStr::from_string(text),
                last,
            },
            Self::BinaryChunk { payload, last } => Event::BinaryChunk {
                payload: payload.into(),
                last,
            },
            Self::Ping(payload) => Event::Ping(ControlPayload::from_frame(payload)),
            Self::Pong(payload) => Event::Pong(ControlPayload::from_frame(payload)),
            Self::Close(frame) => Event::Close(frame),
        }
    }
}

/// The payload of a ping or a pong: at most 125 bytes (RFC 6455 §5.5).
///
/// ```
/// use songi_websocket::ControlPayload;
///
/// assert!(ControlPayload::new(vec![0; 125]).is_ok());
/// assert!(ControlPayload::new(vec![0; 126]).is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlPayload(Bytes);

/// A payload too long for a control frame (RFC 6455 §5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a control frame carries at most 125 bytes, not {0}")]
pub struct ControlPayloadTooLong(pub usize);

impl ControlPayload {
    /// Takes up to 125 bytes.
    ///
    /// # Errors
    /// [`ControlPayloadTooLong`] for more.
    pub fn new(payload: impl Into<Bytes>) -> Result<Self, ControlPayloadTooLong> {
        let payload = payload.into();
        if payload.len() > CONTROL_MAX {
            return Err(ControlPayloadTooLong(payload.len()));
        }
        Ok(Self(payload))
    }

    /// Copies a payload out of a frame whose header has been checked.
    pub(crate) fn from_frame(payload: &[u8]) -> Self {
        debug_assert!(payload.len() <= CONTROL_MAX);
        Self(Bytes::copy_from_slice(payload))
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl core::ops::Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
