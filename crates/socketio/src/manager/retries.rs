//! Events that are sent again until they are acknowledged.
//!
//! As in JavaScript ("Client options: retries"): one at a time, in order, each at most so many
//! times more. Unlike there, each try has the same ack id, so that a late ack of the first try is
//! as good as one of the second.

use core::time::Duration;

use super::queue::Queue;
use super::{Config, Unanswered};

#[derive(Debug)]
pub(super) struct Retries<P, A> {
    queue: Queue<Queued<P, A>>,
    state: State,
    /// How often the first one was sent, or could not be.
    tries: u32,
}

#[derive(Debug)]
struct Queued<P, A> {
    packet: P,
    id: u64,
    reply: A,
}

/// What the first event of the queue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be sent, as soon as the namespace is joined.
    Ready,
    /// For its ack, until then.
    Sent(Duration),
    /// For room, until then.
    Full(Duration),
}

/// An event that is through: who waits for it is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed<A> {
    pub(super) reply: A,
    pub(super) why: Unanswered,
}

impl<P, A> Default for Retries<P, A> {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
            state: State::Ready,
            tries: 0,
        }
    }
}

impl<P: Clone, A> Retries<P, A> {
    /// Puts an event behind the others; `false` when it does not fit.
    pub(super) fn push(
        &mut self,
        packet: P,
        bytes: usize,
        id: u64,
        reply: A,
        config: &Config,
    ) -> bool {
        let bytes = bytes.saturating_add(size_of::<Queued<P, A>>());
        let fits =
            (self.queue).has_room(bytes, config.max_waiting_events, config.max_waiting_bytes);
        if fits {
            self.queue.push(Queued { packet, id, reply }, bytes);
        }
        fits
    }

    /// What is to be sent now, in a namespace that is joined.
    pub(super) fn next(&mut self, now: Duration, config: &Config) -> Option<P> {
        let first = self.queue.first()?;
        if self.state != State::Ready {
            return None;
        }
        self.tries = self.tries.saturating_add(1);
        self.state = State::Sent(now.saturating_add(config.ack_timeout));
        Some(first.packet.clone())
    }

    /// The ack of an event has come.
    pub(super) fn answered(&mut self, id: u64) -> Option<A> {
        let first = self.queue.first()?;
        if first.id != id || self.tries == 0 {
            return None;
        }
        self.pop()
    }

    /// What was to be sent has found no room: it is tried again, but not at once, because what is
    /// full needs time.
    pub(super) fn found_no_room(&mut self, now: Duration, config: &Config) -> Option<Failed<A>> {
        let failed = self.failed(Unanswered::Full, config);
        if failed.is_none() {
            self.state = State::Full(now.saturating_add(config.ack_timeout));
        }
        failed
    }

    /// What was to be sent never can be.
    pub(super) fn unsendable(&mut self) -> Option<Failed<A>> {
        let reply = self.pop()?;
        let why = Unanswered::Unsendable;
        Some(Failed { reply, why })
    }

