//! Pings that find out whether the peer is still there, and how far away.

use core::time::Duration;

use bytes::Bytes;

use crate::ControlPayload;

/// One ping at a time, and the wait for its pong.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    beat: Beat,
    /// The payload of the last ping, by which its pong is known.
    number: u64,
    round_trip: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beat {
    /// The clock has not been shown yet.
    Unarmed,
    /// The next ping is due then.
    Due(Duration),
    /// A ping was queued then.
    Sent(Duration),
    /// The pong for a ping of then has come; when, says the clock.
    Answered(Duration),
    /// The pong did not come in time.
    Expired,
}

impl Heartbeat {
    pub(crate) fn new(interval: Duration, timeout: Duration) -> Self {
        Self {
            interval,
            timeout,
            beat: Beat::Unarmed,
            number: 0,
            round_trip: None,
        }
    }

    /// Shows the clock; returns the ping that is to be sent.
    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Option<ControlPayload> {
        match self.beat {
            Beat::Unarmed => self.beat = Beat::Due(now.saturating_add(self.interval)),
            Beat::Answered(sent) => {
                self.round_trip = Some(now.saturating_sub(sent));
                self.beat = Beat::Due(sent.saturating_add(self.interval));
            }
            Beat::Sent(sent) if now >= sent.saturating_add(self.timeout) => {
                self.beat = Beat::Expired;
            }
            _ => {}
        }
        if !matches!(self.beat, Beat::Due(due) if now >= due) {
            return None;
        }
        self.beat = Beat::Sent(now);
        self.number += 1;
        ControlPayload::new(Bytes::copy_from_slice(&self.number.to_be_bytes())).ok()
    }

    /// A pong came.
    pub(crate) fn answered(&mut self, payload: &[u8]) {
        if let Beat::Sent(sent) = self.beat
            && payload == self.number.to_be_bytes()
        {
            self.beat = Beat::Answered(sent);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        match self.beat {
            Beat::Unarmed | Beat::Answered(_) => Some(Duration::ZERO),
            Beat::Due(due) => Some(due),
            Beat::Sent(sent) => Some(sent.saturating_add(self.timeout)),
            Beat::Expired => None,
        }
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(crate) fn has_expired(&self) -> bool {
        self.beat == Beat::Expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn heartbeat() -> Heartbeat {
        let mut heartbeat = Heartbeat::new(10 * SECOND, 3 * SECOND);
        assert_eq!(heartbeat.poll_timeout(), Some(Duration::ZERO));
        assert_eq!(heartbeat.handle_timeout(5 * SECOND), None);
        assert_eq!(heartbeat.poll_timeout(), Some(15 * SECOND));
        heartbeat
    }

    /// C9: the round trip is that of the ping's own pong.
    #[test]
    fn measures_the_round_trip() {
        let mut heartbeat = heartbeat();
        let ping = heartbeat.handle_timeout(15 * SECOND).unwrap();
        heartbeat.answered(b"unsolicited");
        assert_eq!(heartbeat.poll_timeout(), Some(18 * SECOND));
        heartbeat.answered(&ping);
        assert_eq!(heartbeat.poll_timeout(), Some(Duration::ZERO));
        assert_eq!(heartbeat.handle_timeout(17 * SECOND), None);
        assert_eq!(heartbeat.round_trip(), Some(2 * SECOND));
        // The interval is from ping to ping.
        assert_eq!(heartbeat.poll_timeout(), Some(25 * SECOND));
        let next = heartbeat.handle_timeout(26 * SECOND).unwrap();
        assert_ne!(next, ping);
        // The answer of before is none to this one.
        heartbeat.answered(&ping);
        assert_eq!(heartbeat.poll_timeout(), Some(29 * SECOND));
    }

    #[test]
    fn gives_up() {
        let mut heartbeat = heartbeat();
        assert!(heartbeat.handle_timeout(15 * SECOND).is_some());
        assert_eq!(heartbeat.handle_timeout(17 * SECOND), None);
        assert!(!heartbeat.has_expired());
        assert_eq!(heartbeat.handle_timeout(18 * SECOND), None);
        assert!(heartbeat.has_expired());
        assert_eq!(heartbeat.poll_timeout(), None);
    }

    /// A pong slower than the interval delays the next ping: there is one at a time.
    #[test]
    fn one_ping_at_a_time() {
        let mut heartbeat = Heartbeat::new(SECOND, 5 * SECOND);
        assert_eq!(heartbeat.handle_timeout(Duration::ZERO), None);
        let ping = heartbeat.handle_timeout(SECOND).unwrap();
        assert_eq!(heartbeat.handle_timeout(3 * SECOND), None);
        heartbeat.answered(&ping);
        assert!(heartbeat.handle_timeout(4 * SECOND).is_some());
        assert_eq!(heartbeat.round_trip(), Some(3 * SECOND));
    }
}
