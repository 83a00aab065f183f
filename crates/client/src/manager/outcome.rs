//! What becomes of the sockets when a session opens, fails or ends.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use songi_engineio::{CloseReason, Transport, Violation};

use super::Manager;
use super::core::Core;
use crate::error::{ConnectError, ConnectFailure};
use crate::reason::DisconnectReason;
use crate::reconnection::Next;
use crate::socket::SocketInner;

impl Manager {
    /// The session is open.
    pub(super) fn opened(&self, core: &mut Core, _now: Duration) {
        let Some(link) = &mut core.link else {
            return;
        };
        link.opened = true;
        link.deadline = None;
        link.error = None;
        core.remembers_websocket = link.session.transport() == Some(Transport::WebSocket);
        core.joins.clone_from(&core.sockets);
        if let Some(attempts) = core.reconnection.opened() {
            self.tell_all(core, "reconnect", &attempts);
        }
        core.wake();
    }

    /// The session has ended, or never opened.
    pub(super) fn closed(
        &self,
        core: &mut Core,
        reason: CloseReason,
        violation: Option<Violation>,
        now: Duration,
    ) {
        let Some(link) = &mut core.link else {
            return;
        };
        link.closed = true;
        let (opened, leaving) = (link.opened, link.leaving);
        let (known, error) = (link.reason, link.error.take());
        core.wake();
        if leaving {
            return;
        }
        if opened {
            return self.lost(core, known.unwrap_or_else(|| reason.into()), now);
        }
        let error = error.unwrap_or_else(|| match violation {
            Some(Violation::Status(status)) => ConnectError::Status {
                status,
                body: String::new(),
            },
            Some(violation) => ConnectError::Open(violation),
            None => ConnectError::Disconnected(reason.into()),
        });
        self.not_opened(core, &error, now);
    }

    /// An open connection was lost.
    pub(super) fn lost(&self, core: &mut Core, reason: DisconnectReason, now: Duration) {
        for socket in core.sockets.clone() {
            self.disconnect(core, &socket, reason);
        }
        match core.reconnection.failed(now, rand::random()) {
            Next::Wait => core.wake(),
            next => self.give_up(core, next, reason),
        }
    }

    /// A connection could not be opened.
    fn not_opened(&self, core: &mut Core, error: &ConnectError, now: Duration) {
        core.remembers_websocket = false;
        if self.try_next_transport(core, now) {
            return;
        }
        tracing::debug!(%error, "not connected");
        let failure = ConnectFailure::from(error);
        let attempt = core.reconnection.attempt();
        let next = core.reconnection.failed(now, rand::random());
        for socket in core.sockets.clone() {
            socket.answer(Err(error.clone()));
            socket.forget_early(self);
            socket.push_life("connect_error", &failure);
            if attempt.is_some() {
                socket.push_life("reconnect_error", &failure);
            }
            core.work(socket);
        }
        if next != Next::Wait {
            self.give_up(core, next, DisconnectReason::TransportError);
        }
    }

    fn try_next_transport(&self, core: &mut Core, now: Duration) -> bool {
        let Some(link) = &core.link else {
            return false;
        };
        let next = link.transport + 1;
        let deadline = link.deadline.filter(|&deadline| now < deadline);
        let (Some(deadline), true) = (deadline, self.config().try_all_transports) else {
            return false;
        };
        if next >= self.config().transports_in_order().len() {
            return false;
        }
        core.next_transport = Some((next, deadline));
        true
    }

    /// There will be no further attempt, until somebody asks for one.
    fn give_up(&self, core: &mut Core, next: Next, reason: DisconnectReason) {
        for socket in mem::take(&mut core.sockets) {
            if next == Next::GaveUp {
                socket.push_life("reconnect_failed", &());
            }
            self.deactivate(core, &socket, reason);
        }
    }

    /// The server refused a namespace, or it could not be asked for: the socket was taken out.
    pub(super) fn refused(&self, core: &mut Core, socket: &Arc<SocketInner>, error: ConnectError) {
        socket.push_life("connect_error", &ConnectFailure::from(&error));
        socket.answer(Err(error));
        self.deactivate(core, socket, DisconnectReason::ServerDisconnect);
    }

    /// Ends a socket that was taken out, until somebody connects it again.
    pub(super) fn deactivate(
        &self,
        core: &mut Core,
        socket: &Arc<SocketInner>,
        reason: DisconnectReason,
    ) {
        self.disconnect(core, socket, reason);
        socket.mark_inactive(reason);
        core.work(socket.clone());
    }

    /// A socket is not in its namespace any more.
    fn disconnect(&self, core: &mut Core, socket: &Arc<SocketInner>, reason: DisconnectReason) {
        socket.forget_early(self);
        if socket.mark_disconnected(reason) {
            socket.push_disconnected(reason.as_arguments());
            core.work(socket.clone());
        }
    }

    /// Events that will not be handled.
    pub(crate) fn events_forgotten(&self, count: usize) {
        self.backlog.fetch_sub(count, Ordering::AcqRel);
    }

    /// Closes the connection when nobody wants it.
    pub(super) fn close_if_unused(&self, core: &mut Core, now: Duration) {
        if !core.sockets.is_empty() {
            return;
        }
        core.reconnection.stop();
        core.next_transport = None;
        // On long-polling, what was sent goes out on its own: a JavaScript server that gets the
        // end of the session in the same request hears of nothing else.
        self.pump(core, now);
        if let Some(link) = &mut core.link {
            link.leaving = true;
            link.deadline = None;
            link.session.close(now);
        }
        core.wake();
    }

    /// Tells all sockets what happens to the connection.
    pub(super) fn tell_all(&self, core: &mut Core, event: &'static str, value: &impl Serialize) {
        for socket in core.sockets.clone() {
            socket.push_life(event, value);
            core.work(socket);
        }
    }
}
