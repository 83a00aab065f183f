//! Every setting of a server, with its default.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use songi_engineio::cookie::Cookie;
use songi_engineio::{Message, ServerConfig, Transports};
use songi_socketio::{AckRegistry, Limits, Parser, server as protocol};
use songi_websocket::deflate::DeflateConfig;

use crate::adapter::AdapterFactory;
use crate::connection::SlowClient;
use crate::http::Cors;
use crate::origins::Origins;
use crate::recovery::Recovery;

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
    /// Where the server answers: requests whose path starts with this. It gets a slash at both
    /// ends where it has none. Default: `/socket.io/`.
    pub path: String,
    /// Whether the path must end with a slash. Where it need not, requests to `/socket.io` are
    /// answered, too; those to `/socket.iox` are not in any case. Default: yes.
    pub add_trailing_slash: bool,
    /// The transports that are enabled. Default: long-polling and WebSocket.
    pub transports: Transports,
    /// Whether a client may move from long-polling to a WebSocket. Default: yes.
    pub allow_upgrades: bool,
    /// Whether clients of Engine.IO 3 are served, which are those of Socket.IO 1 and 2, in every
    /// way (long-polling in text and binary, JSONP, WebSocket). The id of their sockets is, as they
    /// have it, made of the id of their session, which is a secret: do not show it to other
    /// clients. Default: no.
    pub allow_eio3: bool,
    /// Time between a client's pong and the next ping. Default: 25 s.
    pub ping_interval: Duration,
    /// Time in which a client must answer a ping. Default: 20 s.
    pub ping_timeout: Duration,
    /// Time in which an upgrade to WebSocket must finish. Default: 10 s.
    pub upgrade_timeout: Duration,
    /// Time in which a client must join a namespace. Default: 45 s.
    pub connect_timeout: Duration,
    /// The largest body of an HTTP request and the largest WebSocket message, in bytes. A request
    /// beyond it is answered with 413, a WebSocket is closed with 1009. A packet may have as many
    /// together with its attachments, and 10 000 000 where this is less. Default: 1 000 000.
    pub max_http_buffer_size: usize,
    /// The compression of WebSocket messages (RFC 7692), where the client wants it; messages below
    /// its threshold, by default of 1024 bytes, are not compressed. Default: `None`, no compression,
    /// since it costs time and memory.
    pub per_message_deflate: Option<DeflateConfig>,
    /// From how many bytes on the bodies of long-polling are compressed, with gzip or deflate as
    /// the client has it; `None` for never. Default: 1024.
    pub http_compression: Option<usize>,
    /// Which web pages of other origins may talk to the server by HTTP. Default: `None`; their
    /// browsers keep them from it.
    pub cors: Option<Cors>,
    /// Which web pages may open WebSockets; clients that are no web pages always may. Others are
    /// answered with 403. Default: those of any origin, as with the JavaScript server.
    pub origins: Origins,
    /// A message of Engine.IO that every client gets first, together with the open packet. A client
    /// of Socket.IO takes it for a packet of its protocol, so it is for other clients. Default: none.
    pub initial_packet: Option<Message>,
    /// A cookie with the session's id, by which a load balancer can send all requests of a client
    /// to the same server. It is set by the first answer. Default: none.
    pub cookie: Option<Cookie>,
    /// The folder with the bundles of the JavaScript client (`node_modules/socket.io-client/dist`),
    /// which are then served as `/socket.io/socket.io.js` and so on: the eight files that it has
    /// for browsers, and nothing else in it. Default: none.
    pub serve_client: Option<PathBuf>,
    /// Bytes that may wait for one client. What happens to one that reads so slowly that more would
    /// wait is the next setting; the others notice nothing. Default: 4 MiB.
    pub max_buffered: usize,
    /// What is done with such a client. Default: its volatile events are dropped first, and if that
    /// is not enough, it is disconnected.
    pub slow_client: SlowClient,
    /// Events of one client that may wait for their handlers before nothing more is read from it.
    /// Zero is one. Default: 1024.
    pub max_pending_events: usize,
    /// Acks that may be waited for from one socket. Default: 1024.
    pub max_pending_acks: usize,
    /// Namespaces that one client may be in. Default: 100.
    pub max_namespaces: u16,
    /// Attachments that one packet of a client may have. Default: 10.
    pub max_attachments: u16,
    /// Namespaces that clients may make by [`Server::of_match`](crate::Server::of_match), all
    /// together. Who asks for one more is refused. Default: 10 000.
    pub max_dynamic_namespaces: usize,
    /// Whether a namespace that a client made goes when nobody is in it any more. It is made anew
    /// when somebody asks for it. Default: yes (JavaScript: no).
    pub cleanup_empty_child_namespaces: bool,
    /// Whether clients that lost their connection get back what they had, with what they have missed
    /// meanwhile. It is kept in the memory of this process: in a cluster, they have to come back to
    /// the same server. Default: `None`, no; they are new clients.
    pub recovery: Option<Recovery>,
    /// How packets are encoded. Clients have to use the same: `io(url, { parser })` in JavaScript.
    /// Default: JSON, which every client speaks. `Parser::Msgpack` needs the feature `msgpack`.
    pub parser: Parser,
    /// How long [`Server::close`](crate::Server::close) waits for clients to go. Default: 10 s.
    pub close_timeout: Duration,
    /// What connects the servers of a cluster, made for each namespace. Default: there is only
    /// this server.
    pub adapter: AdapterFactory,
}

