//! What is logged once the lock is released: who subscribes to the log is somebody else's code, and
//! may use a socket.

use songi_emit::EmitError;
use songi_engineio::{CloseReason, Violation};
use songi_socketio::{EncodeError, client};

use crate::error::ConnectError;

#[derive(Debug)]
pub(super) enum Note {
    Closed(CloseReason, Option<Violation>),
    NotConnected(ConnectError),
    /// The server broke the protocol of Socket.IO.
    Broken(client::Error),
    PacketNotSent(EncodeError),
    EventNotSent(EmitError),
}

impl Note {
    pub(super) fn log(self) {
        match self {
            Self::Closed(reason, violation) => {
                tracing::debug!(%reason, ?violation, "connection closed");
            }
            Self::NotConnected(error) => tracing::debug!(%error, "not connected"),
            Self::Broken(violation) => {
                tracing::debug!(%violation, "the server broke the protocol");
            }
            Self::PacketNotSent(error) => tracing::debug!(%error, "packet not sent"),
            Self::EventNotSent(error) => tracing::warn!(%error, "event not sent"),
        }
    }
}
