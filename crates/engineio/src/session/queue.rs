use alloc::collections::{VecDeque, vec_deque};
use core::mem;

use super::{SendError, SendOptions};
use crate::{
    packet::Frame,
    payload::{self, SEPARATOR},
};

/// Frames that wait for a long-polling request, bounded in bytes.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<(Frame, SendOptions)>,
    bytes: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What counts against the limit.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a message, if it fits and can be told from what stands beside it: `separated` tells
    /// whether [`SEPARATOR`] is all that stands between.
    pub(super) fn try_push(
        &mut self,
        frame: Frame,
        options: SendOptions,
        max: usize,
        separated: bool,
    ) -> Result<(), SendError> {
        if separated && matches!(&frame, Frame::Text(text) if text.as_bytes().contains(&SEPARATOR))
        {
            return Err(SendError::Separator(frame));
        }
        if self.bytes.saturating_add(cost(&frame)) > max {
            return Err(SendError::Full(frame));
        }
        self.push(frame, options);
        Ok(())
    }

    /// Adds a control packet, whatever the limit says: there is one at a time.
    pub(super) fn push(&mut self, frame: Frame, options: SendOptions) {
        self.bytes = self.bytes.saturating_add(cost(&frame));
        self.frames.push_back((frame, options));
    }

    /// Adds a control packet that goes before what waits.
    pub(super) fn push_front(&mut self, frame: Frame, options: SendOptions) {
        self.bytes = self.bytes.saturating_add(cost(&frame));
        self.frames.push_front((frame, options));
    }

    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }

    /// As many frames from the front as a payload of `max` bytes holds, and at least one.
    pub(super) fn take_batch(&mut self, max: usize) -> Self {
        let mut total = 0_usize;
        let count = self
            .frames
            .iter()
            .take_while(|(frame, _)| {
                let first = total == 0;
                total = total
                    .saturating_add(payload::encoded_len(frame))
                    .saturating_add(1);
                // The last packet needs no separator.
                first || total - 1 <= max
            })
            .count();
        let rest = self.frames.split_off(count);
        let frames = mem::replace(&mut self.frames, rest);
        let bytes = frames.iter().map(|(frame, _)| cost(frame)).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        Self { frames, bytes }
    }

    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> + Clone {
        self.frames.iter().map(|(frame, _)| frame)
    }

    pub(super) fn may_compress(&self) -> bool {
        self.frames.iter().any(|(_, options)| options.compress)
    }
}

impl IntoIterator for Queue {
    type Item = (Frame, SendOptions);
    type IntoIter = vec_deque::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.frames.into_iter()
    }
}

/// What a frame counts: its bytes, and what holding it takes, so that empty messages are bounded
/// too.
fn cost(frame: &Frame) -> usize {
    frame
        .len()
        .saturating_add(size_of::<(Frame, SendOptions)>())
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn queue(texts: &[&'static str]) -> Queue {
        let mut queue = Queue::default();
        for &text in texts {
            queue.push(Frame::Text(text.into()), SendOptions::default());
        }
        queue
    }

    #[test]
    fn batches_fill_the_payload_and_no_more() {
        let mut queue = queue(&["4aaa", "4bbb", "4ccc", "4dddddddddd", "4e"]);
        let batches: Vec<_> = core::iter::from_fn(|| {
            (!queue.is_empty()).then(|| payload::encode(queue.take_batch(9).frames()))
        })
        .collect();
        assert_eq!(batches, ["4aaa\x1e4bbb", "4ccc", "4dddddddddd", "4e"]);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_batch_keeps_the_account() {
        let mut queue = queue(&["4aaa", "4bbb", "4ccc"]);
        let all = queue.bytes();
        let batch = queue.take_batch(9);
        assert_eq!(batch.bytes() + queue.bytes(), all);
        assert_eq!(queue.take().bytes() * 2, batch.bytes());
    }
}
