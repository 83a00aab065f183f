//! The messages that one client has in flight.

use std::collections::VecDeque;
use std::time::Instant;

use crate::exchange::Answer;

/// The messages in flight, and how many more may be.
#[derive(Debug)]
pub(crate) enum Slots {
    /// Answers come in the order of the messages.
    InOrder {
        free: usize,
        /// So many were sent, or due, at the same time.
        sent: VecDeque<(Instant, u64)>,
    },
    /// Answers say which message they are for.
    ById {
        free: Vec<usize>,
        sent: Vec<Option<Instant>>,
    },
}

impl Slots {
    pub(crate) fn new(answer: &Answer, slots: usize) -> Self {
        match answer {
            Answer::ById(_) => Self::ById {
                free: (0..slots).rev().collect(),
                sent: vec![None; slots],
            },
            Answer::InOrder(_) | Answer::Nothing => Self::InOrder {
                free: slots,
                sent: VecDeque::new(),
            },
        }
    }

    pub(crate) fn has_free(&self) -> bool {
        match self {
            Self::InOrder { free, .. } => *free > 0,
            Self::ById { free, .. } => !free.is_empty(),
        }
    }

    /// Messages that are not answered.
    pub(crate) fn in_flight(&self) -> usize {
        match self {
            Self::InOrder { sent, .. } => sent.iter().map(|(_, count)| *count as usize).sum(),
            Self::ById { free, sent } => sent.len() - free.len(),
        }
    }

    /// Takes a slot for a message; which one.
    pub(crate) fn take(&mut self, since: Instant) -> Option<usize> {
        match self {
            Self::InOrder { free, sent } => {
                *free = free.checked_sub(1)?;
                match sent.back_mut() {
                    Some((last, count)) if *last == since => *count += 1,
                    _ => sent.push_back((since, 1)),
                }
                Some(0)
            }
            Self::ById { free, sent } => {
                let slot = free.pop()?;
                *sent.get_mut(slot)? = Some(since);
                Some(slot)
            }
        }
    }

    /// Gives back the oldest that were sent at the same time, at most so many: when, and how many.
    pub(crate) fn give_back(&mut self, most: u64) -> Option<(Instant, u64)> {
        let Self::InOrder { free, sent } = self else {
            return None;
        };
        let (since, count) = sent.front_mut()?;
        let (since, now) = (*since, most.min(*count));
        *count -= now;
        if *count == 0 {
            sent.pop_front();
        }
        *free += now as usize;
        Some((since, now))
    }

    /// Gives back one slot: when its message was sent.
    pub(crate) fn give_back_slot(&mut self, slot: usize) -> Option<Instant> {
        let Self::ById { free, sent } = self else {
            return None;
        };
        let since = sent.get_mut(slot)?.take()?;
        free.push(slot);
        Some(since)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_are_given_back_first_and_those_of_one_time_together() {
        let mut slots = Slots::new(&Answer::InOrder(Vec::new()), 3);
        let first = Instant::now();
        let second = first + Duration::from_secs(1);
        for since in [first, first, second] {
            assert_eq!(slots.take(since), Some(0));
        }
        assert!(!slots.has_free());
        assert_eq!(slots.take(second), None);
        assert_eq!(slots.in_flight(), 3);
        assert_eq!(slots.give_back(5), Some((first, 2)));
        assert_eq!(slots.in_flight(), 1);
        assert_eq!(slots.give_back(5), Some((second, 1)));
        assert_eq!(slots.give_back(5), None);
    }

    #[test]
    fn a_slot_is_given_back_once() {
        let mut slots = Slots::new(&Answer::ById(Vec::new()), 2);
        let now = Instant::now();
        assert_eq!((slots.take(now), slots.take(now)), (Some(0), Some(1)));
        assert!(!slots.has_free());
        assert_eq!(slots.in_flight(), 2);
        assert_eq!(slots.give_back_slot(1), Some(now));
        assert_eq!(slots.in_flight(), 1);
        assert_eq!(slots.give_back_slot(1), None);
        assert_eq!(slots.give_back_slot(7), None);
        assert_eq!(slots.take(now), Some(1));
    }
}
