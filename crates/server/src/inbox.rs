//! One socket's events, handled in the order in which they came.

use std::collections::VecDeque;
use std::sync::Arc;

use songi_socketio::handler::{Job, Run};
use tracing::{Instrument as _, Span};

use crate::connection::Connection;
use crate::socket::{Socket, SocketInner};

/// The jobs of one socket. Those of events may overlap where the namespace says so; the others
/// overlap with nothing.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    jobs: VecDeque<Job>,
    running: usize,
    state: State,
    /// The socket that has come back in place of this one.
    successor: Option<Arc<SocketInner>>,
    /// How many sockets this one was before, of which some have not finished.
    before: u8,
}

/// So many times at most a client recovers while the handlers of what it was first have not
/// finished: each waits for the one before it.
const MAX_IN_A_ROW: u8 = 32;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What is running overlaps with nothing.
    Alone,
    /// Nothing runs before the handlers of the socket that this one was have finished.
    Held,
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
        let alone =
            matches!(self.state, State::Alone | State::Held) || (!is_event && self.running > 0);
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
    /// right here; one that does goes into a task, which then goes on. `connection` is the socket's,
    /// if it is still there.
    pub(crate) fn run(self: Arc<Self>, job: Job, connection: Option<&Connection>) {
        let socket = Socket::from_inner(self);
        let mut next = Some(job);
        while let Some(job) = next {
            next = socket.run_one(job, connection);
        }
    }
}

impl Socket {
    /// Does a job, or leaves it to a task, and gives the next one that can begin.
    fn run_one(&self, job: Job, connection: Option<&Connection>) -> Option<Job> {
        let inner = self.inner();
        let kind = Kind::of(&job);
        let span = inner.span(&job);
        let handlers = inner.namespace().inner().handlers();
        let own = inner.own_table();
        let start = || Run::start(self, &handlers.table, own.as_ref(), job);
        let Some(rest) = span.in_scope(start) else {
            return inner.finish_job(kind, connection);
        };
        let socket = inner.clone();
        tokio::spawn(async move {
            rest.instrument(span).await;
            let connection = socket.connection();
            if let Some(job) = socket.finish_job(kind, connection.as_deref()) {
                socket.run(job, connection.as_deref());
            }
        });
        inner.next_job()
    }
}

impl SocketInner {
    /// What handlers run in.
    fn span(&self, job: &Job) -> Span {
        let event = match job {
            Job::Event { name, .. } => name.as_str(),
            Job::Connected(_) => "connection",
            Job::Disconnecting(_) => "disconnecting",
            Job::Disconnected(_) => "disconnect",
        };
        let namespace = self.namespace().name();
        tracing::debug_span!("songi.handle", socket = %self.id(), %namespace, event)
    }

    /// The socket is not let in: nothing will be handled.
    pub(crate) fn keep_out(&self) {
        self.mark_disconnected();
        self.inbox.lock().state = State::Over;
        self.drop_handlers();
    }

    /// The handlers of this socket run after those of the one that it was.
    pub(crate) fn follow(self: &Arc<Self>, previous: Option<Arc<Self>>) {
        let Some(previous) = previous else {
            return;
        };
        let mut before = previous.inbox.lock();
        if before.state != State::Over {
            let mut inbox = self.inbox.lock();
            inbox.state = State::Held;
            inbox.before = before.before.saturating_add(1);
            before.successor = Some(self.clone());
        }
    }

    /// Whether so many sockets wait for each other that no other may follow.
    pub(crate) fn is_last_in_a_row(&self) -> bool {
        let inbox = self.inbox.lock();
        inbox.state == State::Held && inbox.before >= MAX_IN_A_ROW
    }

    fn release(self: Arc<Self>) {
        let mut inbox = self.inbox.lock();
        if inbox.state == State::Held {
            inbox.state = State::Open;
            inbox.before = 0;
        }
        drop(inbox);
        if let Some(job) = self.next_job() {
            let connection = self.connection();
            self.run(job, connection.as_deref());
        }
    }

    fn next_job(&self) -> Option<Job> {
        let concurrency = self.namespace().inner().concurrency();
        self.inbox.lock().next(concurrency)
    }

    /// Takes note that a job is done; the next one, if it can begin.
    fn finish_job(&self, kind: Kind, connection: Option<&Connection>) -> Option<Job> {
        let concurrency = self.namespace().inner().concurrency();
        let mut inbox = self.inbox.lock();
        inbox.finished(kind);
        if kind != Kind::Event {
            drop(inbox);
            self.finish_life(kind);
            return self.next_job();
        }
        let next = inbox.next(concurrency);
        drop(inbox);
        if let Some(connection) = connection {
            connection.event_handled();
        }
        next
    }

    /// What follows the handlers of the socket's beginning and end.
    fn finish_life(&self, kind: Kind) {
        match kind {
            Kind::Event | Kind::Connected => {}
            Kind::Disconnecting => self.forget_leaving_rooms(),
            Kind::Disconnected => {
                self.drop_handlers();
                let successor = self.inbox.lock().successor.take();
                if let Some(successor) = successor {
                    successor.release();
                }
            }
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
