//! Why a socket was disconnected.

use std::fmt;

use serde::{Deserialize, Serialize};
use songi_engineio::CloseReason;
use songi_socketio::Arguments;

/// Why a socket was disconnected, with the names that the JavaScript client uses (Socket.IO
/// documentation, "Client API: Event: disconnect").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server took the socket out of its namespace.
    #[serde(rename = "io server disconnect")]
    ServerDisconnect,
    /// This side left the namespace: [`Socket::disconnect`](crate::Socket::disconnect), or the
    /// last handle of the socket was dropped.
    #[serde(rename = "io client disconnect")]
    ClientDisconnect,
    /// The server's pings stopped.
    #[serde(rename = "ping timeout")]
    PingTimeout,
    /// The connection was closed, by the server or by the network.
    #[serde(rename = "transport close")]
    TransportClose,
    /// The connection failed.
    #[serde(rename = "transport error")]
    TransportError,
    /// The server sent a packet that breaks the protocol.
    #[serde(rename = "parse error")]
    ParseError,
}

impl DisconnectReason {
    /// The name that the JavaScript client uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerDisconnect => "io server disconnect",
            Self::ClientDisconnect => "io client disconnect",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
        }
    }

    /// The arguments of a `disconnect` event.
    pub(crate) fn as_arguments(self) -> Arguments {
        // A string always serialises.
        Arguments::of(self.as_str()).unwrap_or_default()
    }
}

impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::TransportError => Self::TransportError,
            CloseReason::PingTimeout => Self::PingTimeout,
            CloseReason::ParseError => Self::ParseError,
            CloseReason::ForcedClose => Self::ClientDisconnect,
            _ => Self::TransportClose,
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_serde_name_is_the_displayed_one() {
        for reason in [
            DisconnectReason::ServerDisconnect,
            DisconnectReason::ClientDisconnect,
            DisconnectReason::PingTimeout,
            DisconnectReason::TransportClose,
            DisconnectReason::TransportError,
            DisconnectReason::ParseError,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
            let args = reason.as_arguments();
            assert_eq!(args.deserialize::<DisconnectReason>().unwrap(), reason);
        }
    }
}
