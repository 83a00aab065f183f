//! What the task of a connection asks for, and what it brings.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use songi_emit::Outgoing;
use songi_engineio::{ClientSession, Frame, RequestId, SendOptions, TransportEnd, TransportId};
use songi_socketio::client::StateError;
use songi_socketio::{EncodeError, RawJson};
use tokio::time::Instant;

use super::{Command, Manager};
use crate::error::ConnectError;
use crate::reason::DisconnectReason;
use crate::socket::SocketInner;
use crate::transport::http::Reply;
use crate::wires::Bearer;

/// What the task has to do next.
pub(crate) struct Turn {
    pub(crate) work: Vec<Arc<SocketInner>>,
    /// Sockets that are to ask for their namespace on the link.
    pub(crate) joins: Vec<Arc<SocketInner>>,
    /// Which link the commands are for: each session has another number.
    pub(crate) link: u64,
    pub(crate) commands: Vec<Command>,
    /// More waits than there was room for.
    pub(crate) congested: bool,
    /// The session has ended: what carries it is to be closed after these commands.
    pub(crate) ended: bool,
    /// Nobody wants the connection.
    pub(crate) idle: bool,
    pub(crate) deadline: Option<Instant>,
}

impl Manager {
    /// What there is to do. Frames are given up to `room` bytes, and all when the session has
    /// ended.
    pub(crate) fn turn(&self, waker: &Waker, room: usize) -> Turn {
        let mut core = self.core.lock();
        match &mut core.waker {
            Some(known) => known.clone_from(waker),
            None => core.waker = Some(waker.clone()),
        }
        if core.link.is_none() && core.reconnection.is_opening() && !core.sockets.is_empty() {
            let now = core.now();
            core.open(self.config(), self.parser(), now);
            self.pump(&mut core, now);
        }
        let mut turn = Turn {
            work: mem::take(&mut core.work),
            joins: mem::take(&mut core.joins),
            link: core.links,
            commands: Vec::new(),
            congested: false,
            ended: false,
            idle: false,
            deadline: core
                .deadline()
                .and_then(|deadline| core.clock.instant(deadline)),
        };
        if let Some(link) = &mut core.link {
            link.take_commands(&mut turn.commands, room);
            turn.congested = link.congested;
            turn.ended = link.closed;
        }
        if turn.ended {
            core.link = None;
        }
        turn.idle = core.link.is_none() && core.sockets.is_empty();
        turn
    }

    /// Ends the task, unless it is wanted again.
    pub(crate) fn finish(&self) -> bool {
        let mut core = self.core.lock();
        if core.sockets.is_empty() && core.link.is_none() && core.work.is_empty() {
            core.reconnection.stop();
            core.waker = None;
            self.running.send_replace(false);
            return true;
        }
        false
    }

    /// The task has ended with its runtime.
    pub(crate) fn abandon(&self) {
        self.drive(|core, _| {
            core.abandoned = true;
            core.reconnection.stop();
            core.link = None;
            for socket in mem::take(&mut core.sockets) {
                self.deactivate(core, &socket, DisconnectReason::TransportClose);
            }
        });
        let work = mem::take(&mut self.core.lock().work);
        drop(work);
        self.running.send_replace(false);
    }

    /// Asks for a namespace with this auth payload, if the link is still there.
    pub(crate) fn join(
        &self,
        link: u64,
        socket: &Arc<SocketInner>,
        auth: Result<RawJson, EncodeError>,
    ) {
        self.drive(|core, now| {
            let wanted = core
                .sockets
                .iter()
                .any(|wanted| Arc::ptr_eq(wanted, socket));
            if !wanted || core.links != link {
                return;
            }
            let parser = self.parser();
            let Some(link) = core.link.as_mut().filter(|link| link.is_usable()) else {
                return;
            };
            let name = socket.namespace();
            let packet = auth.map_err(StateError::from).and_then(|auth| {
                let auth = socket.with_recovery(auth);
                Outgoing::with_parser(parser, |wire| {
                    link.protocol
                        .connect(name, &auth, wire)
                        .map(|()| Vec::new())
                })
            });
            match packet {
                Ok(packet) => link.send(&packet, SendOptions::default(), now),
                // We have just left it, and the server has not answered to our coming yet.
                Err(StateError::InUse(_)) => core.blocked.push(socket.clone()),
                Err(error) => {
                    core.remove(socket);
                    self.refused(core, socket, error.into());
                    self.close_if_unused(core, now);
                }
            }
        });
    }

    /// What brings inputs to the session of a link, if it is still there.
    pub(crate) fn link(&self, link: u64) -> Linked<'_> {
        Linked {
            manager: self,
            link,
        }
    }

    pub(crate) fn handle_timeout(&self) {
        self.drive(|core, now| {
            if let Some(attempt) = core.reconnection.handle_timeout(now) {
                self.tell_all(core, "reconnect_attempt", &attempt);
            }
            let timeout = self.config().connect_timeout;
            let Some(link) = &mut core.link else {
                return;
            };
            if link.deadline.is_some_and(|deadline| now >= deadline) {
                link.error = Some(ConnectError::Timeout(timeout));
                link.session.close(now);
                return;
            }
            link.session.handle_timeout(now);
            if let Err(violation) = link.protocol.handle_timeout(now) {
                self.broken(core, &violation, now);
            }
        });
    }

    /// Puts something into the session of a link, if it is still there.
    fn input(&self, link: u64, input: impl FnOnce(&mut ClientSession, Duration)) {
        self.drive(|core, now| {
            if core.links != link {
                return;
            }
            if let Some(link) = &mut core.link {
                input(&mut link.session, now);
            }
        });
    }

    /// Notes why a link could not be opened.
    fn note(&self, link: u64, error: Option<ConnectError>) {
        let mut core = self.core.lock();
        if core.links != link {
            return;
        }
        if let (Some(link), Some(error)) = (&mut core.link, error) {
            link.error = Some(error);
        }
    }
}

/// The session of a link.
pub(crate) struct Linked<'a> {
    manager: &'a Manager,
    link: u64,
}

impl Bearer for Linked<'_> {
    fn response(&mut self, request: RequestId, reply: Result<Reply, ConnectError>) {
        match reply {
            Ok(Reply { status, body }) => {
                if status != 200 {
                    let error = Reply::refusal(status, &body);
                    self.manager.note(self.link, Some(error));
                }
                self.manager.input(self.link, |session, now| {
                    session.response(request, status, body, now)
                });
            }
            Err(error) => {
                tracing::debug!(%error, "request");
                self.manager.note(self.link, Some(error));
                self.manager.input(self.link, |session, now| {
                    session.request_failed(request, now)
                });
            }
        }
    }

    fn websocket_opened(&mut self, transport: TransportId) {
        self.manager.input(self.link, |session, now| {
            session.websocket_opened(transport, now)
        });
    }

    fn transport_closed(
        &mut self,
        transport: TransportId,
        end: TransportEnd,
        error: Option<ConnectError>,
    ) {
        self.manager.note(self.link, error);
        self.manager.input(self.link, |session, now| {
            session.transport_closed(transport, end, now)
        });
    }

    fn frame(&mut self, transport: TransportId, frame: Frame) {
        self.manager.input(self.link, |session, now| {
            session.frame(transport, frame, now)
        });
    }

    fn is_behind(&self) -> bool {
        self.manager.is_behind()
    }
}