impl Default for Config {
    fn default() -> Self {
        let engine = ServerConfig::default();
        let protocol = protocol::Config::default();
        Self {
            path: "/socket.io/".to_owned(),
            add_trailing_slash: true,
            transports: engine.transports,
            allow_upgrades: engine.allow_upgrades,
            allow_eio3: engine.allow_eio3,
            ping_interval: engine.ping_interval,
            ping_timeout: engine.ping_timeout,
            upgrade_timeout: engine.upgrade_timeout,
            connect_timeout: protocol.connect_timeout,
            max_http_buffer_size: engine.max_payload,
            per_message_deflate: None,
            http_compression: Some(1024),
            cors: None,
            origins: Origins::any(),
            initial_packet: None,
            cookie: None,
            serve_client: None,
            max_buffered: engine.max_buffered,
            slow_client: SlowClient::default(),
            max_pending_events: 1024,
            max_pending_acks: AckRegistry::<()>::DEFAULT_LIMIT,
            max_namespaces: protocol.max_namespaces,
            max_attachments: protocol.limits.max_attachments,
            max_dynamic_namespaces: 10_000,
            cleanup_empty_child_namespaces: true,
            recovery: None,
            parser: Parser::default(),
            close_timeout: Duration::from_secs(10),
            adapter: AdapterFactory::default(),
        }
    }
}

impl Config {
    /// The path with a slash at both ends.
    pub(crate) fn with_slashes(mut self) -> Self {
        self.path = match self.path.trim_matches('/') {
            "" => "/".to_owned(),
            path => format!("/{path}/"),
        };
        self
    }

    /// What follows the server's path; `None` if the request is for something else.
    pub(crate) fn below_path<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.path).or_else(|| {
            let bare = self.path.strip_suffix('/')?;
            (!self.add_trailing_slash && path == bare).then_some("")
        })
    }

    pub(crate) fn engine(&self) -> Arc<ServerConfig> {
        Arc::new(ServerConfig {
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            upgrade_timeout: self.upgrade_timeout,
            max_payload: self.max_http_buffer_size,
            max_buffered: self.max_buffered,
            transports: self.transports,
            allow_upgrades: self.allow_upgrades,
            allow_eio3: self.allow_eio3,
            ..ServerConfig::default()
        })
    }

    /// How many events of one client may wait: with none, nothing would ever be read.
    pub(crate) fn pending_events(&self) -> usize {
        self.max_pending_events.max(1)
    }

    pub(crate) fn protocol(&self) -> protocol::Config {
        let limits = Limits::default();
        protocol::Config {
            limits: Limits {
                max_attachments: self.max_attachments,
                // A message that may come may be a packet.
                max_packet_bytes: limits.max_packet_bytes.max(self.max_http_buffer_size),
                ..limits
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_has_slashes_however_it_is_written() {
        for path in ["/a/b/", "a/b", "/a/b", "a/b/", "//a/b//"] {
            let mut config = Config {
                path: path.to_owned(),
                ..Config::default()
            }
            .with_slashes();
            assert_eq!(config.below_path("/a/b/"), Some(""));
            assert_eq!(config.below_path("/a/b/c.js"), Some("c.js"));
            for strict in [true, false] {
                config.add_trailing_slash = strict;
                assert_eq!(config.below_path("/a/b"), (!strict).then_some(""));
                assert_eq!(config.below_path("/a/bc"), None);
                assert_eq!(config.below_path("/a"), None);
            }
        }
        let root = Config {
            path: String::new(),
            ..Config::default()
        };
        assert_eq!(root.with_slashes().below_path("/x"), Some("x"));
    }

    #[test]
    fn a_message_that_may_come_may_be_a_packet() {
        let of = |max_http_buffer_size| {
            let config = Config {
                max_http_buffer_size,
                ..Config::default()
            };
            config.protocol().limits.max_packet_bytes
        };
        assert_eq!(of(50_000_000), 50_000_000);
        assert_eq!(of(100), 10_000_000);
    }
}
