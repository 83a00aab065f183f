use alloc::vec::Vec;

use bytes::Bytes;
use faststr::FastStr;

use super::json::Foreign;
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
#[inline(never)]
pub(crate) fn decode(data: Bytes, limits: &Limits) -> Result<Option<Packet>, DecodeError> {
    let mut reader = Reader::new(&data, 0);
    let len = match reader.short_map() {
        Some(len) => len,
        None => match reader.aside(Reader::token)? {
            Token::Map(len) => len,
            _ => return Err(MsgpackError::NotAMap.into()),
        },
    };
    let depth = limits.max_depth;
    let (mut kind, mut namespace, mut id) = (None, None, Some(None));
    // Where `data` is: it has bytes, if it is there.
    let (mut start, mut end) = (0, 0);
    // What nearly all packets have goes a quick way, in registers.
    for _ in 0..len {
        if reader.eat(b"\xa4type") {
            kind = match reader.small_unsigned() {
                Some(kind) => Some(kind),
                None => match reader.aside(|reader| reader.scalar(depth))? {
                    Token::Unsigned(other) => Some(u8::try_from(other).unwrap_or(u8::MAX)),
                    _ => None,
                },
            };
        } else if reader.eat(b"\xa4data") {
            start = reader.pos();
            reader.skip(depth)?;
            end = reader.pos();
        } else if reader.eat(b"\xa3nsp\xa1/") {
            namespace = Some(Namespace::Root);
        } else if reader.eat(b"\xa3nsp") {
            namespace = match reader.aside(|reader| reader.scalar(depth))? {
                Token::Text(name) => Some(Namespace::Named(name.read()?)),
                _ => None,
            };
        } else if reader.eat(b"\xa2id") {
            id = match reader.small_unsigned() {
                Some(id) => Some(Some(id.into())),
                None => match reader.aside(|reader| reader.scalar(depth))? {
                    Token::Nil => Some(None),
                    Token::Unsigned(id) => Some(Some(id)),
                    _ => None,
                },
            };
        } else {
            reader.aside(|reader| {
                reader.key()?;
                reader.skip(depth)
            })?;
        }
    }
    if reader.peek().is_some() {
        let bytes = reader.rest().len();
        return Err(MsgpackError::TrailingBytes { bytes }.into());
    }
    let Some(kind) = kind else {
        return Err(MsgpackError::MissingType.into());
    };
    let Some(namespace) = namespace else {
        return Err(DecodeError::IllegalNamespace);
    };
    namespace.check(limits)?;
    let Some(id) = id else {
        return Err(DecodeError::IllegalAckId);
    };
    let namespace = namespace.text();
    let place = Place { start, end };
    match kind {
        2 => event(namespace, id, data, place),
        3 => ack(namespace, id, data, place),
        _ => other(kind, namespace, place.reader(&data)).map(Some),
    }
}

/// Where `data` is in a message.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
}

impl Place {
    #[inline(always)]
    fn reader(self, message: &Bytes) -> Reader<'_> {
        Reader::new(message.get(..self.end).unwrap_or_default(), self.start)
    }
}

/// Never inlined, as here the packet is made where it is to be: what has been read before it waits in
/// no register.
#[inline(never)]
fn event(
    namespace: FastStr,
    id: Option<u64>,
    message: Bytes,
    place: Place,
) -> Result<Option<Packet>, DecodeError> {
    let mut payload = place.reader(&message);
    let Some(len) = open_array(&mut payload)?.checked_sub(1) else {
        return Err(DecodeError::IllegalEventName);
    };
    let mut digits = itoa::Buffer::new();
    let name = FastStr::new(event_name(&mut payload, &mut digits)?);
    let start = payload.pos();
    let args = Arguments::from_msgpack(List::new(message, start, place.end, len));
    let kind = PacketKind::Event { id, name, args };
    Ok(Some(Packet { namespace, kind }))
}

