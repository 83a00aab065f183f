use alloc::vec::Vec;

use bytes::Bytes;
use faststr::FastStr;

use super::json::Binary;
use super::read::{Reader, Token};
use super::{List, MsgpackError};
use crate::decoder::{DecodeError, check_event_name};
use crate::limits::Limits;
use crate::packet::{Packet, PacketKind, RawJson};
use crate::{Arguments, namespaces};

/// One packet from one message: always one, given as
/// [`decode_binary`](crate::Decoder::decode_binary) gives it, for then it is made where it is to be.
/// Moving one costs as much as reading a short message.
///
/// Keys of the map that are not known are ignored: JavaScript clients send their `options` along.
#[inline(always)]
pub(crate) fn decode(data: Bytes, limits: &Limits) -> Result<Option<Packet>, DecodeError> {
    let mut reader = Reader::new(&data);
    let Token::Map(len) = reader.token()? else {
        return Err(MsgpackError::NotAMap.into());
    };
    let depth = limits.max_depth;
    let (mut kind, mut namespace, mut id, mut payload) = (None, None, Some(None), None);
    // What nearly all packets have goes a quick way, in registers.
    for _ in 0..len {
        if reader.eat(b"\xa4type") {
            kind = reader.small_unsigned();
            if kind.is_none()
                && let Token::Unsigned(other) = reader.scalar(depth)?
            {
                kind = Some(other);
            }
        } else if reader.eat(b"\xa4data") {
            let value = reader.value(depth)?;
            let end = data.len() - reader.rest().len();
            payload = Some(Payload { value, end });
        } else if reader.eat(b"\xa3nsp\xa1/") {
            namespace = Some("/");
        } else if reader.eat(b"\xa3nsp") {
            namespace = match reader.scalar(depth)? {
                Token::Text(name) => Some(name),
                _ => None,
            };
        } else if reader.eat(b"\xa2id") {
            id = match reader.small_unsigned() {
                Some(id) => Some(Some(id)),
                None => match reader.scalar(depth)? {
                    Token::Nil => Some(None),
                    Token::Unsigned(id) => Some(Some(id)),
                    _ => None,
                },
            };
        } else {
            reader.key()?;
            reader.value(depth)?;
        }
    }
    if !reader.rest().is_empty() {
        let bytes = reader.rest().len();
        return Err(MsgpackError::TrailingBytes { bytes }.into());
    }
    let kind = kind.ok_or(MsgpackError::MissingType)?;
    let namespace = check_namespace(namespace, limits)?;
    let id = id.ok_or(DecodeError::IllegalAckId)?;
    // `undefined` stands for a key that is not there; Python's clients write `null`.
    let payload = payload.filter(|payload| !matches!(payload.value, [0xc0] | [0xd4, 0, _]));
    match kind {
        2 => {
            let (mut reader, mut place) = open_array(payload)?;
            place.len = (place.len.checked_sub(1)).ok_or(DecodeError::IllegalEventName)?;
            let name = Name::read(&mut reader)?;
            place.start = place.end - reader.rest().len();
            Ok(Some(Packet {
                namespace: namespace_text(namespace),
                kind: PacketKind::Event {
                    id,
                    name: name.of(),
                    args: place.arguments(data),
                },
            }))
        }
        3 => {
            let id = id.ok_or(DecodeError::MissingAckId)?;
            let (_, place) = open_array(payload)?;
            Ok(Some(Packet {
                namespace: namespace_text(namespace),
                kind: PacketKind::Ack {
                    id,
                    args: place.arguments(data),
                },
            }))
        }
        _ => other(kind, namespace, payload).map(Some),
    }
}

/// A packet that is neither an event nor an ack.
fn other(kind: u64, namespace: &str, payload: Option<Payload<'_>>) -> Result<Packet, DecodeError> {
    let kind = match kind {
        0 => PacketKind::Connect(payload.map(connect_payload).transpose()?),
        1 if payload.is_some() => return Err(DecodeError::UnexpectedPayload),
        1 => PacketKind::Disconnect,
        4 => PacketKind::ConnectError(error_payload(payload)?),
        _ => return Err(DecodeError::UnknownType(type_char(kind))),
    };
    let namespace = namespace_text(namespace);
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
    fn arguments(self, data: Bytes) -> Arguments {
        Arguments::from_msgpack(List::new(data, self.start, self.end, self.len))
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
#[inline(always)]
fn check_namespace<'a>(name: Option<&'a str>, limits: &Limits) -> Result<&'a str, DecodeError> {
    match name {
        Some("/") => Ok("/"),
        Some(name) if namespaces::is_legal(name) => {
            limits.check_namespace(name)?;
            Ok(name)
        }
        _ => Err(DecodeError::IllegalNamespace),
    }
}

#[inline(always)]
fn namespace_text(name: &str) -> FastStr {
    match name {
        "/" => FastStr::from_static_str("/"),
        _ => text(name),
    }
}

/// The name of an event.
#[derive(Clone, Copy)]
enum Name<'a> {
    Text(&'a str),
    Unsigned(u64),
    Negative(i64),
}

impl<'a> Name<'a> {
    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.token()? {
            Token::Text(name) => {
                check_event_name(name)?;
                Ok(Self::Text(name))
            }
            Token::Unsigned(name) => Ok(Self::Unsigned(name)),
            Token::Negative(name) => Ok(Self::Negative(name)),
            _ => Err(DecodeError::IllegalEventName),
        }
    }

    #[inline(always)]
    fn of(self) -> FastStr {
        match self {
            Self::Text(name) => text(name),
            Self::Unsigned(name) => text(itoa::Buffer::new().format(name)),
            Self::Negative(name) => text(itoa::Buffer::new().format(name)),
        }
    }
}

/// Never inlined: where the compiler sees what a text is made of, it moves it piece by piece, and
/// each piece waits for the one before.
#[inline(never)]
fn text(text: &str) -> FastStr {
    FastStr::new(text)
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

/// The elements of the payload's array.
#[inline(always)]
fn open_array(payload: Option<Payload<'_>>) -> Result<(Reader<'_>, Place), DecodeError> {
    let Payload { value, end } = payload.ok_or(DecodeError::MissingPayload)?;
    let mut reader = Reader::new(value);
    let len = match reader.short_array() {
        Some(len) => len,
        None => match reader.token()? {
            Token::Array(len) => len,
            _ => {
                return Err(DecodeError::WrongPayload {
                    expected: "an array",
                });
            }
        },
    };
    let start = end - reader.rest().len();
    Ok((reader, Place { start, end, len }))
}
