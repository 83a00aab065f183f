//! Connection state recovery: a client whose connection was lost comes back as the same socket,
//! and gets what it has missed.

mod memory;
mod resumable;

use std::time::Duration;

use songi_socketio::recovery as protocol;

pub(crate) use self::memory::Memory;
pub(crate) use self::resumable::{Departed, Resumable};

/// How clients recover: see [`Config::recovery`](crate::Config::recovery).
///
/// A client that lost its connection for one of the reasons of
/// [`DisconnectReason::is_recoverable`](crate::DisconnectReason::is_recoverable) and comes back in
/// time gets its id, its rooms and its data back, and then, in order and each once, the events that
/// were sent to it meanwhile. `connection` handlers run as for a new one;
/// [`Socket::recovered`](crate::Socket::recovered) tells the difference. Its old connection need
/// not be known to be lost: it is taken over.
///
/// Clients of Socket.IO 4.6 and newer take part. They say what they have seen by an offset that is
/// added to every event as its last argument, except to those that ask for an ack; a client that
/// has not got any event cannot recover. What is volatile or asks for an ack is not made up for.
/// All packets of a namespace are sent one after the other, so that all clients see them in the
/// same order.
///
/// The handlers of a client that is back run after those of what it was; one that comes back for the
/// 33rd time before the first of them has finished is a new client.
///
/// ```
/// use std::time::Duration;
/// use songi_server::{Config, Recovery, Server, Socket};
///
/// let io = Server::with_config(Config {
///     recovery: Some(Recovery {
///         max_disconnection_duration: Duration::from_secs(30),
///         ..Recovery::default()
///     }),
///     ..Config::default()
/// });
/// io.on_connection(|socket: Socket| {
///     if !socket.recovered() {
///         socket.join("news");
///     }
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How long a client may be away, and how long events are kept for it. Default: 2 min.
    pub max_disconnection_duration: Duration,
    /// Whether the middlewares of [`authorize`](crate::Namespace::authorize) are left out for a
    /// client that recovers: it passed them before, and knows a secret. Where they are not, they
    /// see the socket with its old id and data, in no room yet. Default: yes.
    pub skip_middlewares: bool,
    /// Events that are kept for one namespace, the newest. Default: 10 000.
    pub max_packets: usize,
    /// Bytes of the events that are kept for one namespace. Default: 16 MiB.
    pub max_packet_bytes: usize,
    /// Clients of one namespace that may come back; those away longest give way. Default: 10 000.
    pub max_sessions: usize,
    /// Bytes of their rooms and data (its length as JSON). Default: 16 MiB.
    pub max_session_bytes: usize,
}

impl Default for Recovery {
    fn default() -> Self {
        let protocol = protocol::Config::default();
        Self {
            max_disconnection_duration: protocol.max_disconnection,
            skip_middlewares: true,
            max_packets: protocol.max_packets,
            max_packet_bytes: protocol.max_packet_bytes,
            max_sessions: protocol.max_sessions,
            max_session_bytes: protocol.max_session_bytes,
        }
    }
}

impl Recovery {
    fn protocol(&self) -> protocol::Config {
        protocol::Config {
            max_disconnection: self.max_disconnection_duration,
            max_packets: self.max_packets,
            max_packet_bytes: self.max_packet_bytes,
            max_sessions: self.max_sessions,
            max_session_bytes: self.max_session_bytes,
        }
    }

    /// How often what is too old is thrown away.
    pub(crate) fn sweep_interval(&self) -> Duration {
        let interval = self.max_disconnection_duration / 8;
        interval.clamp(Duration::from_millis(50), Duration::from_secs(10))
    }
}
