//! The link that carries the namespaces: from its opening to its end.

use alloc::vec::Vec;
use core::time::Duration;

use faststr::FastStr;

use super::socket::State;
use super::{DisconnectReason, LinkId, Manager, Output, Refusal, SocketId};
use crate::client::{Connection, Error, StateError};
use crate::{EncodeError, RawJson};

#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    /// Until when it has to be open.
    deadline: Duration,
    /// The namespaces on it, once it is open.
    pub(super) connection: Option<Connection>,
    /// Bytes of the messages since the last complete packet.
    pub(super) received: usize,
    /// Namespaces that were left on it. When they are as many as there may be, all were.
    left: Vec<FastStr>,
}

impl Link {
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// A stay in a namespace has ended: what the server sent in it may still come.
    pub(super) fn note_left(&mut self, namespace: &FastStr, limit: usize) {
        if self.left.len() < limit && !self.left.contains(namespace) {
            // A copy: the name may be a part of something large that came.
            self.left.push(FastStr::new(namespace.as_str()));
        }
    }

    pub(super) fn was_left(&self, namespace: &FastStr, limit: usize) -> bool {
        self.left.len() >= limit || self.left.contains(namespace)
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match &self.connection {
            Some(connection) => connection.poll_timeout(),
            None => Some(self.deadline),
        }
    }
}

impl<P: Clone, A> Manager<P, A> {
    /// A link is open. All namespaces are asked for.
    pub fn opened(&mut self, link: LinkId) {
        let Some(open) = self.link.as_mut().filter(|open| open.id == link) else {
            return;
        };
        let connection = Connection::new(&self.config.protocol);
        open.connection = Some(connection.with_parser(&self.parser));
        if let Some(attempts) = self.reconnection.opened() {
            self.outputs.push_back(Output::Reconnected { attempts });
        }
        let ids = self.sockets.iter().map(|active| active.id);
        let ask = ids.map(|socket| Output::Authenticate { socket, link });
        self.outputs.extend(ask);
    }

    /// A link could not be opened.
    pub fn not_opened(&mut self, link: LinkId, now: Duration, random: impl FnOnce() -> u32) {
        if self.link.take_if(|open| open.id == link).is_some() {
            self.failed(false, now, random);
        }
        self.gone(link, now);
    }

    /// A link is gone: it was lost, or closed as it was asked to.
    pub fn closed(
        &mut self,
        link: LinkId,
        reason: DisconnectReason,
        now: Duration,
        random: impl FnOnce() -> u32,
    ) {
        match self.link.take_if(|open| open.id == link) {
            Some(lost) if lost.is_open() => self.lost(reason, now, random),
            Some(_) => self.failed(false, now, random),
            None => {}
        }
        self.gone(link, now);
    }

    /// Asks for a socket's namespace with its authentication payload, if that is still wanted on
    /// this link. What the server recovers the socket's state by is added.
    pub fn authenticate(
        &mut self,
        socket: SocketId,
        link: LinkId,
        auth: Result<RawJson, EncodeError>,
    ) {
        let is_here = self.link.as_ref().is_some_and(|open| open.id == link);
        if is_here && self.is_active(socket) {
            match auth {
                Ok(auth) => self.ask(socket, auth),
                Err(error) => self.refused(socket, error.into()),
            }
        }
    }

    /// Sends a socket's `CONNECT`.
    pub(super) fn ask(&mut self, id: SocketId, auth: RawJson) {
        let Some(active) = self.sockets.iter_mut().find(|active| active.id == id) else {
            return;
        };
        let socket = &mut *active.socket;
        let link = self.link.as_mut();
        let (Some(connection), State::Away | State::Blocked(_)) = (
            link.and_then(|link| link.connection.as_mut()),
            &socket.state,
        ) else {
            return;
        };
        let payload = socket.resume.auth(&auth);
        let mut packet = Vec::new();
        match connection.connect(&socket.namespace, &payload, &mut packet) {
            Ok(()) => {
                socket.state = State::Connecting;
                self.outputs.push_back(Output::Control(packet));
            }
            Err(StateError::Encode(error)) => self.refused(id, Refusal::Encode(error)),
            // Another socket has just left it, and the server has not answered to its coming yet.
            Err(StateError::InUse(_) | StateError::NotConnected(_)) => {
                socket.state = State::Blocked(auth);
            }
        }
    }

    /// Opens a link if one is wanted and the last one is gone.
    pub(super) fn advance(&mut self, now: Duration) {
        let free = self.link.is_none() && self.closing.is_none();
        if free && self.reconnection.is_opening() && !self.sockets.is_empty() {
            self.links += 1;
            let link = LinkId(self.links);
            self.link = Some(Link {
                id: link,
                deadline: now.saturating_add(self.config.connect_timeout),
                connection: None,
                received: 0,
                left: Vec::new(),
            });
            self.outputs.push_back(Output::Open { link });
        }
    }

    /// Asks to close the link, whose end is not waited for.
    pub(super) fn close(&mut self) {
        if let Some(Link { id: link, .. }) = self.link.take() {
            self.closing = Some(link);
            self.outputs.push_back(Output::Close { link });
        }
    }

    pub(super) fn link_timeout(
        &mut self,
        now: Duration,
        random: impl FnOnce() -> u32,
    ) -> Result<(), Error> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        match &mut link.connection {
            Some(connection) => {
                let result = connection.handle_timeout(now);
                if result.is_err() {
                    self.broken(now, random);
                }
                return result;
            }
            None if now >= link.deadline => {
                self.close();
                self.failed(true, now, random);
            }
            None => {}
        }
        Ok(())
    }

    fn gone(&mut self, link: LinkId, now: Duration) {
        self.closing.take_if(|closing| *closing == link);
        self.advance(now);
    }
}
