//! What a handler may return, and how it answers the ack.

use alloc::boxed::Box;
use core::fmt::Display;
use core::future::Future;

use faststr::FastStr;
use serde::Serialize;

use super::{BoxFuture, Failure, HandlerSocket};

/// What a handler may return: `()`, any `Serialize` value, a `Result` whose error is `Display`, or
/// a future of these. `M` only tells them apart and is inferred.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    note = "return `()`, a `Serialize` value, a `Result` of these whose error is `Display` (and not `Serialize`), or a `Send` future of any of them"
)]
pub trait Answer<M>: Sized {
    /// Answers now, or gives the future that will.
    fn answer<S: HandlerSocket>(self, responder: Responder<'_, S>) -> Option<BoxFuture<()>>;
}

/// Marks a plain value.
#[derive(Debug)]
pub enum Plain {}

/// Marks a `Result`, whose success is marked by `M`.
#[derive(Debug)]
pub struct Fallible<M>(M);

/// Marks a future, whose output is marked by `M`.
#[derive(Debug)]
pub struct Async<M>(M);

impl<T: Serialize> Answer<Plain> for T {
    fn answer<S: HandlerSocket>(self, responder: Responder<'_, S>) -> Option<BoxFuture<()>> {
        responder.send(&self);
        None
    }
}

impl<T, E, M> Answer<Fallible<M>> for Result<T, E>
where
    T: Answer<M>,
    E: Display,
{
    fn answer<S: HandlerSocket>(self, responder: Responder<'_, S>) -> Option<BoxFuture<()>> {
        match self {
            Ok(value) => value.answer(responder),
            Err(error) => {
                responder.fail(&error);
                None
            }
        }
    }
}

impl<F, M> Answer<Async<M>> for F
where
    F: Future<Output: Answer<M>> + Send + 'static,
    M: 'static,
{
    fn answer<S: HandlerSocket>(self, responder: Responder<'_, S>) -> Option<BoxFuture<()>> {
        let (socket, event, ack) = responder.into_parts();
        Some(Box::pin(async move {
            let output = self.await;
            // An output that is a future itself is not awaited on and on: there is one level.
            if let Some(rest) = output.answer(Responder::new(&socket, &event, ack)) {
                rest.await;
            }
        }))
    }
}

/// Where a handler's answer goes.
#[derive(Debug)]
pub struct Responder<'a, S> {
    socket: &'a S,
    event: &'a FastStr,
    /// Absent when no ack was asked for, or the handler took it to answer by itself.
    ack: Option<u64>,
}

impl<'a, S: HandlerSocket> Responder<'a, S> {
    pub(super) fn new(socket: &'a S, event: &'a FastStr, ack: Option<u64>) -> Self {
        Self { socket, event, ack }
    }

    /// To be kept until a future is ready.
    fn into_parts(self) -> (S, FastStr, Option<u64>) {
        (self.socket.clone(), self.event.clone(), self.ack)
    }

    /// Answers the ack, if one was asked for.
    pub fn send<T: Serialize>(self, value: &T) {
        if let Some(id) = self.ack {
            self.socket.acknowledge(id, value);
        }
    }

    /// Reports that the handler failed.
    pub fn fail(self, error: &dyn Display) {
        self.socket
            .handler_failed(self.ack, self.event, Failure::Error(error));
    }
}
