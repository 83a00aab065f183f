use core::time::Duration;

use crate::{
    dialect::Dialect,
    packet::Frame,
    payload::Packets,
    request::{ContentType, Response},
    session::{CloseReason, RequestId, SendError, SendOptions, TransportId, queue::Queue},
};

/// What a session needs while long-polling carries it.
#[derive(Debug)]
pub(super) struct Polling {
    /// The GET that waits.
    pub(super) get: Option<RequestId>,
    pub(super) post: Option<Post>,
    pub(super) candidate: Option<Candidate>,
    /// Set when this side closes: the reason, and when to stop waiting for a GET.
    pub(super) closing: Option<(CloseReason, Duration)>,
    /// When to end the GET that waits with a noop, for the sake of an upgrade.
    noop_at: Option<Duration>,
    /// The answer to the last ping of a client of revision 3: one answers all that came.
    pub(super) pong: Option<Frame>,
    /// What waits for a GET.
    pub(super) queue: Queue,
}

#[derive(Debug)]
pub(super) struct Post {
    pub(super) request: RequestId,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Unread(ContentType),
    /// Packets that are still to be delivered, and when they came.
    Packets(Packets, Duration),
}

/// The WebSocket of an upgrade that is under way.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) transport: TransportId,
    pub(super) deadline: Duration,
    pub(super) probed: bool,
}

impl Polling {
    pub(super) fn new(open: Frame) -> Self {
        let mut polling = Self {
            get: None,
            post: None,
            candidate: None,
            closing: None,
            noop_at: None,
            pong: None,
            queue: Queue::default(),
        };
        polling.queue.push(open, SendOptions::default());
        polling
    }

    pub(super) fn send(
        &mut self,
        frame: Frame,
        options: SendOptions,
        max_buffered: usize,
        separated: bool,
    ) -> Result<(), SendError> {
        if self.closing.is_some() {
            return Err(SendError::Closed(frame));
        }
        if options.volatile && self.get.is_none() {
            return Ok(());
        }
        self.queue.try_push(frame, options, max_buffered, separated)
    }

    /// The answer of the GET that waits, if there is something to say, and whether it carries
    /// something that was queued.
    pub(super) fn answer_get(&mut self, dialect: Dialect) -> Option<(RequestId, Response, bool)> {
        if self.queue.is_empty() && self.pong.is_none() && self.closing.is_none() {
            return None;
        }
        let get = self.take_get()?;
        let drained = !self.queue.is_empty();
        let mut queue = self.queue.take();
        let compress = queue.may_compress();
        if let Some(pong) = self.pong.take() {
            queue.push_front(pong, SendOptions::default());
        }
        if self.closing.is_some() {
            queue.push(Frame::CLOSE, SendOptions::default());
        }
        let payload = dialect.encode_payload(queue.frames());
        Some((get, Response::payload(payload, compress), drained))
    }

    pub(super) fn is_candidate(&self, transport: TransportId) -> bool {
        self.candidate
            .as_ref()
            .is_some_and(|candidate| candidate.transport == transport)
    }

    pub(super) fn is_probed(&self) -> bool {
        self.candidate
            .as_ref()
            .is_some_and(|candidate| candidate.probed)
    }

    pub(super) fn probe(&mut self, now: Duration, noop_interval: Duration) {
        if let Some(candidate) = &mut self.candidate {
            candidate.probed = true;
        }
        if self.noop_at.is_none() {
            self.arm_noop(now, noop_interval);
        }
    }

    /// While an upgrade is under way no GET waits longer than the interval: the client pauses
    /// long-polling, and for that it waits for its GET.
    pub(super) fn arm_noop(&mut self, now: Duration, noop_interval: Duration) {
        if self.get.is_some() && self.is_probed() {
            self.noop_at = Some(now.saturating_add(noop_interval));
        }
    }

    /// The GET to end with a noop, if it is time.
    pub(super) fn noop_due(&mut self, now: Duration) -> Option<RequestId> {
        self.noop_at.filter(|&at| now >= at)?;
        self.take_get()
    }

    pub(super) fn drop_candidate(&mut self) -> Option<TransportId> {
        self.noop_at = None;
        self.candidate.take().map(|candidate| candidate.transport)
    }

    pub(super) fn expired_candidate(&mut self, now: Duration) -> Option<TransportId> {
        self.candidate
            .as_ref()
            .filter(|candidate| now >= candidate.deadline)?;
        self.drop_candidate()
    }

    /// The earliest of all that may be due.
    pub(super) fn timeout(&self, heartbeat: Duration) -> Duration {
        if let Some((_, deadline)) = self.closing {
            return deadline;
        }
        let candidate = self.candidate.as_ref().map(|candidate| candidate.deadline);
        [candidate, self.noop_at]
            .into_iter()
            .flatten()
            .fold(heartbeat, Duration::min)
    }

    fn take_get(&mut self) -> Option<RequestId> {
        self.noop_at = None;
        self.get.take()
    }
}
