//! Arguments: JSON in which there may be binary data.
//!
//! Typed and shown, binary is `0x00ff` where it is a whole argument, and `{"$hex":"00ff"}` within
//! others; in JSON lines it is `{"$base64":"AP8="}`. All three are read.

mod serial;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Number;
use songi::client::{Arguments, Bytes};
use thiserror::Error;

use self::serial::Json;
pub(crate) use self::serial::{Several, as_json};

/// Bytes that are shown of binary data.
const SHOWN: usize = 32;

const HEX: &str = "$hex";
const BASE64: &str = "$base64";

/// JSON, with the keys of objects in their order, and binary data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Binary(Bytes),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Why a text is no argument.
#[derive(Debug, Error)]
pub(crate) enum DataError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("`{0}` is not JSON: a text stands in quotes, as in \"{0}\"")]
    Bare(String),
    #[error("`{0}` is not hexadecimal: 0x00ff is two bytes")]
    Hex(String),
    #[error("`{0}` is not Base64 with padding")]
    Base64(String),
    #[error("cannot read {path}: {error}")]
    File { path: String, error: std::io::Error },
}

impl Data {
    /// Reads one JSON value, with its binary data in objects.
    pub(crate) fn from_json(text: &str) -> Result<Self, DataError> {
        serde_json::from_str::<Self>(text)?.with_typed_binary()
    }

    /// Reads what is typed: JSON values, `0x00ff`, and `@file` for what a file contains.
    pub(crate) fn list(text: &str) -> Result<Vec<Self>, DataError> {
        let mut list = Vec::new();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if rest.is_empty() {
                return Ok(list);
            }
            let (word, behind) = word(rest);
            if word.starts_with("0x") {
                list.push(Self::Binary(hex(word)?));
                rest = behind;
            } else if let Some(path) = word.strip_prefix('@') {
                list.push(Self::Binary(read(path)?));
                rest = behind;
            } else {
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Self>();
                match values.next() {
                    Some(Ok(value)) => list.push(value.with_typed_binary()?),
                    Some(Err(error)) if is_bare(word, &error) => {
                        return Err(DataError::Bare(word.to_owned()));
                    }
                    Some(Err(error)) => return Err(error.into()),
                    None => return Ok(list),
                }
                rest = rest.get(values.byte_offset()..).unwrap_or_default();
            }
        }
    }

    /// Reads the arguments of an event or an ack. Should one not be readable, they are
    /// the text of all.
    pub(crate) fn of_arguments(arguments: &Arguments) -> Vec<Self> {
        let mut reader = arguments.reader();
        let mut list = Vec::with_capacity(reader.len());
        while !reader.is_empty() {
            match reader.next::<Self>() {
                Ok(value) => list.push(value.with_attachments(arguments.attachments())),
                Err(_) => return vec![Self::Text(arguments.to_json().into_owned())],
            }
        }
        list
    }

    /// The binary data that objects stand for where they are written by hand.
    pub(crate) fn with_typed_binary(self) -> Result<Self, DataError> {
        self.map_objects(&|entries| match entries.as_slice() {
            [(key, Self::Text(text))] if key == HEX => hex(text).map(Some),
            [(key, Self::Text(text))] if key == BASE64 => base64(text).map(Some),
            _ => Ok(None),
        })
    }

    /// The binary data that placeholders stand for.
    fn with_attachments(self, attachments: &[Bytes]) -> Self {
        if attachments.is_empty() {
            return self;
        }
        let attachment = |entries: &Vec<(String, Self)>| {
            let is_placeholder = entries.contains(&("_placeholder".to_owned(), Self::Bool(true)));
            let number = entries.iter().find_map(|(key, value)| match value {
                Self::Number(number) if key == "num" => number.as_u64(),
                _ => None,
            });
            let number = number.filter(|_| is_placeholder)?;
            attachments.get(usize::try_from(number).ok()?).cloned()
        };
        match self.map_objects(&|entries| Ok::<_, std::convert::Infallible>(attachment(entries))) {
            Ok(data) => data,
            Err(never) => match never {},
        }
    }

    /// Puts bytes in the place of objects.
    fn map_objects<E>(
        self,
        bytes_of: &impl Fn(&Vec<(String, Self)>) -> Result<Option<Bytes>, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::Object(entries) => match bytes_of(&entries)? {
                Some(bytes) => Self::Binary(bytes),
                None => Self::Object(
                    entries
                        .into_iter()
                        .map(|(key, value)| Ok((key, value.map_objects(bytes_of)?)))
                        .collect::<Result<_, E>>()?,
                ),
            },
            Self::List(list) => Self::List(
                list.into_iter()
                    .map(|value| value.map_objects(bytes_of))
                    .collect::<Result<_, E>>()?,
            ),
            other => other,
        })
    }

    /// As it is typed and shown. Of long binary data only the beginning.
    pub(crate) fn shown(list: &[Self]) -> String {
        let shown: Vec<String> = list.iter().map(|data| data.show(false)).collect();
        shown.join(" ")
    }

    fn show(&self, within: bool) -> String {
        match self {
            Self::Binary(bytes) if within => format!("{{\"{HEX}\":\"{}\"}}", hex_of(bytes)),
            Self::Binary(bytes) => format!("0x{}", hex_of(bytes)),
            Self::List(list) => {
                let list: Vec<_> = list.iter().map(|data| data.show(true)).collect();
                format!("[{}]", list.join(","))
            }
            Self::Object(entries) => {
                let entry = |(key, value): &(String, Self)| {
                    let key = serde_json::Value::from(key.as_str());
                    format!("{key}:{}", value.show(true))
                };
                let entries: Vec<_> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(","))
            }
            other => serde_json::to_string(&Json(other)).unwrap_or_default(),
        }
    }
}

