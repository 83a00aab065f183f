//! One read buffer per thread, for all its sockets.

use std::{
    cell::Cell,
    io, mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// What one read takes at most: large enough to take much at once, small enough to stay in the cache
/// while it is unmasked.
const SIZE: usize = 64 * 1024;

/// Room behind that, for the rest of a message that the end of a read cuts.
const SPARE: usize = 16 * 1024;

/// The least that a read is given room for. Below it the buffer starts at its beginning again, which
/// is cheap, but not for each small message.
const ROOM: usize = SIZE - 4096;

/// An unfinished rest up to this size is copied; a larger one takes the buffer along.
const COPY_MAX: usize = 16 * 1024;

/// The start of a message up to this size is moved to the front of the buffer, though there is room
/// behind it: that takes less than a read of its own.
const MOVE_MAX: usize = 4096;

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
    let has_room = tail.capacity() - tail.len() >= missing;
    if missing > 0 && tail.len() > if has_room { MOVE_MAX } else { COPY_MAX } {
        return read_behind(tail, missing, io, cx, consume);
    }
    // Taken, not borrowed: reading runs foreign code, which might come back here.
    let mut buffer = SCRATCH.take().unwrap_or_default();
    if tail.capacity() > tail.len() {
        // It lies in the buffer that was taken along: who waits holds no more than it needs.
        let own = BytesMut::from(&tail[..]);
        let used = mem::replace(tail, own);
        if buffer.capacity() == 0 {
            buffer = used;
            buffer.clear();
        }
    }
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
    if buffer.capacity() < ROOM.max(wanted) + SPARE {
        buffer.reserve(SIZE.max(wanted) + SPARE);
    }
    if !tail.is_empty() {
        buffer.extend_from_slice(tail);
    }
    let room = buffer.capacity() - buffer.len() - SPARE;
    match poll_read_buf(io, cx, &mut (&mut *buffer).limit(room)) {
        Poll::Ready(Ok(0)) => return Poll::Ready(Ok(None)),
        Poll::Ready(Ok(_)) => {}
        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
        Poll::Pending => {
            if tail.is_empty() {
                *tail = BytesMut::new();
            }
            return Poll::Pending;
        }
    }
    let result = consume(buffer);
    match buffer.len() {
        0 if tail.is_empty() => {}
        0 => *tail = BytesMut::new(),
        1..=COPY_MAX => *tail = BytesMut::from(&buffer[..]),
        _ => *tail = mem::take(buffer),
    }
    Poll::Ready(Ok(Some(result)))
}

/// The rest of a large message, and no more, so that it need not be moved, and the next read starts
/// at the beginning of the buffer again.
fn read_behind<R>(
    tail: &mut BytesMut,
    missing: usize,
    io: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    consume: impl FnOnce(&mut BytesMut) -> R,
) -> Poll<io::Result<Option<R>>> {
    if tail.capacity() - tail.len() < missing {
        move_out(tail, missing);
    }
    match poll_read_buf(io, cx, &mut (&mut *tail).limit(missing)) {
        Poll::Ready(Ok(0)) => return Poll::Ready(Ok(None)),
        Poll::Ready(Ok(_)) => {}
        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
        Poll::Pending => {
            // Who waits holds no more than it needs.
            if tail.capacity() - tail.len() > missing {
                let room = if tail.len() > COPY_MAX { missing } else { 0 };
                move_out(tail, room);
            }
            return Poll::Pending;
        }
    }
    let result = consume(tail);
    if tail.is_empty() {
        give_back(mem::take(tail));
    }
    Poll::Ready(Ok(Some(result)))
}

/// Gives the start of a message a buffer of its own, with so much room behind it.
fn move_out(tail: &mut BytesMut, room: usize) {
    let mut own = BytesMut::with_capacity(tail.len() + room);
    own.extend_from_slice(tail);
    give_back(mem::replace(tail, own));
}