fn ack(
    namespace: FastStr,
    id: Option<u64>,
    message: Bytes,
    place: Place,
) -> Result<Option<Packet>, DecodeError> {
    let id = id.ok_or(DecodeError::MissingAckId)?;
    let mut payload = place.reader(&message);
    let len = open_array(&mut payload)?;
    let start = payload.pos();
    let args = Arguments::from_msgpack(List::new(message, start, place.end, len));
    let kind = PacketKind::Ack { id, args };
    Ok(Some(Packet { namespace, kind }))
}

/// A packet that is neither an event nor an ack.
fn other(kind: u8, namespace: FastStr, payload: Reader<'_>) -> Result<Packet, DecodeError> {
    let mut reader = payload;
    let first = match reader.peek() {
        Some(_) => reader.token()?,
        None => Token::Nil,
    };
    // `undefined` stands for a key that is not there; Python's clients write `null`.
    let kind = match (kind, first) {
        (0, Token::Nil) => PacketKind::Connect(None),
        (0, Token::Map(_)) => PacketKind::Connect(Some(raw_json(payload)?)),
        (0, _) => {
            let expected = "an object";
            return Err(DecodeError::WrongPayload { expected });
        }
        (1, Token::Nil) => PacketKind::Disconnect,
        (1, _) => return Err(DecodeError::UnexpectedPayload),
        (4, Token::Nil) => return Err(DecodeError::MissingPayload),
        (4, Token::Map(_) | Token::Text(_)) => PacketKind::ConnectError(raw_json(payload)?),
        (4, _) => {
            let expected = "an object or a string";
            return Err(DecodeError::WrongPayload { expected });
        }
        _ => return Err(DecodeError::UnknownType(type_char(kind))),
    };
    Ok(Packet { namespace, kind })
}

/// How a type is named in errors: as JSON would have written it.
fn type_char(kind: u8) -> char {
    char::from_digit(kind.into(), 10).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[derive(Clone, Copy)]
enum Namespace<'a> {
    Root,
    Named(&'a str),
}

impl Namespace<'_> {
    /// As in JSON, where a comma would end it.
    #[inline(always)]
    fn check(self, limits: &Limits) -> Result<(), DecodeError> {
        match self {
            Self::Root => Ok(()),
            Self::Named(name) if namespaces::is_legal(name) => limits.check_namespace(name),
            Self::Named(_) => Err(DecodeError::IllegalNamespace),
        }
    }

    #[inline(always)]
    fn text(self) -> FastStr {
        match self {
            Self::Root => FastStr::from_static_str("/"),
            Self::Named(name) => FastStr::new(name),
        }
    }
}

/// The name of an event. One that is a number is written into `digits`.
#[inline(always)]
fn event_name<'a>(
    payload: &mut Reader<'a>,
    digits: &'a mut itoa::Buffer,
) -> Result<&'a str, DecodeError> {
    let token = match payload.short_text() {
        Some(name) => Token::Text(name),
        None => payload.aside(Reader::token)?,
    };
    match token {
        Token::Text(name) => {
            let name = name.read()?;
            check_event_name(name)?;
            Ok(name)
        }
        Token::Unsigned(name) => Ok(digits.format(name)),
        Token::Negative(name) => Ok(digits.format(name)),
        _ => Err(DecodeError::IllegalEventName),
    }
}

fn raw_json(mut payload: Reader<'_>) -> Result<RawJson, DecodeError> {
    let mut text = Vec::new();
    payload.write_json(&mut text, &mut Foreign::Refuse)?;
    let text = FastStr::from_vec_u8(text).map_err(|_| MsgpackError::NotUtf8)?;
    Ok(RawJson::new(text))
}

/// Moves past the start of the payload's array, and gives its length.
#[inline(always)]
fn open_array(payload: &mut Reader<'_>) -> Result<u32, DecodeError> {
    match payload.short_array() {
        Some(len) => Ok(len),
        None => payload.aside(open_long_array),
    }
}

#[cold]
fn open_long_array(payload: &mut Reader<'_>) -> Result<u32, DecodeError> {
    if payload.peek().is_none() {
        return Err(DecodeError::MissingPayload);
    }
    match payload.token()? {
        Token::Array(len) => Ok(len),
        Token::Nil => Err(DecodeError::MissingPayload),
        _ => Err(DecodeError::WrongPayload {
            expected: "an array",
        }),
    }
}
