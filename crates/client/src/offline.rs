//! Events that wait until their namespace is joined.

use std::collections::VecDeque;

use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;

use crate::config::Config;

#[derive(Debug, Default)]
pub(crate) struct Offline {
    events: VecDeque<Waiting>,
    bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) packet: Outgoing,
    pub(crate) options: SendOptions,
    /// Which ack is waited for, if one is.
    pub(crate) ack: Option<u64>,
}

impl Offline {
    /// Keeps an event, if it fits.
    pub(crate) fn push(
        &mut self,
        packet: Outgoing,
        options: SendOptions,
        ack: Option<u64>,
        config: &Config,
    ) -> Result<(), EmitError> {
        let bytes = self.bytes.saturating_add(size(&packet));
        let fits = bytes <= config.max_buffered || self.events.is_empty();
        if self.events.len() >= config.max_offline_events || !fits {
            return Err(EmitError::OfflineQueueFull);
        }
        self.bytes = bytes;
        self.events.push_back(Waiting {
            packet,
            options,
            ack,
        });
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.events.pop_front()?;
        self.bytes -= size(&waiting.packet);
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        Some(waiting)
    }

    /// Nobody waits for this ack any more: as in JavaScript, the event is not sent either.
    pub(crate) fn forget(&mut self, ack: u64) {
        let mut forgotten = 0;
        self.events.retain(|waiting| {
            let stays = waiting.ack != Some(ack);
            if !stays {
                forgotten += size(&waiting.packet);
            }
            stays
        });
        self.bytes -= forgotten;
    }

    /// Whether the event of this ack is still here.
    pub(crate) fn has(&self, ack: u64) -> bool {
        self.events.iter().any(|waiting| waiting.ack == Some(ack))
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn size(packet: &Outgoing) -> usize {
    packet
        .frames()
        .map(|frame| frame.len().saturating_add(std::mem::size_of::<Waiting>()))
        .sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn packet(text: &str) -> Outgoing {
        Outgoing::event("/", None, "e", &text).unwrap()
    }

    fn push(offline: &mut Offline, text: &str, ack: Option<u64>, config: &Config) -> bool {
        let options = SendOptions::default();
        match offline.push(packet(text), options, ack, config) {
            Ok(()) => true,
            Err(EmitError::OfflineQueueFull) => false,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn it_is_bounded_by_count_and_by_bytes() {
        let config = Config {
            max_offline_events: 3,
            max_buffered: 1000,
            ..Config::default()
        };
        let mut offline = Offline::default();
        // One always fits.
        assert!(push(&mut offline, &"x".repeat(2000), None, &config));
        assert!(!push(&mut offline, "a", None, &config));
        offline.pop().unwrap();
        assert_eq!(offline.bytes, 0);
        for n in 0..3 {
            assert!(push(&mut offline, "a", Some(n), &config));
        }
        assert!(!push(&mut offline, "a", None, &config));
        offline.forget(1);
        assert!(offline.has(0) && !offline.has(1));
        assert!(push(&mut offline, "b", None, &config));
        assert_eq!(offline.pop().unwrap().ack, Some(0));
        offline.forget(2);
        offline.pop().unwrap();
        assert_eq!((offline.events.len(), offline.bytes), (0, 0));
    }
}
