//! One socket's events, handled in the order in which they came.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use faststr::FastStr;
use songi_socketio::Arguments;
use songi_socketio::handler::{BoxFuture, EventContext, HandlerFn, HandlerSocket as _};

use crate::contained::{Contained, contain, panic_message};
use crate::namespace::Handlers;
use crate::reason::DisconnectReason;
use crate::socket::{Socket, SocketInner};

/// What waits for its handlers.
#[derive(Debug)]
pub(crate) enum Job {
    /// The socket has joined its namespace; the auth payload is the argument.
    Connected(Arguments),
    Event {
        name: FastStr,
        id: Option<u64>,
        args: Arguments,
    },
    Disconnected(DisconnectReason),
}

/// The jobs of one socket. At most one is being done.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    jobs: VecDeque<Job>,
    busy: bool,
}

impl SocketInner {
    /// Puts a job behind the others. [`work`](Self::work) does it.
    pub(crate) fn push(&self, job: Job) {
        self.inbox.lock().jobs.push_back(job);
    }

    /// Does all jobs that can be done now. Handlers that do not wait are called right here; the
    /// first that does goes into a task, which then does the rest.
    pub(crate) fn work(self: &Arc<Self>) {
        while let Some(job) = self.next_job() {
            let is_event = matches!(job, Job::Event { .. });
            let mut handlers = Running::new(Socket::from_inner(self.clone()), job);
            // The waker is not needed: if a handler waits, the task polls it again.
            match handlers.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(()) => self.finish_job(is_event),
                Poll::Pending => {
                    let socket = self.clone();
                    tokio::spawn(async move {
                        std::future::poll_fn(|cx| handlers.poll(cx)).await;
                        socket.finish_job(is_event);
                        socket.work();
                    });
                    return;
                }
            }
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut inbox = self.inbox.lock();
        if inbox.busy {
            return None;
        }
        let job = inbox.jobs.pop_front()?;
        inbox.busy = true;
        Some(job)
    }

    fn finish_job(&self, is_event: bool) {
        let mut inbox = self.inbox.lock();
        inbox.busy = false;
        if inbox.jobs.is_empty() {
            // A burst leaves no buffer behind.
            inbox.jobs.shrink_to(4);
        }
        drop(inbox);
        if let Some(connection) = self.connection().filter(|_| is_event) {
            connection.event_handled();
        }
    }
}

/// The handlers of one job, one after another.
struct Running {
    socket: Socket,
    handlers: Arc<Handlers>,
    job: Job,
    next: usize,
    future: Option<Contained<()>>,
}

impl Running {
    fn new(socket: Socket, job: Job) -> Self {
        let handlers = socket.namespace().handlers();
        Self {
            socket,
            handlers,
            job,
            next: 0,
            future: None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(future) = &mut self.future {
                let Poll::Ready(finished) = std::pin::Pin::new(future).poll(cx) else {
                    return Poll::Pending;
                };
                self.future = None;
                if let Err(panic) = finished {
                    self.failed_by(&panic);
                }
            }
            let handler = self.list().get(self.next).cloned();
            let Some(handler) = handler else {
                return Poll::Ready(());
            };
            self.next += 1;
            self.future = self.call(&handler).map(Contained::new);
        }
    }

    fn list(&self) -> &[HandlerFn<Socket>] {
        match &self.job {
            Job::Connected(_) => &self.handlers.connection,
            Job::Event { name, .. } => self.handlers.event(name),
            Job::Disconnected(_) => &self.handlers.disconnect,
        }
    }

    fn call(&self, handler: &HandlerFn<Socket>) -> Option<BoxFuture<()>> {
        let reason;
        let (args, id) = match &self.job {
            Job::Connected(auth) => (auth, None),
            Job::Event { args, id, .. } => (args, *id),
            Job::Disconnected(why) => {
                reason = why.as_arguments();
                (&reason, None)
            }
        };
        let mut event = EventContext::new(&self.socket, args, id);
        match contain(|| handler.call(&mut event)) {
            Ok(Ok(future)) => future,
            Ok(Err(error)) => {
                self.socket
                    .handler_failed(id, &format_args!("{}: {error}", self.name()));
                None
            }
            Err(panic) => {
                self.failed_by(&panic);
                None
            }
        }
    }

    fn failed_by(&self, panic: &crate::contained::Panic) {
        let message = panic_message(panic);
        // The client is told nothing of a panic.
        self.socket
            .handler_failed(None, &format_args!("{}: panicked: {message}", self.name()));
    }

    fn name(&self) -> &str {
        match &self.job {
            Job::Connected(_) => "connection",
            Job::Event { name, .. } => name,
            Job::Disconnected(_) => "disconnect",
        }
    }
}
