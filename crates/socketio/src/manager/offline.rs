//! Events that wait until their namespace is joined.

use super::Config;
use super::queue::Queue;

#[derive(Debug)]
pub(super) struct Offline<P>(Queue<Waiting<P>>);

#[derive(Debug)]
pub(super) struct Waiting<P> {
    pub(super) packet: P,
    /// Which ack is waited for, if one is.
    pub(super) ack: Option<u64>,
}

impl<P> Default for Offline<P> {
    fn default() -> Self {
        Self(Queue::default())
    }
}

impl<P> Offline<P> {
    /// Keeps an event of so many bytes; `false` when it does not fit.
    pub(super) fn push(
        &mut self,
        packet: P,
        bytes: usize,
        ack: Option<u64>,
        config: &Config,
    ) -> bool {
        let bytes = bytes.saturating_add(size_of::<Waiting<P>>());
        let fits = (self.0).has_room(bytes, config.max_waiting_events, config.max_waiting_bytes);
        if fits {
            self.0.push(Waiting { packet, ack }, bytes);
        }
        fits
    }

    pub(super) fn pop(&mut self) -> Option<Waiting<P>> {
        self.0.pop()
    }

    /// Nobody waits for this ack any more: as in JavaScript, the event is not sent either.
    pub(super) fn forget(&mut self, ack: u64) {
        self.0.retain(|waiting| waiting.ack != Some(ack));
    }

    /// The socket has ended. What asks for no ack is sent when it is joined again, as in JavaScript;
    /// who waits for an ack is told that none comes.
    pub(super) fn ended(&mut self) {
        self.0.retain(|waiting| waiting.ack.is_none());
    }

    /// The acks that the events here are waited for with.
    pub(super) fn acks(&self) -> impl Iterator<Item = u64> {
        self.0.iter().filter_map(|waiting| waiting.ack)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_by_count_and_by_bytes() {
        let config = Config {
            max_waiting_events: 3,
            max_waiting_bytes: 1000,
            ..Config::default()
        };
        let mut offline = Offline::default();
        // One always fits.
        assert!(offline.push('a', 2000, None, &config));
        assert!(!offline.push('b', 1, None, &config));
        offline.pop().unwrap();
        for n in 0..3 {
            assert!(offline.push('a', 1, Some(n), &config));
        }
        assert!(!offline.push('b', 1, None, &config));
        offline.forget(1);
        assert!(offline.acks().eq([0, 2]));
        assert!(offline.push('c', 1, None, &config));
        assert_eq!(offline.pop().unwrap().ack, Some(0));
        offline.forget(2);
        assert_eq!(offline.pop().unwrap().packet, 'c');
        assert_eq!(offline.len(), 0);
    }
}
