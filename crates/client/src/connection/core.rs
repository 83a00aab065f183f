//! The state of a connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use songi_emit::Outgoing;
use songi_engineio::{ClientSession, CloseReason, Frame, SendOptions, TransportId};
use songi_socketio::client as protocol;

use crate::reason::DisconnectReason;
use crate::socket::SocketInner;

/// What is behind the lock.
pub(super) struct Core {
    pub(super) session: ClientSession,
    pub(super) transport: TransportId,
    pub(super) protocol: protocol::Connection,
    /// Joined, or to be joined.
    pub(super) sockets: Vec<Arc<SocketInner>>,
    /// Sockets with something to handle, and those that are done with: never let go of under the
    /// lock, as their handlers may hold other sockets.
    pub(super) work: Vec<Arc<SocketInner>>,
    pub(super) frames: VecDeque<Frame>,
    /// What the frames weigh.
    pub(super) queued: usize,
    /// More waits than is written: volatile packets are dropped.
    pub(super) congested: bool,
    /// Why the sockets are disconnected, where the session's own reason says less.
    pub(super) reason: Option<DisconnectReason>,
    pub(super) waker: Option<Waker>,
}

impl Core {
    pub(super) fn new(
        session: ClientSession,
        transport: TransportId,
        protocol: protocol::Connection,
    ) -> Self {
        Self {
            session,
            transport,
            protocol,
            sockets: Vec::new(),
            work: Vec::new(),
            frames: VecDeque::new(),
            queued: 0,
            congested: false,
            reason: None,
            waker: None,
        }
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
        let deadlines = [self.session.poll_timeout(), self.protocol.poll_timeout()];
        deadlines.into_iter().flatten().min()
    }

    pub(super) fn close_if_unused(&mut self, now: Duration) {
        if self.sockets.is_empty() {
            self.session.close(now);
        }
    }

    /// The server broke the protocol.
    pub(super) fn fail(&mut self, violation: &protocol::Error, now: Duration) {
        tracing::debug!(%violation, "the server broke the protocol");
        self.reason = Some(CloseReason::ParseError.into());
        self.session.close(now);
    }

    /// Gives a packet to the session. A session that has ended says so by its last event.
    pub(super) fn send(&mut self, packet: &Outgoing, now: Duration) {
        for frame in packet.frames() {
            let _ = self.session.send(frame, SendOptions::default(), now);
        }
    }

    pub(super) fn queue(&mut self, frame: Frame) {
        // One pong answers all pings before it, so that they cannot fill the queue.
        if is_pong(&frame) && self.frames.back().is_some_and(is_pong) {
            return;
        }
        if self.frames.is_empty() {
            self.wake();
        }
        self.queued += weight(&frame);
        self.frames.push_back(frame);
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

fn is_pong(frame: &Frame) -> bool {
    matches!(frame, Frame::Text(text) if text == "3")
}

/// What a frame counts against the limit of what may wait: an empty one takes memory too.
pub(super) fn weight(frame: &Frame) -> usize {
    frame.len() + std::mem::size_of::<Frame>()
}
