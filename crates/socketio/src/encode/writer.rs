//! The serde `Serializer` of all encodings: it says what a value is, its [`Format`] how that is
//! written.

use alloc::string::ToString;
use core::fmt::Display;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::EncodeError;

type Result<T = (), E = EncodeError> = core::result::Result<T, E>;

/// A place where one value is to be written.
pub(crate) trait Format: Sized {
    /// What it makes of an array or a map.
    type Compound: Compound;

    fn null(self) -> Result;
    fn boolean(self, value: bool) -> Result;
    fn signed(self, value: i64) -> Result;
    fn unsigned(self, value: u64) -> Result;
    fn signed_128(self, value: i128) -> Result;
    fn unsigned_128(self, value: u128) -> Result;
    fn single(self, value: f32) -> Result;
    fn double(self, value: f64) -> Result;
    fn text(self, value: &str) -> Result;
    fn binary(self, value: &[u8]) -> Result;
    /// A value that serialises to JSON text.
    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result;

    /// Opens an array or a map. The length may be wrong.
    fn open(self, shape: Shape, len: usize) -> Result<Self::Compound>;
    /// Opens an array or a map that is the only value of a map.
    fn open_variant(self, variant: &str, shape: Shape, len: usize) -> Result<Self::Compound>;
}

#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Array,
    Map,
}

/// An array or a map that is being written.
pub(crate) trait Compound {
    /// Where an element or a value of it is written.
    type Place<'b>: Format
    where
        Self: 'b;

    /// The place of an array's next element.
    fn element(&mut self) -> Self::Place<'_>;
    /// Writes a key of a map: as text, whatever it is, for a JavaScript object has no other keys.
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result;
    /// Writes a key that is text.
    fn field(&mut self, key: &str) -> Result;
    /// The place of the value behind a key.
    fn value(&mut self) -> Self::Place<'_>;
    fn end(self) -> Result;
}

/// Writes one value.
pub(crate) struct Writer<F>(pub(crate) F);

/// Writes an array or a map.
pub(crate) struct Open<C>(C);

pub(crate) enum Struct<F: Format> {
    Plain(Open<F::Compound>),
    Json(F),
}

/// `RawValue`, and `Number` with all its digits, are structs with a name of this kind and one field:
/// a string that is JSON already.
const SERDE_JSON_PRIVATE: &str = "$serde_json::private::";

macro_rules! scalars {
    ($($method:ident: $type:ty => $write:ident),* $(,)?) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result {
            self.0.$write(value.into())
        }
    )*};
}

impl<F: Format> Serializer for Writer<F> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Open<F::Compound>;
    type SerializeTuple = Open<F::Compound>;
    type SerializeTupleStruct = Open<F::Compound>;
    type SerializeTupleVariant = Open<F::Compound>;
    type SerializeMap = Open<F::Compound>;
    type SerializeStruct = Struct<F>;
    type SerializeStructVariant = Open<F::Compound>;

    scalars! {
        serialize_bool: bool => boolean,
        serialize_i8: i8 => signed, serialize_i16: i16 => signed,
        serialize_i32: i32 => signed, serialize_i64: i64 => signed,
        serialize_u8: u8 => unsigned, serialize_u16: u16 => unsigned,
        serialize_u32: u32 => unsigned, serialize_u64: u64 => unsigned,
        serialize_i128: i128 => signed_128, serialize_u128: u128 => unsigned_128,
        serialize_f32: f32 => single, serialize_f64: f64 => double,
        serialize_str: &str => text, serialize_bytes: &[u8] => binary,
    }

    fn serialize_char(self, value: char) -> Result {
        self.0.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_none(self) -> Result {
        self.0.null()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result {
        self.0.null()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result {
        self.0.null()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result {
        self.0.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        let mut map = Open(self.0.open(Shape::Map, 1)?);
        map.write_field(variant, value)?;
        map.0.end()
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Open<F::Compound>> {
        self.0.open(Shape::Array, len.unwrap_or_default()).map(Open)
    }

    fn serialize_tuple(self, len: usize) -> Result<Open<F::Compound>> {
        self.0.open(Shape::Array, len).map(Open)
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Open<F::Compound>> {
        self.0.open(Shape::Array, len).map(Open)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Open<F::Compound>> {
        self.0.open_variant(variant, Shape::Array, len).map(Open)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Open<F::Compound>> {
        self.0.open(Shape::Map, len.unwrap_or_default()).map(Open)
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Struct<F>> {
        if name.starts_with(SERDE_JSON_PRIVATE) {
            return Ok(Struct::Json(self.0));
        }
        Ok(Struct::Plain(Open(self.0.open(Shape::Map, len)?)))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Open<F::Compound>> {
        self.0.open_variant(variant, Shape::Map, len).map(Open)
    }
}

impl<C: Compound> Open<C> {
    fn write_field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result {
        self.0.field(key)?;
        value.serialize(Writer(self.0.value()))
    }
}

macro_rules! elements {
    ($($access:ident::$method:ident)*) => {$(
        impl<C: Compound> $access for Open<C> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                value.serialize(Writer(self.0.element()))
            }

            fn end(self) -> Result {
                self.0.end()
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

impl<C: Compound> SerializeMap for Open<C> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        self.0.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        value.serialize(Writer(self.0.value()))
    }

    fn end(self) -> Result {
        self.0.end()
    }
}

impl<F: Format> SerializeStruct for Struct<F> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        match self {
            Self::Plain(open) => open.write_field(key, value),
            Self::Json(format) => format.json(value),
        }
    }

    fn end(self) -> Result {
        match self {
            Self::Plain(open) => open.0.end(),
            Self::Json(_) => Ok(()),
        }
    }
}

impl<C: Compound> SerializeStructVariant for Open<C> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        self.write_field(key, value)
    }

    fn end(self) -> Result {
        self.0.end()
    }
}

impl Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Serialize(message.to_string())
    }
}
