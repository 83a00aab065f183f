//! A serde `Serializer` that writes compact JSON and puts bytes aside as attachments.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt::Display;

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::EncodeError;
use super::text::Text;
use crate::scan::plain_end;

/// Where JSON is written.
pub(crate) struct Json<'a> {
    out: &'a mut Vec<u8>,
    attachments: &'a mut Vec<Bytes>,
}

/// An array or object that is being written.
pub(crate) struct Compound<'a> {
    json: Json<'a>,
    empty: bool,
    /// What ends it: one closing bracket, or two for an enum's variant.
    end: &'static [u8],
}

/// `RawValue`, and `Number` with all its digits, are structs with a name of this kind and one field:
/// a string that is JSON already.
const SERDE_JSON_PRIVATE: &str = "$serde_json::private::";

pub(crate) enum Struct<'a> {
    Plain(Compound<'a>),
    Private(Json<'a>),
}

/// Writes a string with its quotes.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    while let Some((plain, special)) = rest.split_at_checked(plain_end(rest, 0)) {
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            break;
        };
        escape(out, byte);
        rest = after;
    }
    out.push(b'"');
}

/// Writes an integer.
pub(crate) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a number. As in `JSON.stringify`, what is not one is `null`.
pub(crate) fn float(out: &mut Vec<u8>, value: impl zmij::Float + Into<f64> + Copy) {
    if value.into().is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Writes what stands for an attachment.
pub(crate) fn placeholder(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(br#"{"_placeholder":true,"num":"#);
    integer(out, number);
    out.push(b'}');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let digit = |nibble: u8| {
                if nibble < 10 {
                    b'0' + nibble
                } else {
                    b'a' - 10 + nibble
                }
            };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

impl<'a> Json<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, attachments: &'a mut Vec<Bytes>) -> Self {
        Self { out, attachments }
    }

    pub(crate) fn reborrow(&mut self) -> Json<'_> {
        Json {
            out: self.out,
            attachments: self.attachments,
        }
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.out.push(byte);
    }

    fn compound(self, start: u8, end: &'static [u8]) -> Compound<'a> {
        self.out.push(start);
        Compound {
            json: self,
            empty: true,
            end,
        }
    }

    /// `{"variant":` and what follows.
    fn variant(&mut self, variant: &str) {
        self.out.push(b'{');
        string(self.out, variant);
        self.out.push(b':');
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            integer(self.out, value);
            Ok(())
        }
    )*};
}

macro_rules! floats {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            float(self.out, value);
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Json<'a> {
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
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    floats! { serialize_f32: f32, serialize_f64: f64 }

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        string(self.out, value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        string(self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        placeholder(self.out, self.attachments.len());
        self.attachments.push(Bytes::copy_from_slice(value));
        Ok(())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.extend_from_slice(b"null");
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
        self.serialize_str(variant)
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
        self.variant(variant);
        value.serialize(self.reborrow())?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        Ok(self.compound(b'[', b"]"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Compound<'a>, EncodeError> {
        Ok(self.compound(b'[', b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        Ok(self.compound(b'[', b"]"))
    }

    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant);
        Ok(self.compound(b'[', b"]}"))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        Ok(self.compound(b'{', b"}"))
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Struct<'a>, EncodeError> {
        if name.starts_with(SERDE_JSON_PRIVATE) {
            return Ok(Struct::Private(self));
        }
        Ok(Struct::Plain(self.compound(b'{', b"}")))
    }

    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant);
        Ok(self.compound(b'{', b"}}"))
    }
}

impl Compound<'_> {
    fn comma(&mut self) {
        if !self.empty {
            self.json.out.push(b',');
        }
        self.empty = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.comma();
        value.serialize(self.json.reborrow())
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), EncodeError> {
        self.comma();
        string(self.json.out, key);
        self.json.out.push(b':');
        value.serialize(self.json.reborrow())
    }

    fn finish(self) -> Result<(), EncodeError> {
        self.json.out.extend_from_slice(self.end);
        Ok(())
    }
}

macro_rules! elements {
    ($($access:ident::$method:ident)*) => {$(
        impl $access for Compound<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.element(value)
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

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.comma();
        key.serialize(Text::key(self.json.out))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.json.out.push(b':');
        value.serialize(self.json.reborrow())
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
            Self::Private(json) => value.serialize(Text::raw(json.out)),
        }
    }

    fn end(self) -> Result<(), EncodeError> {
        match self {
            Self::Plain(compound) => compound.finish(),
            Self::Private(_) => Ok(()),
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

impl Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Serialize(message.to_string())
    }
}
