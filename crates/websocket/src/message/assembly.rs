//! A message under way: fragments, partial frames and inflated pieces, put together (RFC 6455
//! §5.4).

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::{Violation, utf8::Utf8Buffer};

/// The payload so far, less what has been given out in chunks. Memory follows the bytes that have
/// arrived, not the lengths announced nor the number of fragments.
#[derive(Debug)]
pub(crate) struct Assembly {
    body: Body,
    /// Bytes of the payload so far, in all.
    received: usize,
    limit: usize,
    fragments: u32,
    fragment_limit: u32,
    pub(crate) compressed: bool,
}

#[derive(Debug)]
enum Body {
    Text(Utf8Buffer),
    Binary(Vec<u8>),
}

/// A message, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Assembled {
    Text(String),
    Binary(Vec<u8>),
}

impl Assembly {
    pub(crate) fn new(
        text: bool,
        compressed: bool,
        limit: usize,
        fragment_limit: u32,
    ) -> Box<Self> {
        let body = if text {
            Body::Text(Utf8Buffer::default())
        } else {
            Body::Binary(Vec::new())
        };
        Box::new(Self {
            body,
            received: 0,
            limit,
            fragments: 1,
            fragment_limit,
            compressed,
        })
    }

    /// Counts one more frame, empty or not.
    pub(crate) fn next_fragment(&mut self) -> Result<(), Violation> {
        if self.fragments >= self.fragment_limit {
            return Err(Violation::TooManyFragments {
                limit: self.fragment_limit,
            });
        }
        self.fragments += 1;
        Ok(())
    }

    /// Bytes that may still come over the wire; of a compressed message that says nothing yet.
    pub(crate) fn room(&self) -> usize {
        if self.compressed {
            usize::MAX
        } else {
            self.limit - self.received
        }
    }

    /// Appends a piece, where at most `more` bytes, the piece among them, are to come soon.
    pub(crate) fn push(&mut self, piece: &[u8], more: usize) -> Result<(), Violation> {
        let room = self.limit - self.received;
        if piece.len() > room {
            return Err(Violation::MessageTooBig { limit: self.limit });
        }
        let more = more.min(room);
        self.received += piece.len();
        match &mut self.body {
            Body::Text(text) => {
                let more = growth(text.len(), text.capacity(), piece.len(), more);
                if more > 0 {
                    text.reserve_exact(more);
                }
                text.push(piece).map_err(|_| Violation::InvalidUtf8)
            }
            Body::Binary(bytes) => {
                let more = growth(bytes.len(), bytes.capacity(), piece.len(), more);
                if more > 0 {
                    bytes.reserve_exact(more);
                }
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    /// Bytes held.
    pub(crate) fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.len(),
            Body::Binary(bytes) => bytes.len(),
        }
    }

    /// What is complete so far, for a message that is given out in chunks. A character that is
    /// cut stays.
    pub(crate) fn take(&mut self) -> Assembled {
        match &mut self.body {
            Body::Text(text) => Assembled::Text(text.take()),
            Body::Binary(bytes) => Assembled::Binary(core::mem::take(bytes)),
        }
    }

    pub(crate) fn finish(self) -> Result<Assembled, Violation> {
        match self.body {
            Body::Text(text) => match text.finish() {
                Ok(text) => Ok(Assembled::Text(text)),
                Err(_) => Err(Violation::InvalidUtf8),
            },
            Body::Binary(bytes) => Ok(Assembled::Binary(bytes)),
        }
    }
}

impl Assembled {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Binary(bytes) => bytes.is_empty(),
        }
    }
}

/// How many bytes to reserve before a piece is appended: doubling, so that the whole costs linear
/// time, but not past what may come, so that a large message ends in a buffer that fits. One of
/// which half is there gets it at once.
fn growth(len: usize, capacity: usize, piece: usize, more: usize) -> usize {
    // A character that is cut is counted, and stands elsewhere.
    if capacity.saturating_sub(len) >= piece {
        return 0;
    }
    piece.max(capacity.max(2 * piece).min(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer doubles, and ends as large as the frame it is for.
    #[test]
    fn growth_is_bounded_by_what_arrived_and_by_the_frame() {
        assert_eq!(growth(0, 0, 100, 1 << 30), 200);
        assert_eq!(growth(0, 0, 100, 150), 150);
        assert_eq!(growth(0, 0, 100, 100), 100);
        assert_eq!(growth(100, 100, 100, 1 << 30), 200);
        assert_eq!(growth(200, 200, 1, 1 << 30), 200);
        assert_eq!(growth(200, 200, 1, 7), 7);
        assert_eq!(growth(200, 300, 100, 1 << 30), 0);
    }
}
