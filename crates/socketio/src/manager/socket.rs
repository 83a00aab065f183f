//! One socket: what it remembers from one link to the next.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use faststr::FastStr;

use super::offline::Offline;
use super::queue::Queue;
use super::retries::Retries;
use super::{Config, DisconnectReason};
use crate::recovery::Resume;
use crate::{AckRegistry, Arguments, RawJson};

/// A socket of one namespace: [`Manager::join`](super::Manager::join) takes it and
/// [`Output::Ended`](super::Output::Ended) gives it back. What it keeps in between, for who joins
/// it again: by what the server recovers its state, the events that waited for its namespace and ask for
/// no ack, and those that are sent until they are acknowledged.
///
/// ```
/// use songi_socketio::manager::{Config, Socket};
///
/// let socket = Socket::<Vec<u8>, ()>::new("/chat".into(), &Config::default());
/// assert_eq!(socket.namespace(), "/chat");
/// ```
pub struct Socket<P, A> {
    pub(super) namespace: FastStr,
    pub(super) state: State,
    pub(super) resume: Resume,
    pub(super) acks: AckRegistry<A>,
    pub(super) offline: Offline<P>,
    pub(super) retries: Retries<P, A>,
    /// Events that came before the namespace was joined.
    pub(super) early: Queue<Early>,
}

/// How far it is on the link of now.
#[derive(Debug)]
pub(super) enum State {
    /// There is none, or its authentication payload is being made.
    Away,
    /// The server has still to let go of a socket that left before it was let in: this one asks
    /// when it has.
    Blocked(RawJson),
    /// The server was asked.
    Connecting,
    /// It is in its namespace.
    Joined,
}

#[derive(Debug)]
pub(super) struct Early {
    pub(super) id: Option<u64>,
    pub(super) name: FastStr,
    pub(super) args: Arguments,
}

impl<P, A> Socket<P, A> {
    /// One that was never joined.
    pub fn new(namespace: FastStr, config: &Config) -> Self {
        Self {
            namespace,
            state: State::Away,
            resume: Resume::default(),
            acks: AckRegistry::new(config.max_pending_acks),
            offline: Offline::default(),
            retries: Retries::default(),
            early: Queue::default(),
        }
    }

    /// Its namespace.
    pub fn namespace(&self) -> &FastStr {
        &self.namespace
    }

    pub(super) fn is_joined(&self) -> bool {
        matches!(self.state, State::Joined)
    }

    /// It is not in its namespace any more. Gives those who wait for an ack that does not come:
    /// what was sent is not answered any more.
    pub(super) fn away(&mut self, reason: DisconnectReason) -> Vec<A> {
        self.state = State::Away;
        // They were not handled, and come again if the state is recovered.
        self.early = Queue::default();
        if reason.is_wanted() {
            self.resume.forget();
        }
        if self.acks.is_empty() {
            return Vec::new();
        }
        let waiting: BTreeSet<u64> = self.offline.acks().collect();
        self.acks.take_where(|id| !waiting.contains(&id))
    }
}

impl<P, A> fmt::Debug for Socket<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("namespace", &self.namespace)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
