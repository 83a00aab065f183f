//! The limits of a connection.

use core::time::Duration;

/// Which end of the connection this is: it decides who masks and who hangs up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sends unmasked frames, takes masked ones, and closes the transport first.
    Server,
    /// Sends masked frames, takes unmasked ones, and waits for the server to close the transport.
    Client,
}

/// The limits of a [`Connection`](crate::Connection). Every one has a default, and nothing is
/// unlimited.
///
/// ```
/// use songi_websocket::Config;
///
/// let config = Config::default().message_limit(64 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    pub(crate) message_limit: usize,
    pub(crate) fragment_limit: u32,
    pub(crate) queue_limit: usize,
    pub(crate) close_timeout: Duration,
    pub(crate) chunks: bool,
    pub(crate) heartbeat: Option<(Duration, Duration)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_limit: 1 << 20,
            fragment_limit: 16_384,
            queue_limit: 1 << 20,
            close_timeout: Duration::from_secs(10),
            chunks: false,
            heartbeat: None,
        }
    }
}

impl Config {
    /// The largest message taken, in bytes, however many frames it comes in. Default: 1 MiB.
    ///
    /// A larger one is refused from its header, with 1009.
    #[must_use]
    pub const fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = bytes;
        self
    }

    /// The most frames that one message may come in, empty ones included. Default: 16 384.
    ///
    /// One more is refused with 1008. A message may always come in one frame.
    #[must_use]
    pub const fn fragment_limit(mut self, frames: u32) -> Self {
        self.fragment_limit = frames;
        self
    }

    /// The most bytes that may wait to be transmitted, headers included. Default: 1 MiB.
    ///
    /// A message that would pass it is given back ([`SendError::Full`](crate::SendError::Full)),
    /// except that an empty queue takes one message of any size, so that whoever waits for the
    /// queue to drain can always go on. Pongs (at most 32) and the Close frame go beyond it; they
    /// add less than 5 KiB.
    #[must_use]
    pub const fn queue_limit(mut self, bytes: usize) -> Self {
        self.queue_limit = bytes;
        self
    }

    /// How long the closing of a connection may take, from the first Close frame to the end of
    /// the transport. Default: 10 s.
    #[must_use]
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Gives messages out in chunks as they come ([`Event::TextChunk`](crate::Event::TextChunk),
    /// [`Event::BinaryChunk`](crate::Event::BinaryChunk)) and holds none of them, so that a
    /// message may be larger than memory: raise [`message_limit`](Self::message_limit) too.
    /// Default: no.
    #[must_use]
    pub const fn chunks(mut self, chunks: bool) -> Self {
        self.chunks = chunks;
        self
    }

    /// Sends a ping every `interval`, and gives the connection up
    /// ([`Step::Abort`](crate::Step::Abort)) if the pong takes longer than `timeout`. A ping
    /// waits behind the messages that are queued, and a pong behind those of the peer, so leave
    /// time for the largest. Default: off.
    #[must_use]
    pub const fn heartbeat(mut self, interval: Duration, timeout: Duration) -> Self {
        self.heartbeat = Some((interval, timeout));
        self
    }
}
