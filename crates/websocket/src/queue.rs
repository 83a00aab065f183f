//! Bytes that wait to be written.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, vec::Vec};
use core::{iter, mem, ops::Deref};

use bytes::{Buf, Bytes};

/// What is copied behind other bytes finds room for so many: doubled from one short message, the
/// buffer would be moved again and again.
const GROWTH: usize = 1024;

/// Headers and small payloads in one buffer; large payloads spliced in between, uncopied.
///
/// It holds no memory while it is empty, and needs none for a single shared payload: a broadcast
/// to connections that are idle allocates nothing for each.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Everything that was copied, in order.
    copied: Vec<u8>,
    /// How much of `copied` has been transmitted.
    done: usize,
    /// The first splice; there are `others` only behind it.
    first: Option<Splice>,
    others: Option<Box<Others>>,
}

#[derive(Debug, Default)]
struct Others {
    splices: VecDeque<Splice>,
    /// How many of `copied` they stand behind, beyond the first one's.
    claimed: usize,
    /// How many bytes they are themselves.
    shared: usize,
}

/// A payload that stands behind the next `before` bytes of `copied`.
#[derive(Debug)]
struct Splice {
    before: usize,
    payload: Shared,
}

/// Bytes that are not copied.
#[derive(Debug)]
pub(crate) enum Shared {
    Payload(Bytes),
    /// A frame for many connections, of which so many bytes have been transmitted.
    Frame(Arc<[u8]>, usize),
}

impl Shared {
    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Payload(payload) => payload.len(),
            Self::Frame(frame, done) => frame.len() - done,
        }
    }

    fn advance(&mut self, n: usize) {
        match self {
            Self::Payload(payload) => payload.advance(n),
            Self::Frame(_, done) => *done += n,
        }
    }
}

impl Deref for Shared {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Payload(payload) => payload,
            Self::Frame(frame, done) => frame.get(*done..).unwrap_or_default(),
        }
    }
}

impl Others {
    fn pop(&mut self) -> Option<Splice> {
        let splice = self.splices.pop_front()?;
        self.claimed -= splice.before;
        self.shared -= splice.payload.len();
        Some(splice)
    }
}

