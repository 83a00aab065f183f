//! Why a load ended early.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// Why a load ended early.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The system refused something: a connection, a socket, more file descriptors.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server answered the HTTP request with something else than the load needs.
    #[error("the server answered {status}: {body}")]
    Http {
        /// The status code.
        status: u16,
        /// The start of the answer's body.
        body: String,
    },
    /// What came is no HTTP response, no WebSocket frame or no Engine.IO packet.
    #[error("the server does not speak the protocol: {0}")]
    Protocol(&'static str),
    /// A Socket.IO server did not let the client join the namespace.
    #[error("the server refused the namespace: {0}")]
    Refused(String),
    /// The server closed a connection that was to stay.
    #[error("the server closed a connection{}", .0.map(|code| format!(" with code {code}")).unwrap_or_default())]
    Closed(Option<u16>),
    /// Nothing came for so long although something was to come.
    #[error("no answer for {} s: {waiting}", .after.as_secs())]
    Silent {
        /// How long.
        after: Duration,
        /// What was waited for.
        waiting: &'static str,
    },
}
