//! The handlers of one event, one after another.

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use faststr::FastStr;

use super::{BoxFuture, Contained, EventContext, HandlerFn, HandlerSocket, HandlerTable, contain};
use crate::Arguments;

/// What handlers are called for.
#[derive(Debug, Clone)]
pub enum Job {
    /// The socket has joined its namespace.
    Connected(Arguments),
    /// An event came.
    Event {
        /// Its name.
        name: FastStr,
        /// Present when the peer waits for an ack.
        id: Option<u64>,
        /// Its arguments.
        args: Arguments,
    },
    /// The socket has left its namespace.
    Disconnected(Arguments),
}

impl Job {
    fn name(&self) -> &str {
        match self {
            Self::Connected(_) => "connection",
            Self::Event { name, .. } => name,
            Self::Disconnected(_) => "disconnect",
        }
    }
}

/// Calls the handlers of one job; each starts when the one before it has finished.
///
/// A handler that fails or panics is reported by [`HandlerSocket::handler_failed`], and the next
/// one is called. Of a panic the peer is told nothing.
pub struct Run<S> {
    socket: S,
    handlers: Arc<HandlerTable<S>>,
    job: Job,
    next: usize,
    future: Option<Contained<()>>,
}

impl<S: HandlerSocket> Run<S> {
    /// Calls nothing yet.
    pub fn new(socket: S, handlers: Arc<HandlerTable<S>>, job: Job) -> Self {
        Self {
            socket,
            handlers,
            job,
            next: 0,
            future: None,
        }
    }

    fn call(&self, handler: &HandlerFn<S>) -> Option<BoxFuture<()>> {
        let (args, id) = match &self.job {
            Job::Event { args, id, .. } => (args, *id),
            Job::Connected(args) | Job::Disconnected(args) => (args, None),
        };
        let mut event = EventContext::new(&self.socket, args, id);
        match contain(|| handler.call(&mut event)) {
            Ok(Ok(future)) => future,
            Ok(Err(error)) => {
                self.failed(id, &error);
                None
            }
            Err(panic) => {
                self.failed(None, &format_args!("panicked: {panic}"));
                None
            }
        }
    }

    fn failed(&self, id: Option<u64>, error: &dyn fmt::Display) {
        let name = self.job.name();
        self.socket
            .handler_failed(id, &format_args!("{name}: {error}"));
    }
}

impl<S: HandlerSocket + Unpin> Future for Run<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(future) = &mut self.future {
                let finished = ready!(Pin::new(future).poll(cx));
                self.future = None;
                if let Err(panic) = finished {
                    self.failed(None, &format_args!("panicked: {panic}"));
                }
            }
            let Some(handler) = self.handlers.of(&self.job).get(self.next).cloned() else {
                return Poll::Ready(());
            };
            self.next += 1;
            self.future = self.call(&handler).map(Contained::new);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Run<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("socket", &self.socket)
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}
