//! One read buffer per thread, for all its sockets.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Large enough to take much at once, small enough to stay in the cache while it is unmasked.
const SIZE: usize = 64 * 1024;

/// An unfinished rest up to this size is copied; a larger one takes the buffer along.
const COPY_MAX: usize = 4096;

thread_local! {
    static SCRATCH: RefCell<BytesMut> = RefCell::new(BytesMut::new());
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
    let mut buffer = SCRATCH.take();
    let result = read_into(&mut buffer, io, cx, tail, consume);
    buffer.clear();
    SCRATCH.set(buffer);
    result
}

fn read_into<R>(
    buffer: &mut BytesMut,
    io: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    tail: &mut BytesMut,
    consume: impl FnOnce(&mut BytesMut) -> R,
) -> Poll<io::Result<Option<R>>> {
    buffer.clear();
    buffer.reserve(SIZE.max(2 * tail.len()));
    buffer.extend_from_slice(tail);
    match poll_read_buf(io, cx, buffer) {
        Poll::Ready(Ok(0)) => return Poll::Ready(Ok(None)),
        Poll::Ready(Ok(_)) => {}
        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
        Poll::Pending => return Poll::Pending,
    }
    let result = consume(buffer);
    *tail = match buffer.len() {
        0 => BytesMut::new(),
        1..=COPY_MAX => BytesMut::from(&buffer[..]),
        _ => buffer.split(),
    };
    Poll::Ready(Ok(Some(result)))
}
