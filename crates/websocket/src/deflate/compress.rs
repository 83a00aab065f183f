//! Messages in, compressed data out (RFC 7692 §7.2.1).

use alloc::{boxed::Box, vec, vec::Vec};
use core::fmt;

use bytes::Bytes;
use zlib_rs::DeflateFlush;

use super::{Agreed, Deflate, TAIL, pool::Direction};

/// The least room for the output of a chunk.
const ROOM: usize = 64;

/// The compression of one direction.
pub(crate) struct Compressor {
    deflate: Deflate,
    /// There is one during a message, and between messages if the window lives on.
    stream: Option<Box<zlib_rs::Deflate>>,
    direction: Direction,
}

impl Compressor {
    pub(crate) fn new(agreed: &Agreed, direction: Direction) -> Self {
        Self {
            deflate: agreed.deflate.clone(),
            stream: None,
            direction,
        }
    }

    /// Compresses a whole message; `None` if it is better sent as it is: it is short, or would
    /// not get shorter.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Option<Bytes> {
        if payload.len() < self.deflate.config().threshold.max(1) {
            return None;
        }
        let mut stream = self.take_stream()?;
        // No more than the payload itself takes.
        let mut output = vec![0; payload.len() + TAIL.len() - 1];
        let flushed = flush(&mut stream, payload, &mut output);
        if flushed.is_none() {
            // The peer will not see what this window has seen.
            stream.reset();
        }
        self.give_stream(stream);
        output.truncate(flushed?.checked_sub(TAIL.len())?);
        output.shrink_to_fit();
        Some(output.into())
    }

    /// Compresses a part of a message; `None` if this direction is not compressed at all.
    pub(crate) fn chunk(&mut self, payload: &[u8], last: bool) -> Option<Bytes> {
        let mut stream = self.take_stream()?;
        if payload.is_empty() {
            // Nothing to flush: at the end a block without data (RFC 7692 §7.2.3.6).
            if last {
                self.give_stream(stream);
            } else {
                self.stream = Some(stream);
            }
            return Some(Bytes::from_static(if last { &[0] } else { &[] }));
        }
        let mut output = Vec::new();
        let (mut rest, mut written) = (payload, 0);
        loop {
            output.resize(written + rest.len().max(ROOM), 0);
            let room = output.get_mut(written..)?;
            let (read, wrote) = step(&mut stream, rest, room)?;
            rest = rest.get(read..)?;
            written += wrote;
            if rest.is_empty() && written < output.len() {
                break;
            }
        }
        if last {
            written = written.checked_sub(TAIL.len())?;
            self.give_stream(stream);
        } else {
            self.stream = Some(stream);
        }
        output.truncate(written);
        output.shrink_to_fit();
        Some(output.into())
    }

    /// Whether a message that was compressed by itself, in a window of so many bits, may be sent
    /// as it is: what our own window holds must not depend on it (RFC 7692 §7.1.1).
    pub(crate) fn takes_prepared(&self, bits: u8) -> bool {
        !self.direction.takeover && bits <= self.direction.bits
    }

    /// `None` for the window of 256 bytes, which the compressor does not know: without one,
    /// messages go uncompressed (RFC 7692 §6).
    fn take_stream(&mut self) -> Option<Box<zlib_rs::Deflate>> {
        let bits = self.direction.bits;
        if bits < 9 {
            return None;
        }
        let stream = self.stream.take();
        Some(stream.unwrap_or_else(|| self.deflate.take_compressor(bits)))
    }

    fn give_stream(&mut self, stream: Box<zlib_rs::Deflate>) {
        if self.direction.takeover {
            self.stream = Some(stream);
        } else {
            self.deflate.give_compressor(self.direction.bits, stream);
        }
    }
}

/// Compresses a message by itself, for many connections; `None` if it would not get shorter.
pub(super) fn alone(deflate: &Deflate, bits: u8, payload: &[u8]) -> Option<Bytes> {
    let direction = Direction {
        takeover: false,
        bits,
    };
    let mut compressor = Compressor {
        deflate: deflate.clone(),
        stream: None,
        direction,
    };
    compressor.message(payload)
}

/// Compresses and flushes `payload`; `None` if it does not fit into `output`.
fn flush(stream: &mut zlib_rs::Deflate, payload: &[u8], output: &mut [u8]) -> Option<usize> {
    let (mut rest, mut written) = (payload, 0);
    loop {
        let room = output.get_mut(written..)?;
        let (read, wrote) = step(stream, rest, room)?;
        rest = rest.get(read..)?;
        written += wrote;
        // Room that is left says that the flush is complete.
        if rest.is_empty() && written < output.len() {
            return Some(written);
        }
        if written == output.len() {
            return None;
        }
    }
}

/// One call: how much was read, and how much written.
fn step(stream: &mut zlib_rs::Deflate, input: &[u8], output: &mut [u8]) -> Option<(usize, usize)> {
    let (read, written) = (stream.total_in(), stream.total_out());
    stream
        .compress(input, output, DeflateFlush::SyncFlush)
        .ok()?;
    // Both are at most the lengths of the slices.
    Some((
        (stream.total_in() - read) as usize,
        (stream.total_out() - written) as usize,
    ))
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("direction", &self.direction)
            .field("active", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}
