//! When to connect again.
//!
//! The delays are those of the JavaScript client (`reconnectionDelay` and its neighbours in the
//! Socket.IO documentation, "Client options"): they double from attempt to attempt, up to a limit,
//! and each is moved by a random part of itself, so that the clients of a server that comes back
//! do not come all at once.

use core::time::Duration;

/// How long to wait before connecting again, and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Whether to connect again at all. Default: yes.
    pub enabled: bool,
    /// The wait before the first attempt; each further one waits twice as long. Default: 1 s.
    pub min: Duration,
    /// The longest wait. Default: 5 s.
    pub max: Duration,
    /// Which part of a wait is random, in both directions: from 0 to 1; another number is taken
    /// for the nearest of these, and what is no number for 0. Default: 0.5.
    pub jitter: f64,
    /// How many attempts there are before it is given up. Default: [`u32::MAX`].
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            enabled: true,
            min: Duration::from_secs(1),
            max: Duration::from_secs(5),
            jitter: 0.5,
            attempts: u32::MAX,
        }
    }
}

#[derive(Debug)]
pub(super) struct Reconnection {
    backoff: Backoff,
    state: State,
    /// Attempts since the last connection.
    attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody wants a connection.
    Idle,
    /// One is to be opened, or is being opened.
    Opening,
    Open,
    /// The next attempt begins then.
    Waiting(Duration),
}

/// What follows when a connection could not be opened or was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another attempt, later.
    Wait,
    /// There have been as many attempts as there may be.
    GaveUp,
    /// Nothing: it is not to be connected again.
    Stay,
}

impl Reconnection {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            state: State::Idle,
            attempts: 0,
        }
    }

    /// Somebody wants a connection. One that waits for its next attempt goes on waiting.
    pub(super) fn start(&mut self) {
        if self.state == State::Idle {
            self.state = State::Opening;
        }
    }

    /// Nobody wants one any more.
    pub(super) fn stop(&mut self) {
        self.state = State::Idle;
        self.attempts = 0;
    }

    #[cfg(test)]
    fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Whether a connection is to be opened now.
    pub(super) fn is_opening(&self) -> bool {
        self.state == State::Opening
    }

    /// A connection is open. Gives the number of the attempt, if it was one to connect again.
    pub(super) fn opened(&mut self) -> Option<u32> {
        self.state = State::Open;
        let attempts = core::mem::take(&mut self.attempts);
        (attempts > 0).then_some(attempts)
    }

    /// Which attempt to connect again this is, if it is one.
    pub(super) fn attempt(&self) -> Option<u32> {
        (self.attempts > 0).then_some(self.attempts)
    }

    /// The open connection was lost, or could not be opened. `random` gives any number.
    pub(super) fn failed(&mut self, now: Duration, random: impl FnOnce() -> u32) -> Next {
        if self.state == State::Idle {
            return Next::Stay;
        }
        if !self.backoff.enabled {
            self.stop();
            return Next::Stay;
        }
        if self.attempts >= self.backoff.attempts {
            self.stop();
            return Next::GaveUp;
        }
        let delay = self.backoff.delay(self.attempts, random());
        self.attempts = self.attempts.saturating_add(1);
        self.state = State::Waiting(now.saturating_add(delay));
        Next::Wait
    }

    /// When the next attempt begins.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match self.state {
            State::Waiting(until) => Some(until),
            State::Idle | State::Opening | State::Open => None,
        }
    }

    /// Time has passed. Gives the number of the attempt that begins now, if one does.
    pub(super) fn handle_timeout(&mut self, now: Duration) -> Option<u32> {
        match self.state {
            State::Waiting(until) if now >= until => {
                self.state = State::Opening;
                Some(self.attempts)
            }
            _ => None,
        }
    }
}

