//! The places of JSON where only text can stand: keys, and JSON that is written already.

use alloc::vec::Vec;

use serde::Serialize;
use serde::ser::{Error, Impossible, Serializer};

use super::{EncodeError, json};

/// Writes one text.
pub(crate) struct Text<'a> {
    out: &'a mut Vec<u8>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A key of JSON has quotes and escapes.
    Key,
    /// A key elsewhere goes out as it is.
    #[cfg(feature = "msgpack")]
    PlainKey,
    Raw,
}

impl<'a> Text<'a> {
    /// A key. As in JavaScript a number or a boolean is a key by its text.
    pub(crate) fn key(out: &'a mut Vec<u8>) -> Self {
        let place = Place::Key;
        Self { out, place }
    }

    /// The same without quotes and escapes.
    #[cfg(feature = "msgpack")]
    pub(crate) fn plain_key(out: &'a mut Vec<u8>) -> Self {
        let place = Place::PlainKey;
        Self { out, place }
    }

    /// JSON that is written already.
    pub(crate) fn raw(out: &'a mut Vec<u8>) -> Self {
        let place = Place::Raw;
        Self { out, place }
    }

    fn number(self, text: &str) -> Result<(), EncodeError> {
        if self.place == Place::Raw {
            refuse()
        } else {
            self.serialize_str(text)
        }
    }
}

fn refuse<T>() -> Result<T, EncodeError> {
    Err(EncodeError::custom(
        "a key has to be a string, a number or a boolean",
    ))
}

macro_rules! integers {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.number(itoa::Buffer::new().format(value))
        }
    )*};
}

macro_rules! floats {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            if !value.is_finite() {
                return refuse();
            }
            self.number(zmij::Buffer::new().format_finite(value))
        }
    )*};
}

macro_rules! refused {
    ($($method:ident($($type:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $type),*) -> Result<$ok, EncodeError> {
            refuse()
        }
    )*};
}

impl Serializer for Text<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        if self.place == Place::Key {
            json::string(self.out, value);
        } else {
            self.out.extend_from_slice(value.as_bytes());
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.number(if value { "true" } else { "false" })
    }

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    floats! { serialize_f32: f32, serialize_f64: f64 }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), EncodeError> {
        refuse()
    }

    refused! {
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
