//! The receiving half: bytes in, events out.

mod machine;
mod owned;

use alloc::{borrow::Cow, boxed::Box};

use bytes::{Buf, BytesMut};
use simdutf8::basic::from_utf8;

use self::machine::{Front, SHORT_MAX};
use crate::{
    AbnormalClosure, CloseFrame, Config, Event, EventRef, Role, ShortMessage, Violation,
    deflate::Inflater,
    frame::Opcode,
    message::assembly::{Assembled, Assembly},
};

/// The receiving half of a connection.
///
/// It owns nothing but a message that is under way. What it has to say to the peer is a value,
/// [`Reply`](crate::Reply), for whoever holds the [`Sender`](crate::Sender): the halves share no state and need
/// no lock.
///
/// ```
/// use bytes::BytesMut;
/// use songi_websocket::{Config, Connection, Event, Reply};
///
/// let (mut receiver, mut sender) = Connection::server(Config::default()).split();
/// // A ping, masked with the key 0.
/// let mut input = BytesMut::from(&[0x89, 0x82, 0, 0, 0, 0, b'h', b'i'][..]);
/// let event = receiver.receive(&mut input)?.expect("a whole frame");
/// if let Some(reply) = Reply::to(&event) {
///     sender.reply(reply);
/// }
/// assert_eq!(sender.queued(), 4);
/// # Ok::<(), songi_websocket::Violation>(())
/// ```
#[derive(Debug)]
pub struct Receiver {
    state: State,
    message: Option<Box<Assembly>>,
    /// There is one if compression was agreed on.
    pub(crate) inflater: Option<Inflater>,
    message_limit: usize,
    fragment_limit: u32,
    /// The size of the buffer behind the caller's input, as far as it has been seen.
    chunk: u32,
    /// The input's capacity when it was last seen: it only falls while the buffer is the same.
    seen: u32,
    pub(crate) role: Role,
    chunks: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Between frames.
    Header,
    /// At the payload of a message in one frame, of which `arrived` bytes stand at the start of the
    /// input, unmasked.
    Waiting {
        text: bool,
        mask: [u8; 4],
        arrived: u32,
        len: u32,
    },
    /// Within the payload of a data frame.
    Payload {
        fin: bool,
        mask: [u8; 4],
        remaining: usize,
    },
    /// The peer's Close frame has been received; what follows is discarded.
    Closed,
    /// The peer broke a rule; what follows is discarded.
    Failed(Violation),
    /// The transport has ended.
    Ended { clean: bool },
}

impl Receiver {
    pub(crate) fn new(role: Role, config: &Config) -> Self {
        Self {
            state: State::Header,
            message: None,
            inflater: None,
            message_limit: config.message_limit,
            fragment_limit: config.fragment_limit,
            chunk: 0,
            seen: 0,
            role,
            chunks: config.chunks,
        }
    }

