//! Sessions: the state machines of a server and of a client.
//!
//! A session is fed inputs (its methods) and asked for outputs (`poll_output`, until `None`, after
//! each input). `poll_timeout` tells when to call `handle_timeout`; being late is allowed.

use thiserror::Error;

use crate::packet::{Frame, PacketError};
use crate::payload::PayloadError;

pub mod client;
mod outbox;
mod queue;
pub mod server;

/// Names one HTTP request of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u32);

/// Names one WebSocket of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportId(u32);

/// Hands out the names. Few are alive at once, so that wrapping around is harmless.
#[derive(Debug, Default)]
struct Ids(u32);

impl Ids {
    fn request(&mut self) -> RequestId {
        RequestId(self.next())
    }

    fn transport(&mut self) -> TransportId {
        TransportId(self.next())
    }

    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

/// How to send one message. By default it may be compressed and is not volatile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendOptions {
    /// Drop the message rather than let it wait for the transport.
    pub volatile: bool,
    /// Whether the transport may compress it.
    pub compress: bool,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            volatile: false,
            compress: true,
        }
    }
}

/// Why a message was not taken. It comes back with the error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closed, closing, or (for a client) not open yet.
    #[error("the session is not open")]
    Closed(Frame),
    /// The bytes that wait for the transport have reached the limit.
    #[error("too many bytes wait for the transport")]
    Full(Frame),
    /// One message is over what the server takes in one long-polling body.
    #[error("the message is larger than the server takes")]
    TooLarge(Frame),
    /// Text with U+001E, which separates packets in long-polling, cannot travel that way.
    #[error("a text with U+001E cannot be sent by long-polling")]
    Separator(Frame),
}

impl SendError {
    /// The message that was not taken.
    pub fn into_frame(self) -> Frame {
        match self {
            Self::Closed(frame)
            | Self::Full(frame)
            | Self::TooLarge(frame)
            | Self::Separator(frame) => frame,
        }
    }
}

/// How a WebSocket ended, as its driver saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportEnd {
    /// The peer closed it, or the connection ended.
    Closed,
    /// A protocol error or an I/O error.
    Failed,
}

/// Why a session ended. Displays as the reason strings of the JavaScript implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The transport failed, or the peer broke a rule of the session.
    #[error("transport error")]
    TransportError,
    /// The peer closed the session or its transport.
    #[error("transport close")]
    TransportClose,
    /// The heartbeat stopped.
    #[error("ping timeout")]
    PingTimeout,
    /// The peer sent something that is not a packet.
    #[error("parse error")]
    ParseError,
    /// This side closed the session.
    #[error("forced close")]
    ForcedClose,
    /// This side closed the session because the server ends.
    #[error("server shutting down")]
    ServerShuttingDown,
}

/// The rule that a peer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// Not a packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Not a payload.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The data of the open packet is malformed.
    #[error(transparent)]
    Handshake(#[from] crate::handshake::HandshakeError),
    /// A GET while another one waits.
    #[error("a GET overlaps another one")]
    OverlappingGet,
    /// A POST while another one is being read.
    #[error("a POST overlaps another one")]
    OverlappingPost,
    /// A POST of `application/octet-stream`, which protocol revision 4 does not have.
    #[error("a POST of binary data")]
    BinaryPost,
    /// A request was given up before its answer.
    #[error("a request was aborted")]
    Aborted,
    /// A ping from a client of protocol revision 4, where the server pings, or a pong from one of
    /// revision 3.
    #[error("a ping or pong in the wrong direction")]
    PingDirection,
    /// A server answered with an HTTP status other than 200.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The first packet of a server is not an open packet, or a later one is.
    #[error("an open packet is missing or out of place")]
    Open,
}
