//! A queue that is bounded by number and by bytes.

use alloc::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Queue<T> {
    /// Each with the bytes that it counts as.
    items: VecDeque<(T, usize)>,
    bytes: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Whether one more fits that counts as so many bytes. However large it is, the first one does.
    pub(super) fn has_room(&self, bytes: usize, max_items: usize, max_bytes: usize) -> bool {
        let fits = self.bytes.saturating_add(bytes) <= max_bytes || self.items.is_empty();
        fits && self.items.len() < max_items
    }

    /// Adds one that fits.
    pub(super) fn push(&mut self, item: T, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.items.push_back((item, bytes));
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.items.pop_front()?;
        self.bytes -= bytes;
        if self.items.is_empty() {
            // A burst leaves no buffer behind.
            self.items = VecDeque::new();
        }
        Some(item)
    }

    pub(super) fn first(&self) -> Option<&T> {
        self.items.front().map(|(item, _)| item)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        self.items.retain(|(item, _)| stays(item));
        self.bytes = self.items.iter().map(|(_, bytes)| bytes).sum();
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_by_number_and_by_bytes() {
        let mut queue = Queue::default();
        // One always fits.
        assert!(queue.has_room(2000, 3, 1000));
        queue.push('a', 2000);
        assert!(!queue.has_room(1, 3, 1000));
        assert_eq!((queue.pop(), queue.bytes), (Some('a'), 0));
        assert!(!queue.has_room(1, 0, 1000));
        for (item, bytes) in [('b', 400), ('c', 500), ('d', 100)] {
            assert!(queue.has_room(bytes, 3, 1000));
            queue.push(item, bytes);
        }
        assert!(!queue.has_room(0, 3, 1000));
        assert!(!queue.has_room(1, 4, 1000));
        queue.retain(|item| *item != 'c');
        assert_eq!(
            (queue.first(), queue.len(), queue.bytes),
            (Some(&'b'), 2, 500)
        );
        assert!(queue.iter().eq(&['b', 'd']));
        assert!(queue.has_room(500, 3, 1000));
        assert_eq!(
            (queue.pop(), queue.pop(), queue.pop()),
            (Some('b'), Some('d'), None)
        );
        assert_eq!(queue.bytes, 0);
    }
}
