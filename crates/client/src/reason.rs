//! Why a session of Engine.IO has ended, as why its sockets are disconnected.

use songi_engineio::CloseReason;

pub use songi_socketio::manager::DisconnectReason;

pub(crate) fn of(reason: CloseReason) -> DisconnectReason {
    match reason {
        CloseReason::TransportError => DisconnectReason::TransportError,
        CloseReason::PingTimeout => DisconnectReason::PingTimeout,
        CloseReason::ParseError => DisconnectReason::ParseError,
        CloseReason::ForcedClose => DisconnectReason::ClientDisconnect,
        _ => DisconnectReason::TransportClose,
    }
}
