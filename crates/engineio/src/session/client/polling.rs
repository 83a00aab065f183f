use core::time::Duration;

use crate::{
    config::ClientConfig,
    handshake::Handshake,
    packet::Frame,
    payload::{Packets, encoded_len},
    session::{RequestId, SendError, SendOptions, TransportId, queue::Queue},
};

/// What a session needs while long-polling carries it.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// The GET in flight.
    pub(super) get: Option<RequestId>,
    /// The POST in flight.
    pub(super) post: Option<RequestId>,
    /// Packets of a GET's answer that are still to be delivered, and when they came.
    pub(super) body: Option<(Packets, Duration)>,
    pub(super) candidate: Option<Candidate>,
    /// Set when this side closes: when to stop waiting for the server.
    pub(super) closing: Option<Duration>,
    /// Whether the close packet has been posted.
    pub(super) close_posted: bool,
    /// Set when the server refused a POST while a GET was in flight: with what status, and until
    /// when the answer of the GET is waited for.
    pub(super) refused: Option<(u16, Duration)>,
    /// Whether a ping is to be answered: one pong answers all that came.
    pub(super) pong_due: bool,
    /// What waits for a POST.
    pub(super) queue: Queue,
}

/// The WebSocket of an upgrade that is under way.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) transport: TransportId,
    pub(super) deadline: Duration,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The WebSocket is being opened.
    Opening,
    /// `2probe` has been sent.
    Probing,
    /// `3probe` came: no new request is made, those in flight are waited for.
    Pausing,
}

impl Polling {
    pub(super) fn is_candidate(&self, transport: TransportId) -> bool {
        self.candidate
            .as_ref()
            .is_some_and(|candidate| candidate.transport == transport)
    }

    pub(super) fn is_pausing(&self) -> bool {
        self.candidate
            .as_ref()
            .is_some_and(|candidate| candidate.stage == Stage::Pausing)
    }

    /// The refusal of a POST that still lacks the answer of the GET. One that is there already, and
    /// held back, says what the refusal meant when it is delivered.
    pub(super) fn late_refusal(&self) -> Option<(u16, Duration)> {
        self.refused.filter(|_| self.body.is_none())
    }

    pub(super) fn send(
        &mut self,
        frame: Frame,
        options: SendOptions,
        handshake: &Handshake,
        config: &ClientConfig,
    ) -> Result<(), SendError> {
        if self.closing.is_some() {
            return Err(SendError::Closed(frame));
        }
        if options.volatile && (self.post.is_some() || self.is_pausing()) {
            return Ok(());
        }
        if encoded_len(&frame) > max_payload(handshake) {
            return Err(SendError::TooLarge(frame));
        }
        self.queue
            .try_push(frame, options, config.max_buffered, true)
    }

    /// What the next POST says, if there is something to say.
    pub(super) fn next_body(&mut self, handshake: &Handshake) -> Option<Queue> {
        if self.close_posted || (self.queue.is_empty() && self.closing.is_none() && !self.pong_due)
        {
            return None;
        }
        if core::mem::take(&mut self.pong_due) {
            self.queue.push_front(Frame::PONG, SendOptions::default());
        }
        let mut max = max_payload(handshake);
        if self.closing.is_some() {
            // Room for the close packet and its separator.
            max = max.saturating_sub(2);
        }
        let mut batch = self.queue.take_batch(max);
        if self.closing.is_some() && self.queue.is_empty() {
            batch.push(Frame::CLOSE, SendOptions::default());
            self.close_posted = true;
        }
        Some(batch)
    }
}

/// The largest body that the server takes.
fn max_payload(handshake: &Handshake) -> usize {
    let max = handshake.max_payload.unwrap_or(u64::MAX);
    usize::try_from(max).unwrap_or(usize::MAX)
}
