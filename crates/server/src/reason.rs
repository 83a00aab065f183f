//! Why a socket was disconnected.

use std::fmt;

use serde::{Deserialize, Serialize};
use songi_socketio::Arguments;

/// Why a socket was disconnected, with the names that the JavaScript server uses
/// (Socket.IO documentation, "Server API: Event: disconnect").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server disconnected the socket: [`Socket::disconnect`](crate::Socket::disconnect).
    #[serde(rename = "server namespace disconnect")]
    ServerNamespaceDisconnect,
    /// The client left the namespace: `socket.disconnect()`.
    #[serde(rename = "client namespace disconnect")]
    ClientNamespaceDisconnect,
    /// The server is closing: [`Server::close`](crate::Server::close).
    #[serde(rename = "server shutting down")]
    ServerShuttingDown,
    /// The client did not answer a ping in time.
    #[serde(rename = "ping timeout")]
    PingTimeout,
    /// The connection was closed, by the client or by the network.
    #[serde(rename = "transport close")]
    TransportClose,
    /// The connection carried what is no WebSocket, or a request of long-polling was given up or
    /// came twice.
    #[serde(rename = "transport error")]
    TransportError,
    /// The client sent a packet that breaks the protocol.
    #[serde(rename = "parse error")]
    ParseError,
    /// The server closed the connection with all its sockets, as it does with a client that
    /// reads too slowly.
    #[serde(rename = "forced close")]
    ForcedClose,
    /// The client joined no namespace in time, or its last namespace was taken from it.
    #[serde(rename = "forced server close")]
    ForcedServerClose,
}

impl DisconnectReason {
    /// All there are.
    pub(crate) const ALL: [Self; 9] = [
        Self::ServerNamespaceDisconnect,
        Self::ClientNamespaceDisconnect,
        Self::ServerShuttingDown,
        Self::PingTimeout,
        Self::TransportClose,
        Self::TransportError,
        Self::ParseError,
        Self::ForcedClose,
        Self::ForcedServerClose,
    ];

    /// The name that the JavaScript server uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerShuttingDown => "server shutting down",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
        }
    }

    /// Whether a client may recover after it: see [`Recovery`](crate::Recovery). Not after either
    /// side has left the namespace on purpose, nor after a breach of the protocol.
    pub fn is_recoverable(self) -> bool {
        match self {
            Self::ServerNamespaceDisconnect
            | Self::ClientNamespaceDisconnect
            | Self::ParseError => false,
            Self::ServerShuttingDown
            | Self::PingTimeout
            | Self::TransportClose
            | Self::TransportError
            | Self::ForcedClose
            | Self::ForcedServerClose => true,
        }
    }

    /// The arguments of a `disconnect` event.
    pub(crate) fn as_arguments(self, description: Option<&str>) -> Arguments {
        let arguments = match description {
            Some(description) => Arguments::of(&(self.as_str(), description)),
            None => Arguments::of(self.as_str()),
        };
        // Strings always serialise.
        arguments.unwrap_or_default()
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serde_name_is_the_displayed_one() {
        for reason in DisconnectReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
            assert_eq!(
                serde_json::from_value::<DisconnectReason>(reason.as_str().into()).unwrap(),
                reason
            );
        }
    }
}
