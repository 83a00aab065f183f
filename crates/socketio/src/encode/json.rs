//! Compact JSON, with bytes put aside as attachments.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::Serialize;

use super::EncodeError;
use super::text::Text;
use super::writer::{Compound, Format, Shape};
use crate::scan::plain_end;

/// Where JSON is written.
pub(crate) struct Json<'a> {
    out: &'a mut Vec<u8>,
    attachments: &'a mut Vec<Bytes>,
}

/// An array or object that is being written.
pub(crate) struct JsonCompound<'a> {
    json: Json<'a>,
    empty: bool,
    /// What ends it: one closing bracket, or two for an enum's variant.
    end: &'static [u8],
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

    fn literal(self, text: &[u8]) -> Result<(), EncodeError> {
        self.out.extend_from_slice(text);
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty => $write:ident),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            $write(self.out, value);
            Ok(())
        }
    )*};
}

impl<'a> Format for Json<'a> {
    type Compound = JsonCompound<'a>;

    numbers! {
        signed: i64 => integer, unsigned: u64 => integer,
        signed_128: i128 => integer, unsigned_128: u128 => integer,
        single: f32 => float, double: f64 => float,
    }

    fn null(self) -> Result<(), EncodeError> {
        self.literal(b"null")
    }

    fn boolean(self, value: bool) -> Result<(), EncodeError> {
        self.literal(if value { b"true" } else { b"false" })
    }

    fn text(self, value: &str) -> Result<(), EncodeError> {
        string(self.out, value);
        Ok(())
    }

    fn binary(self, value: &[u8]) -> Result<(), EncodeError> {
        placeholder(self.out, self.attachments.len());
        self.attachments.push(Bytes::copy_from_slice(value));
        Ok(())
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(Text::raw(self.out))
    }

    #[inline]
    fn open(mut self, shape: Shape, _len: usize) -> Result<JsonCompound<'a>, EncodeError> {
        let (start, end) = match shape {
            Shape::Array => (b'[', &b"]"[..]),
            Shape::Map => (b'{', &b"}"[..]),
        };
        self.push(start);
        Ok(JsonCompound {
            json: self,
            empty: true,
            end,
        })
    }

    fn open_variant(
        mut self,
        variant: &str,
        shape: Shape,
        len: usize,
    ) -> Result<JsonCompound<'a>, EncodeError> {
        self.push(b'{');
        string(self.out, variant);
        self.push(b':');
        let end = match shape {
            Shape::Array => b"]}",
            Shape::Map => b"}}",
        };
        let compound = self.open(shape, len)?;
        Ok(JsonCompound { end, ..compound })
    }
}

impl JsonCompound<'_> {
    fn comma(&mut self) {
        if !self.empty {
            self.json.push(b',');
        }
        self.empty = false;
    }
}

impl Compound for JsonCompound<'_> {
    type Place<'b>
        = Json<'b>
    where
        Self: 'b;

    #[inline]
    fn element(&mut self) -> Json<'_> {
        self.comma();
        self.json.reborrow()
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.comma();
        key.serialize(Text::key(self.json.out))
    }

    fn field(&mut self, key: &str) -> Result<(), EncodeError> {
        self.comma();
        string(self.json.out, key);
        Ok(())
    }

    #[inline]
    fn value(&mut self) -> Json<'_> {
        self.json.push(b':');
        self.json.reborrow()
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.json.literal(self.end)
    }
}
