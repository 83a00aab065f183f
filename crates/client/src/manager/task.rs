//! What the task of a connection asks for, and what it brings.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use songi_engineio::{ClientSession, Frame, RequestId, TransportEnd, TransportId};
use songi_socketio::{EncodeError, RawJson};
use tokio::time::Instant;

use super::link::Link;
use super::note::Note;
use super::{Command, Manager, Stay};
use crate::error::ConnectError;
use crate::reason::DisconnectReason;
use crate::socket::SocketInner;
use crate::transport::http::Reply;
use crate::wires::Bearer;

/// What the task has to do next.
pub(crate) struct Turn {
    pub(crate) work: Vec<Arc<SocketInner>>,
    /// Sockets that are to ask for their namespace on the link.
    pub(crate) joins: Vec<(Stay, Arc<SocketInner>)>,
    /// Which session the commands are for.
    pub(crate) session: u64,
    pub(crate) commands: Vec<Command>,
    /// More waits than there was room for.
    pub(crate) congested: bool,
    /// The session has ended: what carries it is to be closed after these commands.
    pub(crate) ended: bool,
    /// How many sessions are over, but for what is still to be closed.
    pub(crate) over: u64,
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
        let held_back = |link: &Link| link.session.is_holding_back();
        if core.link.as_ref().is_some_and(held_back) && !self.is_behind() {
            let now = core.now();
            self.pump(&mut core, now);
        }
        if core.link.is_none()
            && let Some((link, transport)) = core.next.take()
        {
            let now = core.now();
            core.open(self.config(), link, transport);
            self.pump(&mut core, now);
        }
        let mut turn = Turn {
            work: mem::take(&mut core.work),
            joins: mem::take(&mut core.joins),
            session: core.sessions,
            commands: Vec::new(),
            congested: false,
            ended: false,
            over: 0,
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
        if turn.ended
            && let Some(link) = core.link.take()
            && link.leaving
        {
            // It was waited for.
            let now = core.now();
            let reason = DisconnectReason::TransportClose;
            core.machine.closed(link.id, reason, now, rand::random);
            self.pump(&mut core, now);
        }
        self.tell_drained(&mut core);
        turn.over = core.sessions - u64::from(core.link.is_some());
        turn.idle = core.link.is_none() && core.sockets.is_empty();
        let notes = mem::take(&mut core.notes);
        drop(core);
        notes.into_iter().for_each(Note::log);
        turn
    }

    /// So many sessions have written all that they had to.
    pub(crate) fn sessions_over(&self, over: u64) {
        self.progress.send_if_modified(|progress| {
            let before = progress.over;
            progress.over = before.max(over);
            progress.over > before
        });
    }

    /// Ends the task, unless it is wanted again.
    pub(crate) fn finish(&self) -> bool {
        let mut core = self.core.lock();
        if core.sockets.is_empty() && core.link.is_none() && core.work.is_empty() {
            core.waker = None;
            self.progress
                .send_modify(|progress| progress.running = false);
            return true;
        }
        false
    }

    /// The task has ended with its runtime.
    pub(crate) fn abandon(&self) {
        self.drive(|core, _| {
            core.abandoned = true;
            (core.link, core.next) = (None, None);
            core.machine.abandon(DisconnectReason::TransportClose);
            self.tell_drained(core);
        });
        let (work, joins) = {
            let mut core = self.core.lock();
            (mem::take(&mut core.work), mem::take(&mut core.joins))
        };
        drop((work, joins));
        self.progress
            .send_modify(|progress| progress.running = false);
    }

    /// Asks for a namespace with this auth payload, if that is still wanted.
    pub(crate) fn authenticate(&self, stay: Stay, auth: Result<RawJson, EncodeError>) {
        let Stay { socket, link } = stay;
        self.drive(|core, _| core.machine.authenticate(socket, link, auth));
    }

    /// What brings inputs to a session, if it is still there.
    pub(crate) fn session(&self, session: u64) -> Linked<'_> {
        Linked {
            manager: self,
            session,
        }
    }

    pub(crate) fn handle_timeout(&self) {
        self.drive(|core, now| {
            if let Err(violation) = core.machine.handle_timeout(now, rand::random) {
                core.notes.push(Note::Broken(violation));
            }
            self.pump(core, now);
            if let Some(link) = &mut core.link {
                link.session.handle_timeout(now);
            }
        });
    }

    /// Puts something into a session, if it is still there.
    fn input(&self, session: u64, input: impl FnOnce(&mut ClientSession, Duration)) {
        self.drive(|core, now| {
            if core.sessions != session {
                return;
            }
            if let Some(link) = &mut core.link {
                input(&mut link.session, now);
            }
        });
    }

    /// Notes why a session could not be opened.
    fn note(&self, session: u64, error: Option<ConnectError>) {
        let mut core = self.core.lock();
        if core.sessions != session {
            return;
        }
        if let (Some(link), Some(error)) = (&mut core.link, error) {
            link.error = Some(error);
        }
    }
}

/// A session.
pub(crate) struct Linked<'a> {
    manager: &'a Manager,
    session: u64,
}

impl Bearer for Linked<'_> {
    fn response(&mut self, request: RequestId, reply: Result<Reply, ConnectError>) {
        match reply {
            Ok(Reply { status, body }) => {
                if status != 200 {
                    let error = Reply::refusal(status, &body);
                    self.manager.note(self.session, Some(error));
                }
                self.manager.input(self.session, |session, now| {
                    session.response(request, status, body, now)
                });
            }
            Err(error) => {
                tracing::debug!(%error, "request");
                self.manager.note(self.session, Some(error));
                self.manager.input(self.session, |session, now| {
                    session.request_failed(request, now)
                });
            }
        }
    }

    fn websocket_opened(&mut self, transport: TransportId) {
        self.manager.input(self.session, |session, now| {
            session.websocket_opened(transport, now)
        });
    }

    fn transport_closed(
        &mut self,
        transport: TransportId,
        end: TransportEnd,
        error: Option<ConnectError>,
    ) {
        self.manager.note(self.session, error);
        self.manager.input(self.session, |session, now| {
            session.transport_closed(transport, end, now)
        });
    }

    fn frame(&mut self, transport: TransportId, frame: Frame) {
        self.manager.input(self.session, |session, now| {
            session.frame(transport, frame, now)
        });
    }

    fn is_behind(&self) -> bool {
        self.manager.is_behind()
    }
}
