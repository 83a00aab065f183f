//! A stream that is watched.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the peer.
    Sent,
    /// From the peer.
    Received,
}

type Watch = Box<dyn FnMut(Direction, &[u8]) + Send>;

/// A stream whose bytes are shown to a function, as they are read and written: for who debugs what
/// is on the wire. Over TLS it sees what is encrypted.
///
/// ```
/// use songi_tokio::{Direction, Tapped};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (near, mut far) = tokio::io::duplex(64);
/// let (sender, seen) = std::sync::mpsc::channel();
/// let mut near = Tapped::new(near, move |direction, bytes| {
///     let _ = sender.send((direction, bytes.to_vec()));
/// });
/// far.write_all(b"ping").await?;
/// near.read_exact(&mut [0; 4]).await?;
/// near.write_all(b"pong").await?;
/// assert_eq!(seen.recv(), Ok((Direction::Received, b"ping".to_vec())));
/// assert_eq!(seen.recv(), Ok((Direction::Sent, b"pong".to_vec())));
/// # Ok(())
/// # }
/// ```
pub struct Tapped<IO> {
    io: IO,
    watch: Watch,
}

impl<IO> Tapped<IO> {
    /// Shows the bytes of a stream to a function, which is called by whoever reads and writes, and
    /// should not take long.
    pub fn new(io: IO, watch: impl FnMut(Direction, &[u8]) + Send + 'static) -> Self {
        Self {
            io,
            watch: Box::new(watch),
        }
    }

    fn sent(&mut self, slices: &[IoSlice<'_>], written: usize) {
        let mut left = written;
        for slice in slices {
            let part = slice.get(..left).unwrap_or(slice);
            if !part.is_empty() {
                (self.watch)(Direction::Sent, part);
            }
            left -= part.len();
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Tapped<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if !read.is_empty() {
            (self.watch)(Direction::Received, read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Tapped<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.sent(&[IoSlice::new(bytes)], written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
        self.sent(slices, written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<IO: fmt::Debug> fmt::Debug for Tapped<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tapped").field(&self.io).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::sync::mpsc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_a_short_vectored_write_took_is_shown_and_no_more() {
        let (near, mut far) = duplex(5);
        let (sender, seen) = mpsc::channel();
        let mut near = Tapped::new(near, move |_, bytes: &[u8]| {
            sender.send(bytes.to_vec()).unwrap();
        });
        let slices = [b"abc".as_slice(), b"", b"defg"].map(IoSlice::new);
        let written = near.write_vectored(&slices).await.unwrap();
        let shown: Vec<u8> = seen.try_iter().flatten().collect();
        let mut arrived = vec![0; written];
        far.read_exact(&mut arrived).await.unwrap();
        assert!(written < 7, "it took all");
        assert_eq!(shown, arrived);
    }
}
