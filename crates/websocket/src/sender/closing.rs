//! How a connection ends (RFC 6455 §7).

use core::time::Duration;

use super::Step;
use crate::Role;

/// How far the closing has got.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Closing {
    /// A Close frame is queued or sent.
    pub(super) sent: bool,
    /// The peer's Close frame was received.
    pub(super) received: bool,
    /// The peer broke a rule.
    pub(super) failed: bool,
    /// The transport ended.
    pub(super) eof: bool,
}

impl Closing {
    /// Nothing has begun that leads to the end.
    #[inline]
    pub(super) fn is_far(self) -> bool {
        !(self.sent || self.received || self.failed || self.eof)
    }

    /// What to do with the transport, given whether all is written and whether the peer's time is
    /// over.
    pub(super) fn next_step(self, role: Role, flushed: bool, expired: bool) -> Step {
        let Self {
            sent,
            received,
            failed,
            eof,
        } = self;
        let finished = flushed && (failed || (sent && received));
        match () {
            () if expired && !finished => Step::Abort,
            () if expired => Step::Close,
            // Without the peer's Close frame nobody is there to read ours.
            () if eof && (finished || !received) => Step::Close,
            // The server hangs up first (RFC 6455 §7.1.1); after a failure both do.
            () if finished && (failed || role == Role::Server) => Step::HalfClose,
            () => Step::Continue,
        }
    }
}

/// The end of the waiting for a closing. In microseconds, which take less room.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deadline {
    /// No closing has begun; once one has, it may take so long.
    None(u64),
    /// A closing has begun; its time runs from when the clock is next shown.
    Unarmed(u64),
    /// A closing has to end by then.
    At(u64),
    Passed,
}

impl Deadline {
    pub(super) fn new(timeout: Duration) -> Self {
        Self::None(micros(timeout))
    }

    /// A closing begins.
    pub(super) fn start(&mut self) {
        if let Self::None(timeout) = *self {
            *self = Self::Unarmed(timeout);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Duration) {
        let now = micros(now);
        match *self {
            Self::Unarmed(timeout) => *self = Self::At(now.saturating_add(timeout)),
            Self::At(at) if now >= at => *self = Self::Passed,
            _ => {}
        }
    }

    pub(super) fn poll_timeout(self) -> Option<Duration> {
        match self {
            Self::None(_) | Self::Passed => None,
            Self::Unarmed(_) => Some(Duration::ZERO),
            Self::At(at) => Some(Duration::from_micros(at)),
        }
    }

    pub(super) fn has_passed(self) -> bool {
        matches!(self, Self::Passed)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
