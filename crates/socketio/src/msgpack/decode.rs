use alloc::vec::Vec;

use bytes::{Buf, Bytes};
use faststr::FastStr;

use super::json::Binary;
use super::read::{Reader, Token};
use super::{List, MsgpackError};
use crate::decoder::{DecodeError, check_event_name};
use crate::limits::Limits;
use crate::packet::{Packet, PacketKind, RawJson};
use crate::{Arguments, namespaces};

/// One packet from one message. Keys of the map that are not known are ignored: JavaScript
/// clients send their `options` along.
#[inline(always)]
pub(crate) fn decode(data: Bytes, limits: &Limits) -> Result<Packet, DecodeError> {
    let mut reader = Reader::new(&data);
    let Token::Map(len) = reader.token()? else {
        return Err(MsgpackError::NotAMap.into());
    };
    let depth = limits.max_depth;
    let (mut kind, mut namespace, mut id, mut payload) = (None, None, Some(None), None);
    for _ in 0..len {
        let key = reader.short_text()?;
        if key.is_none() {
            reader.key()?;
        }
        match key {
            Some(b"type") => {
                kind = match reader.scalar(depth)? {
                    Token::Unsigned(kind) => Some(kind),
                    _ => None,
                }
            }
            Some(b"nsp") => {
                namespace = match reader.scalar(depth)? {
                    Token::Text(name) => Some(name),
                    _ => None,
                }
            }
            Some(b"id") => {
                id = match reader.scalar(depth)? {
                    Token::Nil => Some(None),
                    Token::Unsigned(id) => Some(Some(id)),
                    _ => None,
                }
            }
            Some(b"data") => {
                let value = reader.value(depth)?;
                payload = Some(Payload {
                    value,
                    end: data.len() - reader.rest().len(),
                });
            }
            _ => {
                reader.value(depth)?;
            }
        }
    }
    if !reader.rest().is_empty() {
        let bytes = reader.rest().len();
        return Err(MsgpackError::TrailingBytes { bytes }.into());
    }
    let kind = kind.ok_or(MsgpackError::MissingType)?;
    let namespace = parse_namespace(namespace, limits)?;
    let id = id.ok_or(DecodeError::IllegalAckId)?;
    // `undefined` stands for a key that is not there; Python's clients write `null`.
    let payload = payload.filter(|payload| !matches!(payload.value, [0xc0] | [0xd4, 0, _]));
    let kind = match kind {
        2 => {
            let (name, args) = event(payload)?;
            PacketKind::Event {
                id,
                name: event_name(name),
                args: args.of(data),
            }
        }
        3 => PacketKind::Ack {
            id: id.ok_or(DecodeError::MissingAckId)?,
            args: open_array(payload)?.1.of(data),
        },
        0 => PacketKind::Connect(payload.map(connect_payload).transpose()?),
        1 if payload.is_some() => return Err(DecodeError::UnexpectedPayload),
        1 => PacketKind::Disconnect,
        4 => PacketKind::ConnectError(error_payload(payload)?),
        _ => return Err(DecodeError::UnknownType(type_char(kind))),
    };
    Ok(Packet { namespace, kind })
}

/// The value of `data`, and where it ends in the message.
#[derive(Clone, Copy)]
struct Payload<'a> {
    value: &'a [u8],
    end: usize,
}

/// Where arguments are in the message, and how many.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    len: u32,
}

impl Place {
    /// They take the message itself: to count its holders up and down would cost as much as to
    /// read it.
    #[inline(always)]
    fn of(self, mut data: Bytes) -> Arguments {
        data.advance(self.start);
        Arguments::from_msgpack(List::new(data, self.end - self.start, self.len))
    }
}

/// How a type is named in errors: as JSON would have written it.
fn type_char(kind: u64) -> char {
    u32::try_from(kind)
        .ok()
        .and_then(|kind| char::from_digit(kind, 10))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// As in JSON, where a comma would end it.
fn parse_namespace(name: Option<&str>, limits: &Limits) -> Result<FastStr, DecodeError> {
    match name {
        Some("/") => Ok(FastStr::from_static_str("/")),
        Some(name) if namespaces::is_legal(name) => {
            limits.check_namespace(name)?;
            Ok(FastStr::new(name))
        }
        _ => Err(DecodeError::IllegalNamespace),
    }
}

fn connect_payload(Payload { value, .. }: Payload<'_>) -> Result<RawJson, DecodeError> {
    match Reader::new(value).token()? {
        Token::Map(_) => raw_json(value),
        _ => Err(DecodeError::WrongPayload {
            expected: "an object",
        }),
    }
}

fn error_payload(payload: Option<Payload<'_>>) -> Result<RawJson, DecodeError> {
    let Payload { value, .. } = payload.ok_or(DecodeError::MissingPayload)?;
    match Reader::new(value).token()? {
        Token::Map(_) | Token::Text(_) => raw_json(value),
        _ => Err(DecodeError::WrongPayload {
            expected: "an object or a string",
        }),
    }
}

fn raw_json(value: &[u8]) -> Result<RawJson, DecodeError> {
    let mut text = Vec::new();
    Reader::new(value).write_json(&mut text, &mut Binary::Refuse)?;
    let text = FastStr::from_vec_u8(text).map_err(|_| MsgpackError::NotUtf8)?;
    Ok(RawJson::new(text))
}

#[inline(always)]
fn event(payload: Option<Payload<'_>>) -> Result<(Token<'_>, Place), DecodeError> {
    let (mut reader, mut place) = open_array(payload)?;
    place.len = place
        .len
        .checked_sub(1)
        .ok_or(DecodeError::IllegalEventName)?;
    let name = reader.token()?;
    match name {
        Token::Text(name) => check_event_name(name)?,
        Token::Unsigned(_) | Token::Negative(_) => {}
        _ => return Err(DecodeError::IllegalEventName),
    }
    place.start = place.end - reader.rest().len();
    Ok((name, place))
}

/// Never inlined: where the compiler sees what a text is made of, it moves it piece by piece, and
/// each piece waits for the one before.
#[inline(never)]
fn event_name(name: Token<'_>) -> FastStr {
    match name {
        Token::Text(name) => FastStr::new(name),
        Token::Unsigned(name) => FastStr::new(itoa::Buffer::new().format(name)),
        Token::Negative(name) => FastStr::new(itoa::Buffer::new().format(name)),
        _ => FastStr::empty(),
    }
}

/// The elements of the payload's array.
#[inline(always)]
fn open_array(payload: Option<Payload<'_>>) -> Result<(Reader<'_>, Place), DecodeError> {
    let Payload { value, end } = payload.ok_or(DecodeError::MissingPayload)?;
    let mut reader = Reader::new(value);
    match reader.token()? {
        Token::Array(len) => {
            let start = end - reader.rest().len();
            Ok((reader, Place { start, end, len }))
        }
        _ => Err(DecodeError::WrongPayload {
            expected: "an array",
        }),
    }
}
