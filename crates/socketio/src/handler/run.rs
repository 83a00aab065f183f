//! The handlers of one event, one after another.

use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

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

/// The handlers of one job, from the first that has to wait on. Each starts when the one before it
/// has finished. For an event, those of [`HandlerTable::on_any`] are first, then the middlewares,
/// and if all let it pass, its own handlers.
///
/// A handler that fails or panics is reported by [`HandlerSocket::handler_failed`], and the next
/// one is called. Of a panic the peer is told nothing.
pub struct Run<S> {
    socket: S,
    shared: Arc<HandlerTable<S>>,
    own: Option<Arc<HandlerTable<S>>>,
    job: Job,
    progress: Progress,
}

/// Whom a job is for, and who handles it.
struct Calls<'a, S> {
    socket: &'a S,
    shared: &'a HandlerTable<S>,
    own: Option<&'a HandlerTable<S>>,
    job: &'a Job,
}

/// How far it is.
struct Progress {
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
    /// Calls the handlers that the socket shares with others and, each kind behind those, its own,
    /// right here, as long as none waits. `None` when all have finished; otherwise, whoever gets the
    /// rest polls it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use songi_socketio::Arguments;
    /// # use songi_socketio::handler::{Failure, HandlerFn, HandlerSocket, HandlerTable, Job, Run};
    /// # #[derive(Clone)]
    /// # struct Socket;
    /// # impl HandlerSocket for Socket {
    /// #     fn acknowledge<T: serde::Serialize>(&self, _: u64, _: &T) {}
    /// #     fn handler_failed(&self, _: Option<u64>, _: &faststr::FastStr, _: Failure<'_>) {}
    /// # }
    /// let mut table = HandlerTable::<Socket>::default();
    /// table.on("greet".into(), HandlerFn::new(|name: String| format!("Hello, {name}!")));
    ///
    /// let job = Job::Event {
    ///     name: "greet".into(),
    ///     id: Some(7),
    ///     args: Arguments::of(&"Ada")?,
    /// };
    /// assert!(Run::start(&Socket, &Arc::new(table), None, job).is_none());
    /// # Ok::<(), songi_socketio::EncodeError>(())
    /// ```
    pub fn start(
        socket: &S,
        shared: &Arc<HandlerTable<S>>,
        own: Option<&Arc<HandlerTable<S>>>,
        job: Job,
    ) -> Option<Self> {
        let calls = Calls {
            socket,
            shared,
            own: own.map(|own| &**own),
            job: &job,
        };
        let mut progress = Progress::of(&job);
        // The waker is not needed: what waits is polled again by who gets it.
        let mut cx = Context::from_waker(Waker::noop());
        if calls.poll(&mut progress, &mut cx).is_ready() {
            return None;
        }
        Some(Self {
            socket: socket.clone(),
            shared: shared.clone(),
            own: own.cloned(),
            job,
            progress,
        })
    }
}

impl<S: HandlerSocket + Unpin> Future for Run<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let calls = Calls {
            socket: &this.socket,
            shared: &this.shared,
            own: this.own.as_deref(),
            job: &this.job,
        };
        calls.poll(&mut this.progress, cx)
    }
}

