//! The time since a connection began, with the time that the machine slept.
//!
//! A monotonic clock may stand still while a machine sleeps; the wall clock does not. When the
//! wall clock is far ahead of the other, the difference is counted, so that a server that has
//! given us up in the meantime is not written to as if nothing had been. A wall clock that was set
//! forward looks the same: it costs one reconnection.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Differences below this are how clocks are kept right, not sleep.
const TOLERANCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    last: (Instant, SystemTime),
    slept: Duration,
}

impl Clock {
    pub(crate) fn new(now: Instant, wall: SystemTime) -> Self {
        Self {
            origin: now,
            last: (now, wall),
            slept: Duration::ZERO,
        }
    }

    /// The time since the origin, sleep included.
    pub(crate) fn advance(&mut self, now: Instant, wall: SystemTime) -> Duration {
        let (last, last_wall) = std::mem::replace(&mut self.last, (now, wall));
        let passed = now.saturating_duration_since(last);
        let passed_on_wall = wall.duration_since(last_wall).unwrap_or_default();
        let slept = passed_on_wall.saturating_sub(passed);
        if slept >= TOLERANCE {
            self.slept = self.slept.saturating_add(slept);
        }
        now.saturating_duration_since(self.origin)
            .saturating_add(self.slept)
    }

    /// When it is so late, if the machine does not sleep before.
    pub(crate) fn instant(&self, time: Duration) -> Option<Instant> {
        self.origin.checked_add(time.saturating_sub(self.slept))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn sleep_counts_and_small_corrections_do_not() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let mut clock = Clock::new(start, wall);
        assert_eq!(clock.advance(start + SECOND, wall + SECOND), SECOND);
        // One second awake, an hour asleep.
        let late = clock.advance(start + 2 * SECOND, wall + 3602 * SECOND);
        assert_eq!(late, 3602 * SECOND);
        assert_eq!(clock.instant(3603 * SECOND), Some(start + 3 * SECOND));
        // Set back by a day, then corrected by a second.
        let day = 86_400 * SECOND;
        let back = clock.advance(start + 3 * SECOND, wall + 3603 * SECOND - day);
        assert_eq!(back, 3603 * SECOND);
        let corrected = clock.advance(start + 4 * SECOND, wall + 3605 * SECOND - day);
        assert_eq!(corrected, 3604 * SECOND);
    }
}
