//! One socket's events, handled in the order in which they came.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use songi_socketio::handler::{Job, Run};

use crate::socket::{Socket, SocketInner};

/// The jobs of one socket. Those of events may overlap where the namespace says so; the others
/// overlap with nothing.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    jobs: VecDeque<Job>,
    running: usize,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What is running overlaps with nothing.
    Alone,
    /// The socket is disconnected, and its handlers know it.
    Over,
}

/// What is to be done when a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connected,
    Event,
    Disconnecting,
    Disconnected,
}

impl Inbox {
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Gives a job back that is to be done at once, and keeps one that has to wait.
    fn offer(&mut self, job: Job, concurrency: usize) -> Option<Job> {
        if self.jobs.is_empty() && self.begin(&job, concurrency) {
            return Some(job);
        }
        self.jobs.push_back(job);
        None
    }

    fn next(&mut self, concurrency: usize) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        if self.begin(&job, concurrency) {
            return Some(job);
        }
        self.jobs.push_front(job);
        None
    }

    /// Whether a job can be done now: then it counts as running.
    fn begin(&mut self, job: &Job, concurrency: usize) -> bool {
        let is_event = matches!(job, Job::Event { .. });
        let limit = if is_event { concurrency } else { 1 };
        let alone = self.state == State::Alone || (!is_event && self.running > 0);
        if alone || self.running >= limit {
            return false;
        }
        self.running += 1;
        if !is_event {
            self.state = State::Alone;
        }
        true
    }

    fn finished(&mut self, kind: Kind) {
        self.running -= 1;
        match kind {
            Kind::Event => {}
            Kind::Disconnected => self.state = State::Over,
            Kind::Connected | Kind::Disconnecting => self.state = State::Open,
        }
        if self.jobs.is_empty() && self.jobs.capacity() > 0 {
            // A burst leaves no buffer behind.
            self.jobs = VecDeque::new();
        }
    }
}

impl SocketInner {
    /// Puts a job behind the others. If it is given back, there are none, and it is for
    /// [`run`](Self::run) to do.
    pub(crate) fn offer(&self, job: Job) -> Option<Job> {
        let concurrency = self.namespace().inner().concurrency();
        self.inbox.lock().offer(job, concurrency)
    }

    /// Does a job, and then all that can be done after it. Handlers that do not wait are called
    /// right here; one that does goes into a task, which then goes on.
    pub(crate) fn run(self: &Arc<Self>, job: Job) {
        let mut next = Some(job);
        while let Some(job) = next {
            let kind = Kind::of(&job);
            let socket = Socket::from_inner(self.clone());
            let handlers = self.namespace().inner().table();
            let mut run = Run::new(socket, handlers, job).with_own(self.own_table());
            // The waker is not needed: if a handler waits, the task polls it again.
            match Pin::new(&mut run).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(()) => self.finish_job(kind),
                Poll::Pending => {
                    let socket = self.clone();
                    tokio::spawn(async move {
                        run.await;
                        socket.finish_job(kind);
                        if let Some(job) = socket.next_job() {
                            socket.run(job);
                        }
                    });
                }
            }
            next = self.next_job();
        }
    }

    /// The socket is not let in: nothing will be handled.
    pub(crate) fn keep_out(&self) {
        self.mark_disconnected();
        self.inbox.lock().state = State::Over;
        self.drop_handlers();
    }

    fn next_job(&self) -> Option<Job> {
        let concurrency = self.namespace().inner().concurrency();
        self.inbox.lock().next(concurrency)
    }

    fn finish_job(&self, kind: Kind) {
        self.inbox.lock().finished(kind);
        match kind {
            Kind::Event => {
                if let Some(connection) = self.connection() {
                    connection.event_handled();
                }
            }
            Kind::Disconnecting => self.forget_leaving_rooms(),
            Kind::Disconnected => self.drop_handlers(),
            Kind::Connected => {}
        }
    }
}

impl Kind {
    fn of(job: &Job) -> Self {
        match job {
            Job::Connected(_) => Self::Connected,
            Job::Event { .. } => Self::Event,
            Job::Disconnecting(_) => Self::Disconnecting,
            Job::Disconnected(_) => Self::Disconnected,
        }
    }
}
