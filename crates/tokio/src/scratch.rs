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
const COPY_MAX: usize = 4096;

thread_local! {
    static SCRATCH: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// Reads once. `consume` is given what `tail` held followed by what was read; what it leaves
/// goes back to `tail`. `Ok(None)` is the end of the stream.
pub(crate) fn poll_read<R>(
    io: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    tail: &mut BytesMut,
    consume: impl FnOnce(&mut BytesMut) -> R,
) -> Poll<io::Result<Option<R>>> {
    // Taken, not borrowed: reading runs foreign code, which might come back here.
    let mut buffer = SCRATCH.take().unwrap_or_default();
    let result = read_into(&mut buffer, io, cx, tail, consume);
    buffer.clear();
    SCRATCH.set(Some(buffer));
    result
}

fn read_into<R>(
    buffer: &mut BytesMut,
    io: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    tail: &mut BytesMut,
    consume: impl FnOnce(&mut BytesMut) -> R,
) -> Poll<io::Result<Option<R>>> {
    if buffer.capacity() < ROOM.max(2 * tail.len()) {
        buffer.reserve(SIZE.max(2 * tail.len()));
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
