//! The client's manager: one connection to a server, again and again, and the sockets that it
//! carries.
//!
//! It decides when a link is opened and closed, how long to wait before the next attempt, which
//! namespaces are asked for on a new link and with what the server recovers them, what is kept
//! while a namespace is not joined, what is sent again until it is acknowledged, and who is told
//! of what. It opens nothing itself: a link is whatever carries text and binary messages in order
//! to a server and back (an Engine.IO session), and time is a [`Duration`] since an origin that the
//! caller fixes once. What is random comes in as an argument: a function that gives any number.
//!
//! Inputs go in by the methods; after each, [`Manager::poll_output`] is to be called until it has
//! nothing more. `P` is a packet as the caller sends it, cheap to clone; `A` is who waits for an
//! ack.
//!
//! ```
//! use core::time::Duration;
//! use songi_socketio::manager::{Config, Manager, Output, Socket};
//! use songi_socketio::{Parser, RawJson};
//!
//! let (now, random) = (Duration::ZERO, || 0);
//! let mut manager = Manager::<&str, ()>::new(Config::default(), Parser::Json);
//! let socket = Socket::new("/".into(), manager.config());
//! let socket = manager.join(Box::new(socket), now).map_err(|(error, _)| error)?;
//! // What is emitted now waits …
//! assert_eq!(manager.emit(socket, "2[\"hey\"]", 8, false, None)?, None);
//! // … until there is a link …
//! let Some(Output::Open { link }) = manager.poll_output() else { panic!() };
//! manager.opened(link);
//! assert!(matches!(manager.poll_output(), Some(Output::Authenticate { .. })));
//! manager.authenticate(socket, link, RawJson::of(&()));
//! let Some(Output::Control(packet)) = manager.poll_output() else { panic!() };
//! assert_eq!(packet, b"0");
//! // … and the server has let it into its namespace.
//! manager.receive_text(link, r#"0{"sid":"abc"}"#.into(), now, random)?;
//! assert!(matches!(manager.poll_output(), Some(Output::Joined { sid, .. }) if sid == "abc"));
//! assert!(matches!(manager.poll_output(), Some(Output::Send { packet: "2[\"hey\"]", .. })));
//! assert!(manager.poll_output().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use faststr::FastStr;

use crate::client::{self, Connection};
use crate::{AckRegistry, Parser};

mod emitting;
mod incoming;
mod link;
mod offline;
mod outcome;
mod output;
mod queue;
mod reason;
mod reconnection;
mod retries;
mod socket;

use self::link::Link;
pub use self::output::{
    EmitError, JoinError, LinkId, NotSent, Output, Refusal, SocketId, Unanswered, Waited,
};
pub use self::reason::DisconnectReason;
pub use self::reconnection::Backoff;
use self::reconnection::Reconnection;
pub use self::socket::Socket;

/// Settings and limits of a [`Manager`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// When to connect again.
    pub backoff: Backoff,
    /// How long opening a link may take. Default: 20 s.
    pub connect_timeout: Duration,
    /// What the server may send.
    pub protocol: client::Config,
    /// How often an event of [`Manager::emit_until_answered`] is sent again. Default: 3.
    pub retries: u32,
    /// How long each try may take. Default: 10 s.
    pub ack_timeout: Duration,
    /// Namespaces that may be joined. One that was left before the server had answered counts until
    /// it has. Default: 100.
    pub max_namespaces: usize,
    /// Events that one socket keeps until its namespace is joined, and as many once more of those
    /// that are sent until they are acknowledged. Default: 1024.
    pub max_waiting_events: usize,
    /// Bytes of these events, with a small constant for each; one fits always. Default: 4 MiB.
    pub max_waiting_bytes: usize,
    /// Acks that one socket may wait for. Default: 1024.
    pub max_pending_acks: usize,
    /// Events that the server may send before its `CONNECT`: what a socket whose state it recovers
    /// has missed. More of them end the link, and the socket starts anew. Default: 10 000.
    pub max_early_events: usize,
    /// Bytes of these events; one fits always. Default: 16 MiB.
    pub max_early_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            connect_timeout: Duration::from_secs(20),
            protocol: client::Config::default(),
            retries: 3,
            ack_timeout: Duration::from_secs(10),
            max_namespaces: 100,
            max_waiting_events: 1024,
            max_waiting_bytes: 4 << 20,
            max_pending_acks: AckRegistry::<()>::DEFAULT_LIMIT,
            max_early_events: 10_000,
            max_early_bytes: 16 << 20,
        }
    }
}

/// One connection to a server, again and again: see [the module](self).
#[derive(Debug)]
pub struct Manager<P, A> {
    config: Config,
    parser: Parser,
    reconnection: Reconnection,
    /// The one that is being opened, or is open.
    link: Option<Link>,
    /// The last one, which is asked to close and is not gone yet.
    closing: Option<LinkId>,
    /// How many there have been.
    links: u64,
    sockets: Vec<Active<P, A>>,
    /// How many there have been.
    ids: u64,
    outputs: VecDeque<Output<P, A>>,
}

#[derive(Debug)]
struct Active<P, A> {
    id: SocketId,
    socket: Box<Socket<P, A>>,
}

impl<P: Clone, A> Manager<P, A> {
    /// A manager that has nothing to do yet.
    pub fn new(config: Config, parser: Parser) -> Self {
        Self {
            config,
            parser,
            reconnection: Reconnection::new(config.backoff),
            link: None,
            closing: None,
            links: 0,
            sockets: Vec::new(),
            ids: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How packets are written and read.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// What is to be done next. Before any other input, until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output<P, A>> {
        let output = self.outputs.pop_front();
        if self.outputs.is_empty() {
            // A burst leaves no buffer behind.
            self.outputs.shrink_to(4);
        }
        output
    }

    /// Whether a link is being opened, or is to be opened.
    pub fn is_opening(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.is_open())
    }

