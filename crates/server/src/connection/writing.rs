//! Packets go to one client, or to many.

use std::sync::Arc;

use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;

use super::Connection;
use super::core::Core;
use crate::delivery::ForMany;
use crate::flusher::Flush;

impl Connection {
    /// Queues a packet with its attachments, next to each other.
    pub(crate) fn send(
        self: &Arc<Self>,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        let sent = self.send_direct(&mut self.core.lock(), packet, None, options);
        if sent.is_some() {
            return Ok(());
        }
        self.command(|core, now, _| core.send(packet, options, now))
    }

    /// Queues a packet that is a short text, if the session is carried by a WebSocket that can take
    /// it now.
    pub(crate) fn send_text(&self, text: &str, options: SendOptions) -> bool {
        let core = &mut *self.core.lock();
        let Some(wire) = core.session.direct().and_then(|id| core.websocket(id)) else {
            return false;
        };
        let fits = wire.bytes() + text.len() <= self.shared.config.max_buffered;
        if !fits || !wire.queue_text(text, options) {
            return false;
        }
        wire.attend(false);
        core.traffic.sent(text.len());
        true
    }

    /// The same as [`send`](Self::send) for a packet that others get too. `true` when the caller has to see to it that
    /// the connection is [flushed](Flush::flush).
    pub(crate) fn send_shared(
        self: &Arc<Self>,
        packet: &ForMany<'_>,
        options: SendOptions,
    ) -> Result<bool, EmitError> {
        let sent = self.send_direct(
            &mut self.core.lock(),
            packet.packet(),
            Some(packet),
            options,
        );
        if let Some(unwritten) = sent {
            return Ok(unwritten);
        }
        self.command(|core, now, _| core.send(packet.packet(), options, now))?;
        Ok(false)
    }

    /// Puts a packet into the queue of the WebSocket that carries the session, and says whether a
    /// sender of many has to see to it that it is written. `None` where there is no WebSocket or
    /// the packet does not fit: that is for the session to deal with.
    fn send_direct(
        &self,
        core: &mut Core,
        packet: &Outgoing,
        shared: Option<&ForMany<'_>>,
        options: SendOptions,
    ) -> Option<bool> {
        let wire = core.session.direct().and_then(|id| core.websocket(id))?;
        if wire.bytes().saturating_add(packet.bytes()) > self.shared.config.max_buffered {
            return None;
        }
        if !shared.is_some_and(|shared| wire.queue_prepared(shared.frames(), options)) {
            for frame in packet.frames() {
                wire.queue(frame, options);
            }
        }
        let unwritten = wire.attend(shared.is_some());
        core.traffic.sent(packet.bytes());
        Some(unwritten)
    }
}

impl Flush for Connection {
    fn flush(&self) {
        let core = &mut *self.core.lock();
        for wire in &mut core.websockets {
            wire.flush();
        }
        self.tell_drained(core);
    }
}
