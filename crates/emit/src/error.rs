//! What can go wrong when an event is sent.

use std::time::Duration;

use songi_socketio::{ArgumentError, EncodeError};
use thiserror::Error;

/// Why an event was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket is not in its namespace any more.
    #[error("the socket is disconnected")]
    Disconnected,
    /// More bytes would wait to be sent than the limit `Config::max_buffered`. A server
    /// disconnects its client then; a client only refuses the event.
    #[error("too many bytes wait to be sent: see Config::max_buffered")]
    QueueFull,
    /// More events would wait for a client's connection than the limits `Config::max_offline_events`
    /// and `Config::max_buffered`.
    #[error("too many events wait for the connection: see Config::max_offline_events")]
    OfflineQueueFull,
    /// The event is larger than what the server takes in one request of long-polling, or holds a
    /// character that cannot be sent that way.
    #[error("the event cannot be sent by long-polling: it is too large, or has a separator")]
    Unsendable,
    /// More acks are waited for than the limit `Config::max_pending_acks`.
    #[error("too many acks are waited for: see Config::max_pending_acks")]
    TooManyAcks(#[from] songi_socketio::AckError),
    /// The event cannot be encoded.
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
    /// The other side did not answer in time.
    #[error("no ack within {0:?}")]
    Timeout(Duration),
    /// The socket was disconnected before it was answered.
    #[error("the socket was disconnected before it was answered")]
    Disconnected,
    /// What was answered does not fit the type.
    #[error("the ack does not fit: {0}")]
    Argument(#[from] ArgumentError),
}
