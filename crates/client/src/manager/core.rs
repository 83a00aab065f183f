//! The state of a connection, whether there is a session or not.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use songi_engineio::Transport;
use songi_socketio::Parser;
use tokio::time::Instant;

use super::link::Link;
use super::wall;
use crate::clock::Clock;
use crate::config::Config;
use crate::reconnection::{Backoff, Reconnection};
use crate::socket::SocketInner;

/// What is behind the lock.
pub(super) struct Core {
    pub(super) clock: Clock,
    pub(super) reconnection: Reconnection,
    /// The session, from its first request to its last output.
    pub(super) link: Option<Link>,
    /// How many there have been: the number of the current one.
    pub(super) links: u64,
    /// Which transport to try next within the attempt, and until when.
    pub(super) next_transport: Option<(usize, Duration)>,
    /// The last connection was on a WebSocket.
    pub(super) remembers_websocket: bool,
    /// Those that want their namespace.
    pub(super) sockets: Vec<Arc<SocketInner>>,
    /// Sockets with something to handle, and those that are done with: never let go of under the
    /// lock, as their handlers may hold other sockets.
    pub(super) work: Vec<Arc<SocketInner>>,
    /// Sockets that are to ask for their namespace.
    pub(super) joins: Vec<Arc<SocketInner>>,
    /// Sockets whose namespace the server has still to let go of.
    pub(super) blocked: Vec<Arc<SocketInner>>,
    /// The runtime has ended.
    pub(super) abandoned: bool,
    pub(super) waker: Option<Waker>,
}

impl Core {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            clock: Clock::new(Instant::now(), wall()),
            reconnection: Reconnection::new(backoff),
            link: None,
            links: 0,
            next_transport: None,
            remembers_websocket: false,
            sockets: Vec::new(),
            work: Vec::new(),
            joins: Vec::new(),
            blocked: Vec::new(),
            abandoned: false,
            waker: None,
        }
    }

    /// The time since the beginning.
    pub(super) fn now(&mut self) -> Duration {
        self.clock.advance(Instant::now(), wall())
    }

    /// Begins a session.
    pub(super) fn open(&mut self, config: &Config, parser: &Parser, now: Duration) {
        let transports = config.transports_in_order();
        let deadline = now.saturating_add(config.connect_timeout);
        let (index, deadline) = self.next_transport.take().unwrap_or((0, deadline));
        let remembered = config.remember_upgrade
            && self.remembers_websocket
            && index == 0
            && transports.contains(&Transport::WebSocket);
        let first = if remembered {
            Transport::WebSocket
        } else {
            transports
                .get(index)
                .copied()
                .unwrap_or(Transport::WebSocket)
        };
        self.links += 1;
        self.joins.clear();
        self.blocked.clear();
        self.link = Some(Link::new(config, parser, first, index, deadline));
    }

    pub(super) fn socket(&self, namespace: &str) -> Option<Arc<SocketInner>> {
        self.sockets
            .iter()
            .find(|socket| socket.namespace() == namespace)
            .cloned()
    }

    /// Takes a socket out; `false` when it was out already.
    pub(super) fn remove(&mut self, socket: &Arc<SocketInner>) -> bool {
        let position = self
            .sockets
            .iter()
            .position(|joined| Arc::ptr_eq(joined, socket));
        position
            .map(|position| self.sockets.swap_remove(position))
            .is_some()
    }

    /// Lets the task see to a socket.
    pub(super) fn work(&mut self, socket: Arc<SocketInner>) {
        self.work.push(socket);
        self.wake();
    }

    /// The earliest time at which something is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let link = self.link.as_ref().map(|link| {
            [
                link.session.poll_timeout(),
                link.protocol.poll_timeout(),
                link.deadline,
            ]
        });
        let link = link.into_iter().flatten().flatten();
        link.chain(self.reconnection.poll_timeout()).min()
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
