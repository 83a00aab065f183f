use alloc::collections::VecDeque;

/// Outputs that wait to be pulled. The first has a place of its own, so that a session whose
/// driver pulls after each input allocates nothing; what more there is gives its memory back.
#[derive(Debug)]
pub(super) struct Outbox<T> {
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Outbox<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            rest: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, output: T) {
        if self.first.is_none() && self.rest.is_empty() {
            self.first = Some(output);
        } else {
            self.rest.push_back(output);
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        if let Some(output) = self.first.take() {
            return Some(output);
        }
        let output = self.rest.pop_front()?;
        if self.rest.is_empty() {
            self.rest = VecDeque::new();
        }
        Some(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_and_memory_is_given_back() {
        let mut outbox = Outbox::new();
        outbox.push(1);
        outbox.push(2);
        assert_eq!(outbox.pop(), Some(1));
        outbox.push(3);
        assert_eq!(
            [outbox.pop(), outbox.pop(), outbox.pop()],
            [Some(2), Some(3), None]
        );
        assert_eq!(outbox.rest.capacity(), 0);
        outbox.push(4);
        assert_eq!((outbox.rest.capacity(), outbox.pop()), (0, Some(4)));
    }
}
