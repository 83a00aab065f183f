//! Compressed data in, messages out (RFC 7692 §7.2.2).

use alloc::boxed::Box;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{Agreed, Deflate, InvalidDeflate, TAIL};

/// How much is inflated at once. No more than this is ever held beyond a message's limit.
const PIECE: usize = 8 * 1024;

/// A final, empty block: at the end of a whole message the stream takes it and ends.
const FINAL: [u8; 2] = [0x03, 0x00];

/// The decompression of one direction.
pub(crate) struct Inflater {
    deflate: Deflate,
    /// There is one during a message, and between messages if the peer keeps its window.
    stream: Option<Box<Stream>>,
    takeover: bool,
    /// How much of what stands behind a message's data has been taken.
    behind: u8,
}

/// A piece of inflated data.
pub(crate) struct Inflated<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether more may come without more input.
    pub(crate) more: bool,
}

/// An inflater with the place for its output.
pub(crate) struct Stream {
    // Its window takes 32 KiB however small the negotiated one is, so it is always of full size.
    inflate: Inflate,
    /// A final block was taken: the next one starts with an empty window.
    ended: bool,
    /// The data is bad behind what has been inflated.
    failed: bool,
    output: [u8; PIECE],
    written: usize,
}

impl Inflater {
    pub(crate) fn new(agreed: &Agreed, takeover: bool) -> Self {
        Self {
            deflate: agreed.deflate.clone(),
            stream: None,
            takeover,
            behind: 0,
        }
    }

    /// Inflates from the front of `input`, and moves it on. All is inflated once `input` is empty
    /// and there is no more.
    pub(crate) fn inflate(&mut self, input: &mut &[u8]) -> Result<Inflated<'_>, InvalidDeflate> {
        let deflate = &self.deflate;
        let stream = self.stream.get_or_insert_with(|| deflate.take_inflater());
        stream.advance(input)?;
        Ok(stream.inflated())
    }

    /// Inflates what is left when a message's data is at its end. The message is whole once there
    /// is no more.
    pub(crate) fn finish(&mut self) -> Result<Inflated<'_>, InvalidDeflate> {
        let deflate = &self.deflate;
        let stream = self.stream.get_or_insert_with(|| deflate.take_inflater());
        let [a, b, c, d] = TAIL;
        let [e, f] = FINAL;
        let behind = [a, b, c, d, e, f];
        // A stream that has ended has lost its window, so the test whether this is the end of a
        // message is only for streams whose window nobody wants.
        let end = if self.takeover { 4 } else { 6 };
        let mut rest = behind
            .get(usize::from(self.behind)..end)
            .unwrap_or_default();
        stream.advance(&mut rest)?;
        self.behind = (end - rest.len()) as u8;
        let more = stream.inflated().more || !rest.is_empty();
        if !more && !self.takeover && !stream.ended {
            return Err(InvalidDeflate);
        }
        Ok(Inflated {
            more,
            ..stream.inflated()
        })
    }

    /// Takes note that a message has ended, whole or not.
    pub(crate) fn end(&mut self) {
        self.behind = 0;
        if !self.takeover
            && let Some(stream) = self.stream.take()
        {
            self.deflate.give_inflater(stream);
        }
    }
}

impl Stream {
    /// Inflates once, from the front of `input`.
    fn advance(&mut self, input: &mut &[u8]) -> Result<(), InvalidDeflate> {
        if self.ended && !input.is_empty() {
            self.reset();
        }
        if self.failed {
            return Err(InvalidDeflate);
        }
        let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, &mut self.output, InflateFlush::SyncFlush);
        // Both are at most the lengths of the slices.
        let read = (self.inflate.total_in() - read) as usize;
        self.written = (self.inflate.total_out() - written) as usize;
        self.ended = status == Ok(Status::StreamEnd);
        let stuck = read == 0 && self.written == 0 && !input.is_empty() && !self.ended;
        // What comes before an error counts first, so that it does not matter how the data
        // arrives.
        self.failed = stuck || status.is_err();
        if self.failed && self.written == 0 {
            return Err(InvalidDeflate);
        }
        *input = input.get(read..).unwrap_or_default();
        Ok(())
    }

    fn inflated(&self) -> Inflated<'_> {
        Inflated {
            bytes: self.output.get(..self.written).unwrap_or_default(),
            more: self.failed || (self.written == PIECE && !self.ended),
        }
    }

    /// Empties the window.
    pub(crate) fn reset(&mut self) {
        self.inflate.reset(false);
        self.ended = false;
        self.failed = false;
        self.written = 0;
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            inflate: Inflate::new(false, 15),
            ended: false,
            failed: false,
            output: [0; PIECE],
            written: 0,
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("takeover", &self.takeover)
            .field("active", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}
