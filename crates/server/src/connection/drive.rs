//! Inputs go into a connection's state, and what comes of them goes to its place.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use songi_engineio::{CloseReason, Event, Message, Output};
use songi_socketio::handler::Job;
use songi_socketio::server as protocol;

use super::Connection;
use super::core::{Core, Work, Works, post};
use crate::joining;
use crate::metrics::count;
use crate::reason::DisconnectReason;
use crate::tables;
use crate::timers::{Tick, Timed};

impl Connection {
    /// Gives an input from the client to the state, hands out what comes of it, and calls the
    /// handlers that it is for.
    pub(super) fn drive<T>(
        self: &Arc<Self>,
        input: impl FnOnce(&mut Core, Duration, &mut Works) -> T,
    ) -> T {
        let mut work = Works::new();
        let result = self.step(&mut work, input);
        self.perform_all(&mut work);
        result
    }

    /// The same for what the application does. Handlers are called later, in a task: the caller
    /// may hold locks that they want.
    pub(super) fn command<T>(
        self: &Arc<Self>,
        input: impl FnOnce(&mut Core, Duration, &mut Works) -> T,
    ) -> T {
        let mut work = Works::new();
        let result = self.step(&mut work, input);
        if !work.is_empty() {
            let connection = self.clone();
            self.shared
                .spawn(async move { connection.perform_all(&mut work) });
        }
        result
    }

    pub(super) fn step<T>(
        self: &Arc<Self>,
        work: &mut Works,
        input: impl FnOnce(&mut Core, Duration, &mut Works) -> T,
    ) -> T {
        let now = self.shared.now();
        let mut core = self.core.lock();
        let result = input(&mut core, now, work);
        self.settle(&mut core, now, work);
        result
    }

    /// Hands out what came of an input.
    pub(super) fn settle(self: &Arc<Self>, core: &mut Core, now: Duration, work: &mut Works) {
        while let Some(output) = core.session.poll_output() {
            self.hand_out(core, output, now, work);
        }
        core.direct = core.session.direct();
        self.tell_drained(core);
        self.schedule(core);
    }

    pub(super) fn perform_all(self: &Arc<Self>, work: &mut Works) {
        for work in work.drain(..) {
            self.perform(work);
        }
    }

    fn perform(self: &Arc<Self>, work: Work) {
        match work {
            Work::Join { namespace, auth } => joining::join(self, &namespace, auth),
            Work::Run(socket, job) => socket.run(job, Some(self)),
            Work::Entered(socket) => {
                let local = &socket.namespace().inner().local;
                local.tell_entered(socket.id());
            }
            Work::Rejoined(socket, rooms) => {
                let local = &socket.namespace().inner().local;
                local.tell_rejoined(socket.id(), &rooms);
            }
            Work::Departed(socket) => {
                if let Some(memory) = socket.namespace().inner().local.memory() {
                    memory.settle(&socket);
                }
            }
            Work::Gone(socket, rooms) => {
                let local = &socket.namespace().inner().local;
                local.tell_gone(socket.id(), &rooms);
            }
        }
    }

    fn hand_out(&self, core: &mut Core, output: Output, now: Duration, work: &mut Works) {
        match output {
            Output::Respond { request, response } => core.respond(request, response),
            Output::Frame {
                transport,
                frame,
                options,
            } => {
                let limit = self.shared.config.max_buffered;
                if !core.queue(transport, frame, options, limit) {
                    tracing::debug!(name: "songi.connection.slow", sid = %self.sid, limit);
                    count(&self.shared.counters.slow_clients);
                    core.reason = Some(DisconnectReason::ForcedClose);
                    core.description = Some("the client reads too slowly".to_owned());
                    core.session.abort(CloseReason::ForcedClose);
                }
            }
            Output::CloseTransport(transport) => core.close_websocket(transport),
            Output::Event(Event::Message(message)) => {
                self.receive(core, message, now, work);
            }
            Output::Event(Event::Closed { reason, violation }) => {
                tracing::debug!(
                    name: "songi.connection.closed",
                    sid = %self.sid,
                    %reason,
                    violation = violation.as_ref().map(tracing::field::display),
                );
                self.shared.counters.ended(mem::take(&mut core.traffic));
                tables::remove(&mut *self.shared.connections.write(), &self.sid);
                let reason = core.reason.unwrap_or_else(|| disconnect_reason(reason));
                if let Some(violation) = violation {
                    core.description
                        .get_or_insert_with(|| violation.to_string());
                }
                for socket in mem::take(&mut core.sockets) {
                    core.disconnected(&socket, reason, work);
                }
            }
            Output::Event(Event::Upgraded) => {
                tracing::debug!(name: "songi.connection.upgraded", sid = %self.sid);
                count(&self.shared.counters.upgraded);
            }
            _ => {}
        }
    }