impl Queue {
    /// Bytes of both kinds.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let copied = self.copied.len() - self.done;
        let Some(first) = &self.first else {
            return copied;
        };
        let others = self.others.as_ref().map_or(0, |others| others.shared);
        copied + first.payload.len() + others
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.copied.is_empty() && self.first.is_none()
    }

    /// Appends at most `most` bytes through a function that may only append.
    #[inline]
    pub(crate) fn copy(&mut self, most: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.copied.capacity() - self.copied.len() < most {
            return self.copy_and_grow(most, write);
        }
        write(&mut self.copied);
    }

    #[cold]
    fn copy_and_grow(&mut self, most: usize, write: impl FnOnce(&mut Vec<u8>)) {
        // What has been transmitted gives its room, where it is no less than what has to be moved.
        if self.done >= self.unsent().len() {
            self.copied.drain(..self.done);
            self.done = 0;
        }
        // One short message takes no more than it needs; where there are several, more will come.
        let least = if self.copied.is_empty() { 0 } else { GROWTH };
        self.copied.reserve(most.max(least));
        write(&mut self.copied);
    }

    /// What of `copied` has not been transmitted.
    #[inline]
    fn unsent(&self) -> &[u8] {
        self.copied.get(self.done..).unwrap_or_default()
    }

    /// Appends bytes without copying them.
    #[inline]
    pub(crate) fn share(&mut self, payload: Shared) {
        if payload.is_empty() {
            // No slice is empty.
            return;
        }
        if self.is_empty() {
            self.first = Some(Splice { before: 0, payload });
            return;
        }
        self.share_behind(payload);
    }

    fn share_behind(&mut self, payload: Shared) {
        let before = self.copied.len() - self.done;
        let Some(first) = &self.first else {
            self.first = Some(Splice { before, payload });
            return;
        };
        let others = self.others.get_or_insert_default();
        let before = before - first.before - others.claimed;
        others.claimed += before;
        others.shared += payload.len();
        others.splices.push_back(Splice { before, payload });
    }

    /// All bytes, if they lie in one slice, as they mostly do.
    #[inline]
    pub(crate) fn only_slice(&self) -> Option<&[u8]> {
        let Some(first) = &self.first else {
            return Some(self.unsent());
        };
        let others = self.others.as_ref().map_or(0, |others| others.shared);
        (self.unsent().is_empty() && others == 0).then_some(&*first.payload)
    }

    /// The bytes in order, in as few slices as they lie in.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut copied = self.unsent();
        let mut next = self.first.as_ref();
        let mut others = self.others.as_ref().map(|others| others.splices.iter());
        let mut payload: &[u8] = &[];
        iter::from_fn(move || {
            while payload.is_empty() {
                let Some(splice) = next else {
                    let rest = mem::take(&mut copied);
                    return (!rest.is_empty()).then_some(rest);
                };
                next = others.as_mut().and_then(Iterator::next);
                payload = &splice.payload;
                let (before, rest) = copied.split_at_checked(splice.before)?;
                copied = rest;
                if !before.is_empty() {
                    return Some(before);
                }
            }
            Some(mem::take(&mut payload))
        })
    }

    /// Drops the first `n` bytes, which have been written.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize) {
        if n < self.len() {
            return self.advance_within(n);
        }
        self.copied = Vec::new();
        self.done = 0;
        self.first = None;
        // Tested, as the code that drops them is not inlined.
        if self.others.is_some() {
            self.others = None;
        }
    }

    fn advance_within(&mut self, mut n: usize) {
        while n > 0 {
            let Some(front) = &mut self.first else {
                self.done += n;
                return;
            };
            let copied = front.before.min(n);
            self.done += copied;
            front.before -= copied;
            n -= copied;

            let shared = front.payload.len().min(n);
            front.payload.advance(shared);
            n -= shared;
            if front.before == 0 && front.payload.is_empty() {
                self.first = self.others.as_mut().and_then(|others| others.pop());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Op {
        Copy(Vec<u8>),
        Share(Vec<u8>),
        ShareFrame(Vec<u8>),
        Advance(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            any::<Vec<u8>>().prop_map(Op::Copy),
            proptest::collection::vec(any::<u8>(), 1..50).prop_map(Op::Share),
            proptest::collection::vec(any::<u8>(), 1..50).prop_map(Op::ShareFrame),
            (0usize..200).prop_map(Op::Advance),
        ]
    }

    proptest! {
        /// I2: what comes out is what went in, drained in any sizes.
        #[test]
        fn is_a_queue_of_bytes(ops in proptest::collection::vec(op(), 0..40)) {
            let (mut queue, mut model) = (Queue::default(), Vec::new());
            for op in ops {
                match op {
                    Op::Copy(bytes) => {
                        queue.copy(bytes.len(), |out| out.extend_from_slice(&bytes));
                        model.extend(bytes);
                    }
                    Op::Share(bytes) => {
                        model.extend_from_slice(&bytes);
                        queue.share(Shared::Payload(bytes.into()));
                    }
                    Op::ShareFrame(bytes) => {
                        model.extend_from_slice(&bytes);
                        queue.share(Shared::Frame(bytes.into(), 0));
                    }
                    Op::Advance(n) => {
                        queue.advance(n);
                        model.drain(..n.min(model.len()));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                let slices: Vec<_> = queue.slices().collect();
                prop_assert_eq!(slices.concat(), model.clone());
                match queue.only_slice() {
                    Some(one) => prop_assert_eq!(one, &model),
                    None => prop_assert!(slices.len() > 1),
                }
            }
        }
    }

    #[test]
    fn empty_holds_no_memory() {
        let mut queue = Queue::default();
        queue.copy(3, |out| out.extend_from_slice(b"abc"));
        queue.share(Shared::Payload(Bytes::from_static(b"def")));
        queue.share(Shared::Frame(Arc::from(*b"ghi"), 0));
        queue.advance(9);
        assert_eq!(queue.copied.capacity(), 0);
        assert!(queue.first.is_none() && queue.others.is_none());
    }
}
