//! MessagePack as JSON text.

use alloc::vec::Vec;

use super::MsgpackError;
use super::read::{Reader, Token};
use crate::encode::json;

/// What to do with binary data, which JSON has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Refuse,
    /// As the placeholder of an attachment. They are counted.
    Placeholder(usize),
}

impl Reader<'_> {
    /// Appends the next value, which has been checked for its depth.
    pub(crate) fn write_json(
        &mut self,
        out: &mut Vec<u8>,
        binary: &mut Binary,
    ) -> Result<(), MsgpackError> {
        match self.token()? {
            Token::Nil => out.extend_from_slice(b"null"),
            Token::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Token::Unsigned(value) => json::integer(out, value),
            Token::Negative(value) => json::integer(out, value),
            Token::Float(value) => json::float(out, value),
            Token::Text(text) => json::string(out, text),
            Token::Date(date) => match date.to_iso() {
                Some(text) => json::string(out, &text),
                None => out.extend_from_slice(b"null"),
            },
            Token::Binary(_) => placeholder(out, binary)?,
            // To JavaScript it is a pair.
            Token::Extension(kind, _) => {
                out.push(b'[');
                json::integer(out, kind);
                out.push(b',');
                placeholder(out, binary)?;
                out.push(b']');
            }
            Token::Array(len) => {
                out.push(b'[');
                for at in 0..len {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.write_json(out, binary)?;
                }
                out.push(b']');
            }
            Token::Map(len) => {
                out.push(b'{');
                for at in 0..len {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.write_key(out)?;
                    out.push(b':');
                    self.write_json(out, binary)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn write_key(&mut self, out: &mut Vec<u8>) -> Result<(), MsgpackError> {
        match self.key()? {
            Token::Text(text) => json::string(out, text),
            Token::Unsigned(key) => json::string(out, itoa::Buffer::new().format(key)),
            Token::Negative(key) => json::string(out, itoa::Buffer::new().format(key)),
            _ => return Err(MsgpackError::IllegalKey),
        }
        Ok(())
    }
}

fn placeholder(out: &mut Vec<u8>, binary: &mut Binary) -> Result<(), MsgpackError> {
    let Binary::Placeholder(number) = binary else {
        return Err(MsgpackError::UnexpectedBinary);
    };
    json::placeholder(out, *number);
    *number += 1;
    Ok(())
}