    /// A Socket.IO packet, or one attachment of it. `true` if it has changed nothing that is to be
    /// [settled](Self::settle).
    pub(super) fn receive(
        &self,
        core: &mut Core,
        message: Message,
        now: Duration,
        work: &mut Works,
    ) -> bool {
        core.traffic.received(match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        });
        let received = match message {
            Message::Text(text) => core.protocol.receive_text(text, now),
            Message::Binary(bytes) => core.protocol.receive_binary(bytes, now),
        };
        match received {
            Ok(Some(incoming)) => {
                core.traffic.packets_in += 1;
                // A parser of the application may be in the midst of the next packet.
                self.incoming(core, incoming, work) && core.protocol.poll_timeout().is_none()
            }
            // Attachments are to come, and in time.
            Ok(None) => false,
            Err(violation) => {
                tracing::debug!(name: "songi.connection.violation", sid = %self.sid, %violation);
                core.reason = Some(DisconnectReason::ParseError);
                core.description = Some(violation.to_string());
                core.session.abort(CloseReason::ParseError);
                false
            }
        }
    }

    fn incoming(&self, core: &mut Core, incoming: protocol::Incoming, work: &mut Works) -> bool {
        use protocol::Incoming;
        match incoming {
            Incoming::Connect { namespace, auth } => {
                work.push(Work::Join { namespace, auth });
                false
            }
            Incoming::Event {
                namespace,
                id,
                name,
                args,
            } => {
                if let Some(socket) = core.socket(&namespace) {
                    self.backlog.fetch_add(1, Ordering::Relaxed);
                    post(socket, Job::Event { name, id, args }, work);
                }
                true
            }
            Incoming::Ack {
                namespace,
                id,
                args,
            } => {
                if let Some(socket) = core.socket(&namespace)
                    && let Some(reply) = socket.acks.lock().take(id)
                {
                    reply.send(args);
                }
                true
            }
            Incoming::Disconnect { namespace } => {
                if let Some(socket) = core.socket(&namespace).cloned() {
                    core.leave(&socket, DisconnectReason::ClientNamespaceDisconnect, work);
                }
                false
            }
        }
    }

    /// Keeps the earliest deadline in the timers.
    fn schedule(self: &Arc<Self>, core: &mut Core) {
        if core.session.is_closed() {
            if let Some(tick) = core.scheduled.take() {
                self.shared.timers.cancel(tick, self);
            }
            return;
        }
        let deadlines = [core.session.poll_timeout(), core.protocol.poll_timeout()];
        let Some(next) = deadlines.into_iter().flatten().min() else {
            return;
        };
        if core
            .scheduled
            .is_none_or(|scheduled| scheduled.is_late_for(next))
        {
            let tick = Tick::at(next);
            if let Some(later) = core.scheduled.replace(tick) {
                self.shared.timers.cancel(later, self);
            }
            self.shared.timers.schedule(tick, Arc::downgrade(self));
        }
    }
}

impl Timed for Connection {
    fn tick(self: Arc<Self>, tick: Tick) {
        self.drive(|core, now, _| {
            if core.scheduled != Some(tick) {
                // An earlier one was scheduled while this one was on its way here.
                return;
            }
            core.scheduled = None;
            core.session.handle_timeout(now);
            if let Err(violation) = core.protocol.handle_timeout(now) {
                tracing::debug!(name: "songi.connection.violation", sid = %self.sid, %violation);
                core.reason = Some(DisconnectReason::ForcedServerClose);
                core.description = Some(violation.to_string());
                core.session.close(CloseReason::ForcedClose, now);
            }
        });
    }
}

fn disconnect_reason(reason: CloseReason) -> DisconnectReason {
    match reason {
        CloseReason::TransportError => DisconnectReason::TransportError,
        CloseReason::TransportClose => DisconnectReason::TransportClose,
        CloseReason::PingTimeout => DisconnectReason::PingTimeout,
        CloseReason::ParseError => DisconnectReason::ParseError,
        CloseReason::ServerShuttingDown => DisconnectReason::ServerShuttingDown,
        _ => DisconnectReason::ForcedClose,
    }
}

pub(super) fn close_reason(reason: DisconnectReason) -> CloseReason {
    match reason {
        DisconnectReason::ServerShuttingDown => CloseReason::ServerShuttingDown,
        _ => CloseReason::ForcedClose,
    }
}
