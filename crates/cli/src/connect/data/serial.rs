//! Data as it is serialised: on the wire, and in JSON lines.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};
use serde_json::Number;
use songi::client::Bytes;

use super::{BASE64, Data};

/// As it travels: binary data is bytes.
impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Binary(bytes) => serializer.serialize_bytes(bytes),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (key, value));
                serializer.collect_map(entries)
            }
        }
    }
}

/// Several arguments, as they travel.
#[derive(Debug)]
pub(crate) struct Several<'a>(pub(crate) &'a [Data]);

impl Serialize for Several<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for data in self.0 {
            tuple.serialize_element(data)?;
        }
        tuple.end()
    }
}

/// As it stands in JSON lines.
#[derive(Debug)]
pub(crate) struct Json<'a>(pub(crate) &'a Data);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Data::Binary(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(BASE64, &STANDARD.encode(bytes))?;
                map.end()
            }
            Data::List(list) => serializer.collect_seq(list.iter().map(Json)),
            Data::Object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, Json(value))))
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// Writes a field of a JSON line.
pub(crate) fn as_json<S: Serializer>(list: &[Data], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(Json))
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Data, D::Error> {
        value.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Data, E> {
        // MessagePack has numbers that JSON has not.
        Ok(Number::from_f64(value).map_or(Data::Null, Data::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Data, E> {
        Ok(Data::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Data, E> {
        Ok(Data::Text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Data, E> {
        Ok(Data::Binary(Bytes::copy_from_slice(value)))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Data, E> {
        Ok(Data::Binary(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Data, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element()? {
            list.push(value);
        }
        Ok(Data::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Data, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Data::Object(entries))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Data, D::Error> {
        de::Deserializer::deserialize_any(value, self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use songi::client::Arguments;

    use super::*;

    #[test]
    fn arguments_travel_with_their_attachments() {
        let typed = Data::list(r#"0x01 {"b":[{"$hex":"02"}],"a":{"num":0}} "x""#).unwrap();
        let arguments = Arguments::of(&Several(&typed)).unwrap();
        assert_eq!(arguments.attachments().len(), 2);
        assert_eq!(Data::of_arguments(&arguments), typed);
        // An object that only looks like binary data is none when it comes from a server.
        let plain = Arguments::of(&serde_json::json!([{ "$hex": "zz" }])).unwrap();
        assert_eq!(
            Data::shown(&Data::of_arguments(&plain)),
            r#"[{"$hex":"zz"}]"#
        );
    }

    #[test]
    fn json_lines_have_base64() {
        let data = Data::list(r#"{"b":0,"a":[{"$hex":"00ff"}]}"#).unwrap();
        let text = serde_json::to_string(&Json(&data[0])).unwrap();
        assert_eq!(text, r#"{"b":0,"a":[{"$base64":"AP8="}]}"#);
        assert_eq!(Data::from_json(&text).unwrap(), data[0]);
    }
}
