//! A value as a list of arguments: the first serde call decides whether it spreads.

use serde::Serialize;
use serde::ser::{SerializeTuple, SerializeTupleStruct, Serializer};

use super::EncodeError;
use super::json::Json;
use super::writer::{Format, Writer};

/// A list that is open: where arguments are written.
pub(crate) trait List {
    /// Writes one argument of several.
    type Next<'b>: Format
    where
        Self: 'b;
    /// Writes the only argument.
    type Only: Format;

    /// The place of the next argument.
    fn next(&mut self) -> Self::Next<'_>;

    /// The place of the only argument.
    fn only(self) -> Self::Only;
}

/// A JSON array that is open.
pub(super) struct JsonList<'a> {
    json: Json<'a>,
    /// Whether something stands before the next argument.
    comma: bool,
}

impl<'a> JsonList<'a> {
    pub(super) fn new(json: Json<'a>, comma: bool) -> Self {
        Self { json, comma }
    }

    fn separate(&mut self) {
        if self.comma {
            self.json.push(b',');
        }
        self.comma = true;
    }
}

impl<'a> List for JsonList<'a> {
    type Next<'b>
        = Json<'b>
    where
        Self: 'b;
    type Only = Json<'a>;

    fn next(&mut self) -> Json<'_> {
        self.separate();
        self.json.reborrow()
    }

    fn only(mut self) -> Json<'a> {
        self.separate();
        self.json
    }
}

/// Writes arguments into a list.
pub(crate) struct Spread<L>(pub(crate) L);

macro_rules! one_argument {
    ($($method:ident($($arg:ident: $type:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $($arg: $type),*) -> Result<$ok, EncodeError> {
            Writer(self.0.only()).$method($($arg),*)
        }
    )*};
}

impl<L: List> Serializer for Spread<L> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeSeq = <Writer<L::Only> as Serializer>::SerializeSeq;
    type SerializeTupleVariant = <Writer<L::Only> as Serializer>::SerializeTupleVariant;
    type SerializeMap = <Writer<L::Only> as Serializer>::SerializeMap;
    type SerializeStruct = <Writer<L::Only> as Serializer>::SerializeStruct;
    type SerializeStructVariant = <Writer<L::Only> as Serializer>::SerializeStructVariant;

    fn serialize_tuple(self, _len: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    one_argument! {
        serialize_bool(value: bool) -> ();
        serialize_i8(value: i8) -> ();
        serialize_i16(value: i16) -> ();
        serialize_i32(value: i32) -> ();
        serialize_i64(value: i64) -> ();
        serialize_i128(value: i128) -> ();
        serialize_u8(value: u8) -> ();
        serialize_u16(value: u16) -> ();
        serialize_u32(value: u32) -> ();
        serialize_u64(value: u64) -> ();
        serialize_u128(value: u128) -> ();
        serialize_f32(value: f32) -> ();
        serialize_f64(value: f64) -> ();
        serialize_char(value: char) -> ();
        serialize_str(value: &str) -> ();
        serialize_bytes(value: &[u8]) -> ();
        serialize_none() -> ();
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> ();
        serialize_seq(len: Option<usize>) -> Self::SerializeSeq;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> Self::SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> Self::SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> Self::SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        Writer(self.0.only()).serialize_some(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        Writer(self.0.only()).serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        Writer(self.0.only()).serialize_newtype_variant(name, index, variant, value)
    }
}

impl<L: List> SerializeTuple for Spread<L> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(Writer(self.0.next()))
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl<L: List> SerializeTupleStruct for Spread<L> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(Writer(self.0.next()))
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}
