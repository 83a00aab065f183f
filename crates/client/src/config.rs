//! Every setting of a client, with its default.

use std::sync::Arc;
use std::time::Duration;

use songi_engineio::ClientConfig;
use songi_socketio::{AckRegistry, Limits, client as protocol};

/// The settings of a [`Client`](crate::Client). The defaults are those of the JavaScript client,
/// where it has them.
///
/// ```
/// use songi_client::{Client, Config};
///
/// let client = Client::new("http://localhost:3000").config(Config {
///     max_message_size: 100_000,
///     ..Config::default()
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server answers; a slash that is missing at either end is added. Default:
    /// `/socket.io/`.
    pub path: String,
    /// How long connecting may take: name lookup, TCP, TLS, the opening handshakes and the
    /// server's answer to joining the namespace. Default: 20 s.
    pub connect_timeout: Duration,
    /// The largest WebSocket message that the server may send, in bytes. A larger one ends the
    /// connection. Default: 10 000 000.
    pub max_message_size: usize,
    /// Bytes that may wait to be written, with a small constant for each message. An event that
    /// does not fit is not sent, unless nothing else waits. Default: 4 MiB.
    pub max_buffered: usize,
    /// Events that may wait for their handlers, of all namespaces of a connection, before nothing
    /// more is read. A server that is not read for long sees a ping timeout. Default: 1024.
    pub max_pending_events: usize,
    /// Acks that may be waited for in one namespace. Default: 1024.
    pub max_pending_acks: usize,
    /// Namespaces that may be joined on one connection. Default: 100.
    pub max_namespaces: usize,
    /// Attachments that one packet of the server may have. Default: 10.
    pub max_attachments: u16,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            path: "/socket.io/".to_owned(),
            connect_timeout: Duration::from_secs(20),
            max_message_size: limits.max_packet_bytes,
            max_buffered: ClientConfig::default().max_buffered,
            max_pending_events: 1024,
            max_pending_acks: AckRegistry::<()>::DEFAULT_LIMIT,
            max_namespaces: 100,
            max_attachments: limits.max_attachments,
        }
    }
}

impl Config {
    pub(crate) fn engine(&self) -> Arc<ClientConfig> {
        Arc::new(ClientConfig {
            max_payload: self.max_message_size,
            max_buffered: self.max_buffered,
            ..ClientConfig::default()
        })
    }

    pub(crate) fn protocol(&self) -> protocol::Config {
        protocol::Config {
            limits: Limits {
                max_attachments: self.max_attachments,
                ..Limits::default()
            },
        }
    }

    pub(crate) fn websocket(&self) -> songi_tokio::Options {
        let config = songi_tokio::Config::default()
            .message_limit(self.max_message_size)
            // What waits is bounded before it comes to the WebSocket: see `max_buffered`.
            .queue_limit(usize::MAX);
        songi_tokio::Options::default()
            .config(config)
            .handshake_timeout(self.connect_timeout)
    }
}
