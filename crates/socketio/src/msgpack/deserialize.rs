//! A serde `Deserializer` of MessagePack, which reads what JSON would have read: types that write
//! themselves otherwise for humans are read as in JSON, dates are text, and a number may be a key.

use alloc::string::ToString;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use super::MsgpackError;
use super::read::{Reader, Token};

impl<'de> Reader<'de> {
    fn next_token(&mut self) -> Result<Token<'de>, Error> {
        self.token().map_err(broken)
    }

    fn is_nil(mut self) -> bool {
        matches!(self.token(), Ok(Token::Nil))
    }

    fn array<V: Visitor<'de>>(&mut self, len: u32, visitor: V) -> Result<V::Value, Error> {
        let mut elements = Elements {
            reader: self,
            left: len,
        };
        let value = visitor.visit_seq(&mut elements)?;
        elements.end(value)
    }

    fn map<V: Visitor<'de>>(&mut self, len: u32, visitor: V) -> Result<V::Value, Error> {
        let mut elements = Elements {
            reader: self,
            left: len,
        };
        let value = visitor.visit_map(&mut elements)?;
        elements.end(value)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next_token()? {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Negative(value) => visitor.visit_i64(value),
            Token::Float(value) => visitor.visit_f64(value),
            Token::Text(text) => visitor.visit_borrowed_str(text.read().map_err(broken)?),
            Token::Binary(data) => visitor.visit_borrowed_bytes(data),
            Token::Array(len) => self.array(len, visitor),
            Token::Map(len) => self.map(len, visitor),
            Token::Date(date) => match date.to_iso() {
                Some(text) => visitor.visit_string(text),
                None => visitor.visit_unit(),
            },
            Token::Extension(kind, data) => visitor.visit_seq(Extension {
                kind: Some(kind),
                data: Some(data),
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_nil() {
            self.next_token()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    /// Only binary is binary, as in JSON: no text, no array of numbers.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next_token()? {
            Token::Binary(data) => visitor.visit_borrowed_bytes(data),
            _ => Err(Error::invalid_type(
                Unexpected::Other("a value that is not binary"),
                &visitor,
            )),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.next_token()? {
            Token::Text(variant) => {
                let variant = variant.read().map_err(broken)?;
                visitor.visit_enum(variant.into_deserializer())
            }
            Token::Map(1) => visitor.visit_enum(Variant { reader: self }),
            _ => Err(Error::invalid_type(
                Unexpected::Other("a value that is not a variant"),
                &visitor,
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.checked_value().map_err(broken)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct seq
        tuple tuple_struct map struct identifier
    }
}

/// What is left of an array or a map.
struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: u32,
}

impl Elements<'_, '_> {
    fn advance(&mut self) -> bool {
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        more
    }

    /// The visitor must have taken all, or its type does not fit.
    fn end<T>(&self, value: T) -> Result<T, Error> {
        if self.left == 0 {
            Ok(value)
        } else {
            Err(Error::custom("more elements than expected"))
        }
    }

    /// Never more than can follow, whatever was declared.
    fn hint(&self) -> usize {
        let declared = usize::try_from(self.left).unwrap_or(usize::MAX);
        declared.min(self.reader.rest().len())
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if !self.advance() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint())
    }
}

impl<'de> MapAccess<'de> for &mut Elements<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if !self.advance() {
            return Ok(None);
        }
        seed.deserialize(Key(self.reader.key().map_err(broken)?))
            .map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint())
    }
}

/// A key, which in JavaScript is always text: a type that wants a number finds it in the text.
struct Key<'de>(Token<'de>);

macro_rules! number_keys {
    ($($method:ident: $type:ty => $visit:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            if let Token::Text(text) = self.0
                && let Ok(text) = text.read()
                && let Ok(number) = text.parse::<$type>()
            {
                return visitor.$visit(number);
            }
            match self.0 {
                Token::Unsigned(number) => visitor.visit_u64(number),
                Token::Negative(number) => visitor.visit_i64(number),
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Token::Text(text) => visitor.visit_borrowed_str(text.read().map_err(broken)?),
            Token::Unsigned(key) => visitor.visit_str(itoa::Buffer::new().format(key)),
            Token::Negative(key) => visitor.visit_str(itoa::Buffer::new().format(key)),
            _ => Err(broken(MsgpackError::IllegalKey)),
        }
    }

    number_keys! {
        deserialize_i8: i8 => visit_i8, deserialize_i16: i16 => visit_i16,
        deserialize_i32: i32 => visit_i32, deserialize_i64: i64 => visit_i64,
        deserialize_i128: i128 => visit_i128,
        deserialize_u8: u8 => visit_u8, deserialize_u16: u16 => visit_u16,
        deserialize_u32: u32 => visit_u32, deserialize_u64: u64 => visit_u64,
        deserialize_u128: u128 => visit_u128,
        deserialize_f32: f32 => visit_f32, deserialize_f64: f64 => visit_f64,
        deserialize_bool: bool => visit_bool,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = match self.0 {
            Token::Text(text) => text.read().map_err(broken)?,
            _ => "",
        };
        let variant: StrDeserializer<'_, Error> = variant.into_deserializer();
        variant.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// `{variant: content}`.
struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let variant = seed.deserialize(Key(self.reader.key().map_err(broken)?))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        serde::Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.reader.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.reader.deserialize_struct("", fields, visitor)
    }
}

/// An extension whose type nobody knows: as in JavaScript, its type and its bytes.
struct Extension<'de> {
    kind: Option<i8>,
    data: Option<&'de [u8]>,
}

impl<'de> SeqAccess<'de> for Extension<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if let Some(kind) = self.kind.take() {
            return seed.deserialize(kind.into_deserializer()).map(Some);
        }
        let Some(data) = self.data.take() else {
            return Ok(None);
        };
        let data = serde::de::value::BorrowedBytesDeserializer::new(data);
        seed.deserialize(data).map(Some)
    }
}

fn broken(error: MsgpackError) -> Error {
    Error::custom(error.to_string())
}
