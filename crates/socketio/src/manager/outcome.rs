//! What becomes of the sockets when a link fails or ends.

use core::time::Duration;

use faststr::FastStr;

use super::reconnection::Next;
use super::retries::Failed;
use super::{Active, DisconnectReason, Manager, Output, Refusal, Socket, SocketId, Unanswered};

impl<P: Clone, A> Manager<P, A> {
    /// The server broke the protocol. The link may need a moment for its last words; the sockets do
    /// not wait for them.
    pub(super) fn broken(&mut self, now: Duration, random: impl FnOnce() -> u32) {
        self.close();
        self.lost(DisconnectReason::ParseError, now, random);
    }

    /// The open link is gone.
    pub(super) fn lost(
        &mut self,
        reason: DisconnectReason,
        now: Duration,
        random: impl FnOnce() -> u32,
    ) {
        let mut sockets = core::mem::take(&mut self.sockets);
        for Active { id, socket } in &mut sockets {
            self.away(*id, socket, reason);
        }
        self.sockets = sockets;
        let next = self.reconnection.failed(now, random);
        self.follow(next, reason);
    }

    /// A link could not be opened.
    pub(super) fn failed(&mut self, timed_out: bool, now: Duration, random: impl FnOnce() -> u32) {
        let attempt = self.reconnection.attempt();
        self.outputs
            .push_back(Output::NotOpened { attempt, timed_out });
        let next = self.reconnection.failed(now, random);
        self.follow(next, DisconnectReason::TransportError);
    }

    /// Ends all sockets unless there is another attempt.
    fn follow(&mut self, next: Next, reason: DisconnectReason) {
        match next {
            Next::Wait => return,
            Next::GaveUp => self.outputs.push_back(Output::GaveUp),
            Next::Stay => {}
        }
        for active in core::mem::take(&mut self.sockets) {
            self.end(active, reason);
        }
    }

    /// A socket is not let into its namespace.
    pub(super) fn refused(&mut self, socket: SocketId, why: Refusal) {
        if let Some(refused) = self.remove(socket) {
            self.outputs.push_back(Output::Refused { socket, why });
            self.end(refused, DisconnectReason::ServerDisconnect);
            self.close_if_unused();
        }
    }

    /// Ends a socket that was taken out, until somebody joins it again.
    pub(super) fn end(&mut self, active: Active<P, A>, reason: DisconnectReason) {
        let Active { id, mut socket } = active;
        if socket.is_joined() {
            self.note_left(&socket.namespace);
        }
        // First, so that who waits for an ack of what it kept is told too.
        socket.offline.ended();
        self.away(id, &mut socket, reason);
        self.outputs.push_back(Output::Ended {
            socket: id,
            rest: socket,
            reason,
        });
    }

    /// Closes the link when nobody wants it.
    pub(super) fn close_if_unused(&mut self) {
        if self.sockets.is_empty() {
            self.reconnection.stop();
            self.close();
        }
    }

    pub(super) fn note_left(&mut self, namespace: &FastStr) {
        let limit = self.config.max_namespaces;
        if let Some(link) = &mut self.link {
            link.note_left(namespace, limit);
        }
    }

    pub(super) fn unanswered(&mut self, reply: Option<A>, why: Unanswered) {
        let output = reply.map(|reply| Output::Unanswered { reply, why });
        self.outputs.extend(output);
    }

    pub(super) fn gave_up_one(&mut self, failed: Option<Failed<A>>) {
        if let Some(Failed { reply, why }) = failed {
            self.unanswered(Some(reply), why);
        }
    }

    /// A socket is not in its namespace any more, or does not come there.
    fn away(&mut self, id: SocketId, socket: &mut Socket<P, A>, reason: DisconnectReason) {
        if socket.is_joined() {
            self.outputs.push_back(Output::Left { socket: id, reason });
        }
        for reply in socket.away(reason) {
            self.unanswered(Some(reply), Unanswered::Disconnected);
        }
        let failed = socket.retries.disconnected(&self.config);
        self.gave_up_one(failed);
    }
}