impl Backoff {
    /// The wait after so many attempts: `min · 2^attempts`, moved by up to `jitter` of itself, and
    /// at most `max`. `random` is any number.
    pub fn delay(&self, attempts: u32, random: u32) -> Duration {
        // 2^63 s are more than a `Duration` of any use.
        let factor = (1_u64 << attempts.min(63)) as f64;
        let base = self.min.as_secs_f64() * factor;
        // From -1 to 1.
        let random = f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0;
        let jitter = if self.jitter.is_nan() {
            0.0
        } else {
            self.jitter.clamp(0.0, 1.0)
        };
        let delay = (base * (1.0 + jitter * random)).min(self.max.as_secs_f64());
        Duration::try_from_secs_f64(delay).unwrap_or(self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIDDLE: u32 = u32::MAX / 2;

    fn millis(duration: Duration) -> u128 {
        // The middle of the random numbers is not quite zero.
        (duration + Duration::from_micros(1)).as_millis()
    }

    #[test]
    fn delays_double_up_to_the_limit_and_begin_again_after_a_connection() {
        let mut it = Reconnection::new(Backoff::default());
        it.start();
        assert!(it.is_opening());
        assert_eq!(it.opened(), None);
        for _ in 0..2 {
            let mut now = Duration::from_secs(100);
            for (attempt, delay) in [1000, 2000, 4000, 5000, 5000].into_iter().enumerate() {
                assert_eq!(it.failed(now, || MIDDLE), Next::Wait);
                let until = it.poll_timeout().unwrap();
                assert_eq!(millis(until - now), delay);
                assert_eq!(it.handle_timeout(until - Duration::from_millis(1)), None);
                let attempt = u32::try_from(attempt).unwrap() + 1;
                assert_eq!(it.handle_timeout(until), Some(attempt));
                assert!(it.is_opening());
                assert_eq!(it.attempt(), Some(attempt));
                now = until;
            }
            assert_eq!(it.opened(), Some(5));
            assert_eq!(it.attempt(), None);
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        let mut it = Reconnection::new(Backoff {
            attempts: 2,
            ..Backoff::default()
        });
        it.start();
        for attempt in 1..=2 {
            assert_eq!(it.failed(Duration::ZERO, || 0), Next::Wait);
            assert_eq!(it.handle_timeout(Duration::from_secs(9)), Some(attempt));
        }
        assert_eq!(it.failed(Duration::ZERO, || 0), Next::GaveUp);
        assert!(it.is_idle());
        it.start();
        assert_eq!(it.failed(Duration::ZERO, || 0), Next::Wait);
    }

    #[test]
    fn it_stays_where_it_is_not_wanted() {
        let mut it = Reconnection::new(Backoff {
            enabled: false,
            ..Backoff::default()
        });
        it.start();
        it.opened();
        assert_eq!(it.failed(Duration::ZERO, || 0), Next::Stay);
        let mut it = Reconnection::new(Backoff::default());
        it.start();
        assert_eq!(it.failed(Duration::ZERO, || 0), Next::Wait);
        it.start();
        assert!(!it.is_opening(), "a wait is not cut short");
        it.stop();
        assert_eq!(it.handle_timeout(Duration::MAX), None);
        assert_eq!(it.failed(Duration::ZERO, || 0), Next::Stay);
    }

    proptest! {
        #[test]
        fn delays_stay_within_their_bounds(
            min in 0_u64..100_000,
            max in 0_u64..100_000,
            jitter in prop_oneof![0.0..1.0, any::<f64>()],
            attempts in any::<u32>(),
            random in any::<u32>(),
        ) {
            let backoff = Backoff {
                min: Duration::from_millis(min),
                max: Duration::from_millis(max),
                jitter,
                ..Backoff::default()
            };
            let delay = backoff.delay(attempts, random);
            prop_assert!(delay <= backoff.max);
            if (0.0..=1.0).contains(&jitter) {
                let least = (backoff.min.as_secs_f64() * (1.0 - jitter)).min(backoff.max.as_secs_f64());
                prop_assert!(delay.as_secs_f64() >= least - 1e-6);
            }
        }

        #[test]
        fn it_waits_opens_or_is_idle_whatever_happens(steps in proptest::collection::vec((0_u8..5, any::<u32>()), 0..100)) {
            let mut it = Reconnection::new(Backoff { attempts: 3, ..Backoff::default() });
            let mut now = Duration::ZERO;
            for (step, random) in steps {
                match step {
                    0 => it.start(),
                    1 => it.stop(),
                    2 if it.is_opening() => drop(it.opened()),
                    3 if it.poll_timeout().is_none() => drop(it.failed(now, || random)),
                    _ => {
                        now += Duration::from_millis(u64::from(random % 6000));
                        it.handle_timeout(now);
                    }
                }
                prop_assert!(it.attempts <= 3);
                prop_assert_eq!(it.is_idle() && it.attempts > 0, false);
                if let Some(until) = it.poll_timeout() {
                    prop_assert!(until <= now + Duration::from_secs(5));
                }
            }
        }
    }
}
