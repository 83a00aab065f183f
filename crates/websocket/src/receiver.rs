//! The receiving half: bytes in, events out.

use bytes::{Buf, Bytes, BytesMut};
use faststr::FastStr;
use simdutf8::basic::from_utf8;

use crate::{
    AbnormalClosure, CloseFrame, Config, ControlPayload, Event, Role, Violation,
    frame::{
        Opcode,
        header::{self, Expect, Header},
        mask,
    },
    message::assembly::Assembly,
};

/// Payloads up to this size are always copied out of the read buffer.
const COPY_MAX: usize = 256;

/// Larger payloads are shared slices of the read buffer, unless they are below this fraction of
/// it: a small message that somebody keeps must not keep a large buffer.
const SHARE_FRACTION: usize = 16;

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
    message: Option<Assembly>,
    message_limit: usize,
    fragment_limit: u32,
    role: Role,
    /// The size of the buffer behind the caller's input, as far as it has been seen.
    chunk: u32,
    /// The input's capacity when it was last seen: it only falls while the buffer is the same.
    seen: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Between frames.
    Header,
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
            message_limit: config.message_limit,
            fragment_limit: config.fragment_limit,
            role,
            chunk: 0,
            seen: 0,
        }
    }

    /// Takes the next event from the start of `input`.
    ///
    /// `Ok(None)` means that more bytes are needed. What is left in `input` then is at most the
    /// start of a header or of a control frame (138 bytes): keep it, and append to it. Payloads
    /// that arrive in parts are moved out at once, so `input` never has to grow.
    ///
    /// After a Close frame the rest of the input is discarded, and no event follows.
    ///
    /// # Errors
    /// The rule that the peer broke. It stays the answer to every later call, and the input is
    /// discarded.
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        let capacity = saturate(input.capacity());
        if capacity > self.seen {
            self.chunk = capacity;
        }
        let result = self.advance(input);
        self.seen = saturate(input.capacity());
        if let Err(violation) = result {
            self.state = State::Failed(violation);
            self.message = None;
            input.clear();
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
            State::Header | State::Payload { .. } => false,
            State::Closed | State::Failed(_) => true,
            State::Ended { clean } => clean,
        };
        if !matches!(self.state, State::Failed(_)) {
            self.state = State::Ended { clean };
        }
        self.message = None;
        if clean { Ok(()) } else { Err(AbnormalClosure) }
    }

    fn advance(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        loop {
            match self.state {
                State::Header => {
                    let Some((header, size)) = header::parse(input, self.expect())? else {
                        return Ok(None);
                    };
                    let whole = input.len() - size >= header.len;
                    if header.opcode.is_control() {
                        if !whole {
                            return Ok(None);
                        }
                        input.advance(size);
                        return self.control(&header, input);
                    }
                    input.advance(size);
                    if whole && header.fin && header.opcode != Opcode::Continuation {
                        return self.whole_message(&header, input);
                    }
                    self.begin_payload(&header)?;
                }
                State::Payload { .. } => match self.payload(input)? {
                    Some(event) => return Ok(Some(event)),
                    None if matches!(self.state, State::Payload { .. }) => return Ok(None),
                    None => {}
                },
                State::Closed | State::Ended { .. } => {
                    input.clear();
                    return Ok(None);
                }
                State::Failed(violation) => return Err(violation),
            }
        }
    }

    fn expect(&self) -> Expect {
        Expect {
            role: self.role,
            in_message: self.message.is_some(),
            received: self.message.as_ref().map_or(0, Assembly::len),
            limit: self.message_limit,
        }
    }

    /// A control frame, whose payload has arrived.
    fn control(
        &mut self,
        header: &Header,
        input: &mut BytesMut,
    ) -> Result<Option<Event>, Violation> {
        let payload = unmask_front(input, header);
        let event = match header.opcode {
            Opcode::Ping => Event::Ping(ControlPayload::from_frame(payload)),
            Opcode::Pong => Event::Pong(ControlPayload::from_frame(payload)),
            _ => {
                let event = Event::Close(CloseFrame::parse(payload)?);
                self.state = State::Closed;
                self.message = None;
                event
            }
        };
        input.advance(header.len);
        Ok(Some(event))
    }

    /// A message in one frame, which has arrived: by far the most common case.
    fn whole_message(
        &self,
        header: &Header,
        input: &mut BytesMut,
    ) -> Result<Option<Event>, Violation> {
        if header.len <= COPY_MAX || header.len < self.chunk as usize / SHARE_FRACTION {
            let event = copy_out(header.opcode, unmask_front(input, header));
            input.advance(header.len);
            return event;
        }
        let mut payload = input.split_to(header.len);
        mask::apply(&mut payload, header.mask);
        let payload = payload.freeze();
        Ok(Some(match header.opcode {
            Opcode::Text => {
                Event::Text(FastStr::from_bytes(payload).map_err(|_| Violation::InvalidUtf8)?)
            }
            _ => Event::Binary(payload),
        }))
    }

    /// A data frame that has not arrived whole, or is not a whole message.
    fn begin_payload(&mut self, header: &Header) -> Result<(), Violation> {
        match &mut self.message {
            Some(message) => message.next_fragment(self.fragment_limit)?,
            None => self.message = Some(Assembly::new(header.opcode == Opcode::Text)),
        }
        self.state = State::Payload {
            fin: header.fin,
            mask: header.mask,
            remaining: header.len,
        };
        Ok(())
    }

    /// Moves what has arrived of a payload to the message under way.
    fn payload(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        let (
            State::Payload {
                fin,
                mask,
                remaining,
            },
            Some(message),
        ) = (&mut self.state, &mut self.message)
        else {
            return Ok(None);
        };
        let arrived = (*remaining).min(input.len());
        if let Some(piece) = input.get_mut(..arrived) {
            mask::apply(piece, *mask);
            message.push(piece, *remaining)?;
        }
        input.advance(arrived);
        *mask = mask::advance(*mask, arrived);
        *remaining -= arrived;
        if *remaining > 0 {
            return Ok(None);
        }
        let fin = *fin;
        self.state = State::Header;
        if !fin {
            return Ok(None);
        }
        self.message.take().map(Assembly::finish).transpose()
    }
}

/// Not inlined, so that the event is built where the caller's caller wants it: moving a short text
/// about costs more than the rest of its reception.
#[inline(never)]
fn copy_out(opcode: Opcode, payload: &[u8]) -> Result<Option<Event>, Violation> {
    if opcode == Opcode::Text {
        let text = from_utf8(payload).map_err(|_| Violation::InvalidUtf8)?;
        return Ok(Some(Event::Text(FastStr::new(text))));
    }
    Ok(Some(Event::Binary(Bytes::copy_from_slice(payload))))
}

fn saturate(capacity: usize) -> u32 {
    u32::try_from(capacity).unwrap_or(u32::MAX)
}

/// Unmasks a frame's payload at the front of `input`, where it has arrived.
fn unmask_front<'a>(input: &'a mut BytesMut, header: &Header) -> &'a [u8] {
    let payload = input.get_mut(..header.len).unwrap_or_default();
    mask::apply(payload, header.mask);
    payload
}

#[cfg(test)]
mod tests;
