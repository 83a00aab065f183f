//! The state of a connection.

use std::sync::Arc;
use std::time::Duration;

use faststr::FastStr;
use smallvec::SmallVec;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::{
    CloseReason, Frame, RequestId, Response, SendError, SendOptions, ServerSession, TransportId,
};
use songi_socketio::handler::Job;
use songi_socketio::{RawJson, server as protocol};
use tokio::sync::oneshot;

use super::wires::Wires;
use crate::metrics::Traffic;
use crate::namespace::Stay;
use crate::reason::DisconnectReason;
use crate::recovery::Departed;
use crate::socket::SocketInner;
use crate::timers::Tick;

#[repr(C)]
pub(super) struct Core {
    /// The WebSocket whose queue takes packets without the session.
    pub(super) direct: Option<TransportId>,
    /// Somebody waits until nothing waits for the client.
    pub(super) awaits_drain: bool,
    /// The tick for which this connection is in the timers.
    pub(super) scheduled: Option<Tick>,
    pub(super) traffic: Traffic,
    pub(super) wires: Wires,
    /// Most clients are in one namespace.
    pub(super) sockets: SmallVec<[Arc<SocketInner>; 1]>,
    pub(super) session: ServerSession,
    pub(super) protocol: protocol::Connection,
    pub(super) requests: Vec<(RequestId, oneshot::Sender<Response>)>,
    /// Why the sockets are being disconnected, where the session's own reason says less.
    pub(super) reason: Option<DisconnectReason>,
    /// What more is known of it.
    pub(super) description: Option<String>,
    /// From how many bytes that wait on volatile packets are dropped.
    pub(super) drop_volatile_beyond: Option<usize>,
}

/// One input rarely brings more than one thing to do.
pub(super) type Works = SmallVec<[Work; 1]>;

/// What is done after the lock is released, because it runs handlers.
pub(super) enum Work {
    Join {
        namespace: FastStr,
        auth: Option<RawJson>,
    },
    Run(Arc<SocketInner>, Job),
    /// Who observes the rooms is told that a socket has entered its namespace.
    Entered(Arc<SocketInner>),
    /// Or that it is back in these rooms, with whether it is the first there.
    Rejoined(Arc<SocketInner>, Vec<(FastStr, bool)>),
    /// What a socket leaves behind that may recover is put aside.
    Departed(Arc<SocketInner>),
    /// Or that it has left, and these rooms, with whether it was the last there.
    Gone(Arc<SocketInner>, Vec<(FastStr, bool)>),
}

impl Core {
    pub(super) fn socket(&self, namespace: &str) -> Option<&Arc<SocketInner>> {
        self.sockets
            .iter()
            .find(|socket| socket.namespace().name() == namespace)
    }

    pub(super) fn respond(&mut self, request: RequestId, response: Response) {
        let Some(position) = self
            .requests
            .iter()
            .position(|(waiting, _)| *waiting == request)
        else {
            return;
        };
        let (_, sender) = self.requests.swap_remove(position);
        // The client of the request has gone: its handler says so by itself.
        let _ = sender.send(response);
    }

    /// Puts a frame into the queue of a WebSocket; `false` when it is over its limit.
    pub(super) fn queue(
        &mut self,
        id: TransportId,
        frame: Frame,
        options: SendOptions,
        limit: usize,
    ) -> bool {
        let Some(wire) = self.wires.find(id) else {
            return true;
        };
        wire.queue(frame, options);
        wire.attend(false);
        wire.bytes() <= limit
    }

    pub(super) fn close_websocket(&mut self, id: TransportId) {
        if let Some(wire) = self.wires.find(id) {
            wire.close();
        }
    }

    pub(super) fn send(
        &mut self,
        packet: &Outgoing,
        options: SendOptions,
        now: Duration,
    ) -> Result<(), EmitError> {
        if !self.make_room(packet, options) {
            return Ok(());
        }
        for frame in packet.frames() {
            self.session
                .send(frame, options, now)
                .map_err(|error| match error {
                    SendError::Full(_) => {
                        self.reason = Some(DisconnectReason::ForcedClose);
                        self.session.abort(CloseReason::ForcedClose);
                        EmitError::QueueFull
                    }
                    _ => EmitError::Disconnected,
                })?;
        }
        self.traffic.sent(packet.bytes());
        Ok(())
    }

    /// Takes a socket out; `false` when it was out already.
    pub(super) fn leave(
        &mut self,
        socket: &Arc<SocketInner>,
        reason: DisconnectReason,
        work: &mut Works,
    ) -> bool {
        let Some(position) = self
            .sockets
            .iter()
            .position(|joined| Arc::ptr_eq(joined, socket))
        else {
            return false;
        };
        let socket = self.sockets.swap_remove(position);
        self.disconnected(&socket, reason, work);
        true
    }

    pub(super) fn disconnected(
        &mut self,
        socket: &Arc<SocketInner>,
        reason: DisconnectReason,
        work: &mut Works,
    ) {
        let resumable = socket.resumable();
        let stay = resumable
            .filter(|_| reason.is_recoverable())
            .map(|_| Stay::new(socket.namespace()));
        if !socket.mark_disconnected() {
            return;
        }
        if let Some(server) = socket.namespace().server() {
            server.counters.disconnected(reason);
        }
        tracing::debug!(
            name: "songi.socket.disconnected",
            socket = %socket.id(),
            namespace = %socket.namespace().name(),
            %reason,
        );
        let local = &socket.namespace().inner().local;
        let rooms = local.remove(socket.id());
        if let Some(resumable) = resumable {
            let rooms = rooms.iter().map(|(room, _)| room.clone()).collect();
            resumable.depart(Departed { rooms, stay });
            work.push(Work::Departed(socket.clone()));
        }
        // Who waits for an ack is told by the end of its channel.
        socket.acks.lock().drain().for_each(drop);
        let args = reason.as_arguments(self.description.as_deref());
        if socket.has_disconnecting() {
            let rooms = rooms.iter().map(|(room, _)| room);
            let rooms = std::iter::once(socket.id()).chain(rooms);
            socket.keep_leaving_rooms(rooms.cloned().collect());
            post(socket, Job::Disconnecting(args.clone()), work);
        }
        if local.is_observed() {
            work.push(Work::Gone(socket.clone(), rooms));
        }
        post(socket, Job::Disconnected(args), work);
    }
}

/// Gives a job to a socket: it is done after the lock is released, or after those before it.
pub(super) fn post(socket: &Arc<SocketInner>, job: Job, work: &mut Works) {
    if let Some(job) = socket.offer(job) {
        work.push(Work::Run(socket.clone(), job));
    }
}
