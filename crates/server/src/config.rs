//! Every setting of a server, with its default.

use std::sync::Arc;
use std::time::Duration;

use songi_engineio::{ServerConfig, Transports};
use songi_socketio::{AckRegistry, Limits, server as protocol};

/// The settings of a [`Server`](crate::Server). The defaults are those of the JavaScript server,
/// where it has them.
///
/// ```
/// use std::time::Duration;
/// use songi_server::{Config, Server};
///
/// let io = Server::with_config(Config {
///     ping_interval: Duration::from_secs(10),
///     max_http_buffer_size: 5_000_000,
///     ..Config::default()
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server answers: requests whose path starts with this. With a slash at both ends.
    /// Default: `/socket.io/`.
    pub path: String,
    /// The transports that are enabled. Default: long-polling and WebSocket.
    pub transports: Transports,
    /// Whether a client may move from long-polling to a WebSocket. Default: yes.
    pub allow_upgrades: bool,
    /// Time between a client's pong and the next ping. Default: 25 s.
    pub ping_interval: Duration,
    /// Time in which a client must answer a ping. Default: 20 s.
    pub ping_timeout: Duration,
    /// Time in which an upgrade to WebSocket must finish. Default: 10 s.
    pub upgrade_timeout: Duration,
    /// Time in which a client must join a namespace. Default: 45 s.
    pub connect_timeout: Duration,
    /// The largest body of an HTTP request and the largest WebSocket message, in bytes. A request
    /// beyond it is answered with 413, a WebSocket is closed with 1009. Default: 1 000 000.
    pub max_http_buffer_size: usize,
    /// Bytes that may wait for one client. One that reads so slowly that more would wait is
    /// disconnected; the others notice nothing. Default: 4 MiB.
    pub max_buffered: usize,
    /// Events of one client that may wait for their handlers before nothing more is read from it.
    /// Default: 1024.
    pub max_pending_events: usize,
    /// Acks that may be waited for from one socket. Default: 1024.
    pub max_pending_acks: usize,
    /// Namespaces that one client may be in. Default: 100.
    pub max_namespaces: u16,
    /// Attachments that one packet of a client may have. Default: 10.
    pub max_attachments: u16,
}

impl Default for Config {
    fn default() -> Self {
        let engine = ServerConfig::default();
        let protocol = protocol::Config::default();
        Self {
            path: "/socket.io/".to_owned(),
            transports: engine.transports,
            allow_upgrades: engine.allow_upgrades,
            ping_interval: engine.ping_interval,
            ping_timeout: engine.ping_timeout,
            upgrade_timeout: engine.upgrade_timeout,
            connect_timeout: protocol.connect_timeout,
            max_http_buffer_size: engine.max_payload,
            max_buffered: engine.max_buffered,
            max_pending_events: 1024,
            max_pending_acks: AckRegistry::<()>::DEFAULT_LIMIT,
            max_namespaces: protocol.max_namespaces,
            max_attachments: protocol.limits.max_attachments,
        }
    }
}

impl Config {
    pub(crate) fn engine(&self) -> Arc<ServerConfig> {
        Arc::new(ServerConfig {
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            upgrade_timeout: self.upgrade_timeout,
            max_payload: self.max_http_buffer_size,
            max_buffered: self.max_buffered,
            transports: self.transports,
            allow_upgrades: self.allow_upgrades,
            ..ServerConfig::default()
        })
    }

    pub(crate) fn protocol(&self) -> protocol::Config {
        protocol::Config {
            limits: Limits {
                max_attachments: self.max_attachments,
                ..Limits::default()
            },
            connect_timeout: self.connect_timeout,
            max_namespaces: self.max_namespaces,
        }
    }

    pub(crate) fn websocket(&self) -> songi_websocket::Config {
        // What waits is bounded before it comes to the WebSocket: see `max_buffered`.
        songi_websocket::Config::default()
            .message_limit(self.max_http_buffer_size)
            .queue_limit(usize::MAX)
    }
}
