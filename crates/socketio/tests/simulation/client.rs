//! The client's application: what it does.

use std::time::Duration;

use bytes::Bytes;
use songi_socketio::Parser;
use songi_socketio::manager::{DisconnectReason, EmitError, JoinError, LinkId, Socket, SocketId};

use crate::honest::Simulation;
use crate::model::{Token, Waiting};
use crate::network::{Arrival, Packet};
use crate::server::{NAMESPACES, event};

impl Simulation<'_, '_> {
    pub(crate) fn act(&mut self) {
        let namespace = self.choices.below(NAMESPACES.len());
        match self.choices.below(100) {
            0..40 => self.emit(namespace),
            40..60 => {
                let deadline = self.choices.percent(50).then(|| self.choices.millis(3000));
                let volatile = self.choices.percent(10);
                self.ask(namespace, volatile, deadline);
            }
            60..80 => self.emit_until_answered(namespace),
            80..90 => self.join(namespace),
            90..94 => self.leave(namespace),
            // What is under way from the earlier stay meets the next one.
            94.. => {
                self.leave(namespace);
                self.pull();
                self.join(namespace);
            }
        }
    }

    pub(crate) fn join(&mut self, at: usize) {
        let namespace = &mut self.model.namespaces[at];
        if namespace.socket.is_some() {
            return;
        }
        let rest = namespace.rest.take();
        let rest = rest.filter(|_| self.healed || !self.choices.percent(30));
        let socket = rest.unwrap_or_else(|| {
            // Another socket: what the old one kept is gone with it.
            for token in namespace.retries.drain(..) {
                self.model.tokens[token].done = true;
            }
            namespace.kept.clear();
            Box::new(Socket::new(NAMESPACES[at].into(), self.manager.config()))
        });
        match self.manager.join(socket, self.network.now) {
            Ok(socket) => namespace.socket = Some(socket),
            Err((error, rest)) => {
                let limit = self.plan.config.max_namespaces;
                assert_eq!(error, JoinError::TooManyNamespaces { limit });
                self.seen.too_many_namespaces += 1;
                namespace.rest = Some(rest);
                namespace.ended = Some(DisconnectReason::ClientDisconnect);
            }
        }
    }

    pub(crate) fn leave(&mut self, at: usize) {
        if let Some(socket) = self.model.namespaces[at].socket {
            self.manager.leave(socket);
        }
    }

    fn next_event(&mut self, at: usize, id: Option<u64>, name: &str) -> Packet {
        let number = self.model.numbers;
        self.model.numbers += 1;
        let blob = self.choices.percent(10);
        let blob = blob.then(|| Bytes::from_static(b"blob"));
        event(at, id, name, number, blob)
    }

    fn emit(&mut self, at: usize) {
        let Some(socket) = self.model.namespaces[at].socket else {
            return;
        };
        let packet = self.next_event(at, None, "plain");
        let volatile = self.choices.percent(15);
        self.emitted(at, socket, packet, volatile, None);
    }

    /// Asks for an ack.
    pub(crate) fn ask(
        &mut self,
        at: usize,
        volatile: bool,
        deadline: Option<Duration>,
    ) -> Option<Token> {
        let socket = self.model.namespaces[at].socket?;
        let token = self.model.tokens.len();
        let id = match self.manager.expect(socket, token) {
            Ok(id) => id,
            Err(error) => {
                assert!(matches!(error, EmitError::TooManyAcks(_)), "{error:?}");
                let pending = self.model.tokens.iter().filter(|waiting| {
                    waiting.namespace == at && !waiting.repeated && !waiting.done
                });
                assert_eq!(pending.count(), self.plan.config.max_pending_acks);
                self.seen.too_many_acks += 1;
                return None;
            }
        };
        let packet = self.next_event(at, Some(id), "plain");
        self.waits(at, packet.number, (socket, id), false);
        if let Some(deadline) = deadline {
            self.network.after(deadline, Arrival::Forgets(token));
        }
        self.emitted(at, socket, packet, volatile, Some(token));
        Some(token)
    }

