use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use thiserror::Error;

/// The acks that one side waits for, each with a value of the caller: what to do with the answer.
///
/// An answer is taken out once; a second one and one that nobody waits for find nothing and are
/// ignored, as in JavaScript.
///
/// ```
/// use core::time::Duration;
/// use songi_socketio::AckRegistry;
///
/// let mut acks = AckRegistry::new(100);
/// let id = acks.insert("answer me", Some(Duration::from_secs(5)))?;
/// let late = acks.insert("nobody answers", Some(Duration::from_secs(10)))?;
/// assert_eq!(acks.take(id), Some("answer me"));
/// assert_eq!(acks.take(id), None);
/// assert_eq!(acks.next_deadline(), Some(Duration::from_secs(10)));
/// assert_eq!(acks.expire(Duration::from_secs(10)).next(), Some((late, "nobody answers")));
/// # Ok::<(), songi_socketio::AckError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AckRegistry<T> {
    limit: usize,
    next_id: u64,
    waiting: BTreeMap<u64, Waiting<T>>,
    deadlines: BTreeSet<(Duration, u64)>,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    value: T,
    deadline: Option<Duration>,
}

/// Why an ack cannot be waited for.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// The peer owes more answers than the limit given to [`AckRegistry::new`].
    #[error("{limit} acks are pending, which is the limit")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The id is being waited for already.
    #[error("the ack id {id} is in use")]
    InUse {
        /// The id.
        id: u64,
    },
}

impl<T> AckRegistry<T> {
    /// A limit that serves most: 1024.
    pub const DEFAULT_LIMIT: usize = 1024;

    /// Nothing is waited for yet, and never more than `limit` acks at a time.
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            next_id: 0,
            waiting: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// Waits for an ack, until `deadline` if there is one, and gives it the next free id.
    ///
    /// # Errors
    /// [`AckError::TooMany`].
    pub fn insert(&mut self, value: T, deadline: Option<Duration>) -> Result<u64, AckError> {
        if self.waiting.len() >= self.limit {
            return Err(AckError::TooMany { limit: self.limit });
        }
        let id = self.reserve();
        self.insert_with_id(id, value, deadline)?;
        Ok(id)
    }

    /// Waits for an ack whose id was chosen elsewhere: a broadcast has one id for all receivers.
    ///
    /// # Errors
    /// [`AckError::TooMany`] or [`AckError::InUse`].
    pub fn insert_with_id(
        &mut self,
        id: u64,
        value: T,
        deadline: Option<Duration>,
    ) -> Result<(), AckError> {
        if self.waiting.len() >= self.limit {
            return Err(AckError::TooMany { limit: self.limit });
        }
        if self.waiting.contains_key(&id) {
            return Err(AckError::InUse { id });
        }
        self.waiting.insert(id, Waiting { value, deadline });
        self.deadlines
            .extend(deadline.map(|deadline| (deadline, id)));
        Ok(())
    }

    /// An id for an ack that is waited for elsewhere: nothing else gets it.
    pub(crate) fn reserve(&mut self) -> u64 {
        // Ids of `insert_with_id` may be ahead; there are fewer of them than `limit`.
        while self.waiting.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    /// Takes out those whose ids are chosen.
    pub(crate) fn take_where(&mut self, chosen: impl Fn(u64) -> bool) -> Vec<T> {
        let ids: Vec<u64> = self
            .waiting
            .keys()
            .copied()
            .filter(|&id| chosen(id))
            .collect();
        ids.into_iter().filter_map(|id| self.take(id)).collect()
    }

    /// Takes out what waits for `id`; `None` when nothing does.
    pub fn take(&mut self, id: u64) -> Option<T> {
        let Waiting { value, deadline } = self.waiting.remove(&id)?;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, id));
        }
        Some(value)
    }

    /// Takes out, one by one, all whose deadline has come, the earliest first.
    pub fn expire(&mut self, now: Duration) -> impl Iterator<Item = (u64, T)> {
        core::iter::from_fn(move || {
            let &(deadline, id) = self.deadlines.first()?;
            if deadline > now {
                return None;
            }
            Some((id, self.take(id)?))
        })
    }

    /// Takes out all, as when the connection has ended.
    pub fn drain(&mut self) -> impl Iterator<Item = (u64, T)> {
        self.deadlines.clear();
        core::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(id, waiting)| (id, waiting.value))
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// How many acks are waited for.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none is waited for.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl<T> Default for AckRegistry<T> {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ids_count_up_and_are_not_used_twice() {
        let mut acks = AckRegistry::new(10);
        assert_eq!(acks.insert('a', None), Ok(0));
        assert_eq!(acks.insert_with_id(1, 'b', None), Ok(()));
        assert_eq!(
            acks.insert_with_id(1, 'c', None),
            Err(AckError::InUse { id: 1 })
        );
        assert_eq!(acks.insert('d', None), Ok(2));
        assert_eq!(acks.take(0), Some('a'));
        assert_eq!(
            acks.insert('e', None),
            Ok(3),
            "an id that was answered does not come again"
        );
    }

    #[test]
    fn unknown_and_doubled_acks_find_nothing() {
        let mut acks = AckRegistry::new(10);
        let id = acks.insert('a', Some(SECOND)).unwrap();
        assert_eq!(acks.take(id + 1), None);
        assert_eq!(acks.take(id), Some('a'));
        assert_eq!(acks.take(id), None);
        assert_eq!(acks.next_deadline(), None);
        assert_eq!(acks.expire(SECOND).count(), 0);
    }

    #[test]
    fn the_limit_holds() {
        let mut acks = AckRegistry::new(2);
        let first = acks.insert('a', None).unwrap();
        acks.insert('b', None).unwrap();
        assert_eq!(acks.insert('c', None), Err(AckError::TooMany { limit: 2 }));
        assert_eq!(
            acks.insert_with_id(77, 'c', None),
            Err(AckError::TooMany { limit: 2 })
        );
        acks.take(first);
        assert!(acks.insert('c', None).is_ok());
    }

    #[test]
    fn expires_in_order_of_the_deadlines_and_leaves_the_rest() {
        let mut acks = AckRegistry::new(10);
        acks.insert("third", Some(3 * SECOND)).unwrap();
        acks.insert("first", Some(SECOND)).unwrap();
        acks.insert("never", None).unwrap();
        acks.insert("second", Some(2 * SECOND)).unwrap();
        assert_eq!(acks.next_deadline(), Some(SECOND));
        assert_eq!(acks.expire(SECOND / 2).count(), 0);
        let expired: alloc::vec::Vec<_> = acks.expire(2 * SECOND).map(|(_, value)| value).collect();
        assert_eq!(expired, ["first", "second"]);
        assert_eq!(acks.next_deadline(), Some(3 * SECOND));
        assert_eq!(acks.len(), 2);
        assert_eq!(
            acks.drain()
                .map(|(_, value)| value)
                .collect::<alloc::vec::Vec<_>>(),
            ["third", "never"]
        );
        assert_eq!(acks.next_deadline(), None);
        assert!(acks.is_empty());
    }
}