/// Up to the next space.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    text.split_at(end)
}

/// Whether somebody has forgotten the quotes.
fn is_bare(word: &str, error: &serde_json::Error) -> bool {
    let starts = word.chars().next().is_some_and(char::is_alphabetic);
    starts && error.is_syntax() && error.column() <= word.len().max(1)
}

fn hex(text: &str) -> Result<Bytes, DataError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let wrong = || DataError::Hex(text.to_owned());
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes = (0..digits.len()).step_by(2).map(byte);
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.map(Bytes::from).ok_or_else(wrong)
}

pub(crate) fn base64(text: &str) -> Result<Bytes, DataError> {
    let bytes = STANDARD.decode(text);
    bytes
        .map(Bytes::from)
        .map_err(|_| DataError::Base64(text.to_owned()))
}

fn read(path: &str) -> Result<Bytes, DataError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(DataError::File {
            path: path.to_owned(),
            error,
        }),
    }
}

/// The first bytes in hexadecimal digits, and how many there are where that is not all.
pub(crate) fn hex_of(bytes: &[u8]) -> String {
    let mut text: String = bytes
        .iter()
        .take(SHOWN)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if bytes.len() > SHOWN {
        text.push_str(&format!("… ({} bytes)", bytes.len()));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Data::shown(&Data::list(text).unwrap())
    }

    #[test]
    fn what_is_shown_is_what_was_typed() {
        for text in [
            "",
            r#""tea" 1 -2.5 true null"#,
            r#"{"z":1,"a":[{"b":"é \" \n"}]} []"#,
            r#"0x00ff1e {"deep":[{"$hex":"00ff"}]}"#,
            "0x",
        ] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown(r#"1,2 , {"$base64":"AP8="}"#), "1 2 0x00ff");
        let long = format!("0x{}", "ab".repeat(40));
        assert_eq!(shown(&long), format!("0x{}… (40 bytes)", "ab".repeat(32)));
    }

    #[test]
    fn errors_say_what_to_do() {
        for (text, expected) in [
            (
                "tea",
                "`tea` is not JSON: a text stands in quotes, as in \"tea\"",
            ),
            (
                "1 tea 2",
                "`tea` is not JSON: a text stands in quotes, as in \"tea\"",
            ),
            (
                "truth",
                "`truth` is not JSON: a text stands in quotes, as in \"truth\"",
            ),
            ("0x123", "`0x123` is not hexadecimal: 0x00ff is two bytes"),
            ("0xzz", "`0xzz` is not hexadecimal: 0x00ff is two bytes"),
            (r#"{"$base64":"?"}"#, "`?` is not Base64 with padding"),
            (r#"{"a":"#, "EOF while parsing a value at line 1 column 5"),
        ] {
            assert_eq!(
                Data::list(text).unwrap_err().to_string(),
                expected,
                "{text}"
            );
        }
        let missing = Data::list("@/no/such/file").unwrap_err().to_string();
        assert!(
            missing.starts_with("cannot read /no/such/file: "),
            "{missing}"
        );
    }

    #[test]
    fn a_file_is_binary_data() {
        let path = std::env::temp_dir().join(format!("songi-data-{}", std::process::id()));
        std::fs::write(&path, [0, 255]).unwrap();
        assert_eq!(shown(&format!("1 @{} 2", path.display())), "1 0x00ff 2");
        std::fs::remove_file(path).unwrap();
    }
}