/// A buffer that was taken along serves the next read, unless there is another by now.
fn give_back(mut buffer: BytesMut) {
    buffer.clear();
    let kept = SCRATCH.take().filter(|kept| kept.capacity() > 0);
    SCRATCH.set(kept.or(Some(buffer)));
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::ReadBuf;

    use super::*;

    /// A stream that gives its bytes, and then nothing yet.
    struct Slow<'a>(&'a [u8]);

    impl AsyncRead for Slow<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.0.is_empty() {
                return Poll::Pending;
            }
            Pin::new(&mut self.0).poll_read(cx, buffer)
        }
    }

    /// A message, and where it stood.
    type Taken = (*const u8, Vec<u8>);

    /// Reads all of `bytes`, until there is nothing to read. A message is `whole` bytes, and is let
    /// go of at once.
    fn read(tail: &mut BytesMut, bytes: &[u8], whole: usize) -> Vec<Taken> {
        let take = |input: &mut BytesMut| {
            let message = input.split_to(whole);
            (message.as_ptr(), message.to_vec())
        };
        let cx = &mut Context::from_waker(Waker::noop());
        let mut stream = Slow(bytes);
        let mut taken = Vec::new();
        loop {
            while tail.len() >= whole {
                taken.push(take(tail));
            }
            let missing = (whole - tail.len()) % whole;
            let read = poll_read(Pin::new(&mut stream), cx, tail, missing, |input| {
                (input.len() >= whole).then(|| take(input))
            });
            match read {
                Poll::Ready(Ok(Some(message))) => taken.extend(message),
                Poll::Ready(read) => panic!("{read:?}"),
                Poll::Pending => return taken,
            }
        }
    }

    /// A small rest is kept in a buffer of its size, the rest of a large message is read into one
    /// that holds it exactly; whoever is done holds none.
    #[test]
    fn who_waits_holds_no_more_than_it_needs() {
        for (first, whole) in [(100, 200), (COPY_MAX, SIZE), (COPY_MAX + 1, SIZE)] {
            let mut tail = BytesMut::new();
            assert_eq!(read(&mut tail, &vec![1; first], whole).len(), 0);
            let needed = if first > COPY_MAX { whole } else { first };
            assert_eq!((tail.len(), tail.capacity()), (first, needed));

            let missing = whole - first;
            let part = &vec![2; missing - 1][..];
            assert_eq!(read(&mut tail, part, whole).len(), 0);
            assert_eq!(tail.len(), whole - 1);
            assert!(tail.capacity() <= SIZE, "{}", tail.capacity());

            let messages = read(&mut tail, &[3], whole);
            let (_, message) = &messages[0];
            assert!(message.starts_with(&[1]) && message.ends_with(&[2, 3]));
            assert_eq!(tail.capacity(), 0);
        }
    }

    /// What was taken along is given back when there is nothing more for now.
    #[test]
    fn who_waits_gives_the_buffer_back() {
        for rest in [0, 1, MOVE_MAX, MOVE_MAX + 1, COPY_MAX, COPY_MAX + 1] {
            let whole = COPY_MAX + 2;
            let mut tail = BytesMut::new();
            let bytes = vec![1; 2 * whole + rest];
            assert_eq!(read(&mut tail, &bytes, whole).len(), 2);
            let needed = if rest > COPY_MAX { whole } else { rest };
            assert_eq!((tail.len(), tail.capacity()), (rest, needed));
            let buffer = SCRATCH.take().expect("the thread's buffer");
            assert!(buffer.capacity() > 0, "{rest}");
        }
    }

    /// Messages that the end of a read cuts stay in the buffer, which the thread gets back.
    #[test]
    fn the_rest_of_a_cut_message_is_read_behind_it() {
        let whole = 16 * 1024 + 8;
        let bytes: Vec<u8> = (0..20 * whole).map(|i| (i / whole) as u8).collect();
        let mut tail = BytesMut::new();
        let mut places = Vec::new();
        for part in bytes.chunks(4 * whole) {
            let (here, messages): (Vec<_>, Vec<_>) =
                read(&mut tail, part, whole).into_iter().unzip();
            assert_eq!(messages.concat(), part);
            assert_eq!(tail.capacity(), 0);
            places.extend(here);
        }
        // The fourth of each read is the one that is cut.
        for (at, place) in places.iter().enumerate() {
            assert_eq!(*place, places[0].wrapping_add(at % 4 * whole));
        }
    }
}
