//! Every setting of a client, with its default.

use std::sync::Arc;
use std::time::Duration;

use songi_engineio::{ClientConfig, Transport};
use songi_socketio::{AckRegistry, Limits, client as protocol, manager};

/// How long the server may take to answer the last request of long-polling.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

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
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the server answers; a slash that is missing at either end is added. Default:
    /// `/socket.io/`.
    pub path: String,
    /// How long connecting may take: name lookup, TCP, TLS, the opening handshakes and the
    /// server's answer to joining the namespace. Default: 20 s.
    pub connect_timeout: Duration,
    /// What carries the connection: it is opened on the first, and if that fails and
    /// [`try_all_transports`](Self::try_all_transports) says so, on the next. An empty list is
    /// that of the default: WebSocket, then long-polling.
    pub transports: Vec<Transport>,
    /// Whether a connection that cannot be opened on one transport is tried on the next before it
    /// counts as failed. Default: yes.
    pub try_all_transports: bool,
    /// Whether a connection that began on long-polling moves to a WebSocket where the server
    /// offers it. Default: yes. It does so only if `transports` has it.
    pub upgrade: bool,
    /// Whether to begin with a WebSocket, whatever `transports` says first, if the last connection
    /// succeeded on one. Default: no.
    pub remember_upgrade: bool,
    /// Whether to connect again when a connection is lost or cannot be opened. Default: yes.
    pub reconnection: bool,
    /// How often to try before giving up. Default: without end ([`u32::MAX`]).
    pub reconnection_attempts: u32,
    /// How long to wait before the first attempt; each further one waits twice as long. Default:
    /// 1 s.
    pub reconnection_delay: Duration,
    /// The longest wait between two attempts. Default: 5 s.
    pub reconnection_delay_max: Duration,
    /// Which part of a wait is random, in both directions: from 0 to 1. Default: 0.5.
    pub randomization_factor: f64,
    /// How long to wait for an ack unless told otherwise. Default: 10 s.
    pub ack_timeout: Duration,
    /// How often an event is sent again that is not acknowledged. Above 0, events are sent one by
    /// one, each when the last one was acknowledged or given up; volatile ones are not. The server
    /// has to acknowledge all events then, and may see one more than once. Default: 0.
    pub retries: u32,
    /// Whether cookies that the server sets go along with later requests. Default: yes.
    pub cookies: bool,
    /// Whether to make a connection of its own, even where one to the same server could carry
    /// another namespace. Default: no.
    pub force_new: bool,
    /// The largest message that the server may send, in bytes; on long-polling the largest body of
    /// a response. A larger one ends the connection. So does a packet that is larger together with
    /// its attachments, or than 10 000 000 bytes where this is less. Default: 10 000 000.
    pub max_message_size: usize,
    /// Bytes that may wait to be written, with a small constant for each message. An event that
    /// does not fit is not sent, unless nothing else waits. The same limit holds once more for
    /// what a namespace keeps while it is not connected, and for what waits for its turn there with
    /// [`retries`](Self::retries). Default: 4 MiB.
    pub max_buffered: usize,
    /// Events that a namespace keeps while it is not connected, to be sent when it is. One that
    /// does not fit is an error. With [`retries`](Self::retries), the events that are sent one by
    /// one wait in a queue of their own, for which this limit and that of
    /// [`max_buffered`](Self::max_buffered) hold once more. Default: 1024.
    pub max_offline_events: usize,
    /// Events that may wait for their handlers, of all namespaces of a connection and with those
    /// that say that one was joined or left, before nothing more is read; what is left of a
    /// response of long-polling waits. A server that is not read for long sees a ping timeout. Zero
    /// is one. Default: 1024.
    pub max_pending_events: usize,
    /// Events that a namespace may get before it is joined: what it has missed, where the server
    /// recovers its state. More of them end the connection, and the next one starts anew. Default:
    /// 10 000.
    pub max_early_events: usize,
    /// Bytes of these events; one fits always. Default: 16 MiB.
    pub max_early_bytes: usize,
    /// Acks that may be waited for in one namespace. Default: 1024.
    pub max_pending_acks: usize,
    /// Namespaces that may be joined on one connection. One that was left before the server had
    /// answered counts until it has. Default: 100.
    pub max_namespaces: usize,
    /// Attachments that one packet of the server may have. Default: 10.
    pub max_attachments: u16,
    /// Compression of WebSocket messages, where the server agrees. Default: on, with the settings
    /// of [`DeflateConfig`](songi_tokio::DeflateConfig).
    #[cfg(feature = "deflate")]
    pub deflate: Option<songi_tokio::DeflateConfig>,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            path: "/socket.io/".to_owned(),
            connect_timeout: Duration::from_secs(20),
            transports: Self::ALL.to_vec(),
            try_all_transports: true,
            upgrade: true,
            remember_upgrade: false,
            reconnection: true,
            reconnection_attempts: u32::MAX,
            reconnection_delay: Duration::from_secs(1),
            reconnection_delay_max: Duration::from_secs(5),
            randomization_factor: 0.5,
            ack_timeout: Duration::from_secs(10),
            retries: 0,
            cookies: true,
            force_new: false,
            max_message_size: limits.max_packet_bytes,
            max_buffered: ClientConfig::default().max_buffered,
            max_offline_events: 1024,
            max_pending_events: 1024,
            max_early_events: manager::Config::default().max_early_events,
            max_early_bytes: manager::Config::default().max_early_bytes,
            max_pending_acks: AckRegistry::<()>::DEFAULT_LIMIT,
            max_namespaces: 100,
            max_attachments: limits.max_attachments,
            #[cfg(feature = "deflate")]
            deflate: Some(songi_tokio::DeflateConfig::default()),
        }
    }
}

impl Config {
    const ALL: [Transport; 2] = [Transport::WebSocket, Transport::Polling];

    /// The transports, of which there is at least one.
    pub(crate) fn transports_in_order(&self) -> &[Transport] {
        if self.transports.is_empty() {
            &Self::ALL
        } else {
            &self.transports
        }
    }

    /// How many events may wait: with none, nothing would ever be read.
    pub(crate) fn pending_events(&self) -> usize {
        self.max_pending_events.max(1)
    }

    pub(crate) fn manager(&self) -> manager::Config {
        let limits = Limits::default();
        manager::Config {
            backoff: manager::Backoff {
                enabled: self.reconnection,
                min: self.reconnection_delay,
                max: self.reconnection_delay_max,
                jitter: self.randomization_factor,
                attempts: self.reconnection_attempts,
            },
            connect_timeout: self.connect_timeout,
            protocol: protocol::Config {
                limits: Limits {
                    max_attachments: self.max_attachments,
                    // A message that may come may be a packet.
                    max_packet_bytes: limits.max_packet_bytes.max(self.max_message_size),
                    ..limits
                },
            },
            retries: self.retries,
            ack_timeout: self.ack_timeout,
            max_namespaces: self.max_namespaces,
            max_waiting_events: self.max_offline_events,
            max_waiting_bytes: self.max_buffered,
            max_pending_acks: self.max_pending_acks,
            max_early_events: self.max_early_events,
            max_early_bytes: self.max_early_bytes,
        }
    }

    pub(crate) fn engine(&self) -> Arc<ClientConfig> {
        Arc::new(ClientConfig {
            upgrade: self.upgrade && self.transports_in_order().contains(&Transport::WebSocket),
            close_timeout: CLOSE_TIMEOUT,
            max_payload: self.max_message_size,
            // What waits is bounded before it comes to the session.
            max_buffered: usize::MAX,
            ..ClientConfig::default()
        })
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
