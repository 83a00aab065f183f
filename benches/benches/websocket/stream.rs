//! A stream in memory, blocking and not.

use std::{
    hint::black_box,
    io::{self, IoSlice, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What one read of a server takes at most.
pub const READ: usize = 64 * 1024;

/// Gives its bytes once or without end; takes all that is written.
pub struct Memory {
    input: Bytes,
    at: usize,
    endless: bool,
}

impl Memory {
    /// Gives its bytes again and again, as they fit.
    pub fn endless(input: &[u8]) -> Self {
        // A message of about 16 KiB, with the read buffer right behind it, would be a whole number
        // of pages away from its copy: the processor takes loads for such stores.
        let mut bytes = Vec::with_capacity(input.len() + 2048);
        bytes.extend_from_slice(input);
        Self {
            input: Bytes::from(bytes),
            at: 0,
            endless: true,
        }
    }

    /// Gives its bytes once, and then nothing; for who only writes, none.
    pub const fn once(input: &'static [u8]) -> Self {
        Self {
            input: Bytes::from_static(input),
            at: 0,
            endless: false,
        }
    }

    /// Hands out up to `n` bytes, in pieces; how many there were.
    pub fn take(&mut self, n: usize, mut put: impl FnMut(&[u8])) -> usize {
        let mut left = n.min(READ);
        let n = left;
        while left > 0 {
            if self.at == self.input.len() {
                if !self.endless || self.input.is_empty() {
                    break;
                }
                self.at = 0;
            }
            let rest = &self.input[self.at..];
            let piece = &rest[..left.min(rest.len())];
            put(piece);
            self.at += piece.len();
            left -= piece.len();
        }
        n - left
    }
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = &mut buffer[..];
        let taken = self.take(rest.len(), |piece| {
            // Writing to a slice moves it on.
            rest.write_all(piece).expect("no more than asked for");
        });
        match taken {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            taken => Ok(taken),
        }
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Memory {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = buffer.remaining();
        match self.get_mut().take(wanted, |piece| buffer.put_slice(piece)) {
            0 => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(black_box(bytes).len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(black_box(slices).iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
