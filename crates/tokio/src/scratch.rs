//! One read buffer per thread, for all its sockets.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Large enough to take much at once, small enough to stay in the cache while it is unmasked.
const SIZE: usize = 64 * 1024;

/// The least that a read is given room for. Below it the buffer starts at its beginning again, which
/// is cheap, but not for each small message.
const ROOM: usize = SIZE - 4096;

/// An unfinished rest up to this size is copied; a larger one takes the buffer along.
const COPY_MAX: usize = 16 * 1024;

thread_local! {
    static SCRATCH: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// Reads once. `consume` is given what `tail` held followed by what was read; what it leaves
/// goes back to `tail`. `missing` is how much is to come of a message whose start `tail` holds, if
/// it is known. `Ok(None)` is the end of the stream.
pub(crate) fn poll_read<R>(
    io: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    tail: &mut BytesMut,
    missing: usize,
    consume: impl FnOnce(&mut BytesMut) -> R,
) -> Poll<io::Result<Option<R>>> {
    if missing > 0 && tail.len() > COPY_MAX {
        return read_behind(tail, missing, io, cx, consume);
    }
    // Taken, not borrowed: reading runs foreign code, which might come back here.
    let mut buffer = SCRATCH.take().unwrap_or_default();
    let result = read_into(&mut buffer, io, cx, tail, missing, consume);
    buffer.clear();
    SCRATCH.set(Some(buffer));
    result
}

fn read_into<R>(
    buffer: &mut BytesMut,
    io: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    tail: &mut BytesMut,
    missing: usize,
    consume: impl FnOnce(&mut BytesMut) -> R,
) -> Poll<io::Result<Option<R>>> {
    let wanted = (2 * tail.len()).max(tail.len() + missing);
    if buffer.capacity() < ROOM.max(wanted) {
        buffer.reserve(SIZE.max(wanted));
    }
    if !tail.is_empty() {
        buffer.extend_from_slice(tail);
    }
    match poll_read_buf(io, cx, buffer) {
        Poll::Ready(Ok(0)) => return Poll::Ready(Ok(None)),
        Poll::Ready(Ok(_)) => {}
        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
        Poll::Pending => return Poll::Pending,
    }
    let result = consume(buffer);
    match buffer.len() {
        0 if tail.is_empty() => {}
        0 => *tail = BytesMut::new(),
        1..=COPY_MAX => *tail = BytesMut::from(&buffer[..]),
        _ => *tail = buffer.split(),
    }
    Poll::Ready(Ok(Some(result)))
}

/// The rest of a large message, into a buffer of its own size: what has come of it is copied once,
/// and what is to come not at all.
fn read_behind<R>(
    tail: &mut BytesMut,
    missing: usize,
    io: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    consume: impl FnOnce(&mut BytesMut) -> R,
) -> Poll<io::Result<Option<R>>> {
    if tail.capacity() - tail.len() < missing {
        let mut own = BytesMut::with_capacity(tail.len() + missing);
        own.extend_from_slice(tail);
        *tail = own;
    }
    match poll_read_buf(io, cx, tail) {
        Poll::Ready(Ok(0)) => return Poll::Ready(Ok(None)),
        Poll::Ready(Ok(_)) => {}
        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
        Poll::Pending => return Poll::Pending,
    }
    let result = consume(tail);
    if tail.is_empty() {
        *tail = BytesMut::new();
    }
    Poll::Ready(Ok(Some(result)))
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Reads `bytes`, and takes all up to `whole` bytes together, or nothing.
    fn read(
        tail: &mut BytesMut,
        missing: usize,
        mut bytes: &[u8],
        whole: usize,
    ) -> Option<BytesMut> {
        let cx = &mut Context::from_waker(Waker::noop());
        let read = poll_read(Pin::new(&mut bytes), cx, tail, missing, |input| {
            (input.len() >= whole).then(|| input.split_to(whole))
        });
        let Poll::Ready(Ok(Some(taken))) = read else {
            panic!("{read:?}");
        };
        assert!(bytes.is_empty());
        taken
    }

    /// A small rest is kept in a buffer of its size, and the rest of a large message is read into
    /// one that holds it exactly; whoever is done holds none.
    #[test]
    fn a_rest_is_held_in_no_more_than_it_needs() {
        for (first, whole) in [(100, 200), (COPY_MAX, SIZE), (COPY_MAX + 1, SIZE)] {
            let mut tail = BytesMut::new();
            assert_eq!(read(&mut tail, 0, &vec![1; first], whole), None);
            assert_eq!((tail.len(), tail.capacity()), (first, first));

            let missing = whole - first;
            let part = &vec![2; missing - 1][..];
            assert_eq!(read(&mut tail, missing, part, whole), None);
            assert_eq!(tail.len(), whole - 1);
            assert!(tail.capacity() <= SIZE, "{}", tail.capacity());

            let message = read(&mut tail, 1, &[3], whole).expect("all of it");
            assert!(message.starts_with(&[1]) && message.ends_with(&[2, 3]));
            assert_eq!(tail.capacity(), 0);
        }
    }
}
