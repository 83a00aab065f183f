//! Packets to messages.
//!
//! Each function appends the text message of one packet to a buffer of the caller, who may have
//! written something before it (the `4` of Engine.IO). [`event`] and [`ack`] return the packet's
//! attachments: they have to follow the text as binary messages, in their order and with nothing
//! in between. After an error the buffer is as it was.
//!
//! # Arguments
//! A tuple (and a tuple struct) spreads: each element is one argument. `()` is none. Anything else
//! is one argument. To serde a fixed-size array is a tuple: `&[1, 2]` is two arguments; for one
//! argument, pass a slice (`&[1, 2][..]`), a `Vec`, or `([1, 2],)`.
//!
//! Whatever gives serde bytes ([`Bytes`], `serde_bytes` types) becomes an attachment, wherever it
//! stands. A `Vec<u8>` is a list of numbers to serde. JavaScript peers take 10 attachments per
//! packet by default.
//!
//! Numbers are written as they are, also beyond 2^53 where a JavaScript peer loses digits; NaN and
//! the infinities become `null`, as in `JSON.stringify`.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::Serialize;
use thiserror::Error;

use crate::namespaces;
use crate::packet::RESERVED_EVENTS;

use arguments::{JsonList, Spread};
use json::Json;
use writer::Writer;

pub(crate) mod arguments;
pub(crate) mod json;
pub(crate) mod text;
pub(crate) mod writer;

/// Why a packet cannot be written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A namespace starts with a slash and has no comma, which would end it on the wire.
    #[error("illegal namespace {0:?}")]
    IllegalNamespace(String),
    /// One of [`RESERVED_EVENTS`]: the peer would close the connection.
    #[error("the event name {0:?} is reserved")]
    ReservedEventName(&'static str),
    /// Binary data where a packet can have none: `CONNECT` and `CONNECT_ERROR`.
    #[error("binary data in a packet that has no attachments")]
    UnexpectedBinary,
    /// The payload of `CONNECT` has to be a JSON object.
    #[error("the authentication payload is not a JSON object")]
    AuthNotObject,
    /// More attachments than 65 535.
    #[error("too many attachments")]
    TooManyAttachments,
    /// The value's `Serialize` failed, or it has no form in JSON.
    #[error("{0}")]
    Serialize(String),
}

/// Writes an event. With an `id`, the peer is asked for an ack.
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::from(b"4");
/// let attachments = encode::event(&mut text, "/chat", Some(7), "say", &("Hej", [1, 2]))?;
/// assert_eq!(text, br#"42/chat,7["say","Hej",[1,2]]"#);
/// assert!(attachments.is_empty());
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// The namespace is illegal, the name reserved, or the arguments do not serialise.
pub fn event<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: &T,
) -> Result<Vec<Bytes>, EncodeError> {
    write_event(out, namespace, id, name, args, None)
}

/// Writes an event that a client can catch up on after it has lost its connection: `offset` is its
/// place in the [store](crate::recovery::Store), and goes along as the last argument.
///
/// Only an event that asks for no ack can have one: the client waits for none any more.
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::new();
/// encode::recoverable_event(&mut text, "/", "say", &("Hej", 1), "a-17")?;
/// assert_eq!(text, br#"2["say","Hej",1,"a-17"]"#);
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// As [`event`].
pub fn recoverable_event<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    name: &str,
    args: &T,
    offset: &str,
) -> Result<Vec<Bytes>, EncodeError> {
    write_event(out, namespace, None, name, args, Some(offset))
}

/// Writes the answer to the event that had this `id`.
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::new();
/// encode::ack(&mut text, "/", 7, "received")?;
/// assert_eq!(text, br#"37["received"]"#);
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// The namespace is illegal, or the arguments do not serialise.
pub fn ack<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    id: u64,
    args: &T,
) -> Result<Vec<Bytes>, EncodeError> {
    restore_on_error(out, |out| {
        let type_at = out.len();
        header(out, b'3', namespace)?;
        json::integer(out, id);
        out.push(b'[');
        finish_arguments(out, type_at, b'6', false, args, None)
    })
}

/// Writes a client's request to join a namespace. `auth` has to serialise to a JSON object, or to
/// nothing (`()` or `None`).
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::new();
/// encode::connect(&mut text, "/", &())?;
/// encode::connect(&mut text, "/admin", &serde_json::json!({ "token": "123" }))?;
/// assert_eq!(text, br#"00/admin,{"token":"123"}"#);
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// The namespace is illegal, or `auth` is not an object, does not serialise or has binary data.
pub fn connect<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    auth: &T,
) -> Result<(), EncodeError> {
    restore_on_error(out, |out| {
        header(out, b'0', namespace)?;
        let start = out.len();
        plain_json(out, auth)?;
        match out.get(start..) {
            Some(b"null") => out.truncate(start),
            Some([b'{', ..]) => {}
            _ => return Err(EncodeError::AuthNotObject),
        }
        Ok(())
    })
}

