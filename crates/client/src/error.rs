//! What can go wrong, by the layer where it did.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use faststr::FastStr;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use songi_emit::{AckError, EmitError, EncodeError};
use songi_engineio::Violation;
use songi_socketio::RawJson;
use songi_socketio::client as protocol;
use songi_socketio::manager::{self, JoinError, Refusal, Unanswered};
use songi_tokio::handshake::{self, InvalidHeader, ResponseError};
use thiserror::Error;

use crate::reason::DisconnectReason;

/// Why a namespace was not joined.
#[derive(Debug, Clone, Error)]
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
    Io(Arc<io::Error>),
    /// A subprotocol of [`Client::protocol`](crate::Client::protocol) cannot be sent.
    #[error("invalid subprotocol {0:?}")]
    Protocol(FastStr),
    /// The server answered with another HTTP status than 200, or than 101 for a WebSocket.
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
    WebSocket(Arc<songi_tokio::Error>),
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
    /// The connection is in this namespace already.
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

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<songi_tokio::Error> for ConnectError {
    fn from(error: songi_tokio::Error) -> Self {
        Self::WebSocket(Arc::new(error))
    }
}

impl From<JoinError> for ConnectError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::InUse(namespace) => Self::InUse(namespace),
            JoinError::TooManyNamespaces { limit } => Self::TooManyNamespaces { limit },
            // What is not known here is nothing that a namespace can be joined with.
            _ => Self::Disconnected(DisconnectReason::ClientDisconnect),
        }
    }
}

impl From<Refusal> for ConnectError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Server(protocol::ConnectError { message, data }) => {
                Self::Refused { message, data }
            }
            Refusal::Encode(error) => Self::Encode(error),
            _ => Self::Disconnected(DisconnectReason::ServerDisconnect),
        }
    }
}

/// Why an event was not sent, as the manager says it.
pub(crate) fn of_emit(error: manager::EmitError) -> EmitError {
    match error {
        manager::EmitError::QueueFull => EmitError::OfflineQueueFull,
        manager::EmitError::TooManyAcks(error) => EmitError::TooManyAcks(error),
        _ => EmitError::Disconnected,
    }
}

/// Why an ack does not come, as the manager says it.
pub(crate) fn of_ack(why: Unanswered, timeout: Duration) -> AckError {
    match why {
        Unanswered::Timeout => AckError::Timeout(timeout),
        Unanswered::Full => EmitError::QueueFull.into(),
        Unanswered::Unsendable => EmitError::Unsendable.into(),
        _ => AckError::Disconnected,
    }
}

/// A [`ConnectError`] as handlers and streams get it, under the names that it has in JavaScript.
///
/// ```no_run
/// use songi_client::{Client, ConnectFailure};
///
/// let socket = Client::new("http://localhost:3000")
///     .on_connect_error(|failure: ConnectFailure| eprintln!("{}", failure.message))
///     .start()?;
/// # Ok::<(), songi_client::ConnectError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ConnectFailure {
    /// What went wrong; where the server refused the namespace, its own message.
    pub message: String,
    /// What the server's application added to its refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl From<&ConnectError> for ConnectFailure {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Refused { message, data } => Self {
                message: message.to_string(),
                data: data.as_ref().and_then(|data| data.deserialize().ok()),
            },
            error => Self {
                message: error.to_string(),
                data: None,
            },
        }
    }
}

/// Why a text is not the URL of a server, or of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// The scheme is missing or another one.
    #[error("the scheme is none of http, https, ws, wss")]
    Scheme,
    /// The scheme of a proxy is missing or another one.
    #[error("the scheme of the proxy is none of http, socks5")]
    ProxyScheme,
    /// The rest of it is malformed.
    #[error(transparent)]
    Address(#[from] handshake::InvalidUrl),
}