    /// The namespace was left: the ack does not come any more.
    pub(super) fn disconnected(&mut self, config: &Config) -> Option<Failed<A>> {
        match self.state {
            State::Ready | State::Full(_) => None,
            State::Sent(_) => self.failed(Unanswered::Disconnected, config),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match self.state {
            State::Ready => None,
            State::Sent(until) | State::Full(until) => Some(until),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Duration, config: &Config) -> Option<Failed<A>> {
        match self.state {
            State::Sent(until) if now >= until => self.failed(Unanswered::Timeout, config),
            State::Full(until) if now >= until => {
                self.state = State::Ready;
                None
            }
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// A try has failed. Gives the event up if it was the last.
    fn failed(&mut self, why: Unanswered, config: &Config) -> Option<Failed<A>> {
        self.state = State::Ready;
        if self.tries <= config.retries {
            return None;
        }
        let reply = self.pop()?;
        Some(Failed { reply, why })
    }

    fn pop(&mut self) -> Option<A> {
        let first = self.queue.pop()?;
        self.state = State::Ready;
        self.tries = 0;
        Some(first.reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn config() -> Config {
        Config {
            retries: 2,
            ack_timeout: SECOND,
            max_waiting_events: 3,
            max_waiting_bytes: 1000,
            ..Config::default()
        }
    }

    fn queue(events: u64) -> Retries<u64, u64> {
        let mut it = Retries::default();
        for id in 0..events {
            assert!(it.push(10 + id, 1, id, id, &config()));
        }
        it
    }

    fn failed(reply: u64, why: Unanswered) -> Option<Failed<u64>> {
        Some(Failed { reply, why })
    }

    #[test]
    fn one_at_a_time_and_in_order() {
        let (mut it, config) = (queue(2), config());
        assert_eq!(it.answered(0), None, "it was not sent yet");
        assert_eq!(it.next(SECOND, &config), Some(10));
        assert_eq!(it.next(SECOND, &config), None);
        assert_eq!(it.answered(1), None);
        assert_eq!(it.answered(0), Some(0));
        assert_eq!(it.answered(0), None);
        assert_eq!(it.next(SECOND, &config), Some(11));
        assert_eq!(it.answered(1), Some(1));
        assert_eq!((it.next(SECOND, &config), it.poll_timeout()), (None, None));
        assert_eq!(it.len(), 0);
    }

    #[test]
    fn each_is_tried_so_many_times_more() {
        let (mut it, config) = (queue(1), config());
        // The first try gets no ack, the second loses its connection, the third finds no room.
        assert_eq!(it.next(Duration::ZERO, &config), Some(10));
        assert_eq!(it.poll_timeout(), Some(SECOND));
        assert_eq!(it.handle_timeout(SECOND / 2, &config), None);
        assert_eq!(it.next(SECOND / 2, &config), None);
        assert_eq!(it.handle_timeout(SECOND, &config), None);
        assert_eq!(it.next(SECOND, &config), Some(10));
        assert_eq!(it.disconnected(&config), None);
        assert_eq!(it.next(SECOND, &config), Some(10));
        let end = it.found_no_room(SECOND, &config);
        assert_eq!(end, failed(0, Unanswered::Full));
        assert_eq!(it.len(), 0);
    }

    #[test]
    fn it_may_be_tried_without_end() {
        let config = Config {
            retries: u32::MAX,
            ..config()
        };
        let mut it = queue(1);
        it.tries = u32::MAX;
        assert_eq!(it.next(Duration::ZERO, &config), Some(10));
        assert_eq!(it.handle_timeout(SECOND, &config), None);
        assert_eq!(it.next(SECOND, &config), Some(10));
        assert_eq!(it.answered(0), Some(0));
    }

    #[test]
    fn what_finds_no_room_waits_and_what_never_fits_does_not() {
        let (mut it, config) = (queue(2), config());
        assert_eq!(it.next(Duration::ZERO, &config), Some(10));
        assert_eq!(it.found_no_room(Duration::ZERO, &config), None);
        assert_eq!(it.next(Duration::ZERO, &config), None);
        assert_eq!(it.disconnected(&config), None, "it was not sent");
        assert_eq!(it.poll_timeout(), Some(SECOND));
        assert_eq!(it.handle_timeout(SECOND, &config), None);
        assert_eq!(it.next(SECOND, &config), Some(10));
        assert_eq!(it.unsendable(), failed(0, Unanswered::Unsendable));
        assert_eq!(it.next(SECOND, &config), Some(11));
        // A late ack of a try before is as good.
        assert_eq!(it.handle_timeout(2 * SECOND, &config), None);
        assert_eq!(it.answered(1), Some(1));
    }

    #[test]
    fn the_queue_is_bounded_by_count_and_by_bytes() {
        let mut it = queue(3);
        assert!(!it.push(1, 1, 9, 9, &config()));
        let mut it = queue(0);
        assert!(it.push(1, 5000, 0, 0, &config()), "one always fits");
        assert!(!it.push(1, 1, 1, 1, &config()));
    }
}
