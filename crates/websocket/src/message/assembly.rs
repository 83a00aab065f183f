//! A message under way: fragments and partial frames, put together (RFC 6455 §5.4).

use alloc::vec::Vec;

use bytes::Bytes;
use faststr::FastStr;

use crate::{Event, Violation, utf8::Utf8Buffer};

/// The payload so far. Memory follows the bytes that have arrived, not the lengths announced nor
/// the number of fragments.
#[derive(Debug)]
pub(crate) struct Assembly {
    body: Body,
    fragments: u32,
}

#[derive(Debug)]
enum Body {
    Text(Utf8Buffer),
    Binary(Vec<u8>),
}

impl Assembly {
    pub(crate) fn new(text: bool) -> Self {
        let body = if text {
            Body::Text(Utf8Buffer::default())
        } else {
            Body::Binary(Vec::new())
        };
        Self { body, fragments: 1 }
    }

    /// Counts one more frame, empty or not.
    pub(crate) fn next_fragment(&mut self, limit: u32) -> Result<(), Violation> {
        if self.fragments >= limit {
            return Err(Violation::TooManyFragments { limit });
        }
        self.fragments += 1;
        Ok(())
    }

    /// Appends a piece of a frame of which `remaining` bytes, the piece among them, are to come.
    pub(crate) fn push(&mut self, piece: &[u8], remaining: usize) -> Result<(), Violation> {
        match &mut self.body {
            Body::Text(text) => {
                let more = growth(text.len(), text.capacity(), piece.len(), remaining);
                if more > 0 {
                    text.reserve_exact(more);
                }
                text.push(piece).map_err(|_| Violation::InvalidUtf8)
            }
            Body::Binary(bytes) => {
                let more = growth(bytes.len(), bytes.capacity(), piece.len(), remaining);
                if more > 0 {
                    bytes.reserve_exact(more);
                }
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.len(),
            Body::Binary(bytes) => bytes.len(),
        }
    }

    pub(crate) fn finish(self) -> Result<Event, Violation> {
        match self.body {
            Body::Text(text) => match text.finish() {
                Ok(text) => Ok(Event::Text(FastStr::from_string(text))),
                Err(_) => Err(Violation::InvalidUtf8),
            },
            Body::Binary(bytes) => Ok(Event::Binary(Bytes::from(bytes))),
        }
    }
}

/// How many bytes to reserve before a piece is appended: doubling, so that the whole costs linear
/// time, but not past the end of the frame, so that a large message ends in a buffer that fits.
fn growth(len: usize, capacity: usize, piece: usize, remaining: usize) -> usize {
    if capacity - len >= piece {
        return 0;
    }
    piece.max(capacity.min(remaining))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer doubles, and ends as large as the frame it is for.
    #[test]
    fn growth_is_bounded_by_what_arrived_and_by_the_frame() {
        assert_eq!(growth(0, 0, 100, 1 << 30), 100);
        assert_eq!(growth(100, 100, 100, 1 << 30), 100);
        assert_eq!(growth(200, 200, 1, 1 << 30), 200);
        assert_eq!(growth(200, 200, 1, 7), 7);
        assert_eq!(growth(200, 300, 100, 1 << 30), 0);
    }
}
