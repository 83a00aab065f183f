//! The sending half: messages and replies in, bytes out.

use alloc::boxed::Box;
use core::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};

use crate::{
    CloseFrame, Config, ControlPayload, Message, Prepared, Reply, Role, SendError,
    frame::{
        Opcode,
        header::{self, CONTROL_MAX},
        mask::{self, MaskSource},
    },
    queue::Queue,
};

/// Payloads up to this size are copied behind their header; larger ones are queued as they are.
const COPY_MAX: usize = 1024;

/// A prepared frame is shared from this size on: it is there to save memory too.
const COPY_PREPARED_MAX: usize = 256;

/// Pongs that may wait at once. Beyond them only the newest is kept (RFC 6455 §5.5.3).
const PONGS_MAX: u8 = 32;

/// What the driver of a connection should do with its transport next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Read, and write what is queued.
    Continue,
    /// All is written and nothing will follow: shut down the writing side, then read on until
    /// the end. (A transport closed with unread input may be reset, and the reset can overtake
    /// the Close frame.)
    HalfClose,
    /// All is done: close the transport.
    Close,
    /// The peer did not finish the closing in time: drop the transport as it is.
    Abort,
}

/// The sending half of a connection: see [`Connection::split`](crate::Connection::split).
pub struct Sender {
    queue: Queue,
    queue_limit: usize,
    masks: Option<Box<dyn MaskSource>>,
    pongs: Pongs,
    deadline: Deadline,
    closing: Closing,
}

/// How far the closing has got.
#[derive(Debug, Clone, Copy, Default)]
struct Closing {
    /// A Close frame is queued or sent.
    sent: bool,
    /// The peer's Close frame was received.
    received: bool,
    /// The peer broke a rule.
    failed: bool,
    /// The transport ended.
    eof: bool,
}

/// The end of the waiting for a closing.
#[derive(Debug, Clone, Copy)]
enum Deadline {
    /// No closing has begun; once one has, it may take so long.
    None(Duration),
    /// A closing has begun; its time runs from when the clock is next shown.
    Unarmed(Duration),
    /// A closing has to end by then.
    At(Duration),
    Passed,
}

/// The pongs among the queued bytes.
#[derive(Debug, Default)]
struct Pongs {
    queued: u8,
    /// Bytes up to the end of the last queued pong.
    until: usize,
    /// The newest, once too many are queued.
    newest: Option<Box<ControlPayload>>,
}

impl Sender {
    pub(crate) fn new(masks: Option<Box<dyn MaskSource>>, config: &Config) -> Self {
        Self {
            queue: Queue::default(),
            queue_limit: config.queue_limit,
            masks,
            pongs: Pongs::default(),
            deadline: Deadline::None(config.close_timeout),
            closing: Closing::default(),
        }
    }

