//! A serde `Serializer` of MessagePack, in notepack's shapes: structs are maps, variants are text
//! or a map of one key, numbers take the shortest form.

use alloc::vec::Vec;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::EncodeError;
use crate::encode::text::Text;

/// Where MessagePack is written.
pub(crate) struct Msgpack<'a> {
    out: &'a mut Vec<u8>,
}

/// What a [`Compound`] is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Array,
    Map,
}

/// An array or a map that is being written.
pub(crate) struct Compound<'a> {
    out: &'a mut Vec<u8>,
    shape: Shape,
    /// Where its header stands.
    at: usize,
    /// What the header says.
    declared: usize,
    /// What has been written.
    len: usize,
}

pub(crate) enum Struct<'a> {
    Plain(Compound<'a>),
    /// JSON text that is a value of `serde_json` already.
    Json(Msgpack<'a>),
}

/// The names of the structs by which `serde_json` passes JSON text through any serializer.
const SERDE_JSON_PRIVATE: &str = "$serde_json::private::";

pub(super) fn text(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    out.extend_from_slice(text_header(&mut [0; 5], text.len())?);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn text_header(buffer: &mut [u8; 5], len: usize) -> Result<&[u8], EncodeError> {
    if len < 32 {
        buffer[0] = 0xa0 | len as u8;
        return Ok(buffer.get(..1).unwrap_or_default());
    }
    length(buffer, Some(0xd9), 0xda, 0xdb, len)
}

pub(super) fn unsigned(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => with_marker(out, 0xcd, (value as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => with_marker(out, 0xce, (value as u32).to_be_bytes()),
        _ => with_marker(out, 0xcf, value.to_be_bytes()),
    }
}

pub(super) fn signed(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        return unsigned(out, value);
    }
    if value >= -0x20 {
        out.push(value as u8);
    } else if let Ok(value) = i8::try_from(value) {
        with_marker(out, 0xd0, value.to_be_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        with_marker(out, 0xd1, value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        with_marker(out, 0xd2, value.to_be_bytes());
    } else {
        with_marker(out, 0xd3, value.to_be_bytes());
    }
}

fn binary(out: &mut Vec<u8>, data: &[u8]) -> Result<(), EncodeError> {
    out.extend_from_slice(length(&mut [0; 5], Some(0xc4), 0xc5, 0xc6, data.len())?);
    out.extend_from_slice(data);
    Ok(())
}

fn with_marker<const N: usize>(out: &mut Vec<u8>, marker: u8, value: [u8; N]) {
    out.push(marker);
    out.extend_from_slice(&value);
}

/// A marker and a length of 8 bits, where there is a marker for that, of 16 or of 32.
fn length(
    buffer: &mut [u8; 5],
    marker8: Option<u8>,
    marker16: u8,
    marker32: u8,
    len: usize,
) -> Result<&[u8], EncodeError> {
    let len = u32::try_from(len)
        .map_err(|_| EncodeError::custom("a length that does not fit 32 bits"))?;
    let [a, b, c, d] = len.to_be_bytes();
    let used = match (marker8, len) {
        (Some(marker), 0..=0xff) => {
            *buffer = [marker, d, 0, 0, 0];
            2
        }
        (_, 0..=0xffff) => {
            *buffer = [marker16, c, d, 0, 0];
            3
        }
        _ => {
            *buffer = [marker32, a, b, c, d];
            5
        }
    };
    Ok(buffer.get(..used).unwrap_or_default())
}

fn header(buffer: &mut [u8; 5], shape: Shape, len: usize) -> Result<&[u8], EncodeError> {
    let (fixed, marker16, marker32) = match shape {
        Shape::Array => (0x90, 0xdc, 0xdd),
        Shape::Map => (0x80, 0xde, 0xdf),
    };
    if len < 16 {
        buffer[0] = fixed | len as u8;
        return Ok(buffer.get(..1).unwrap_or_default());
    }
    length(buffer, None, marker16, marker32, len)
}

impl<'a> Msgpack<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub(super) fn compound(self, shape: Shape, len: usize) -> Result<Compound<'a>, EncodeError> {
        let at = self.out.len();
        self.out.extend_from_slice(header(&mut [0; 5], shape, len)?);
        Ok(Compound {
            out: self.out,
            shape,
            at,
            declared: len,
            len: 0,
        })
    }

    fn variant(&mut self, variant: &str) -> Result<(), EncodeError> {
        self.out.push(0x81);
        text(self.out, variant)
    }

    /// A value that `serde_json` hands over as text.
    fn json(self, json: &[u8]) -> Result<(), EncodeError> {
        let json = core::str::from_utf8(json).map_err(EncodeError::custom)?;
        if let Ok(value) = json.parse() {
            return self.serialize_u64(value);
        }
        if let Ok(value) = json.parse() {
            return self.serialize_i64(value);
        }
        if let Ok(value) = json.parse() {
            return self.serialize_f64(value);
        }
        let value: serde_json::Value = serde_json::from_str(json).map_err(EncodeError::custom)?;
        value.serialize(self)
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty => $write:ident),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            $write(self.out, value.into());
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Msgpack<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Struct<'a>;
    type SerializeStructVariant = Compound<'a>;

    integers! {
        serialize_i8: i8 => signed, serialize_i16: i16 => signed,
        serialize_i32: i32 => signed, serialize_i64: i64 => signed,
        serialize_u8: u8 => unsigned, serialize_u16: u16 => unsigned,
        serialize_u32: u32 => unsigned, serialize_u64: u64 => unsigned,
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.serialize_u64(value),
            (_, Ok(value)) => self.serialize_i64(value),
            _ => Err(EncodeError::custom("an integer that does not fit 64 bits")),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        let value = u64::try_from(value)
            .map_err(|_| EncodeError::custom("an integer that does not fit 64 bits"))?;
        self.serialize_u64(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        with_marker(self.out, 0xca, value.to_be_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        with_marker(self.out, 0xcb, value.to_be_bytes());
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out.push(if value { 0xc3 } else { 0xc2 });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        text(self.out, value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        text(self.out, value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        binary(self.out, value)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.push(0xc0);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        text(self.out, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.variant(variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        self.compound(Shape::Array, len.unwrap_or_default())
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'a>, EncodeError> {
        self.compound(Shape::Array, len)
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.compound(Shape::Array, len)
    }

    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant)?;
        self.compound(Shape::Array, len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        self.compound(Shape::Map, len.unwrap_or_default())
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Struct<'a>, EncodeError> {
        if name.starts_with(SERDE_JSON_PRIVATE) {
            return Ok(Struct::Json(self));
        }
        self.compound(Shape::Map, len).map(Struct::Plain)
    }

    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant)?;
        self.compound(Shape::Map, len)
    }
}

impl Compound<'_> {
    /// The place of the next element, or of a map's next value.
    pub(super) fn next(&mut self) -> Msgpack<'_> {
        self.len += 1;
        Msgpack::new(self.out)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), EncodeError> {
        text(self.out, key)?;
        value.serialize(self.next())
    }

    /// Corrects the header, where the length was not known or not right.
    pub(super) fn finish(self) -> Result<(), EncodeError> {
        if self.len == self.declared {
            return Ok(());
        }
        let wrong = header(&mut [0; 5], self.shape, self.declared)?.len();
        let mut right = [0; 5];
        let right = header(&mut right, self.shape, self.len)?;
        self.out
            .splice(self.at..self.at + wrong, right.iter().copied());
        Ok(())
    }
}

macro_rules! elements {
    ($($access:ident::$method:ident)*) => {$(
        impl $access for Compound<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                value.serialize(self.next())
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;

    /// As text, whatever it is: a JavaScript object has no other keys.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        let at = self.out.len();
        key.serialize(Text::plain_key(self.out))?;
        let len = self.out.len().saturating_sub(at);
        let mut header = [0; 5];
        let header = text_header(&mut header, len)?;
        self.out.splice(at..at, header.iter().copied());
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self.next())
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

impl SerializeStruct for Struct<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Plain(compound) => compound.field(key, value),
            Self::Json(msgpack) => {
                let mut json = Vec::new();
                value.serialize(Text::raw(&mut json))?;
                Msgpack::new(msgpack.out).json(&json)
            }
        }
    }

    fn end(self) -> Result<(), EncodeError> {
        match self {
            Self::Plain(compound) => compound.finish(),
            Self::Json(_) => Ok(()),
        }
    }
}

impl SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
