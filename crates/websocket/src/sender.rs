//! The sending half: messages and replies in, bytes out.

mod closing;
mod framing;

use alloc::boxed::Box;
use core::{fmt, time::Duration};

use faststr::FastStr;

use self::closing::{Closing, Deadline};
use crate::{
    CloseFrame, Config, ControlPayload, Message, Prepared, Reply, Role, SendError,
    deflate::Compressor,
    frame::{
        Opcode,
        header::{self, CONTROL_MAX},
        mask::MaskSource,
    },
    heartbeat::Heartbeat,
    queue::Queue,
};

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
    /// The peer did not do its part in time ([`Sender::timed_out`] says which): drop the transport
    /// as it is.
    Abort,
}

/// What the peer did not do in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timeout {
    /// It did not finish the closing ([`Config::close_timeout`]).
    Close,
    /// It did not answer a ping of the heartbeat ([`Config::heartbeat`]).
    Heartbeat,
}

/// The sending half of a connection: see [`Connection::split`](crate::Connection::split).
pub struct Sender {
    queue: Queue,
    queue_limit: usize,
    masks: Option<Box<dyn MaskSource>>,
    /// There is one if compression was agreed on.
    pub(crate) compressor: Option<Compressor>,
    /// There are some while pongs are queued.
    pongs: Option<Box<Pongs>>,
    heartbeat: Option<Box<Heartbeat>>,
    deadline: Deadline,
    closing: Closing,
    /// The message that is being sent in parts.
    chunked: Option<Chunked>,
}

/// A message that is being sent in parts.
#[derive(Debug, Clone, Copy)]
struct Chunked {
    opcode: Opcode,
    compressed: bool,
}

/// The pongs among the queued bytes.
#[derive(Debug, Default)]
struct Pongs {
    queued: u8,
    /// Bytes up to the end of the last queued pong.
    until: usize,
    /// The newest, once too many are queued.
    newest: Option<ControlPayload>,
}

impl Sender {
    pub(crate) fn new(masks: Option<Box<dyn MaskSource>>, config: &Config) -> Self {
        Self {
            queue: Queue::default(),
            queue_limit: config.queue_limit,
            masks,
            compressor: None,
            pongs: None,
            heartbeat: config
                .heartbeat
                .map(|(interval, timeout)| Box::new(Heartbeat::new(interval, timeout))),
            deadline: Deadline::new(config.close_timeout),
            closing: Closing::default(),
            chunked: None,
        }
    }

