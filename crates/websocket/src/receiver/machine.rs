//! What stands at the front of the input: the state machine below both forms of receiving.

use alloc::vec::Vec;

use super::{Receiver, State};
use crate::{
    Role, Violation,
    deflate::Inflater,
    frame::{
        Opcode,
        header::{self, Expect, Header},
        mask,
    },
    message::assembly::{Assembled, Assembly},
    utf8,
};

/// A message up to this size is a short one.
pub(super) const SHORT_MAX: usize = 1024;

/// A frame of at most so many bytes that the end of the input cuts may wait there for the rest.
pub(super) const WAIT_MAX: usize = 64 * 1024;

/// A message that is given out in chunks is inflated up to about this size at once.
const CHUNK: usize = 16 * 1024;

/// What the front of the input came to. The bytes of a frame, where one is said to follow, have
/// been unmasked where they are.
pub(super) enum Front {
    /// More bytes are needed.
    More,
    /// A message in one frame: its payload follows.
    Message { text: bool, len: usize },
    /// A control frame: its payload follows.
    Control { opcode: Opcode, len: usize },
    /// A message that came in several parts.
    Assembled(Assembled),
    /// A part of a message.
    Chunk { part: Assembled, last: bool },
    /// All further input is to be discarded.
    Over,
}

/// A message in one frame that has arrived whole, at the front of the input, masked as it came.
pub(super) struct Whole {
    pub(super) text: bool,
    key: [u8; 4],
    /// Where the payload starts.
    pub(super) start: usize,
    /// Where it ends, and with it the frame.
    pub(super) end: usize,
}

impl Whole {
    /// Payload bytes.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// The payload, unmasked where it is.
    #[inline]
    pub(super) fn payload<'a>(&self, input: &'a mut [u8]) -> &'a mut [u8] {
        let payload = input.get_mut(self.start..self.end).unwrap_or_default();
        mask::apply(payload, self.key);
        payload
    }

    /// A copy of the payload, unmasked there: what has just been unmasked is not ready to be
    /// copied.
    #[inline]
    pub(super) fn copy(&self, input: &[u8]) -> Vec<u8> {
        let mut payload = input.get(self.start..self.end).unwrap_or_default().to_vec();
        mask::apply(&mut payload, self.key);
        payload
    }
}

impl Receiver {
    /// Looks at `input`, and returns how much of it has been taken before what was found. With
    /// `wait`, a message in one frame that has not arrived whole may be left where it is, once.
    #[inline]
    pub(super) fn advance(
        &mut self,
        input: &mut [u8],
        wait: bool,
    ) -> Result<(usize, Front), Violation> {
        let mut taken = 0;
        loop {
            let rest = input.get_mut(taken..).unwrap_or_default();
            match self.state {
                State::Header => {
                    let Some((header, size)) = header::parse(rest, self.expect())? else {
                        return Ok((taken, Front::More));
                    };
                    let whole = rest.len() - size >= header.len;
                    let len = header.len;
                    let front = match header.opcode {
                        opcode if opcode.is_control() => {
                            if !whole {
                                return Ok((taken, Front::More));
                            }
                            Front::Control { opcode, len }
                        }
                        opcode if self.is_plain(&header) && whole => Front::Message {
                            text: opcode == Opcode::Text,
                            len,
                        },
                        opcode if wait && self.is_plain(&header) && len <= WAIT_MAX => {
                            let arrived = rest.get_mut(size..).unwrap_or_default();
                            self.wait(opcode == Opcode::Text, &header, arrived)?;
                            return Ok((taken + size, Front::More));
                        }
                        _ => {
                            taken += size;
                            self.begin_payload(&header)?;
                            continue;
                        }
                    };
                    let payload = rest.get_mut(size..size + len).unwrap_or_default();
                    mask::apply(payload, header.mask);
                    return Ok((taken + size, front));
                }
                State::Waiting {
                    text,
                    mask,
                    arrived,
                    len,
                } => {
                    let (arrived, len) = (arrived as usize, len as usize);
                    if let Some(late) = rest.get_mut(arrived..len) {
                        mask::apply(late, mask::advance(mask, arrived));
                        self.state = State::Header;
                        return Ok((taken, Front::Message { text, len }));
                    }
                    let Some((piece, _)) = rest
                        .split_at_checked(arrived)
                        .filter(|(_, late)| !late.is_empty())
                    else {
                        return Ok((taken, Front::More));
                    };
                    // It comes slowly. To leave it would cost those who move their input with
                    // each read the square of its length.
                    let limit = self.message_limit;
                    let mut message = Assembly::new(text, false, limit, self.fragment_limit);
                    message.push(piece, len)?;
                    self.message = Some(message);
                    self.state = State::Payload {
                        fin: true,
                        mask: mask::advance(mask, arrived),
                        remaining: len - arrived,
                    };
                    taken += arrived;
                }
                State::Payload { .. } => {
                    let (used, front) = self.payload(rest)?;
                    taken += used;
                    match front {
                        Some(front) => return Ok((taken, front)),
                        None if matches!(self.state, State::Payload { .. }) => {
                            return Ok((taken, Front::More));
                        }
                        None => {}
                    }
                }
                State::Closed | State::Ended { .. } => return Ok((taken, Front::Over)),
                State::Failed(violation) => return Err(violation),
            }
        }
    }

