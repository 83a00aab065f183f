use std::time::Duration;

use songi_websocket::{Config, handshake::HeadLimits};

/// The limits of a connection and of its opening handshake. Every one has a default.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub(crate) config: Config,
    pub(crate) head_limits: HeadLimits,
    pub(crate) handshake_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: Config::default(),
            head_limits: HeadLimits::default(),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// The limits of the connection.
    #[must_use]
    pub const fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The limits of the peer's request or response.
    #[must_use]
    pub const fn head_limits(mut self, limits: HeadLimits) -> Self {
        self.head_limits = limits;
        self
    }

    /// How long the opening handshake may take, from the first byte to the last; for a client
    /// that includes the name lookup, TCP and TLS. Default: 10 s.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }
}
