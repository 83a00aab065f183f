//! One argument as a serde `Deserializer`, whatever it is written in.

use alloc::string::String;

use bytes::Bytes;
use faststr::FastStr;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::attachments::Resolve;
#[cfg(feature = "msgpack")]
use crate::msgpack;
use crate::scan::Found;

/// One argument, unread.
pub(super) enum Argument<'a> {
    Json {
        text: &'a str,
        found: Found,
        attachments: &'a [Bytes],
    },
    #[cfg(feature = "msgpack")]
    Msgpack {
        reader: msgpack::Reader<'a>,
        /// Where binary data can be shared from.
        cursor: msgpack::Cursor<'a>,
    },
}

impl Argument<'_> {
    /// A text of at most so many bytes. What is longer is not even looked at.
    pub(super) fn short_text(self, max_bytes: usize) -> Option<FastStr> {
        let is_short = match &self {
            // The longest escape takes six bytes for one.
            Self::Json { text, .. } => text.starts_with('"') && text.len() <= 6 * max_bytes + 2,
            #[cfg(feature = "msgpack")]
            Self::Msgpack { reader, .. } => reader.is_text(max_bytes),
        };
        if !is_short {
            return None;
        }
        let text = String::deserialize(self).ok()?;
        (text.len() <= max_bytes).then(|| FastStr::from(text))
    }
}

impl<'a> Argument<'a> {
    /// The text that is the whole argument and has no escapes, so that it is read without a parser.
    #[inline(always)]
    fn plain_text(&self) -> Option<&'a str> {
        match self {
            Self::Json {
                text,
                found: Found::PlainString,
                ..
            } => text.get(1..text.len().checked_sub(1)?),
            _ => None,
        }
    }
}

/// Where `serde_json` would have found the error: behind the closing quote.
#[cold]
fn behind_text(error: serde_json::Error, text: &str) -> serde_json::Error {
    if error.line() > 0 {
        return error;
    }
    let column = text.len() + 2;
    serde_json::Error::custom(format_args!("{error} at line 1 column {column}"))
}

macro_rules! dispatch {
    ($argument:ident.$method:ident($($arg:ident),*)) => {
        match $argument {
            Self::Json { text, attachments, .. } => {
                let mut json = serde_json::Deserializer::from_str(text);
                Resolve::new(&mut json, attachments).$method($($arg),*)
            }
            #[cfg(feature = "msgpack")]
            Self::Msgpack { mut reader, .. } => reader.$method($($arg),*),
        }
    };
}

macro_rules! forward {
    ($($method:ident($($arg:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, Self::Error> {
            dispatch!(self.$method($($arg,)* visitor))
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            match self.plain_text() {
                Some(text) => visitor
                    .visit_borrowed_str(text)
                    .map_err(|error| behind_text(error, text)),
                None => dispatch!(self.$method(visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Argument<'de> {
    type Error = serde_json::Error;

    texts! { deserialize_any deserialize_str deserialize_string }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.plain_text() {
            Some(_) => visitor.visit_some(self),
            None => dispatch!(self.deserialize_option(visitor)),
        }
    }

    forward! {
        deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_char()
        deserialize_bytes() deserialize_byte_buf()
        deserialize_unit() deserialize_seq() deserialize_map()
        deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
}
