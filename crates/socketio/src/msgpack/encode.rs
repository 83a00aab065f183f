//! Packets to messages.

use alloc::vec::Vec;

use serde::Serialize;

use super::Reader;
use super::serialize::{Msgpack, MsgpackCompound, text, unsigned};
use crate::EncodeError;
use crate::encode::arguments::{List, Spread};
use crate::encode::writer::{Compound as _, Format as _, Shape, Writer};
use crate::encode::{check_event_name, check_namespace, restore_on_error};

pub(crate) fn event<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: &T,
    offset: Option<&str>,
) -> Result<(), EncodeError> {
    check_event_name(name)?;
    packet(out, 2, namespace, id, |out| {
        // The name, and what most events have.
        let mut array = Msgpack::new(out).open(Shape::Array, 2)?;
        array.element().text(name)?;
        args.serialize(Spread(&mut array))?;
        if let Some(offset) = offset {
            array.element().text(offset)?;
        }
        array.end()
    })
}

/// An event that [`event`] has written without an id, with one argument more.
pub(crate) fn with_offset(packet: &[u8], offset: &str) -> Option<Vec<u8>> {
    // The map of three, the type, and the key of the array.
    const HEAD: &[u8] = b"\x83\xa4type\x02\xa4data";
    const TAIL: &[u8] = b"\xa3nsp";

    let rest = packet.strip_prefix(HEAD)?;
    let mut reader = Reader::new(rest, 0);
    reader.skip(u8::MAX).ok()?;
    let array = rest.get(..reader.pos())?;
    if !reader.rest().starts_with(TAIL) {
        return None;
    }
    let (count, elements) = match array {
        [marker @ 0x90..=0x9f, elements @ ..] => (u32::from(marker & 0x0f), elements),
        [0xdc, a, b, elements @ ..] => (u32::from(u16::from_be_bytes([*a, *b])), elements),
        [0xdd, a, b, c, d, elements @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]), elements),
        _ => return None,
    };
    let count = count.checked_add(1)?;
    let mut out = Vec::with_capacity(packet.len() + offset.len() + 9);
    out.extend_from_slice(HEAD);
    match count {
        0..=15 => out.push(0x90 | count as u8),
        16..=0xffff => {
            out.push(0xdc);
            out.extend_from_slice(&(count as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdd);
            out.extend_from_slice(&count.to_be_bytes());
        }
    }
    out.extend_from_slice(elements);
    text(&mut out, offset).ok()?;
    out.extend_from_slice(reader.rest());
    Some(out)
}

pub(crate) fn ack<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    id: u64,
    args: &T,
) -> Result<(), EncodeError> {
    packet(out, 3, namespace, Some(id), |out| {
        let mut array = Msgpack::new(out).open(Shape::Array, 1)?;
        args.serialize(Spread(&mut array))?;
        array.end()
    })
}

/// A packet whose payload is one value.
pub(crate) fn plain<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    kind: u8,
    namespace: &str,
    payload: &T,
) -> Result<(), EncodeError> {
    packet(out, kind, namespace, None, |out| {
        payload.serialize(Writer(Msgpack::new(out)))
    })
}

/// A packet without payload.
pub(crate) fn bare(out: &mut Vec<u8>, kind: u8, namespace: &str) -> Result<(), EncodeError> {
    check_namespace(namespace)?;
    out.push(0x82);
    text(out, "type")?;
    out.push(kind);
    text(out, "nsp")?;
    text(out, namespace)
}

fn packet(
    out: &mut Vec<u8>,
    kind: u8,
    namespace: &str,
    id: Option<u64>,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    check_namespace(namespace)?;
    restore_on_error(out, |out| {
        out.push(if id.is_some() { 0x84 } else { 0x83 });
        text(out, "type")?;
        out.push(kind);
        text(out, "data")?;
        payload(out)?;
        text(out, "nsp")?;
        text(out, namespace)?;
        if let Some(id) = id {
            text(out, "id")?;
            unsigned(out, id);
        }
        Ok(())
    })
}

impl<'a> List for &'a mut MsgpackCompound<'_> {
    type Next<'b>
        = Msgpack<'b>
    where
        Self: 'b;
    type Only = Msgpack<'a>;

    fn next(&mut self) -> Msgpack<'_> {
        self.element()
    }

    fn only(self) -> Msgpack<'a> {
        self.element()
    }
}