    fn waits(&mut self, namespace: usize, number: usize, key: (SocketId, u64), repeated: bool) {
        self.model.tokens.push(Waiting {
            namespace,
            number,
            key,
            repeated,
            sent: 0,
            on: None,
            done: false,
        });
    }

    fn emitted(
        &mut self,
        at: usize,
        socket: SocketId,
        packet: Packet,
        volatile: bool,
        token: Option<Token>,
    ) {
        let (bytes, number) = (packet.bytes(), packet.number);
        let ack = token.map(|token| self.model.tokens[token].key.1);
        let emitted = self.manager.emit(socket, packet, bytes, volatile, ack);
        let namespace = &mut self.model.namespaces[at];
        match emitted {
            Ok(Some(packet)) => {
                assert!(namespace.joined.is_some(), "only to a namespace is sent");
                match self.send_to_server(&packet) {
                    Ok(link) => self.model.sent.push((link, at, number)),
                    Err(_) => self.give_back(token),
                }
            }
            Ok(None) => {
                assert!(namespace.joined.is_none());
                if volatile {
                    self.seen.dropped_volatile += 1;
                } else {
                    self.seen.kept += 1;
                    namespace.kept.push_back((number, token));
                    let most = self.plan.config.max_waiting_events;
                    assert!(namespace.kept.len() <= most, "the limit holds");
                }
            }
            Err(error) => {
                assert_eq!(error, EmitError::QueueFull);
                assert!(!namespace.kept.is_empty(), "one always fits");
                self.seen.queue_full += 1;
                self.give_back(token);
            }
        }
    }

    /// The event was not sent: nobody waits.
    fn give_back(&mut self, token: Option<Token>) {
        if let Some(token) = token {
            self.forget(token);
        }
    }

    fn emit_until_answered(&mut self, at: usize) {
        let Some(socket) = self.model.namespaces[at].socket else {
            return;
        };
        let id = self.manager.reserve(socket).expect("it is active");
        let packet = self.next_event(at, Some(id), "repeated");
        let (token, number, bytes) = (self.model.tokens.len(), packet.number, packet.bytes());
        let now = self.network.now;
        let emitted = self
            .manager
            .emit_until_answered(socket, packet, bytes, id, token, now);
        let queue = &mut self.model.namespaces[at].retries;
        match emitted {
            Ok(()) => {
                queue.push_back(token);
                let most = self.plan.config.max_waiting_events;
                assert!(queue.len() <= most, "the limit holds");
                self.waits(at, number, (socket, id), true);
            }
            Err(error) => {
                assert_eq!(error, EmitError::QueueFull);
                assert!(!queue.is_empty(), "one always fits");
                self.seen.queue_full += 1;
            }
        }
    }

    pub(crate) fn forget(&mut self, token: Token) {
        let waiting = &mut self.model.tokens[token];
        let (socket, ack) = waiting.key;
        let forgotten = self.manager.forget(socket, ack);
        if waiting.done {
            assert_eq!(forgotten, None, "it has been told already");
            return;
        }
        assert_eq!(forgotten, Some(token));
        waiting.done = true;
        self.seen.forgotten += 1;
        let kept = &mut self.model.namespaces[waiting.namespace].kept;
        let before = kept.len();
        kept.retain(|(_, waits)| *waits != Some(token));
        self.seen.forgotten_before_sent += (before - kept.len()) as u64;
    }

    pub(crate) fn answer(
        &mut self,
        socket: SocketId,
        link: LinkId,
        at: usize,
        id: u64,
        number: usize,
    ) {
        if !self.manager.can_answer(socket, link) {
            self.seen.answers_too_late_to_be_sent += 1;
            return;
        }
        let mut text = Vec::new();
        let name = NAMESPACES[at];
        Parser::Json.ack(&mut text, name, id, &number).unwrap();
        let _ = self.send_to_server(&Packet::new(text, Vec::new(), at, number));
    }
}
