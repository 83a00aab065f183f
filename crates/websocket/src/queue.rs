//! Bytes that wait to be written.

use alloc::collections::VecDeque;
use core::{iter, mem};

use bytes::{Buf, Bytes, BytesMut};

/// Headers and small payloads in one buffer; large payloads spliced in between, uncopied.
///
/// It holds no memory while it is empty.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Everything that was copied, in order, less what has been transmitted.
    copied: BytesMut,
    shared: VecDeque<Splice>,
    /// How many of `copied` stand before the last splice: the sum of `Splice::before`.
    claimed: usize,
    /// Bytes of both kinds.
    len: usize,
}

/// A payload that stands behind the next `before` bytes of `copied`.
#[derive(Debug)]
struct Splice {
    before: usize,
    payload: Bytes,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends at most `most` bytes through a function that may only append.
    #[inline]
    pub(crate) fn copy(&mut self, most: usize, write: impl FnOnce(&mut BytesMut)) {
        let before = self.copied.len();
        if self.copied.capacity() == 0 {
            // Cheaper than to let an empty buffer grow.
            self.copied = BytesMut::with_capacity(most);
        } else {
            self.copied.reserve(most);
        }
        write(&mut self.copied);
        self.len += self.copied.len() - before;
    }

    /// Appends a payload without copying it.
    pub(crate) fn share(&mut self, payload: Bytes) {
        let before = self.copied.len() - self.claimed;
        self.claimed += before;
        self.len += payload.len();
        self.shared.push_back(Splice { before, payload });
    }

    /// The bytes in order, in as few slices as they lie in.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut copied: &[u8] = &self.copied;
        let mut shared = self.shared.iter();
        let mut payload: &[u8] = &[];
        iter::from_fn(move || {
            while payload.is_empty() {
                let Some(splice) = shared.next() else {
                    let rest = mem::take(&mut copied);
                    return (!rest.is_empty()).then_some(rest);
                };
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
    pub(crate) fn advance(&mut self, n: usize) {
        let mut n = n.min(self.len);
        self.len -= n;
        if self.len == 0 {
            self.copied = BytesMut::new();
            self.claimed = 0;
            if self.shared.capacity() > 0 {
                self.shared = VecDeque::new();
            }
            return;
        }
        while n > 0 {
            let Some(front) = self.shared.front_mut() else {
                self.copied.advance(n);
                return;
            };
            let copied = front.before.min(n);
            self.copied.advance(copied);
            front.before -= copied;
            self.claimed -= copied;
            n -= copied;

            let shared = front.payload.len().min(n);
            front.payload.advance(shared);
            n -= shared;
            if front.before == 0 && front.payload.is_empty() {
                self.shared.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Op {
        Copy(Vec<u8>),
        Share(Vec<u8>),
        Advance(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            any::<Vec<u8>>().prop_map(Op::Copy),
            proptest::collection::vec(any::<u8>(), 1..50).prop_map(Op::Share),
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
                        queue.share(Bytes::from(bytes));
                    }
                    Op::Advance(n) => {
                        queue.advance(n);
                        model.drain(..n.min(model.len()));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.slices().collect::<Vec<_>>().concat(), model.clone());
            }
        }
    }

    #[test]
    fn empty_holds_no_memory() {
        let mut queue = Queue::default();
        queue.copy(3, |out| out.extend_from_slice(b"abc"));
        queue.share(Bytes::from_static(b"def"));
        queue.advance(6);
        assert_eq!((queue.copied.capacity(), queue.shared.capacity()), (0, 0));
    }
}
