//! Clients that read more slowly than is sent to them, or send faster than their events are handled.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;

use super::Connection;
use super::core::Core;

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
        let more = packet.bytes().saturating_add(self.unwritten);
        let fits = |bytes: usize| bytes.saturating_add(more) <= limit;
        for queue in &mut self.websockets {
            if fits(queue.bytes) {
                continue;
            }
            let before = queue.frames.len();
            queue.frames.retain(|queued| !queued.volatile);
            self.traffic.volatile_dropped += (before - queue.frames.len()) as u64;
            queue.bytes = queue.frames.iter().map(|queued| queued.frame.len()).sum();
            if options.volatile && !fits(queue.bytes) {
                self.traffic.volatile_dropped += 1;
                return false;
            }
        }
        true
    }

    /// Bytes that have not been handed to a WebSocket or a request.
    pub(super) fn buffered(&self) -> usize {
        let queues = self.websockets.iter().map(|queue| queue.bytes);
        self.session.buffered() + queues.sum::<usize>()
    }
}

impl Connection {
    /// Bytes that wait for the client.
    pub(crate) fn buffered(&self) -> usize {
        self.core.lock().buffered() + self.unwritten.load(Ordering::Relaxed)
    }

    /// Waits until nothing waits for the client any more.
    pub(crate) async fn drained(self: Arc<Self>) -> Result<(), EmitError> {
        loop {
            let drained = self.drained.notified();
            {
                let core = self.core.lock();
                if core.session.is_closed() {
                    return Err(EmitError::Disconnected);
                }
                self.awaits_drain.store(true, Ordering::SeqCst);
                if core.buffered() == 0 && self.unwritten.load(Ordering::SeqCst) == 0 {
                    return Ok(());
                }
            }
            drained.await;
        }
    }

    /// The task of a WebSocket has written what it can: so many bytes are left.
    pub(crate) fn written(&self, left: usize) {
        if self.unwritten.load(Ordering::Relaxed) != left {
            self.unwritten.store(left, Ordering::SeqCst);
        }
        if left == 0 && self.awaits_drain.load(Ordering::SeqCst) {
            self.tell_drained(&self.core.lock());
        }
    }

    /// Wakes those who wait for it, if nothing waits for the client.
    pub(super) fn tell_drained(&self, core: &Core) {
        let gone = core.session.is_closed();
        if gone || (core.buffered() == 0 && self.unwritten.load(Ordering::SeqCst) == 0) {
            self.awaits_drain.store(false, Ordering::SeqCst);
            self.drained.notify_waiters();
        }
    }

    /// The handlers of an event have finished.
    pub(crate) fn event_handled(&self) {
        let before = self.backlog.fetch_sub(1, Ordering::Relaxed);
        if before == self.shared.config.max_pending_events {
            self.caught_up.notify_waiters();
            for queue in &mut self.core.lock().websockets {
                queue.wake();
            }
        }
    }

    /// Whether so many events wait for their handlers that no more should be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) >= self.shared.config.max_pending_events
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
