//! The handlers of one event, one after another.

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use faststr::FastStr;

use super::{
    Contained, Decision, EventContext, Failure, HandlerFn, HandlerSocket, HandlerTable,
    MiddlewareFn, Panic, Rejection, contain,
};
use crate::{ArgumentError, Arguments};

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
    /// The socket is about to leave its namespace.
    Disconnecting(Arguments),
    /// The socket has left its namespace.
    Disconnected(Arguments),
}

static CONNECTION: FastStr = FastStr::from_static_str("connection");
static DISCONNECTING: FastStr = FastStr::from_static_str("disconnecting");
static DISCONNECT: FastStr = FastStr::from_static_str("disconnect");

impl Job {
    fn name(&self) -> &FastStr {
        match self {
            Self::Connected(_) => &CONNECTION,
            Self::Event { name, .. } => name,
            Self::Disconnecting(_) => &DISCONNECTING,
            Self::Disconnected(_) => &DISCONNECT,
        }
    }

    fn arguments(&self) -> (&Arguments, Option<u64>) {
        match self {
            Self::Event { args, id, .. } => (args, *id),
            Self::Connected(args) | Self::Disconnecting(args) | Self::Disconnected(args) => {
                (args, None)
            }
        }
    }
}

/// Calls the handlers of one job; each starts when the one before it has finished. For an event,
/// those of [`HandlerTable::on_any`] are first, then the middlewares, and if all let it pass, its
/// own handlers.
///
/// A handler that fails or panics is reported by [`HandlerSocket::handler_failed`], and the next
/// one is called. Of a panic the peer is told nothing.
pub struct Run<S> {
    socket: S,
    /// The handlers that the socket shares with others, and its own.
    shared: Arc<HandlerTable<S>>,
    own: Option<Arc<HandlerTable<S>>>,
    job: Job,
    stage: Stage,
    /// The next one of the stage.
    next: usize,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Any,
    Middlewares,
    Handlers,
    Fallback,
    Over,
}

enum Waiting {
    Handler(Contained<()>),
    Middleware(Contained<Result<(), Rejection>>),
}

impl<S: HandlerSocket> Run<S> {
    /// Calls nothing yet.
    pub fn new(socket: S, handlers: Arc<HandlerTable<S>>, job: Job) -> Self {
        let stage = match &job {
            Job::Event { .. } => Stage::Any,
            _ => Stage::Handlers,
        };
        Self {
            socket,
            shared: handlers,
            own: None,
            job,
            stage,
            next: 0,
            waiting: None,
        }
    }

    /// Calls the socket's own handlers too, each kind behind the shared ones.
    #[must_use]
    pub fn with_own(mut self, handlers: Option<Arc<HandlerTable<S>>>) -> Self {
        self.own = handlers;
        self
    }

    /// Starts the next call; `false` when all is done.
    fn advance(&mut self) -> bool {
        let (shared, own) = (&self.shared, self.own.as_deref());
        let index = self.next;
        self.next += 1;
        match self.stage {
            Stage::Any => {
                let handler = pick(shared.any(), own.map(HandlerTable::any), index).cloned();
                match handler {
                    Some(handler) => self.call(&handler),
                    None => self.enter(Stage::Middlewares),
                }
            }
            Stage::Middlewares => {
                let own = own.map(HandlerTable::middlewares);
                match pick(shared.middlewares(), own, index).cloned() {
                    Some(middleware) => self.check(&middleware),
                    None => self.enter(Stage::Handlers),
                }
            }
            Stage::Handlers => {
                let (shared, own) = (
                    shared.of(&self.job),
                    own.and_then(|table| table.of(&self.job)),
                );
                if shared.is_none() && own.is_none() {
                    self.enter(Stage::Fallback);
                    return true;
                }
                let shared = shared.unwrap_or_default();
                let last = shared.len() + own.map_or(0, <[_]>::len) <= self.next;
                let handler = pick(shared, own, index).cloned();
                if let Some(handler) = handler {
                    self.call(&handler);
                }
                if last {
                    self.enter(Stage::Over);
                }
            }
            Stage::Fallback => {
                let own = own.map(HandlerTable::fallback);
                match pick(shared.fallback(), own, index).cloned() {
                    Some(handler) => self.call(&handler),
                    None => self.enter(Stage::Over),
                }
            }
            Stage::Over => return false,
        }
        true
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.next = 0;
    }

    fn call(&mut self, handler: &HandlerFn<S>) {
        let (args, id) = self.job.arguments();
        // Who listens to all events answers none.
        let id = id.filter(|_| self.stage != Stage::Any);
        let mut event = EventContext::new(&self.socket, self.job.name(), args, id);
        match contain(|| handler.call(&mut event)) {
            Ok(Ok(future)) => {
                self.waiting = future.map(|future| Waiting::Handler(Contained::new(future)));
            }
            Ok(Err(error)) => self.failed(id, Failure::Argument(&error)),
            Err(panic) => self.failed(None, Failure::Panic(&panic)),
        }
    }

    fn check(&mut self, middleware: &MiddlewareFn<S>) {
        let (args, _) = self.job.arguments();
        let mut event = EventContext::new(&self.socket, self.job.name(), args, None);
        let called: Result<Result<Decision, ArgumentError>, Panic> =
            contain(|| middleware.call(&mut event));
        match called {
            Ok(Ok(Decision::Made(verdict))) => self.decided(Ok(verdict)),
            Ok(Ok(Decision::Awaited(future))) => {
                self.waiting = Some(Waiting::Middleware(Contained::new(future)));
            }
            Ok(Err(error)) => {
                self.failed(None, Failure::Argument(&error));
                self.enter(Stage::Over);
            }
            Err(panic) => self.decided(Err(panic)),
        }
    }

    fn decided(&mut self, verdict: Result<Result<(), Rejection>, Panic>) {
        match verdict {
            Ok(Ok(())) => return,
            Ok(Err(rejection)) => self.failed(None, Failure::Rejected(&rejection)),
            Err(panic) => self.failed(None, Failure::Panic(&panic)),
        }
        self.enter(Stage::Over);
    }

    fn failed(&self, id: Option<u64>, failure: Failure<'_>) {
        self.socket.handler_failed(id, self.job.name(), failure);
    }
}

fn pick<'a, T>(shared: &'a [T], own: Option<&'a [T]>, index: usize) -> Option<&'a T> {
    match index.checked_sub(shared.len()) {
        None => shared.get(index),
        Some(index) => own?.get(index),
    }
}

impl<S: HandlerSocket + Unpin> Future for Run<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.waiting {
                Some(Waiting::Handler(future)) => {
                    let finished = ready!(Pin::new(future).poll(cx));
                    self.waiting = None;
                    if let Err(panic) = finished {
                        self.failed(None, Failure::Panic(&panic));
                    }
                }
                Some(Waiting::Middleware(future)) => {
                    let verdict = ready!(Pin::new(future).poll(cx));
                    self.waiting = None;
                    self.decided(verdict);
                }
                None => {}
            }
            if !self.advance() {
                return Poll::Ready(());
            }
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