    /// Queues a message. See [`Connection::send`](crate::Connection::send).
    ///
    /// # Errors
    /// The message comes back if the queue is full or the connection is closing.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        if let Err(error) = self.admit(message.len()) {
            return Err(error.with(message));
        }
        match message {
            Message::Text(text) if text.len() <= COPY_MAX => {
                self.frame_copied(Opcode::Text, text.as_bytes());
            }
            Message::Text(text) => self.frame(Opcode::Text, text.into_bytes()),
            Message::Binary(payload) => self.frame(Opcode::Binary, payload),
            Message::Ping(payload) => self.frame_copied(Opcode::Ping, &payload),
            Message::Pong(payload) => self.frame_copied(Opcode::Pong, &payload),
        }
        Ok(())
    }

    /// Queues a message that was framed once for many. See
    /// [`Connection::send_prepared`](crate::Connection::send_prepared).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), SendError<()>> {
        self.admit(prepared.payload().len())
            .map_err(|error| error.with(()))?;
        if self.masks.is_some() {
            self.frame_copied(prepared.opcode(), prepared.payload());
        } else if prepared.frame().len() <= COPY_PREPARED_MAX {
            self.queue
                .copy(|out| out.extend_from_slice(prepared.frame()));
        } else {
            self.queue.share(prepared.frame().clone());
        }
        Ok(())
    }

    /// Starts the closing handshake. See [`Connection::close`](crate::Connection::close).
    pub fn close(&mut self, frame: impl Into<Option<CloseFrame>>) {
        self.queue_close(frame.into().as_ref());
    }

    /// Queues what the receiving half has to say.
    pub fn reply(&mut self, reply: Reply) {
        match reply {
            Reply::Pong(_) if self.closing.sent => {}
            Reply::Pong(payload) => self.pong(payload),
            Reply::Close(frame) => {
                self.closing.received = true;
                // The code goes back, the reason is the peer's own (RFC 6455 §5.5.1).
                self.queue_close(frame.map(|frame| frame.code().into()).as_ref());
            }
            Reply::Fail(violation) => {
                self.closing.failed = true;
                self.queue_close(Some(&violation.close_code().into()));
            }
            Reply::Eof => self.closing.eof = true,
        }
    }

    /// Fills `slices` with what is to be written next, and returns how many it used.
    #[cfg(feature = "std")]
    pub fn transmit<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let mut used = 0;
        for (slot, bytes) in slices.iter_mut().zip(self.queue.slices()) {
            *slot = std::io::IoSlice::new(bytes);
            used += 1;
        }
        used
    }

    /// What is to be written next, in order, as slices that are not empty.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.queue.slices()
    }

    /// Takes note that the first `n` of the queued bytes were written.
    pub fn transmitted(&mut self, n: usize) {
        self.queue.advance(n);
        if self.pongs.queued > 0 {
            self.pongs.until = self.pongs.until.saturating_sub(n);
            if self.pongs.until == 0 {
                self.pongs.queued = 0;
                if let Some(newest) = self.pongs.newest.take().filter(|_| !self.closing.sent) {
                    self.pong(*newest);
                }
            }
        }
    }

    /// Bytes that wait to be written, headers included.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether messages may still be sent: no Close frame was queued or received.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.closing.sent && !self.closing.eof
    }

    /// What to do with the transport.
    #[must_use]
    pub fn next_step(&self) -> Step {
        let Closing {
            sent,
            received,
            failed,
            eof,
        } = self.closing;
        let expired = matches!(self.deadline, Deadline::Passed);
        let flushed = self.queue.is_empty();
        let finished = flushed && (failed || (sent && received));
        match () {
            () if expired && !finished => Step::Abort,
            () if expired => Step::Close,
            // Without the peer's Close frame nobody is there to read ours.
            () if eof && (finished || !received) => Step::Close,
            // The server hangs up first (RFC 6455 §7.1.1); after a failure both do.
            () if finished && (failed || self.masks.is_none()) => Step::HalfClose,
            () => Step::Continue,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, as a duration since the
    /// caller's origin of time. Zero asks for the present time: a deadline has to be set.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.deadline {
            _ if self.next_step() == Step::Close => None,
            Deadline::None(_) | Deadline::Passed => None,
            Deadline::Unarmed(_) => Some(Duration::ZERO),
            Deadline::At(at) => Some(at),
        }
    }

    /// Tells the time. A closing that has begun gets its deadline; one that is past it ends in
    /// [`Step::Abort`].
    pub fn handle_timeout(&mut self, now: Duration) {
        match self.deadline {
            Deadline::Unarmed(timeout) => self.deadline = Deadline::At(now.saturating_add(timeout)),
            Deadline::At(at) if now >= at => self.deadline = Deadline::Passed,
            _ => {}
        }
    }

    fn admit(&self, payload: usize) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closing);
        }
        let queued = self.queue.len();
        // An upper bound of the header is near enough.
        let total = queued.saturating_add(payload).saturating_add(header::MAX);
        if queued > 0 && total > self.queue_limit {
            return Err(Refusal::Full {
                queued,
                limit: self.queue_limit,
            });
        }
        Ok(())
    }

    fn frame(&mut self, opcode: Opcode, payload: Bytes) {
        if payload.len() <= COPY_MAX {
            return self.frame_copied(opcode, &payload);
        }
        let mask = self.masks.as_mut().map(|masks| masks.next_mask());
        self.queue
            .copy(|out| header::encode(out, true, opcode, payload.len(), mask));
        let payload = match mask {
            None => payload,
            // A payload that nobody else holds is masked where it is.
            Some(mask) => {
                let mut masked = payload
                    .try_into_mut()
                    .unwrap_or_else(|shared| BytesMut::from(&shared[..]));
                mask::apply(&mut masked, mask);
                masked.freeze()
            }
        };
        self.queue.share(payload);
    }

    fn frame_copied(&mut self, opcode: Opcode, payload: &[u8]) {
        let mask = self.masks.as_mut().map(|masks| masks.next_mask());
        self.queue.copy(|out| {
            out.reserve(header::MAX + payload.len());
            header::encode(out, true, opcode, payload.len(), mask);
            let start = out.len();
            out.extend_from_slice(payload);
            if let (Some(mask), Some(payload)) = (mask, out.get_mut(start..)) {
                mask::apply(payload, mask);
            }
        });
    }

    fn pong(&mut self, payload: ControlPayload) {
        if self.pongs.queued >= PONGS_MAX {
            self.pongs.newest = Some(Box::new(payload));
            return;
        }
        self.frame_copied(Opcode::Pong, &payload);
        self.pongs.queued += 1;
        self.pongs.until = self.queue.len();
    }

    /// Queues the one Close frame of this side, behind all that is queued, and sets the deadline.
    fn queue_close(&mut self, frame: Option<&CloseFrame>) {
        if self.closing.sent {
            return;
        }
        let mut payload = [0; CONTROL_MAX];
        let mut len = 0;
        if let Some(frame) = frame {
            let bytes = frame
                .code()
                .get()
                .to_be_bytes()
                .into_iter()
                .chain(frame.reason().bytes());
            for (slot, byte) in payload.iter_mut().zip(bytes) {
                *slot = byte;
                len += 1;
            }
        }
        self.frame_copied(Opcode::Close, payload.get(..len).unwrap_or_default());
        self.closing.sent = true;
        if let Deadline::None(timeout) = self.deadline {
            self.deadline = Deadline::Unarmed(timeout);
        }
        self.pongs.newest = None;
    }
}

/// A [`SendError`] that has not met its message.
enum Refusal {
    Full { queued: usize, limit: usize },
    Closing,
}

impl Refusal {
    fn with<M: fmt::Debug>(self, message: M) -> SendError<M> {
        match self {
            Self::Full { queued, limit } => SendError::Full {
                message,
                queued,
                limit,
            },
            Self::Closing => SendError::Closing { message },
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = if self.masks.is_some() {
            Role::Client
        } else {
            Role::Server
        };
        f.debug_struct("Sender")
            .field("role", &role)
            .field("queued", &self.queue.len())
            .field("closing", &self.closing)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
