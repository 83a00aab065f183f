//! The state of a connection, whether there is a session or not.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use songi_emit::EmitError;
use songi_engineio::Transport;
use songi_socketio::Parser;
use songi_socketio::manager::{self as protocol, LinkId, SocketId};
use tokio::time::Instant;

use super::link::Link;
use super::note::Note;
use super::{Machine, Packet, Stay, wall};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::ConnectError;
use crate::socket::SocketInner;

/// What is behind the lock.
pub(super) struct Core {
    pub(super) clock: Clock,
    pub(super) machine: Machine,
    /// The session of the machine's link, from its first request to its last output.
    pub(super) link: Option<Link>,
    /// How many sessions there have been: the number of the current one.
    pub(super) sessions: u64,
    /// Which link to open when there is no session any more, on which transport.
    pub(super) next: Option<(LinkId, usize)>,
    /// Why the link could not be opened.
    pub(super) failure: Option<ConnectError>,
    /// The last connection was on a WebSocket.
    pub(super) remembers_websocket: bool,
    /// Those that want their namespace.
    pub(super) sockets: Vec<(SocketId, Arc<SocketInner>)>,
    /// Sockets with something to handle, and those that are done with: never let go of under the
    /// lock, as their handlers may hold other sockets.
    pub(super) work: Vec<Arc<SocketInner>>,
    /// Sockets that are to ask for their namespace.
    pub(super) joins: Vec<(Stay, Arc<SocketInner>)>,
    /// What is to be logged.
    pub(super) notes: Vec<Note>,
    /// Somebody waits until nothing waits for the server.
    pub(super) awaits_drain: bool,
    /// The runtime has ended.
    pub(super) abandoned: bool,
    pub(super) waker: Option<Waker>,
}

impl Core {
    pub(super) fn new(config: protocol::Config, parser: Parser) -> Self {
        Self {
            clock: Clock::new(Instant::now(), wall()),
            machine: Machine::new(config, parser),
            link: None,
            sessions: 0,
            next: None,
            failure: None,
            remembers_websocket: false,
            sockets: Vec::new(),
            work: Vec::new(),
            joins: Vec::new(),
            notes: Vec::new(),
            awaits_drain: false,
            abandoned: false,
            waker: None,
        }
    }

    /// The time since the beginning.
    pub(super) fn now(&mut self) -> Duration {
        self.clock.advance(Instant::now(), wall())
    }

    /// Begins the session of a link.
    pub(super) fn open(&mut self, config: &Config, id: LinkId, index: usize) {
        let transports = config.transports_in_order();
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
        self.sessions += 1;
        self.link = Some(Link::new(config, id, first, index));
    }

    /// Gives a packet to the session, if there is room for it among so many bytes.
    pub(super) fn send(
        &mut self,
        (packet, options): &Packet,
        limit: usize,
        now: Duration,
    ) -> Result<(), EmitError> {
        match self.link.as_mut().filter(|link| link.is_usable()) {
            Some(link) => link.try_send(packet, *options, limit, now),
            None => Err(EmitError::Disconnected),
        }
    }

    /// Whether nothing waits for the server, but for what its WebSocket writes ahead.
    pub(super) fn is_drained(&self) -> bool {
        self.machine.waiting() == 0 && self.link.as_ref().is_none_or(Link::is_drained)
    }

    pub(super) fn socket(&self, key: SocketId) -> Option<Arc<SocketInner>> {
        let mut sockets = self.sockets.iter();
        let (_, socket) = sockets.find(|(known, _)| *known == key)?;
        Some(socket.clone())
    }

    /// Takes a socket out.
    pub(super) fn remove(&mut self, key: SocketId) -> Option<Arc<SocketInner>> {
        let position = self.sockets.iter().position(|(known, _)| *known == key)?;
        Some(self.sockets.swap_remove(position).1)
    }

    /// Lets the task see to a socket.
    pub(super) fn work(&mut self, socket: Arc<SocketInner>) {
        self.work.push(socket);
        self.wake();
    }

    /// The earliest time at which something is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let session = self.link.as_ref().and_then(|it| it.session.poll_timeout());
        session.into_iter().chain(self.machine.poll_timeout()).min()
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