    /// The most common of all frames: a message of at most 64 KiB that has arrived whole, and that
    /// can be given out as it is. `None` says nothing: all else goes through
    /// [`advance`](Self::advance), which comes to the same.
    #[inline]
    pub(super) fn whole_message(&self, input: &[u8]) -> Option<Whole> {
        if !matches!(self.state, State::Header) || self.message.is_some() || self.chunks {
            return None;
        }
        let (&[first, second], rest) = input.split_first_chunk()?;
        let text = match first {
            0x81 => true,
            0x82 => false,
            _ => return None,
        };
        let masked = match self.role {
            Role::Server => 0x80,
            Role::Client => 0,
        };
        let (len, extended) = match second ^ masked {
            len @ 0..=125 => (usize::from(len), 0),
            126 => match usize::from(u16::from_be_bytes(*rest.first_chunk()?)) {
                ..126 => return None,
                len => (len, 2),
            },
            _ => return None,
        };
        if len > self.message_limit {
            return None;
        }
        let (key, start) = match self.role {
            Role::Server => (*rest.get(extended..)?.first_chunk()?, 6 + extended),
            Role::Client => ([0; 4], 2 + extended),
        };
        let end = start + len;
        (end <= input.len()).then_some(Whole {
            text,
            key,
            start,
            end,
        })
    }

    fn expect(&self) -> Expect {
        Expect {
            role: self.role,
            in_message: self.message.is_some(),
            compression: self.inflater.is_some(),
            room: self
                .message
                .as_ref()
                .map_or(self.message_limit, |message| message.room()),
            limit: self.message_limit,
        }
    }

    /// Whether a data frame is a message whose payload can be given out as it is.
    fn is_plain(&self, header: &Header) -> bool {
        header.fin && !header.compressed && !self.chunks && header.opcode != Opcode::Continuation
    }

    /// A message in one frame that has not arrived whole: what there is of it is unmasked, refused
    /// if it cannot become text, and stays in the input.
    fn wait(&mut self, text: bool, header: &Header, arrived: &mut [u8]) -> Result<(), Violation> {
        if !text {
            mask::apply(arrived, header.mask);
        } else if !mask::apply_and_look(arrived, header.mask) && !utf8::can_become_text(arrived) {
            return Err(Violation::InvalidUtf8);
        }
        // Neither is above `WAIT_MAX`.
        self.state = State::Waiting {
            text,
            mask: header.mask,
            arrived: arrived.len() as u32,
            len: header.len as u32,
        };
        Ok(())
    }

    /// A data frame that has not arrived whole, or is not a message as it is.
    fn begin_payload(&mut self, header: &Header) -> Result<(), Violation> {
        match &mut self.message {
            Some(message) => message.next_fragment()?,
            None => {
                self.message = Some(Assembly::new(
                    header.opcode == Opcode::Text,
                    header.compressed,
                    self.message_limit,
                    self.fragment_limit,
                ));
            }
        }
        self.state = State::Payload {
            fin: header.fin,
            mask: header.mask,
            remaining: header.len,
        };
        Ok(())
    }

    /// Moves what has arrived of a payload to the message under way; returns how much it was, and
    /// what has come of it.
    fn payload(&mut self, input: &mut [u8]) -> Result<(usize, Option<Front>), Violation> {
        let (
            State::Payload {
                fin,
                mask,
                remaining,
            },
            Some(message),
        ) = (&mut self.state, &mut self.message)
        else {
            return Ok((0, None));
        };
        let arrived = (*remaining).min(input.len());
        let piece = input.get_mut(..arrived).unwrap_or_default();
        mask::apply(piece, *mask);
        let mut inflater = self.inflater.as_mut().filter(|_| message.compressed);
        let used = match &mut inflater {
            Some(inflater) => {
                let used = inflate(inflater, message, piece, self.chunks)?;
                // What is left will come again: masked, as it was.
                let left = piece.get_mut(used..).unwrap_or_default();
                mask::apply(left, mask::advance(*mask, used));
                used
            }
            None => {
                // Others may follow a fragment: then the buffer doubles.
                let more = if *fin || self.chunks {
                    *remaining
                } else {
                    usize::MAX
                };
                message.push(piece, more)?;
                arrived
            }
        };
        *mask = mask::advance(*mask, used);
        *remaining -= used;

        if *remaining == 0 {
            let fin = *fin;
            self.state = State::Header;
            if fin {
                if let Some(inflater) = inflater {
                    finish(inflater, message)?;
                }
                let message = self.message.take().map(|message| message.finish());
                let front = message.transpose()?.map(|whole| match self.chunks {
                    true => Front::Chunk {
                        part: whole,
                        last: true,
                    },
                    false => Front::Assembled(whole),
                });
                return Ok((used, front));
            }
        }
        if self.chunks {
            let part = message.take();
            if !part.is_empty() {
                return Ok((used, Some(Front::Chunk { part, last: false })));
            }
        }
        Ok((used, None))
    }
}

/// Inflates `piece` into the message; returns how much of it was used. That is all, unless there
/// is enough for a chunk before.
fn inflate(
    inflater: &mut Inflater,
    message: &mut Assembly,
    piece: &[u8],
    chunks: bool,
) -> Result<usize, Violation> {
    let mut rest = piece;
    loop {
        let inflated = inflater
            .inflate(&mut rest)
            .map_err(|_| Violation::InvalidDeflate)?;
        message.push(inflated.bytes, usize::MAX)?;
        let enough = chunks && message.len() >= CHUNK;
        // Without input there is little that can still come out.
        if rest.is_empty() && !inflated.more || enough && !rest.is_empty() {
            return Ok(piece.len() - rest.len());
        }
    }
}

/// Takes out what the inflater still holds of a message.
fn finish(inflater: &mut Inflater, message: &mut Assembly) -> Result<(), Violation> {
    loop {
        let inflated = inflater.finish().map_err(|_| Violation::InvalidDeflate)?;
        message.push(inflated.bytes, usize::MAX)?;
        if !inflated.more {
            inflater.end();
            return Ok(());
        }
    }
}
