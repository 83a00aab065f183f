//! The owned form of receiving: what is copied out of the input, and what shares its buffer.

use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};
use faststr::FastStr;
use simdutf8::basic::from_utf8;

use super::{
    Receiver,
    machine::{Front, SHORT_MAX, Whole},
};
use crate::{ControlPayload, Event, Violation, frame::Opcode, message::assembly::Assembled};

/// Payloads up to [`SHORT_MAX`] are copied out of the read buffer. Larger ones are shared slices of
/// it, unless they are below this fraction of it: a small message that somebody keeps must not keep
/// a large buffer.
const SHARE_FRACTION: usize = 64;

/// A short text from this size on is unmasked in its copy; below it that is slower.
const COPY_FIRST_MIN: usize = 256;

impl Receiver {
    /// Takes a whole message from the start of `input`; `other` takes all else, and says what was
    /// wrong.
    #[inline]
    pub(crate) fn receive_or(
        &mut self,
        input: &mut BytesMut,
        other: impl FnOnce(&mut Self, &mut BytesMut) -> Result<Option<Event>, Violation>,
    ) -> Result<Option<Event>, Violation> {
        match self.whole_message(input) {
            Some(whole) if whole.len() > SHORT_MAX => self.take_large(input, &whole, other),
            Some(short) if !short.text => copy_binary(input, &short),
            Some(short) => self.copy_text(input, &short, other),
            None => other(self, input),
        }
    }

    /// It shares the buffer, unless it is small beside it.
    #[inline(never)]
    fn take_large(
        &mut self,
        input: &mut BytesMut,
        whole: &Whole,
        other: impl FnOnce(&mut Self, &mut BytesMut) -> Result<Option<Event>, Violation>,
    ) -> Result<Option<Event>, Violation> {
        self.look_at_buffer(input);
        whole.payload(input);
        input.advance(whole.start);
        let taken = self.take_payload(input, whole.text, whole.len());
        self.seen = saturate(input.capacity());
        match taken {
            Ok(event) => Ok(Some(event)),
            Err(violation) => {
                self.fail(violation);
                other(self, input)
            }
        }
    }

    /// The event is made where it is to be: to move what has just been written in parts makes the
    /// processor wait.
    #[inline(never)]
    fn copy_text(
        &mut self,
        input: &mut BytesMut,
        short: &Whole,
        other: impl FnOnce(&mut Self, &mut BytesMut) -> Result<Option<Event>, Violation>,
    ) -> Result<Option<Event>, Violation> {
        let received = if short.len() < COPY_FIRST_MIN {
            match from_utf8(short.payload(input)) {
                Ok(text) => text_event(text),
                Err(_) => Err(Violation::InvalidUtf8),
            }
        } else {
            checked_text_event(short.copy(input))
        };
        if let Err(violation) = received {
            self.fail(violation);
            return other(self, input);
        }
        input.advance(short.end);
        received
    }

    pub(crate) fn receive_any(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        self.look_at_buffer(input);
        let result = self.take(input);
        self.seen = saturate(input.capacity());
        if let Err(violation) = result {
            self.fail(violation);
            input.clear();
        }
        result
    }

    /// The owned form.
    fn take(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        let (taken, front) = self.advance(input, true)?;
        input.advance(taken);
        match front {
            Front::More => Ok(None),
            Front::Message { text, len } => self.take_payload(input, text, len).map(Some),
            Front::Control { opcode, len } => {
                let payload = input.get(..len).unwrap_or_default();
                let event = match opcode {
                    Opcode::Ping => Event::Ping(ControlPayload::from_frame(payload)),
                    Opcode::Pong => Event::Pong(ControlPayload::from_frame(payload)),
                    _ => Event::Close(self.close(payload)?),
                };
                input.advance(len);
                Ok(Some(event))
            }
            Front::Assembled(Assembled::Text(text)) => {
                Ok(Some(Event::Text(FastStr::from_string(text))))
            }
            Front::Assembled(Assembled::Binary(payload)) => {
                Ok(Some(Event::Binary(Bytes::from(payload))))
            }
            Front::Chunk { part, last } => Ok(Some(match part {
                Assembled::Text(text) => Event::TextChunk {
                    text: FastStr::from_string(text),
                    last,
                },
                Assembled::Binary(payload) => Event::BinaryChunk {
                    payload: Bytes::from(payload),
                    last,
                },
            })),
            Front::Over => {
                input.clear();
                Ok(None)
            }
        }
    }

    /// A message whose payload stands unmasked at the start of the input.
    #[inline]
    fn take_payload(
        &self,
        input: &mut BytesMut,
        text: bool,
        len: usize,
    ) -> Result<Event, Violation> {
        if len <= SHORT_MAX || len < self.chunk as usize / SHARE_FRACTION {
            let event = copy_out(text, input.get(..len).unwrap_or_default())?;
            input.advance(len);
            return Ok(event);
        }
        let payload = input.split_to(len).freeze();
        Ok(match text {
            true => Event::Text(FastStr::from_bytes(payload).map_err(|_| Violation::InvalidUtf8)?),
            false => Event::Binary(payload),
        })
    }

    /// Takes note of the size of a buffer that was not seen before.
    #[inline]
    fn look_at_buffer(&mut self, input: &BytesMut) {
        let capacity = saturate(input.capacity());
        if capacity > self.seen {
            self.chunk = capacity;
        }
    }
}

#[inline(never)]
fn copy_binary(input: &mut BytesMut, short: &Whole) -> Result<Option<Event>, Violation> {
    let payload = short.copy(input);
    input.advance(short.end);
    Ok(Some(Event::Binary(payload.into())))
}

#[inline(never)]
fn text_event(text: &str) -> Result<Option<Event>, Violation> {
    Ok(Some(Event::Text(FastStr::new(text))))
}

#[inline(never)]
fn checked_text_event(text: Vec<u8>) -> Result<Option<Event>, Violation> {
    let text = FastStr::from_vec_u8(text).map_err(|_| Violation::InvalidUtf8)?;
    Ok(Some(Event::Text(text)))
}

#[inline]
fn copy_out(text: bool, payload: &[u8]) -> Result<Event, Violation> {
    if text {
        let text = from_utf8(payload).map_err(|_| Violation::InvalidUtf8)?;
        return Ok(Event::Text(FastStr::new(text)));
    }
    Ok(Event::Binary(Bytes::copy_from_slice(payload)))
}

fn saturate(capacity: usize) -> u32 {
    u32::try_from(capacity).unwrap_or(u32::MAX)
}