    /// Takes the next event from the start of `input`.
    ///
    /// `Ok(None)` means that more bytes are needed. What is left in `input` then has to stay there,
    /// and what is read next to be appended: at most the start of a header or of a control frame
    /// (138 bytes), or of a message of at most 64 KiB in one frame, which is given out without a
    /// copy if the rest comes at once: [`missing`](Self::missing) tells how much that is. All else
    /// that arrives in parts is moved out.
    ///
    /// After a Close frame the rest of the input is discarded, and no event follows.
    ///
    /// # Errors
    /// The rule that the peer broke. It stays the answer to every later call, and the input is
    /// discarded.
    #[inline]
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        self.receive_or(input, Self::receive_any)
    }

    /// Lends a short message to `take`, if `input` starts with one: see
    /// [`Connection::receive_short`](crate::Connection::receive_short).
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    #[inline]
    pub fn receive_short<R>(
        &mut self,
        input: &mut BytesMut,
        take: impl FnOnce(ShortMessage<'_>) -> R,
    ) -> Result<Option<R>, Violation> {
        let Some(short) = self
            .whole_message(input)
            .filter(|whole| whole.len() <= SHORT_MAX)
        else {
            return Ok(None);
        };
        let payload = short.payload(input);
        let taken = if short.text {
            let Ok(text) = from_utf8(payload) else {
                self.fail(Violation::InvalidUtf8);
                input.clear();
                return Err(Violation::InvalidUtf8);
            };
            take(ShortMessage::Text(text))
        } else {
            take(ShortMessage::Binary(payload))
        };
        input.advance(short.end);
        Ok(Some(taken))
    }

    /// How many bytes the message lacks whose start was left in the input: room for them saves a
    /// copy. 0 where none was left, or its length is not known yet.
    #[must_use]
    #[inline]
    pub fn missing(&self) -> usize {
        match self.state {
            State::Waiting { arrived, len, .. } => (len - arrived) as usize,
            _ => 0,
        }
    }

    /// As [`receive`](Self::receive), but lends what lies whole in `input` instead of copying it
    /// out or sharing it: without allocations, and the fastest way for small messages. `input` is
    /// moved on behind what was taken; what is left of it when the answer is `Ok(None)` has to
    /// stand before what is read next.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    #[inline]
    pub fn receive_ref<'a>(
        &mut self,
        input: &mut &'a mut [u8],
    ) -> Result<Option<EventRef<'a>>, Violation> {
        self.receive_ref_or(input, Self::receive_ref_any)
    }

    /// As [`receive_or`](Self::receive_or).
    #[inline]
    pub(crate) fn receive_ref_or<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        other: impl FnOnce(&mut Self, &mut &'a mut [u8]) -> Result<Option<EventRef<'a>>, Violation>,
    ) -> Result<Option<EventRef<'a>>, Violation> {
        let Some(whole) = self.whole_message(input) else {
            return other(self, input);
        };
        let payload = whole.payload(take_front(input, whole.end));
        if !whole.text {
            return Ok(Some(EventRef::Binary(Cow::Borrowed(payload))));
        }
        let Ok(text) = from_utf8(payload) else {
            self.fail(Violation::InvalidUtf8);
            return other(self, input);
        };
        Ok(Some(EventRef::Text(Cow::Borrowed(text))))
    }

    pub(crate) fn receive_ref_any<'a>(
        &mut self,
        input: &mut &'a mut [u8],
    ) -> Result<Option<EventRef<'a>>, Violation> {
        let result = self.lend(input);
        if let Err(violation) = result {
            self.fail(violation);
            *input = &mut [];
        }
        result
    }

    /// Takes note that the transport ended.
    ///
    /// # Errors
    /// [`AbnormalClosure`] if the peer had not sent a Close frame, nor been told that it broke
    /// a rule.
    pub fn receive_eof(&mut self) -> Result<(), AbnormalClosure> {
        let clean = match self.state {
            State::Header | State::Waiting { .. } | State::Payload { .. } => false,
            State::Closed | State::Failed(_) => true,
            State::Ended { clean } => clean,
        };
        if !matches!(self.state, State::Failed(_)) {
            self.end(State::Ended { clean });
        }
        if clean { Ok(()) } else { Err(AbnormalClosure) }
    }

    fn fail(&mut self, violation: Violation) {
        self.end(State::Failed(violation));
    }

    /// Nothing will be received any more.
    fn end(&mut self, state: State) {
        self.state = state;
        self.message = None;
        self.inflater = None;
    }

    /// The borrowed form.
    fn lend<'a>(&mut self, input: &mut &'a mut [u8]) -> Result<Option<EventRef<'a>>, Violation> {
        let (taken, front) = self.advance(input, false)?;
        take_front(input, taken);
        Ok(Some(match front {
            Front::More => return Ok(None),
            Front::Message { text, len } => return lend_message(text, take_front(input, len)),
            Front::Control { opcode, len } => {
                let payload = take_front(input, len);
                match opcode {
                    Opcode::Ping => EventRef::Ping(payload),
                    Opcode::Pong => EventRef::Pong(payload),
                    _ => EventRef::Close(self.close(payload)?),
                }
            }
            Front::Assembled(Assembled::Text(text)) => EventRef::Text(Cow::Owned(text)),
            Front::Assembled(Assembled::Binary(payload)) => EventRef::Binary(Cow::Owned(payload)),
            Front::Chunk { part, last } => match part {
                Assembled::Text(text) => EventRef::TextChunk { text, last },
                Assembled::Binary(payload) => EventRef::BinaryChunk { payload, last },
            },
            Front::Over => {
                *input = &mut [];
                return Ok(None);
            }
        }))
    }

    /// A Close frame: the last event.
    fn close(&mut self, payload: &[u8]) -> Result<Option<CloseFrame>, Violation> {
        let frame = CloseFrame::parse(payload)?;
        self.end(State::Closed);
        Ok(frame)
    }
}

#[inline]
fn lend_message(text: bool, payload: &mut [u8]) -> Result<Option<EventRef<'_>>, Violation> {
    Ok(Some(if text {
        let text = from_utf8(payload).map_err(|_| Violation::InvalidUtf8)?;
        EventRef::Text(Cow::Borrowed(text))
    } else {
        EventRef::Binary(Cow::Borrowed(payload))
    }))
}

/// Splits off the first `n` bytes.
#[inline]
fn take_front<'a>(input: &mut &'a mut [u8], n: usize) -> &'a mut [u8] {
    let Some((front, rest)) = core::mem::take(input).split_at_mut_checked(n) else {
        return &mut [];
    };
    *input = rest;
    front
}

#[cfg(test)]
mod tests;
