use alloc::collections::VecDeque;
use core::{mem, time::Duration};

use crate::{
    packet::Frame,
    payload::{self, Packets, SEPARATOR},
    request::Response,
    session::{CloseReason, RequestId, SendError, SendOptions, TransportId},
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
    queue: VecDeque<(Frame, SendOptions)>,
    buffered: usize,
}

#[derive(Debug)]
pub(super) struct Post {
    pub(super) request: RequestId,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Unread,
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
            queue: VecDeque::new(),
            buffered: 0,
        };
        polling.enqueue(open, SendOptions::default());
        polling
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }

    pub(super) fn send(
        &mut self,
        frame: Frame,
        options: SendOptions,
        max_buffered: usize,
    ) -> Result<(), SendError> {
        if self.closing.is_some() {
            return Err(SendError::Closed(frame));
        }
        if options.volatile && self.get.is_none() {
            return Ok(());
        }
        if matches!(&frame, Frame::Text(text) if text.as_bytes().contains(&SEPARATOR)) {
            return Err(SendError::Separator(frame));
        }
        if self.buffered.saturating_add(cost(&frame)) > max_buffered {
            return Err(SendError::Full(frame));
        }
        self.enqueue(frame, options);
        Ok(())
    }

    pub(super) fn enqueue(&mut self, frame: Frame, options: SendOptions) {
        self.buffered = self.buffered.saturating_add(cost(&frame));
        self.queue.push_back((frame, options));
    }

    pub(super) fn take_queue(&mut self) -> VecDeque<(Frame, SendOptions)> {
        self.buffered = 0;
        mem::take(&mut self.queue)
    }

    /// The answer of the GET that waits, if there is something to say, and whether it carries
    /// something that was queued.
    pub(super) fn answer_get(&mut self) -> Option<(RequestId, Response, bool)> {
        if self.queue.is_empty() && self.closing.is_none() {
            return None;
        }
        let get = self.take_get()?;
        let queue = self.take_queue();
        let compress = queue.iter().any(|(_, options)| options.compress);
        let close = self.closing.is_some().then_some(Frame::CLOSE);
        let body = payload::encode(queue.iter().map(|(frame, _)| frame).chain(&close));
        Some((get, Response::payload(body, compress), !queue.is_empty()))
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

/// What a frame counts against the limit: its bytes, and what holding it takes, so that empty
/// messages are bounded too.
fn cost(frame: &Frame) -> usize {
    frame
        .len()
        .saturating_add(size_of::<(Frame, SendOptions)>())
}