    /// Queues a message. See [`Connection::send`](crate::Connection::send).
    ///
    /// # Errors
    /// The message comes back if the queue is full or the connection is closing.
    #[inline]
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        if let Err(error) = self.admit(&message) {
            return Err(error.with(message));
        }
        self.frame_message(message, true);
        Ok(())
    }

    /// Queues a message as it is. See
    /// [`Connection::send_uncompressed`](crate::Connection::send_uncompressed).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_uncompressed(&mut self, message: Message) -> Result<(), SendError> {
        if let Err(error) = self.admit(&message) {
            return Err(error.with(message));
        }
        self.frame_message(message, false);
        Ok(())
    }

    /// Queues a text that is only lent. See [`Connection::send_text`](crate::Connection::send_text).
    ///
    /// # Errors
    /// As [`send`](Self::send), and the caller has the text.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError<()>> {
        let admitted = match self.chunked {
            Some(_) => Err(Refusal::Interleaved),
            None => self.admit_bytes(text.len()),
        };
        admitted.map_err(|error| error.with(()))?;
        if self.compressor.is_some() {
            self.frame_message(Message::text(FastStr::new(text)), true);
        } else {
            self.frame_copied(header::first(true, false, Opcode::Text), text.as_bytes());
        }
        Ok(())
    }

    /// Queues a part of a message. See
    /// [`Connection::send_chunk`](crate::Connection::send_chunk).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_chunk(&mut self, part: Message, last: bool) -> Result<(), SendError> {
        let opcode = part.opcode();
        if opcode.is_control() {
            return self.send(part);
        }
        let admitted = match self.chunked {
            Some(chunked) if chunked.opcode != opcode => Err(Refusal::Interleaved),
            _ => self.admit_bytes(part.len()),
        };
        match admitted {
            Err(error) => Err(error.with(part)),
            Ok(()) => {
                self.frame_chunk(part, last);
                Ok(())
            }
        }
    }

    /// Queues a message that was framed once for many. See
    /// [`Connection::send_prepared`](crate::Connection::send_prepared).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), SendError<()>> {
        let admitted = match self.chunked {
            Some(_) => Err(Refusal::Interleaved),
            None => self.admit_bytes(prepared.payload().len()),
        };
        admitted.map_err(|error| error.with(()))?;
        self.frame_prepared(prepared);
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
            Reply::Alive(payload) => {
                if let Some(heartbeat) = &mut self.heartbeat {
                    heartbeat.answered(&payload);
                }
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

    /// All that is to be written, if it lies in one slice. See
    /// [`Connection::only_slice`](crate::Connection::only_slice).
    #[inline]
    pub fn only_slice(&self) -> Option<&[u8]> {
        self.queue.only_slice()
    }

    /// What is to be written next, in order, as slices that are not empty.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.queue.slices()
    }

    /// Takes note that the first `n` of the queued bytes were written.
    #[inline]
    pub fn transmitted(&mut self, n: usize) {
        self.queue.advance(n);
        if self.pongs.is_some() {
            self.pongs_transmitted(n);
        }
    }

    fn pongs_transmitted(&mut self, n: usize) {
        let Some(pongs) = &mut self.pongs else {
            return;
        };
        pongs.until = pongs.until.saturating_sub(n);
        if pongs.until == 0 {
            let newest = pongs.newest.take();
            self.pongs = None;
            if let Some(newest) = newest.filter(|_| !self.closing.sent) {
                self.pong(newest);
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
    #[inline]
    pub fn next_step(&self) -> Step {
        if self.is_undisturbed() {
            return Step::Continue;
        }
        let role = self.role();
        self.closing
            .next_step(role, self.queue.is_empty(), self.timed_out().is_some())
    }

    /// What the peer did not do in time, if that is why the connection ends.
    #[must_use]
    pub fn timed_out(&self) -> Option<Timeout> {
        if self.deadline.has_passed() {
            return Some(Timeout::Close);
        }
        let expired = self.heartbeat.as_ref().is_some_and(|it| it.has_expired());
        expired.then_some(Timeout::Heartbeat)
    }

    /// How long the last ping of the heartbeat took to be answered.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.heartbeat.as_ref()?.round_trip()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, as a duration since the
    /// caller's origin of time. Zero asks for the present time: a deadline has to be set.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.is_undisturbed() {
            return None;
        }
        let beat = match &self.heartbeat {
            Some(heartbeat) if self.is_open() => heartbeat.poll_timeout(),
            _ => None,
        };
        let deadline = match self.next_step() {
            Step::Close => None,
            _ => self.deadline.poll_timeout(),
        };
        match (beat, deadline) {
            (Some(beat), Some(deadline)) => Some(beat.min(deadline)),
            (beat, deadline) => beat.or(deadline),
        }
    }

    /// Tells the time. A closing that has begun gets its deadline; one that is past it ends in
    /// [`Step::Abort`]; a ping of the heartbeat that is due is queued.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.deadline.handle_timeout(now);
        let open = self.is_open();
        if let Some(heartbeat) = self.heartbeat.as_mut().filter(|_| open)
            && let Some(ping) = heartbeat.handle_timeout(now)
        {
            self.frame_copied(header::first(true, false, Opcode::Ping), &ping);
        }
    }

    /// Nothing ends and nothing is timed: how almost every connection is almost always found.
    #[inline]
    fn is_undisturbed(&self) -> bool {
        self.closing.is_far() && self.heartbeat.is_none()
    }

    fn role(&self) -> Role {
        match self.masks {
            Some(_) => Role::Client,
            None => Role::Server,
        }
    }

    #[inline]
    fn admit(&self, message: &Message) -> Result<(), Refusal> {
        let (opcode, payload) = message.parts();
        if self.chunked.is_some() && !opcode.is_control() {
            return Err(Refusal::Interleaved);
        }
        self.admit_bytes(payload.len())
    }

    #[inline]
    fn admit_bytes(&self, payload: usize) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closing);
        }
        if self.queue.is_empty() {
            return Ok(());
        }
        let queued = self.queue.len();
        // An upper bound of the header is near enough.
        let total = queued.saturating_add(payload).saturating_add(header::MAX);
        if total > self.queue_limit {
            return Err(Refusal::Full {
                queued,
                limit: self.queue_limit,
            });
        }
        Ok(())
    }

    fn pong(&mut self, payload: ControlPayload) {
        let mut pongs = self.pongs.take().unwrap_or_default();
        if pongs.queued >= PONGS_MAX {
            pongs.newest = Some(payload);
        } else {
            self.frame_copied(header::first(true, false, Opcode::Pong), &payload);
            pongs.queued += 1;
            pongs.until = self.queue.len();
        }
        self.pongs = Some(pongs);
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
        let payload = payload.get(..len).unwrap_or_default();
        self.frame_copied(header::first(true, false, Opcode::Close), payload);
        self.closing.sent = true;
        self.deadline.start();
        self.compressor = None;
        if let Some(pongs) = &mut self.pongs {
            pongs.newest = None;
        }
    }
}

/// A [`SendError`] that has not met its message.
enum Refusal {
    Full { queued: usize, limit: usize },
    Interleaved,
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
            Self::Interleaved => SendError::Interleaved { message },
            Self::Closing => SendError::Closing { message },
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("role", &self.role())
            .field("queued", &self.queue.len())
            .field("closing", &self.closing)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
