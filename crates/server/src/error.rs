//! What can go wrong when an event is sent.

use std::time::Duration;

use songi_socketio::ArgumentError;
pub use songi_socketio::EncodeError;
use thiserror::Error;

/// Why an event was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket is not in its namespace any more.
    #[error("the socket is disconnected")]
    Disconnected,
    /// The client reads too slowly: it is disconnected.
    #[error("too many bytes wait for the client, which is disconnected: see Config::max_buffered")]
    QueueFull,
    /// Too many acks are waited for from this client.
    #[error("too many acks are waited for from this client")]
    TooManyAcks(#[from] songi_socketio::AckError),
    /// The arguments cannot be encoded.
    #[error("the event cannot be encoded")]
    Encode(#[from] EncodeError),
}

/// Why an ack did not come, or could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AckError {
    /// The event was not sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The client did not answer in time.
    #[error("no ack within {0:?}")]
    Timeout(Duration),
    /// The client was disconnected before it answered.
    #[error("the socket was disconnected before it answered")]
    Disconnected,
    /// What the client answered does not fit the type.
    #[error("the ack does not fit: {0}")]
    Argument(#[from] ArgumentError),
}
