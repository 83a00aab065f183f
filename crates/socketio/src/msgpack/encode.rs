//! Packets to messages.

use alloc::vec::Vec;

use serde::Serialize;

use super::serialize::{Compound, Msgpack, Shape, text, unsigned};
use crate::EncodeError;
use crate::encode::arguments::{List, Spread};
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
        let mut array = Msgpack::new(out).compound(Shape::Array, 2)?;
        name.serialize(array.next())?;
        args.serialize(Spread(&mut array))?;
        if let Some(offset) = offset {
            offset.serialize(array.next())?;
        }
        array.finish()
    })
}

pub(crate) fn ack<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    id: u64,
    args: &T,
) -> Result<(), EncodeError> {
    packet(out, 3, namespace, Some(id), |out| {
        let mut array = Msgpack::new(out).compound(Shape::Array, 1)?;
        args.serialize(Spread(&mut array))?;
        array.finish()
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
        payload.serialize(Msgpack::new(out))
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

impl<'a> List for &'a mut Compound<'_> {
    type Next<'b>
        = Msgpack<'b>
    where
        Self: 'b;
    type Only = Msgpack<'a>;

    fn next(&mut self) -> Msgpack<'_> {
        Compound::next(self)
    }

    fn only(self) -> Msgpack<'a> {
        Compound::next(self)
    }
}
