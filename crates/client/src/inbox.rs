//! One socket's events, handled in the order in which they came.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use songi_socketio::Arguments;
use songi_socketio::handler::{Job, Run};

use crate::manager::Stay;
use crate::socket::{Socket, SocketInner};

/// What happened to the connection that may wait to be handled; of more, the oldest is forgotten.
const MAX_LIFE: usize = 64;

/// The jobs of one socket. At most one is being done.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    jobs: VecDeque<Item>,
    /// How many of them are of the connection's life.
    life: usize,
    busy: bool,
}

#[derive(Debug)]
enum Item {
    /// For the socket's handlers, in the stay in which it happened.
    Socket(Job, Option<Stay>),
    /// For those of the connection's life.
    Life(Job),
}

impl SocketInner {
    /// Puts an event, or the beginning or the end of a stay, behind what came before; the manager
    /// has counted it. [`work`](Self::work) handles it.
    pub(crate) fn push(&self, job: Job) {
        let item = Item::Socket(job, self.stay());
        self.inbox.lock().jobs.push_back(item);
    }

    /// Puts what happened to the connection behind the others, if somebody wants to know. While
    /// nobody handles them they do not pile up.
    pub(crate) fn push_life(&self, event: &'static str, value: &impl Serialize) {
        // It serialises always.
        let args = Arguments::of(value).unwrap_or_default();
        let job = Job::Event {
            name: event.into(),
            id: None,
            args,
        };
        let mut inbox = self.inbox.lock();
        if inbox.life < MAX_LIFE {
            inbox.life += 1;
        } else {
            let mut jobs = inbox.jobs.iter();
            if let Some(oldest) = jobs.position(|item| matches!(item, Item::Life(_))) {
                inbox.jobs.remove(oldest);
            }
        }
        inbox.jobs.push_back(Item::Life(job));
    }

    /// Does all jobs that can be done now. Handlers that do not wait are called right here; the
    /// first that does goes into a task, which then does the rest.
    pub(crate) fn work(self: &Arc<Self>) {
        while let Some(item) = self.next_item() {
            let (handlers, job, counted, stay) = match item {
                Item::Socket(job, stay) => (self.handlers(), job, 1, stay),
                Item::Life(job) => (self.life(), job, 0, None),
            };
            let rest = {
                let socket = Socket::from_inner(self.clone()).within(stay);
                Run::start(&socket, &handlers, None, job)
            };
            if let Some(rest) = rest {
                let socket = self.clone();
                self.manager().runtime().spawn(async move {
                    rest.await;
                    socket.finish(counted);
                    socket.work();
                });
                return;
            }
            self.finish(counted);
        }
    }

    fn next_item(&self) -> Option<Item> {
        let mut inbox = self.inbox.lock();
        if inbox.busy {
            return None;
        }
        let item = inbox.jobs.pop_front()?;
        inbox.life -= usize::from(matches!(item, Item::Life(_)));
        inbox.busy = true;
        Some(item)
    }

    fn finish(&self, events: usize) {
        let mut inbox = self.inbox.lock();
        inbox.busy = false;
        if inbox.jobs.is_empty() {
            // A burst leaves no buffer behind.
            inbox.jobs.shrink_to(4);
        }
        drop(inbox);
        if events > 0 {
            self.manager().events_handled(events);
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::Client;

    #[tokio::test]
    async fn what_happens_to_the_connection_is_bounded_and_the_latest_counts() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        let socket = Client::new("http://127.0.0.1:1")
            .force_new()
            .on_reconnect_attempt(move |n: usize| log.lock().push(n))
            .start()
            .unwrap();
        for _ in 0..2 {
            for n in 0..MAX_LIFE + 7 {
                socket.inner().push_life("reconnect_attempt", &n);
            }
            socket.inner().work();
            let heard = std::mem::take(&mut *heard.lock());
            assert!(heard.into_iter().eq(7..MAX_LIFE + 7));
        }
    }
}
