//! Clients that read more slowly than is sent to them, or send faster than their events are handled.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;

use super::Connection;
use super::core::Core;
use super::wire::Wire;

/// What is done when more bytes would wait for a client than
/// [`Config::max_buffered`](crate::Config::max_buffered).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlowClient {
    /// It is disconnected.
    Disconnect,
    /// The volatile events that wait for it are dropped; it is disconnected if that is not enough.
    #[default]
    DropVolatileFirst,
}

impl Core {
    /// Sees to it that a packet fits, where volatile ones may be dropped for it. `false` when it
    /// is itself one that does not.
    pub(super) fn make_room(&mut self, packet: &Outgoing, options: SendOptions) -> bool {
        let Some(limit) = self.drop_volatile_beyond else {
            return true;
        };
        let more = packet.bytes();
        let fits = |wire: &Wire| wire.bytes().saturating_add(more) <= limit;
        for wire in self.wires.iter_mut() {
            if fits(wire) {
                continue;
            }
            self.traffic.volatile_dropped += wire.drop_volatile() as u64;
            if options.volatile && !fits(wire) {
                self.traffic.volatile_dropped += 1;
                return false;
            }
        }
        true
    }

    /// Bytes that have not been written to a WebSocket or handed to a request.
    pub(super) fn buffered(&self) -> usize {
        let wires = self.wires.iter().map(Wire::bytes);
        self.session.buffered() + wires.sum::<usize>()
    }
}

impl Connection {
    /// Bytes that wait for the client.
    pub(crate) fn buffered(&self) -> usize {
        self.core.lock().buffered()
    }

    /// Waits until nothing waits for the client any more.
    pub(crate) async fn drained(self: Arc<Self>) -> Result<(), EmitError> {
        loop {
            let drained = self.drained.notified();
            {
                let mut core = self.core.lock();
                if core.session.is_closed() {
                    return Err(EmitError::Disconnected);
                }
                if core.buffered() == 0 {
                    return Ok(());
                }
                core.awaits_drain = true;
            }
            drained.await;
        }
    }

    /// Wakes those who wait for it, if nothing waits for the client.
    pub(super) fn tell_drained(&self, core: &mut Core) {
        if core.awaits_drain && (core.session.is_closed() || core.buffered() == 0) {
            core.awaits_drain = false;
            self.drained.notify_waiters();
        }
    }

    /// The handlers of an event have finished.
    pub(crate) fn event_handled(&self) {
        let before = self.backlog.fetch_sub(1, Ordering::Relaxed);
        if before == self.shared.config.pending_events() {
            self.caught_up.notify_waiters();
            self.core.lock().wires.iter_mut().for_each(Wire::wake);
        }
    }

    /// Whether so many events wait for their handlers that no more should be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) >= self.shared.config.pending_events()
    }

    /// Waits until [`is_behind`](Self::is_behind) is false.
    pub(crate) async fn caught_up(&self) {
        loop {
            let caught_up = self.caught_up.notified();
            if !self.is_behind() {
                return;
            }
            caught_up.await;
        }
    }
}
