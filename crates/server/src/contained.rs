//! A panic in a handler ends that handler, not the server.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use songi_socketio::handler::BoxFuture;

/// What a panic carried.
pub(crate) type Panic = Box<dyn Any + Send>;

/// Runs `f`, and gives its panic as an error.
pub(crate) fn contain<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    // The handler's own state is its author's; ours is behind locks that are not held here.
    catch_unwind(AssertUnwindSafe(f))
}

/// A handler's future, whose panic is its output.
pub(crate) struct Contained<T>(BoxFuture<T>);

impl<T> Contained<T> {
    pub(crate) fn new(future: BoxFuture<T>) -> Self {
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

/// The text of a panic, for the log.
pub(crate) fn panic_message(panic: &Panic) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return text;
    }
    panic
        .downcast_ref::<String>()
        .map_or("a panic without a text", String::as_str)
}
