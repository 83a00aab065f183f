use core::fmt;

/// What carries the packets of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// HTTP long-polling: a GET waits for packets, a POST brings them.
    Polling,
    /// One WebSocket: a text or binary message is a packet.
    WebSocket,
}

impl Transport {
    /// The name in the `transport` query parameter, or `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "polling" => Some(Self::Polling),
            "websocket" => Some(Self::WebSocket),
            _ => None,
        }
    }

    /// `polling` or `websocket`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The transports a server enables. The default is both.
///
/// ```
/// use songi_engineio::{Transport, Transports};
/// assert!(Transports::default().contains(Transport::Polling));
/// assert!(!Transports::WEBSOCKET.contains(Transport::Polling));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transports {
    polling: bool,
    websocket: bool,
}

impl Transports {
    /// Long-polling and WebSocket.
    pub const ALL: Self = Self {
        polling: true,
        websocket: true,
    };
    /// Long-polling only.
    pub const POLLING: Self = Self {
        polling: true,
        websocket: false,
    };
    /// WebSocket only.
    pub const WEBSOCKET: Self = Self {
        polling: false,
        websocket: true,
    };

    /// Whether this transport is enabled.
    pub const fn contains(self, transport: Transport) -> bool {
        match transport {
            Transport::Polling => self.polling,
            Transport::WebSocket => self.websocket,
        }
    }
}

impl Default for Transports {
    fn default() -> Self {
        Self::ALL
    }
}

/// A revision of the Engine.IO protocol: the `EIO` query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Revision {
    /// `EIO=3`: the revision of Socket.IO 1 and 2. A server takes it only with
    /// [`ServerConfig::allow_eio3`](crate::ServerConfig::allow_eio3).
    V3,
    /// `EIO=4`: the revision of Socket.IO 3 and later.
    #[default]
    V4,
}

impl Revision {
    /// The revision that a value of `EIO` names, or `None` for an unknown one.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "3" => Some(Self::V3),
            "4" => Some(Self::V4),
            _ => None,
        }
    }

    /// The value of `EIO`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3 => "3",
            Self::V4 => "4",
        }
    }
}
