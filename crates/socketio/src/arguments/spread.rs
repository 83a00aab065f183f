//! A list of arguments as a serde `Deserializer`: the first call decides whether the type takes
//! one argument per element or the first one alone.

use core::fmt::Display;

use serde::de::value::Error as MissingError;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{ArgumentError, ArgumentReader};

pub(super) struct Spread<'a> {
    reader: ArgumentReader<'a>,
}

impl<'a> Spread<'a> {
    pub(super) fn new(reader: ArgumentReader<'a>) -> Self {
        Self { reader }
    }
}

macro_rules! first_argument {
    ($($method:ident($($arg:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(mut self, $($arg: $type,)* visitor: V) -> Result<V::Value, ArgumentError> {
            self.reader
                .take()
                .ok_or(ArgumentError::Missing { index: 0 })?
                .$method($($arg,)* visitor)
                .map_err(|source| ArgumentError::Invalid { index: 0, source })
        }
    )*};
}

impl<'de> Deserializer<'de> for Spread<'de> {
    type Error = ArgumentError;

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_seq(self)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_seq(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(
        mut self,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        let Some(argument) = self.reader.take() else {
            return visitor.visit_none();
        };
        argument
            .deserialize_option(visitor)
            .map_err(|source| ArgumentError::Invalid { index: 0, source })
    }

    first_argument! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf()
        deserialize_seq() deserialize_map() deserialize_identifier()
        deserialize_newtype_struct(name: &'static str)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
}

impl<'de> SeqAccess<'de> for Spread<'de> {
    type Error = ArgumentError;

    /// Never ends: what is missing is said by the element's type.
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ArgumentError> {
        self.reader.next_seed(seed).map(Some)
    }
}

impl Error for ArgumentError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Invalid {
            index: 0,
            source: serde_json::Error::custom(message),
        }
    }
}

/// The argument that is not there: `None` to an `Option`, an error to all else.
pub(super) struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = MissingError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, MissingError> {
        Err(MissingError::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MissingError> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
