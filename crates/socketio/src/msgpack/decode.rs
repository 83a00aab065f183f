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

/// One packet from one message. Keys of the map that are not known are ignored: JavaScript
/// clients send their `options` along.
pub(crate) fn decode(data: &Bytes, limits: &Limits) -> Result<Packet, DecodeError> {
    let mut reader = Reader::new(data);
    let Token::Map(len) = reader.token()? else {
        return Err(MsgpackError::NotAMap.into());
    };
    let (mut kind, mut namespace, mut id, mut payload) = (None, None, None, None);
    for _ in 0..len {
        let key = reader.short_text()?;
        if key.is_none() {
            reader.key()?;
        }
        let value = reader.value(limits.max_depth)?;
        match key {
            Some(b"type") => kind = Some(value),
            Some(b"nsp") => namespace = Some(value),
            Some(b"id") => id = Some(value),
            Some(b"data") => payload = Some(value),
            _ => {}
        }
    }
    if !reader.rest().is_empty() {
        let bytes = reader.rest().len();
        return Err(MsgpackError::TrailingBytes { bytes }.into());
    }
    let kind = match scalar(kind)? {
        Some(Token::Unsigned(kind)) => kind,
        _ => return Err(MsgpackError::MissingType.into()),
    };
    let namespace = parse_namespace(scalar(namespace)?, limits)?;
    let id = match scalar(id)? {
        None | Some(Token::Nil) => None,
        Some(Token::Unsigned(id)) => Some(id),
        Some(_) => return Err(DecodeError::IllegalAckId),
    };
    // `undefined` stands for a key that is not there; Python's clients write `null`.
    let payload = match scalar(payload)? {
        None | Some(Token::Nil) => None,
        Some(_) => payload,
    };
    let kind = match kind {
        0 => PacketKind::Connect(payload.map(connect_payload).transpose()?),
        1 if payload.is_some() => return Err(DecodeError::UnexpectedPayload),
        1 => PacketKind::Disconnect,
        2 => event(data, id, payload)?,
        3 => PacketKind::Ack {
            id: id.ok_or(DecodeError::MissingAckId)?,
            args: arguments(data, payload)?,
        },
        4 => PacketKind::ConnectError(error_payload(payload)?),
        _ => return Err(DecodeError::UnknownType(type_char(kind))),
    };
    Ok(Packet { namespace, kind })
}

/// How a type is named in errors: as JSON would have written it.
fn type_char(kind: u64) -> char {
    u32::try_from(kind)
        .ok()
        .and_then(|kind| char::from_digit(kind, 10))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The token at the start of a value that has been checked.
fn scalar(value: Option<&[u8]>) -> Result<Option<Token<'_>>, MsgpackError> {
    value.map(|value| Reader::new(value).token()).transpose()
}

/// As in JSON, where a comma would end it.
fn parse_namespace(value: Option<Token<'_>>, limits: &Limits) -> Result<FastStr, DecodeError> {
    match value {
        Some(Token::Text("/")) => Ok(FastStr::from_static_str("/")),
        Some(Token::Text(name)) if namespaces::is_legal(name) => {
            limits.check_namespace(name)?;
            Ok(FastStr::new(name))
        }
        _ => Err(DecodeError::IllegalNamespace),
    }
}

fn connect_payload(value: &[u8]) -> Result<RawJson, DecodeError> {
    match Reader::new(value).token()? {
        Token::Map(_) => raw_json(value),
        _ => Err(DecodeError::WrongPayload {
            expected: "an object",
        }),
    }
}

fn error_payload(value: Option<&[u8]>) -> Result<RawJson, DecodeError> {
    let value = value.ok_or(DecodeError::MissingPayload)?;
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

fn event(data: &Bytes, id: Option<u64>, payload: Option<&[u8]>) -> Result<PacketKind, DecodeError> {
    let (mut reader, len) = open_array(payload)?;
    let len = len.checked_sub(1).ok_or(DecodeError::IllegalEventName)?;
    let name = match reader.token()? {
        Token::Text(name) => FastStr::new(name),
        Token::Unsigned(name) => FastStr::new(itoa::Buffer::new().format(name)),
        Token::Negative(name) => FastStr::new(itoa::Buffer::new().format(name)),
        _ => return Err(DecodeError::IllegalEventName),
    };
    check_event_name(&name)?;
    let args = Arguments::from_msgpack(List::new(data.slice_ref(reader.rest()), len));
    Ok(PacketKind::Event { id, name, args })
}

fn arguments(data: &Bytes, payload: Option<&[u8]>) -> Result<Arguments, DecodeError> {
    let (reader, len) = open_array(payload)?;
    let list = List::new(data.slice_ref(reader.rest()), len);
    Ok(Arguments::from_msgpack(list))
}

fn open_array(payload: Option<&[u8]>) -> Result<(Reader<'_>, u32), DecodeError> {
    let mut reader = Reader::new(payload.ok_or(DecodeError::MissingPayload)?);
    match reader.token()? {
        Token::Array(len) => Ok((reader, len)),
        _ => Err(DecodeError::WrongPayload {
            expected: "an array",
        }),
    }
}
