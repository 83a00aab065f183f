//! A panic in a handler ends that handler and nothing else.

use alloc::boxed::Box;
use alloc::string::String;
use core::any::Any;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::BoxFuture;

/// What a panic carried. Displays its text.
pub struct Panic(Box<dyn Any + Send>);

/// Runs `f`, and gives its panic as an error.
///
/// # Errors
///
/// `f` panicked.
pub fn contain<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    // The closure's own state is its author's; the caller holds no lock of its own here.
    catch_unwind(AssertUnwindSafe(f)).map_err(Panic)
}

/// A future whose panic is its output.
pub struct Contained<T>(BoxFuture<T>);

impl<T> Contained<T> {
    /// Contains the panics of a future.
    pub fn new(future: BoxFuture<T>) -> Self {
        Self(future)
    }
}

impl<T> Future for Contained<T> {
    type Output = Result<T, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match contain(|| self.0.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

impl<T> fmt::Debug for Contained<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contained")
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.0.downcast_ref::<&str>() {
            return f.write_str(text);
        }
        let text = self.0.downcast_ref::<String>().map(String::as_str);
        f.write_str(text.unwrap_or("a panic without a text"))
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Panic({self})")
    }
}
