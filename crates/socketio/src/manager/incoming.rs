//! What a server sends, to the sockets that it is for.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;

use super::socket::{Early, State};
use super::{Config, DisconnectReason, LinkId, Manager, Output, SocketId, Waited};
use crate::RawJson;
use crate::client::{Connection, Error, Incoming};

impl<P: Clone, A> Manager<P, A> {
    /// Takes a text message that came on a link. What comes on one that is not open is ignored.
    ///
    /// # Errors
    /// The server has broken the protocol. What follows from it is done already: the link is
    /// closed.
    pub fn receive_text(
        &mut self,
        link: LinkId,
        text: FastStr,
        now: Duration,
        random: impl FnOnce() -> u32,
    ) -> Result<(), Error> {
        let bytes = text.len();
        let receive = |connection: &mut Connection| connection.receive_text(text, now);
        self.receive(link, bytes, receive, now, random)
    }

    /// Takes a binary message that came on a link.
    ///
    /// # Errors
    /// As [`receive_text`](Self::receive_text).
    pub fn receive_binary(
        &mut self,
        link: LinkId,
        data: Bytes,
        now: Duration,
        random: impl FnOnce() -> u32,
    ) -> Result<(), Error> {
        let bytes = data.len();
        let receive = |connection: &mut Connection| connection.receive_binary(data, now);
        self.receive(link, bytes, receive, now, random)
    }

    fn receive(
        &mut self,
        link: LinkId,
        bytes: usize,
        receive: impl FnOnce(&mut Connection) -> Result<Option<Incoming>, Error>,
        now: Duration,
        random: impl FnOnce() -> u32,
    ) -> Result<(), Error> {
        let Some(open) = self.link.as_mut().filter(|open| open.id == link) else {
            return Ok(());
        };
        let Some(connection) = &mut open.connection else {
            return Ok(());
        };
        open.received = open.received.saturating_add(bytes);
        let result = match receive(connection) {
            Ok(Some(incoming)) => {
                let bytes = core::mem::take(&mut open.received);
                self.incoming(incoming, bytes, now)
            }
            Ok(None) => {
                if connection.poll_timeout().is_none() {
                    // No attachment is missing: the packet was for nobody.
                    open.received = 0;
                }
                self.unblock();
                Ok(())
            }
            Err(violation) => Err(violation),
        };
        if result.is_err() {
            self.broken(now, random);
        }
        self.advance(now);
        result
    }

    fn incoming(&mut self, incoming: Incoming, bytes: usize, now: Duration) -> Result<(), Error> {
        match incoming {
            Incoming::Connected {
                namespace,
                sid,
                pid,
            } => {
                if let Some(id) = self.named(&namespace) {
                    self.joined(id, sid, pid.as_deref(), now);
                }
            }
            Incoming::Refused { namespace, error } => {
                if let Some(id) = self.named(&namespace) {
                    self.refused(id, error.into());
                }
            }
            Incoming::Event {
                namespace,
                early,
                id,
                name,
                args,
            } => {
                let Some(socket) = self.named(&namespace) else {
                    return Ok(());
                };
                let mut event = Early { id, name, args };
                if !early {
                    self.event(socket, event);
                    return Ok(());
                }
                let limit = self.config.max_namespaces;
                let link = self.link.as_ref();
                if link.is_some_and(|link| link.was_left(&namespace, limit)) {
                    // Most likely it is for the earlier stay: the answer would go to another event
                    // of this one.
                    event.id = None;
                }
                return self.early(socket, event, bytes);
            }
            Incoming::Ack {
                namespace,
                id,
                args,
            } => {
                let Some(waiting) = self.named(&namespace) else {
                    return Ok(());
                };
                let Some(socket) = self.socket(waiting) else {
                    return Ok(());
                };
                let queued = socket.retries.answered(id);
                // One that nobody waits for came too late.
                if let Some(reply) = queued.or_else(|| socket.acks.take(id)) {
                    self.outputs.push_back(Output::Answered { reply, args });
                }
                self.retry(waiting, now);
            }
            Incoming::Disconnect { namespace } => {
                let ended = self.named(&namespace).and_then(|id| self.remove(id));
                if let Some(ended) = ended {
                    self.end(ended, DisconnectReason::ServerDisconnect);
                    self.close_if_unused();
                }
            }
            Incoming::Unwanted { namespace } => {
                let mut packet = Vec::new();
                if self.parser.disconnect(&mut packet, &namespace).is_ok() {
                    self.outputs.push_back(Output::Control(packet));
                }
                self.note_left(&namespace);
                self.unblock();
            }
        }
        Ok(())
    }

    /// The server has let a socket into its namespace: what waited for that follows.
    fn joined(&mut self, id: SocketId, sid: FastStr, pid: Option<&str>, now: Duration) {
        let Some(link) = self.link.as_ref().map(|link| link.id) else {
            return;
        };
        let Some(active) = self.sockets.iter_mut().find(|active| active.id == id) else {
            return;
        };
        let socket = &mut *active.socket;
        socket.state = State::Joined;
        let recovered = socket.resume.connected(pid);
        self.outputs.push_back(Output::Joined {
            socket: id,
            link,
            sid,
            recovered,
        });
        while let Some(waiting) = socket.offline.pop() {
            self.outputs.push_back(Output::Send {
                packet: waiting.packet,
                waited: Waited::Joined {
                    socket: id,
                    ack: waiting.ack,
                },
            });
        }
        let mut early = mem::take(&mut socket.early);
        while let Some(event) = early.pop() {
            if recovered {
                self.event(id, event);
            } else {
                // Of an earlier stay, or of the time before this one: its offset says nothing of
                // what this one has seen.
                self.hand_out(id, event);
            }
        }
        self.retry(id, now);
    }

    /// Keeps an event until its namespace is joined, as in JavaScript. A server that recovers a
    /// state sends what was missed before it says so.
    fn early(&mut self, id: SocketId, event: Early, bytes: usize) -> Result<(), Error> {
        let Config {
            max_early_events,
            max_early_bytes,
            ..
        } = self.config;
        let Some(socket) = self.socket(id) else {
            return Ok(());
        };
        if (socket.early).has_room(bytes, max_early_events, max_early_bytes) {
            // Only so does it take no more memory than it counts.
            let event = Early {
                id: event.id,
                name: FastStr::new(event.name.as_str()),
                args: event.args.detached(),
            };
            socket.early.push(event, bytes);
            return Ok(());
        }
        // It would be the same the next time.
        socket.resume.forget();
        Err(Error::TooManyEarlyEvents {
            events: max_early_events,
            bytes: max_early_bytes,
        })
    }

    /// Hands out an event, which the server need not send again.
    fn event(&mut self, id: SocketId, event: Early) {
        if let Some(socket) = self.socket(id) {
            socket.resume.received(event.id, &event.args);
        }
        self.hand_out(id, event);
    }

    fn hand_out(&mut self, socket: SocketId, event: Early) {
        let Early { id, name, args } = event;
        self.outputs.push_back(Output::Event {
            socket,
            id,
            name,
            args,
        });
    }

    /// Asks for the namespaces that the server may have let go of.
    fn unblock(&mut self) {
        let blocked = |active: &super::Active<P, A>| match &active.socket.state {
            State::Blocked(auth) => Some((active.id, auth.clone())),
            _ => None,
        };
        let blocked: Vec<(SocketId, RawJson)> = self.sockets.iter().filter_map(blocked).collect();
        for (id, auth) in blocked {
            self.ask(id, auth);
        }
    }
}
