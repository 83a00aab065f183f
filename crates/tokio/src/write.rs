//! Writing what lies in one slice, or in many.

use std::{
    io::{self, IoSlice},
    iter,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

/// Slices given to one vectored write.
const SLICES: usize = 64;

/// Writes once. One slice, the usual case, takes the cheaper of the two system calls.
///
/// # Errors
/// The stream failed, or takes nothing more.
pub(crate) fn poll_write<'a>(
    io: Pin<&mut impl AsyncWrite>,
    cx: &mut Context<'_>,
    queued: usize,
    slices: impl Iterator<Item = &'a [u8]>,
) -> Poll<io::Result<usize>> {
    let written = ready!(with_slices(queued, slices, |slices| match slices {
        [one] => io.poll_write(cx, one),
        all => io.poll_write_vectored(cx, all),
    }))?;
    match written {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(Ok(written)),
    }
}

/// Calls a function with the first slices, as many as one write takes. `queued` is what is in all
/// of them: often all is in the first.
pub(crate) fn with_slices<'a, R>(
    queued: usize,
    mut slices: impl Iterator<Item = &'a [u8]>,
    write: impl FnOnce(&[IoSlice<'a>]) -> R,
) -> R {
    let first = slices.next().unwrap_or_default();
    if first.len() >= queued {
        return write(&[IoSlice::new(first)]);
    }
    let mut filled = [IoSlice::new(&[]); SLICES];
    let mut used = 0;
    let all = iter::once(first).chain(slices);
    for (slot, slice) in filled.iter_mut().zip(all.map(IoSlice::new)) {
        *slot = slice;
        used += 1;
    }
    write(filled.get(..used).unwrap_or_default())
}
