//! One socket's events, handled in the order in which they came.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use songi_socketio::handler::{Job, Run};

use crate::socket::{Socket, SocketInner};

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
            let socket = Socket::from_inner(self.clone());
            let mut handlers = Run::new(socket, self.namespace().handlers().table.clone(), job);
            // The waker is not needed: if a handler waits, the task polls it again.
            match Pin::new(&mut handlers).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(()) => self.finish_job(is_event),
                Poll::Pending => {
                    let socket = self.clone();
                    tokio::spawn(async move {
                        handlers.await;
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
