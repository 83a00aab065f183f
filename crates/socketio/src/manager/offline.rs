//! Events that wait until their namespace is joined.

use alloc::collections::VecDeque;

use super::Config;

#[derive(Debug)]
pub(super) struct Offline<P> {
    events: VecDeque<Waiting<P>>,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Waiting<P> {
    pub(super) packet: P,
    /// Which ack is waited for, if one is.
    pub(super) ack: Option<u64>,
    bytes: usize,
}

impl<P> Default for Offline<P> {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
        }
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
        let total = self.bytes.saturating_add(bytes);
        let fits = total <= config.max_waiting_bytes || self.events.is_empty();
        if self.events.len() >= config.max_waiting_events || !fits {
            return false;
        }
        self.bytes = total;
        self.events.push_back(Waiting { packet, ack, bytes });
        true
    }

    pub(super) fn pop(&mut self) -> Option<Waiting<P>> {
        let waiting = self.events.pop_front()?;
        self.bytes -= waiting.bytes;
        if self.events.is_empty() {
            // A burst leaves no buffer behind.
            self.events = VecDeque::new();
        }
        Some(waiting)
    }

    /// Nobody waits for this ack any more: as in JavaScript, the event is not sent either.
    pub(super) fn forget(&mut self, ack: u64) {
        self.retain(|waiting| waiting.ack != Some(ack));
    }

    /// The socket has ended. What asks for no ack is sent when it is joined again, as in JavaScript;
    /// who waits for an ack is told that none comes.
    pub(super) fn ended(&mut self) {
        self.retain(|waiting| waiting.ack.is_none());
    }

    fn retain(&mut self, stays: impl Fn(&Waiting<P>) -> bool) {
        let mut forgotten = 0;
        self.events.retain(|waiting| {
            let stays = stays(waiting);
            if !stays {
                forgotten += waiting.bytes;
            }
            stays
        });
        self.bytes -= forgotten;
    }

    /// The acks that the events here are waited for with.
    pub(super) fn acks(&self) -> impl Iterator<Item = u64> {
        self.events.iter().filter_map(|waiting| waiting.ack)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
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
        assert_eq!(offline.bytes, 0);
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
        assert_eq!((offline.len(), offline.bytes), (0, 0));
    }
}
