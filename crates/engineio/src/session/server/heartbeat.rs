//! Who pings, and how long the other may be silent.

use core::time::Duration;

use faststr::FastStr;

use super::{Carrier, CloseReason, SendOptions, ServerSession, Violation};
use crate::{
    config::ServerConfig,
    packet::{Frame, Packet},
    transport::Revision,
};

/// What is due next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Heartbeat {
    /// The next ping goes out at this time.
    Ping(Duration),
    /// The pong must come before this time; in revision 3, the next ping of the client.
    Deadline(Duration),
}

impl Heartbeat {
    pub(super) fn new(revision: Revision, config: &ServerConfig, now: Duration) -> Self {
        let interval = now.saturating_add(config.ping_interval);
        match revision {
            Revision::V4 => Self::Ping(interval),
            // A client that is alive pings once in each interval, and may be late by the timeout.
            Revision::V3 => Self::Deadline(interval.saturating_add(config.ping_timeout)),
        }
    }

    pub(super) fn due(self) -> Duration {
        match self {
            Self::Ping(due) | Self::Deadline(due) => due,
        }
    }
}

impl ServerSession {
    /// Pings when it is time, and ends the session when the client is too late.
    pub(super) fn beat(&mut self, now: Duration) {
        match self.heartbeat {
            _ if self.is_closed() => {}
            Heartbeat::Ping(at) if now >= at => {
                self.heartbeat = Heartbeat::Deadline(now.saturating_add(self.config.ping_timeout));
                self.enqueue(Frame::PING);
            }
            Heartbeat::Deadline(deadline) if now >= deadline => {
                self.shut(CloseReason::PingTimeout, None, &Frame::CLOSE);
            }
            Heartbeat::Ping(_) | Heartbeat::Deadline(_) => {}
        }
    }

    /// A ping: in revision 3 the client's way to say that it is alive.
    pub(super) fn ping(&mut self, data: FastStr, now: Duration) {
        if self.dialect.revision != Revision::V3 {
            return self.fail(CloseReason::TransportError, Violation::PingDirection);
        }
        self.heartbeat = Heartbeat::new(Revision::V3, &self.config, now);
        let pong = Packet::Pong(data).encode();
        match &mut self.carrier {
            Carrier::WebSocket(transport) => {
                let transport = *transport;
                self.push_frame(transport, pong, SendOptions::default());
            }
            Carrier::Polling(polling) => polling.pong = Some(pong),
            Carrier::Closed => {}
        }
    }

    /// A pong: in revision 4 the answer to a ping of this side.
    pub(super) fn pong(&mut self, now: Duration) {
        if self.dialect.revision != Revision::V4 {
            return self.fail(CloseReason::TransportError, Violation::PingDirection);
        }
        self.heartbeat = Heartbeat::new(Revision::V4, &self.config, now);
    }
}
