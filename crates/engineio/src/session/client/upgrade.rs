//! The move from long-polling to a WebSocket.

use core::time::Duration;

use super::{
    Candidate, Carrier, ClientEvent, ClientOutput, ClientSession, Frame, Packet, SendOptions,
    Stage, TransportId,
};

impl ClientSession {
    /// A WebSocket that the session asked for is open.
    pub fn websocket_opened(&mut self, transport: TransportId, _now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        let candidate = polling.candidate.as_mut().filter(|candidate| {
            candidate.transport == transport && candidate.stage == Stage::Opening
        });
        if let Some(candidate) = candidate {
            candidate.stage = Stage::Probing;
            self.push_frame(transport, Frame::PING_PROBE, SendOptions::default());
        }
    }

    /// Asks for a candidate, if long-polling carries the session.
    pub(super) fn try_upgrade(&mut self, now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        if polling.closing.is_some() {
            return;
        }
        let transport = self.ids.transport();
        let deadline = now.saturating_add(self.config.upgrade_timeout);
        polling.candidate = Some(Candidate {
            transport,
            deadline,
            stage: Stage::Opening,
        });
        self.outbox.push(ClientOutput::OpenWebSocket(transport));
    }

    /// A packet on the candidate: the answer to the probe. Anything else closes the candidate and
    /// leaves the session on long-polling.
    pub(super) fn candidate_packet(&mut self, transport: TransportId, frame: Frame) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        let Some(candidate) = &mut polling.candidate else {
            return;
        };
        match Packet::decode(frame) {
            Ok(Packet::Pong(data)) if data == "probe" && candidate.stage == Stage::Probing => {
                candidate.stage = Stage::Pausing;
            }
            _ => {
                polling.candidate = None;
                self.outbox.push(ClientOutput::CloseTransport(transport));
            }
        }
    }

    /// Moves to the candidate once no request is in flight and all that came is delivered; what
    /// waited goes out on it. Returns whether it moved.
    pub(super) fn advance_upgrade(&mut self) -> bool {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        let Some(Candidate {
            transport,
            stage: Stage::Pausing,
            ..
        }) = polling.candidate
        else {
            return false;
        };
        let is_busy = polling.get.is_some() || polling.body.is_some() || polling.post.is_some();
        if is_busy || polling.refused.is_some() {
            return false;
        }
        let queue = polling.queue.take();
        let pong_due = polling.pong_due;
        self.carrier = Carrier::WebSocket(transport);
        self.push_frame(transport, Frame::UPGRADE, SendOptions::default());
        self.event(ClientEvent::Upgraded);
        if pong_due {
            self.push_frame(transport, Frame::PONG, SendOptions::default());
        }
        if queue.is_empty() {
            return true;
        }
        for (frame, options) in queue {
            self.push_frame(transport, frame, options);
        }
        self.event(ClientEvent::Drained);
        true
    }
}