/// Writes a server's confirmation: `sid` is the client's id in this namespace, `pid` the secret
/// with which it may recover its state.
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::new();
/// encode::connected(&mut text, "/", "oSO0OpakMV_3jnilAAAA", None)?;
/// assert_eq!(text, br#"0{"sid":"oSO0OpakMV_3jnilAAAA"}"#);
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// The namespace is illegal.
pub fn connected(
    out: &mut Vec<u8>,
    namespace: &str,
    sid: &str,
    pid: Option<&str>,
) -> Result<(), EncodeError> {
    restore_on_error(out, |out| {
        header(out, b'0', namespace)?;
        out.extend_from_slice(br#"{"sid":"#);
        json::string(out, sid);
        if let Some(pid) = pid {
            out.extend_from_slice(br#","pid":"#);
            json::string(out, pid);
        }
        out.push(b'}');
        Ok(())
    })
}

/// Writes a server's refusal. `data` is what the client finds as `err.data`, if there is any.
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::new();
/// encode::connect_error(&mut text, "/random", "Invalid namespace", None::<&()>)?;
/// assert_eq!(text, br#"4/random,{"message":"Invalid namespace"}"#);
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// The namespace is illegal, or `data` does not serialise or has binary data.
pub fn connect_error<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    message: &str,
    data: Option<&T>,
) -> Result<(), EncodeError> {
    restore_on_error(out, |out| {
        header(out, b'4', namespace)?;
        out.extend_from_slice(br#"{"message":"#);
        json::string(out, message);
        if let Some(data) = data {
            out.extend_from_slice(br#","data":"#);
            plain_json(out, data)?;
        }
        out.push(b'}');
        Ok(())
    })
}

/// Writes a refusal of protocol version 4: `data` itself is what the client's `error` event gets.
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::new();
/// encode::error(&mut text, "/random", "Invalid namespace")?;
/// assert_eq!(text, br#"4/random,"Invalid namespace""#);
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// The namespace is illegal, or `data` does not serialise or has binary data.
pub fn error<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    data: &T,
) -> Result<(), EncodeError> {
    restore_on_error(out, |out| {
        header(out, b'4', namespace)?;
        plain_json(out, data)
    })
}

/// Writes that the sender leaves a namespace.
///
/// ```
/// use songi_socketio::encode;
///
/// let mut text = Vec::new();
/// encode::disconnect(&mut text, "/admin")?;
/// assert_eq!(text, b"1/admin,");
/// # Ok::<(), songi_socketio::EncodeError>(())
/// ```
///
/// # Errors
/// The namespace is illegal.
pub fn disconnect(out: &mut Vec<u8>, namespace: &str) -> Result<(), EncodeError> {
    restore_on_error(out, |out| header(out, b'1', namespace))
}

fn write_event<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: &T,
    offset: Option<&str>,
) -> Result<Vec<Bytes>, EncodeError> {
    check_event_name(name)?;
    restore_on_error(out, |out| {
        let type_at = out.len();
        header(out, b'2', namespace)?;
        if let Some(id) = id {
            json::integer(out, id);
        }
        out.push(b'[');
        json::string(out, name);
        finish_arguments(out, type_at, b'5', true, args, offset)
    })
}

/// The name must not be one of [`RESERVED_EVENTS`].
pub(crate) fn check_event_name(name: &str) -> Result<(), EncodeError> {
    match RESERVED_EVENTS.iter().find(|reserved| name == **reserved) {
        Some(reserved) => Err(EncodeError::ReservedEventName(reserved)),
        None => Ok(()),
    }
}

pub(crate) fn check_namespace(namespace: &str) -> Result<(), EncodeError> {
    if namespaces::is_legal(namespace) {
        Ok(())
    } else {
        Err(EncodeError::IllegalNamespace(namespace.into()))
    }
}

fn header(out: &mut Vec<u8>, packet_type: u8, namespace: &str) -> Result<(), EncodeError> {
    out.push(packet_type);
    if namespace == "/" {
        return Ok(());
    }
    check_namespace(namespace)?;
    out.extend_from_slice(namespace.as_bytes());
    out.push(b',');
    Ok(())
}

/// Writes the rest of the array. Only then is it known whether the packet is a binary one: its
/// type is changed and the number of attachments inserted, so nothing is serialised twice.
fn finish_arguments<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    type_at: usize,
    binary_type: u8,
    comma: bool,
    args: &T,
    offset: Option<&str>,
) -> Result<Vec<Bytes>, EncodeError> {
    let attachments = write_arguments(out, comma, args, offset)?;
    if attachments.is_empty() {
        return Ok(attachments);
    }
    let count = u16::try_from(attachments.len()).map_err(|_| EncodeError::TooManyAttachments)?;
    let mut prefix = Vec::with_capacity(8);
    prefix.push(binary_type);
    json::integer(&mut prefix, count);
    prefix.push(b'-');
    out.splice(type_at..=type_at, prefix);
    Ok(attachments)
}

/// An array of arguments by itself, and their attachments.
pub(crate) fn array<T: Serialize + ?Sized>(
    args: &T,
    offset: Option<&str>,
) -> Result<(Vec<u8>, Vec<Bytes>), EncodeError> {
    let mut out = Vec::from(b"[");
    let attachments = write_arguments(&mut out, false, args, offset)?;
    Ok((out, attachments))
}

/// The rest of an array that is open.
fn write_arguments<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    comma: bool,
    args: &T,
    offset: Option<&str>,
) -> Result<Vec<Bytes>, EncodeError> {
    let mut attachments = Vec::new();
    let open = out.len();
    args.serialize(Spread(JsonList::new(
        Json::new(out, &mut attachments),
        comma,
    )))?;
    if let Some(offset) = offset {
        if comma || out.len() > open {
            out.push(b',');
        }
        json::string(out, offset);
    }
    out.push(b']');
    Ok(attachments)
}

/// A value by itself.
pub(crate) fn value<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    plain_json(&mut out, value)?;
    Ok(out)
}

/// A payload that cannot have attachments.
fn plain_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    let mut attachments = Vec::new();
    value.serialize(Writer(Json::new(out, &mut attachments)))?;
    if attachments.is_empty() {
        Ok(())
    } else {
        Err(EncodeError::UnexpectedBinary)
    }
}

pub(crate) fn restore_on_error<T>(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<T, EncodeError>,
) -> Result<T, EncodeError> {
    let start = out.len();
    let result = write(out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

#[cfg(test)]
mod tests;
