//! Packets go to one client, or to many.

use std::sync::Arc;

use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;

use super::Connection;
use super::wire::Wire;
use crate::delivery::ForMany;
use crate::flusher::Flush;

impl Connection {
    /// Queues a packet with its attachments, next to each other.
    pub(crate) fn send(
        self: &Arc<Self>,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        let queued = self.queue(packet.bytes(), |wire| {
            for frame in packet.frames() {
                wire.queue(frame, options);
            }
            Some(wire.attend(false))
        });
        if queued.is_some() {
            return Ok(());
        }
        self.command(|core, now, _| core.send(packet, options, now))
    }

    /// Queues a packet that is a short text, if a WebSocket carries the session and can take it now.
    pub(crate) fn send_text(&self, text: &str, options: SendOptions) -> bool {
        let queued = self.queue(text.len(), |wire| {
            wire.queue_text(text, options).then(|| wire.attend(false))
        });
        queued.is_some()
    }

    /// Queues a packet that others get too. `true` when the caller has to see to it that the
    /// connection is [flushed](Flush::flush).
    pub(crate) fn send_shared(
        self: &Arc<Self>,
        packet: &ForMany<'_>,
        options: SendOptions,
    ) -> Result<bool, EmitError> {
        let queued = self.queue(packet.bytes(), |wire| {
            if !wire.queue_prepared(packet.frames(), options) {
                for frame in packet.packet().frames() {
                    wire.queue(frame, options);
                }
            }
            Some(wire.attend(true))
        });
        if let Some(unwritten) = queued {
            return Ok(unwritten);
        }
        self.command(|core, now, _| core.send(packet.packet(), options, now))?;
        Ok(false)
    }

    /// Puts a packet into the queue of the WebSocket that carries the session. `None` where there
    /// is none, or the packet does not fit: that is for the session to deal with.
    fn queue<R>(&self, bytes: usize, put: impl FnOnce(&mut Wire) -> Option<R>) -> Option<R> {
        let core = &mut *self.core.lock();
        let wire = core.direct.and_then(|id| core.wires.find(id))?;
        if wire.bytes().saturating_add(bytes) > self.shared.config.max_buffered {
            return None;
        }
        let put = put(wire)?;
        core.traffic.sent(bytes);
        Some(put)
    }
}

impl Flush for Connection {
    fn flush(&self) {
        let core = &mut *self.core.lock();
        // Inside, unlike a `for` loop, the first is not told from the others at each step.
        core.wires.iter_mut().for_each(Wire::flush);
        self.tell_drained(core);
    }
}
