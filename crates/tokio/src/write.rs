//! Writing what lies in one slice, or in many.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

/// Slices given to one vectored write.
const SLICES: usize = 64;

/// Writes once: all that lies in one slice, the usual case, by the cheaper of the two system calls.
///
/// # Errors
/// The stream failed, or takes nothing more.
pub(crate) fn poll_write<'a>(
    io: Pin<&mut impl AsyncWrite>,
    cx: &mut Context<'_>,
    only: Option<&'a [u8]>,
    slices: impl Iterator<Item = &'a [u8]>,
) -> Poll<io::Result<usize>> {
    let written = ready!(with_slices(only, slices, |slices| match slices {
        [one] => io.poll_write(cx, one),
        all => io.poll_write_vectored(cx, all),
    }))?;
    match written {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(Ok(written)),
    }
}

/// Calls a function with the only slice, or with the first slices, as many as one write takes.
pub(crate) fn with_slices<'a, R>(
    only: Option<&'a [u8]>,
    slices: impl Iterator<Item = &'a [u8]>,
    write: impl FnOnce(&[IoSlice<'a>]) -> R,
) -> R {
    if let Some(only) = only {
        return write(&[IoSlice::new(only)]);
    }
    let mut filled = [IoSlice::new(&[]); SLICES];
    let mut used = 0;
    for (slot, slice) in filled.iter_mut().zip(slices.map(IoSlice::new)) {
        *slot = slice;
        used += 1;
    }
    write(filled.get(..used).unwrap_or_default())
}
