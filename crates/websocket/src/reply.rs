//! What the receiving half has to say to the peer.

use crate::{CloseFrame, ControlPayload, Event, EventRef, Violation};

/// An answer that the protocol asks for, from the [`Receiver`](crate::Receiver) to the
/// [`Sender`](crate::Sender).
///
/// A [`Connection`](crate::Connection) passes it on by itself; after
/// [`Connection::split`](crate::Connection::split) whoever reads passes it to whoever writes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// A ping came: send a pong with its payload (RFC 6455 §5.5.2).
    Pong(ControlPayload),
    /// A pong came: it may be the one that a heartbeat waits for. Nothing is sent.
    Alive(ControlPayload),
    /// A Close frame came: send one back, unless one has been sent (RFC 6455 §5.5.1).
    Close(Option<CloseFrame>),
    /// The peer broke a rule: send a Close frame and end the connection (RFC 6455 §7.1.7).
    Fail(Violation),
    /// The transport ended: nothing more will be received.
    Eof,
}

impl Reply {
    /// The answer to an event, if it takes one.
    #[must_use]
    #[inline]
    pub fn to(event: &Event) -> Option<Self> {
        match event {
            Event::Ping(payload) => Some(Self::Pong(payload.clone())),
            Event::Close(frame) => Some(Self::Close(frame.clone())),
            Event::Pong(payload) => Some(Self::Alive(payload.clone())),
            _ => None,
        }
    }

    /// The answer to an event that is lent.
    #[must_use]
    #[inline]
    pub fn to_ref(event: &EventRef<'_>) -> Option<Self> {
        match event {
            EventRef::Ping(payload) => Some(Self::Pong(ControlPayload::from_frame(payload))),
            EventRef::Close(frame) => Some(Self::Close(frame.clone())),
            EventRef::Pong(payload) => Some(Self::Alive(ControlPayload::from_frame(payload))),
            _ => None,
        }
    }
}