impl<S: HandlerSocket> Calls<'_, S> {
    fn poll(&self, progress: &mut Progress, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut progress.waiting {
                Some(Waiting::Handler(future)) => {
                    let finished = ready!(Pin::new(future).poll(cx));
                    progress.waiting = None;
                    if let Err(panic) = finished {
                        self.failed(None, Failure::Panic(&panic));
                    }
                }
                Some(Waiting::Middleware(future)) => {
                    let verdict = ready!(Pin::new(future).poll(cx));
                    progress.waiting = None;
                    self.decided(progress, verdict);
                }
                None => {}
            }
            if !self.advance(progress) {
                return Poll::Ready(());
            }
        }
    }

    /// Starts the next call; `false` when all is done.
    fn advance(&self, progress: &mut Progress) -> bool {
        let (shared, own) = (self.shared, self.own);
        let index = progress.next;
        progress.next += 1;
        match progress.stage {
            Stage::Any => match pick(shared.any(), own.map(HandlerTable::any), index) {
                Some(handler) => self.call(progress, handler),
                None => progress.enter(Stage::Middlewares),
            },
            Stage::Middlewares => {
                let own = own.map(HandlerTable::middlewares);
                match pick(shared.middlewares(), own, index) {
                    Some(middleware) => self.check(progress, middleware),
                    None => progress.enter(Stage::Handlers),
                }
            }
            Stage::Handlers => {
                let (shared, own) = (
                    shared.of(self.job),
                    own.and_then(|table| table.of(self.job)),
                );
                if shared.is_none() && own.is_none() {
                    progress.enter(Stage::Fallback);
                    return true;
                }
                let shared = shared.unwrap_or_default();
                let last = shared.len() + own.map_or(0, <[_]>::len) <= progress.next;
                if let Some(handler) = pick(shared, own, index) {
                    self.call(progress, handler);
                }
                if last {
                    progress.enter(Stage::Over);
                    // Whether it waits is seen by who polls.
                    return progress.waiting.is_some();
                }
            }
            Stage::Fallback => {
                let own = own.map(HandlerTable::fallback);
                match pick(shared.fallback(), own, index) {
                    Some(handler) => self.call(progress, handler),
                    None => progress.enter(Stage::Over),
                }
            }
            Stage::Over => return false,
        }
        true
    }

    fn call(&self, progress: &mut Progress, handler: &HandlerFn<S>) {
        let (args, id) = self.job.arguments();
        // Who listens to all events answers none.
        let id = id.filter(|_| progress.stage != Stage::Any);
        let mut event = EventContext::new(self.socket, self.job.name(), args, id);
        match contain(|| handler.call(&mut event)) {
            Ok(Ok(future)) => {
                progress.waiting = future.map(|future| Waiting::Handler(Contained::new(future)));
            }
            Ok(Err(error)) => self.failed(id, Failure::Argument(&error)),
            Err(panic) => self.failed(None, Failure::Panic(&panic)),
        }
    }

    fn check(&self, progress: &mut Progress, middleware: &MiddlewareFn<S>) {
        let (args, _) = self.job.arguments();
        let mut event = EventContext::new(self.socket, self.job.name(), args, None);
        let called: Result<Result<Decision, ArgumentError>, Panic> =
            contain(|| middleware.call(&mut event));
        match called {
            Ok(Ok(Decision::Made(verdict))) => self.decided(progress, Ok(verdict)),
            Ok(Ok(Decision::Awaited(future))) => {
                progress.waiting = Some(Waiting::Middleware(Contained::new(future)));
            }
            Ok(Err(error)) => {
                self.failed(None, Failure::Argument(&error));
                progress.enter(Stage::Over);
            }
            Err(panic) => self.decided(progress, Err(panic)),
        }
    }

    fn decided(&self, progress: &mut Progress, verdict: Result<Result<(), Rejection>, Panic>) {
        match verdict {
            Ok(Ok(())) => return,
            Ok(Err(rejection)) => self.failed(None, Failure::Rejected(&rejection)),
            Err(panic) => self.failed(None, Failure::Panic(&panic)),
        }
        progress.enter(Stage::Over);
    }

    fn failed(&self, id: Option<u64>, failure: Failure<'_>) {
        self.socket.handler_failed(id, self.job.name(), failure);
    }
}

impl Progress {
    fn of(job: &Job) -> Self {
        let stage = match job {
            Job::Event { .. } => Stage::Any,
            _ => Stage::Handlers,
        };
        Self {
            stage,
            next: 0,
            waiting: None,
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.next = 0;
    }
}

fn pick<'a, T>(shared: &'a [T], own: Option<&'a [T]>, index: usize) -> Option<&'a T> {
    match index.checked_sub(shared.len()) {
        None => shared.get(index),
        Some(index) => own?.get(index),
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
