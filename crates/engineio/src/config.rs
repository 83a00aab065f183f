//! Every limit and interval, with its default.

use core::time::Duration;

use crate::transport::{Transport, Transports};

/// Settings of a server, shared by its sessions.
///
/// ```
/// use songi_engineio::ServerConfig;
/// use std::time::Duration;
/// let config = ServerConfig { ping_interval: Duration::from_secs(10), ..ServerConfig::default() };
/// assert_eq!(config.ping_timeout, Duration::from_secs(20));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Time between a pong and the next ping. In protocol revision 3: between two pings of the
    /// client. Default: 25 s.
    pub ping_interval: Duration,
    /// Time to answer a ping. In protocol revision 3: how late a ping may be. Default: 20 s.
    pub ping_timeout: Duration,
    /// Time in which an upgrade must finish; after it the candidate is closed and long-polling
    /// goes on. Default: 10 s.
    pub upgrade_timeout: Duration,
    /// How often a waiting GET is ended with a noop while an upgrade is under way. Default: 100 ms.
    pub noop_interval: Duration,
    /// Time in which a long-polling client must fetch the close packet. Default: 30 s.
    pub close_timeout: Duration,
    /// The largest body of a POST, in bytes; also told to the client. Default: 1 000 000.
    pub max_payload: usize,
    /// Bytes that may wait for the next GET of a long-polling client, with a small constant for
    /// each packet. The open packet, one ping and one pong do not count. Default: 4 MiB.
    pub max_buffered: usize,
    /// The transports that are enabled. Default: all.
    pub transports: Transports,
    /// Whether a long-polling session may move to a WebSocket. Default: yes.
    pub allow_upgrades: bool,
    /// Whether clients of protocol revision 3 (Socket.IO 1 and 2) are served. Default: no.
    pub allow_eio3: bool,
}

impl ServerConfig {
    /// Whether a long-polling session may move to a WebSocket.
    pub(crate) const fn upgradable(&self) -> bool {
        self.allow_upgrades && self.transports.contains(Transport::WebSocket)
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            noop_interval: Duration::from_millis(100),
            close_timeout: Duration::from_secs(30),
            max_payload: 1_000_000,
            max_buffered: 4 << 20,
            transports: Transports::ALL,
            allow_upgrades: true,
            allow_eio3: false,
        }
    }
}

/// Settings of a client session.
///
/// ```
/// use songi_engineio::ClientConfig;
/// let config = ClientConfig { upgrade: false, ..ClientConfig::default() };
/// assert_eq!(config.max_payload, 1_000_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// Whether to move from long-polling to a WebSocket where the server offers it. Default: yes.
    pub upgrade: bool,
    /// Time in which an upgrade must finish; after it the candidate is closed and long-polling
    /// goes on. Default: 10 s.
    pub upgrade_timeout: Duration,
    /// Time in which the server must answer the last POST of a close. Default: 30 s.
    pub close_timeout: Duration,
    /// The largest body that the server may answer a GET with, in bytes. Default: 1 000 000.
    pub max_payload: usize,
    /// Bytes that may wait for a transport, with a small constant for each packet. Default: 4 MiB.
    pub max_buffered: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            upgrade: true,
            upgrade_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(30),
            max_payload: 1_000_000,
            max_buffered: 4 << 20,
        }
    }
}
