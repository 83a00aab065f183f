//! What can go wrong, by the layer where it did.

use std::io;
use std::time::Duration;

use faststr::FastStr;
use songi_emit::EncodeError;
use songi_engineio::Violation;
use songi_socketio::RawJson;
use songi_socketio::client::StateError;
use songi_tokio::handshake::{self, InvalidHeader, ResponseError};
use thiserror::Error;

use crate::reason::DisconnectReason;

/// Why a namespace was not joined.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a server.
    #[error("invalid URL: {0}")]
    Url(#[from] InvalidUrl),
    /// A header of [`Client::header`](crate::Client::header) cannot be sent.
    #[error("invalid header: {0}")]
    Header(#[from] InvalidHeader),
    /// The namespace or the auth payload cannot be encoded.
    #[error("the namespace or the auth payload cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// Name lookup, TCP or TLS failed.
    #[error("no connection: {0}")]
    Io(#[from] io::Error),
    /// The server answered the request for a WebSocket with another HTTP status than 101.
    #[error("HTTP status {status}: {body}")]
    Status {
        /// The status.
        status: u16,
        /// The beginning of the response's body, which for a Socket.IO server says why.
        body: String,
    },
    /// The server's response is not that of a WebSocket server (RFC 6455 §4.1).
    #[error("no WebSocket: {0}")]
    Handshake(ResponseError),
    /// The WebSocket failed before the server's first packet.
    #[error("the WebSocket failed: {0}")]
    WebSocket(#[from] songi_tokio::Error),
    /// The server's first packet is not the open packet of Engine.IO.
    #[error("no Engine.IO server: {0}")]
    Open(Violation),
    /// The server refused the namespace.
    #[error("the server refused the namespace: {message}")]
    Refused {
        /// Its error message.
        message: FastStr,
        /// What its application added, as JSON to be read into any type.
        data: Option<RawJson>,
    },
    /// The connection ended before the server answered.
    #[error("the connection ended before the namespace was joined: {0}")]
    Disconnected(DisconnectReason),
    /// All took longer than [`Config::connect_timeout`](crate::Config::connect_timeout).
    #[error("not connected within {0:?}")]
    Timeout(Duration),
    /// The connection is in this namespace already, or was until a moment ago.
    #[error("the connection has joined the namespace {0} already")]
    InUse(FastStr),
    /// The connection is in as many namespaces as
    /// [`Config::max_namespaces`](crate::Config::max_namespaces) allows.
    #[error("the connection is in {limit} namespaces, which is the limit")]
    TooManyNamespaces {
        /// The limit.
        limit: usize,
    },
}

impl From<StateError> for ConnectError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Encode(error) => Self::Encode(error),
            StateError::InUse(namespace) | StateError::NotConnected(namespace) => {
                Self::InUse(namespace)
            }
            // A state that is not known here is not one in which a namespace can be joined.
            _ => Self::Disconnected(DisconnectReason::ParseError),
        }
    }
}

/// Why a text is not the URL of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// The scheme is missing or another one.
    #[error("the scheme is none of http, https, ws, wss")]
    Scheme,
    /// The rest of it is malformed.
    #[error(transparent)]
    Address(#[from] handshake::InvalidUrl),
}
