use core::fmt;

use serde::{Deserialize, Serialize};

/// Why a socket was disconnected, with the names that the JavaScript client uses (Socket.IO
/// documentation, "Client API: Event: disconnect").
///
/// ```
/// use songi_socketio::manager::DisconnectReason;
///
/// assert_eq!(DisconnectReason::PingTimeout.to_string(), "ping timeout");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server took the socket out of its namespace.
    #[serde(rename = "io server disconnect")]
    ServerDisconnect,
    /// This side left the namespace.
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
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerDisconnect => "io server disconnect",
            Self::ClientDisconnect => "io client disconnect",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
        }
    }

    /// Whether one of the two sides wanted it: neither is the state to be recovered then, nor the
    /// socket to come back by itself.
    pub(super) const fn is_wanted(self) -> bool {
        matches!(self, Self::ServerDisconnect | Self::ClientDisconnect)
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
        for reason in [
            DisconnectReason::ServerDisconnect,
            DisconnectReason::ClientDisconnect,
            DisconnectReason::PingTimeout,
            DisconnectReason::TransportClose,
            DisconnectReason::TransportError,
            DisconnectReason::ParseError,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
