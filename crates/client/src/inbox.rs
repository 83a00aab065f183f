//! One socket's events, handled in the order in which they came.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use songi_socketio::Arguments;
use songi_socketio::handler::{Job, Run};

use crate::socket::{Socket, SocketInner};

/// The jobs of one socket. At most one is being done.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    jobs: VecDeque<Job>,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The namespace is not joined yet: events that come early wait, as in JavaScript.
    #[default]
    Joining,
    Idle,
    Busy,
    /// The last job is done, or there will be none.
    Over,
}

impl SocketInner {
    /// Puts an event behind the others. [`work`](Self::work) handles it.
    pub(crate) fn push_event(&self, event: Job) {
        self.inbox.lock().jobs.push_back(event);
    }

    /// Lets events be handled, after the handlers of the connection.
    pub(crate) fn begin(&self) {
        let mut inbox = self.inbox.lock();
        inbox.jobs.push_front(Job::Connected(Arguments::default()));
        inbox.state = State::Idle;
    }

    /// Puts the last job behind the others.
    pub(crate) fn push_disconnected(&self, reason: Arguments) {
        self.inbox.lock().jobs.push_back(Job::Disconnected(reason));
    }

    /// The namespace was not joined: gives how many events are forgotten.
    pub(crate) fn forget(&self) -> usize {
        let mut inbox = self.inbox.lock();
        inbox.state = State::Over;
        std::mem::take(&mut inbox.jobs).len()
    }

    /// Does all jobs that can be done now. Handlers that do not wait are called right here; the
    /// first that does goes into a task, which then does the rest. To be called in the runtime.
    pub(crate) fn work(self: &Arc<Self>) {
        while let Some(job) = self.next_job() {
            // They are there as long as there are jobs.
            let handlers = self.handlers().unwrap_or_default();
            let done = JobKind::of(&job);
            let mut run = Run::new(Socket::from_inner(self.clone()), handlers, job);
            // The waker is not needed: if a handler waits, the task polls it again.
            match Pin::new(&mut run).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(()) => {
                    drop(run);
                    self.finish_job(done);
                }
                Poll::Pending => {
                    let socket = self.clone();
                    tokio::spawn(async move {
                        run.await;
                        socket.finish_job(done);
                        socket.work();
                    });
                    return;
                }
            }
        }
        if self.inbox.lock().state == State::Over {
            self.drop_handlers();
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut inbox = self.inbox.lock();
        if inbox.state != State::Idle {
            return None;
        }
        let job = inbox.jobs.pop_front()?;
        inbox.state = State::Busy;
        Some(job)
    }

    fn finish_job(&self, done: JobKind) {
        let mut inbox = self.inbox.lock();
        inbox.state = match done {
            JobKind::Disconnected => State::Over,
            _ => State::Idle,
        };
        if inbox.jobs.is_empty() {
            // A burst leaves no buffer behind.
            inbox.jobs.shrink_to(4);
        }
        drop(inbox);
        let connection = self.connection().filter(|_| done == JobKind::Event);
        if let Some(connection) = connection {
            connection.events_handled(1);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobKind {
    Connected,
    Event,
    Disconnected,
}

impl JobKind {
    fn of(job: &Job) -> Self {
        match job {
            Job::Connected(_) => Self::Connected,
            Job::Event { .. } => Self::Event,
            Job::Disconnecting(_) | Job::Disconnected(_) => Self::Disconnected,
        }
    }
}