    /// How many sockets are joined or want to be.
    pub fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// How many events wait, in all sockets: for their namespace, for their turn or their ack, or,
    /// of those that came, for the server's `CONNECT`.
    pub fn waiting(&self) -> usize {
        let waiting = self.sockets.iter().map(|active| {
            let socket = &active.socket;
            socket.offline.len() + socket.retries.len() + socket.early.len()
        });
        waiting.sum()
    }

    /// Whether a socket is joined, or wants to be.
    pub fn is_active(&self, socket: SocketId) -> bool {
        self.sockets.iter().any(|active| active.id == socket)
    }

    /// Whether a namespace could be joined.
    ///
    /// # Errors
    /// Those of [`join`](Self::join).
    pub fn can_join(&self, namespace: &str) -> Result<(), JoinError> {
        if self.named(namespace).is_some() {
            return Err(JoinError::InUse(FastStr::new(namespace)));
        }
        let limit = self.config.max_namespaces;
        // Who joins and leaves again and again, and is not answered, is bounded too.
        let connection = self.link.as_ref().and_then(|link| link.connection.as_ref());
        let abandoned = connection.into_iter().flat_map(Connection::abandoned);
        let unanswered = abandoned.filter(|name| *name != namespace && self.named(name).is_none());
        if self.sockets.len() + unanswered.count() >= limit {
            return Err(JoinError::TooManyNamespaces { limit });
        }
        Ok(())
    }

    /// Joins a socket's namespace, now and whenever there is a new link. If there is none, one is
    /// opened, unless it waits for its next attempt.
    ///
    /// # Errors
    /// The namespace is joined already, or too many are. The socket comes back.
    pub fn join(
        &mut self,
        socket: Box<Socket<P, A>>,
        now: Duration,
    ) -> Result<SocketId, (JoinError, Box<Socket<P, A>>)> {
        if let Err(error) = self.can_join(&socket.namespace) {
            return Err((error, socket));
        }
        self.ids += 1;
        let id = SocketId(self.ids);
        self.sockets.push(Active { id, socket });
        self.reconnection.start();
        if let Some(link) = self.link.as_ref().filter(|link| link.is_open()) {
            let (socket, link) = (id, link.id);
            self.outputs
                .push_back(Output::Authenticate { socket, link });
        }
        self.advance(now);
        Ok(id)
    }

    /// Leaves a socket's namespace, and closes the link when it was the last. Nothing happens when
    /// the socket has ended.
    pub fn leave(&mut self, socket: SocketId) {
        let Some(left) = self.remove(socket) else {
            return;
        };
        if let Some(connection) = self.connection() {
            let mut packet = Vec::new();
            let told = connection.disconnect(&left.socket.namespace, &mut packet);
            if told.is_ok() && !packet.is_empty() {
                self.outputs.push_back(Output::Control(packet));
            }
        }
        self.end(left, DisconnectReason::ClientDisconnect);
        self.close_if_unused();
    }

    /// Ends all sockets, because nothing can be sent any more.
    pub fn abandon(&mut self, reason: DisconnectReason) {
        self.reconnection.stop();
        (self.link, self.closing) = (None, None);
        for active in core::mem::take(&mut self.sockets) {
            self.end(active, reason);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let link = self.link.as_ref().and_then(Link::poll_timeout);
        let retries = self
            .sockets
            .iter()
            .filter_map(|active| active.socket.retries.poll_timeout());
        retries
            .chain(link)
            .chain(self.reconnection.poll_timeout())
            .min()
    }

    /// Tells the time.
    ///
    /// # Errors
    /// As [`receive_text`](Self::receive_text).
    pub fn handle_timeout(
        &mut self,
        now: Duration,
        random: impl FnOnce() -> u32,
    ) -> Result<(), client::Error> {
        if let Some(attempt) = self.reconnection.handle_timeout(now) {
            self.outputs.push_back(Output::Reconnecting { attempt });
        }
        let config = self.config;
        for at in 0..self.sockets.len() {
            let Some(Active { id, socket }) = self.sockets.get_mut(at) else {
                break;
            };
            let id = *id;
            let failed = socket.retries.handle_timeout(now, &config);
            self.gave_up_one(failed);
            self.retry(id, now);
        }
        let result = self.link_timeout(now, random);
        self.advance(now);
        result
    }

    // Within

    fn active(&self, socket: SocketId) -> Option<&Active<P, A>> {
        self.sockets.iter().find(|active| active.id == socket)
    }

    fn socket(&mut self, socket: SocketId) -> Option<&mut Socket<P, A>> {
        let active = self.sockets.iter_mut().find(|active| active.id == socket);
        active.map(|active| &mut *active.socket)
    }

    fn named(&self, namespace: &str) -> Option<SocketId> {
        let named = |active: &&Active<P, A>| active.socket.namespace == namespace;
        self.sockets.iter().find(named).map(|active| active.id)
    }

    fn remove(&mut self, socket: SocketId) -> Option<Active<P, A>> {
        let at = self.sockets.iter().position(|it| it.id == socket)?;
        Some(self.sockets.swap_remove(at))
    }

    /// The open link's namespaces.
    fn connection(&mut self) -> Option<&mut Connection> {
        self.link.as_mut()?.connection.as_mut()
    }
}

#[cfg(test)]
mod tests;
