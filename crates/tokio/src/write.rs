//! Writing what lies in one slice, or in many.

use std::{
    io::{self, IoSlice},
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
    mut slices: impl Iterator<Item = &'a [u8]>,
) -> Poll<io::Result<usize>> {
    let Some(first) = slices.next() else {
        return Poll::Ready(Ok(0));
    };
    let written = match slices.next() {
        None => ready!(io.poll_write(cx, first))?,
        Some(second) => {
            let mut filled = [IoSlice::new(&[]); SLICES];
            let mut used = 0;
            let all = [first, second].into_iter().chain(slices);
            for (slot, slice) in filled.iter_mut().zip(all) {
                *slot = IoSlice::new(slice);
                used += 1;
            }
            ready!(io.poll_write_vectored(cx, filled.get(..used).unwrap_or_default()))?
        }
    };
    match written {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(Ok(written)),
    }
}
