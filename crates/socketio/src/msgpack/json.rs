//! MessagePack as JSON text.

use alloc::vec::Vec;

use super::MsgpackError;
use super::read::{Reader, Text, Token};
use crate::encode::json;

/// What to do with what JSON has not: binary data, and texts that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Refuse,
    /// By placeholders, as of attachments, which are counted, and by U+FFFD.
    Replace(usize),
}

impl Reader<'_> {
    /// Appends the next value, which has been checked for its depth.
    pub(crate) fn write_json(
        &mut self,
        out: &mut Vec<u8>,
        foreign: &mut Foreign,
    ) -> Result<(), MsgpackError> {
        match self.token()? {
            Token::Nil => out.extend_from_slice(b"null"),
            Token::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Token::Unsigned(value) => json::integer(out, value),
            Token::Negative(value) => json::integer(out, value),
            Token::Float(value) => json::float(out, value),
            Token::Text(text) => string(out, text, *foreign)?,
            Token::Date(date) => match date.to_iso() {
                Some(text) => json::string(out, &text),
                None => out.extend_from_slice(b"null"),
            },
            Token::Binary(_) => placeholder(out, foreign)?,
            // To JavaScript it is a pair.
            Token::Extension(kind, _) => {
                out.push(b'[');
                json::integer(out, kind);
                out.push(b',');
                placeholder(out, foreign)?;
                out.push(b']');
            }
            Token::Array(len) => {
                out.push(b'[');
                for at in 0..len {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.write_json(out, foreign)?;
                }
                out.push(b']');
            }
            Token::Map(len) => {
                out.push(b'{');
                for at in 0..len {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.write_key(out, *foreign)?;
                    out.push(b':');
                    self.write_json(out, foreign)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn write_key(&mut self, out: &mut Vec<u8>, foreign: Foreign) -> Result<(), MsgpackError> {
        match self.key()? {
            Token::Text(text) => string(out, text, foreign)?,
            Token::Unsigned(key) => json::string(out, itoa::Buffer::new().format(key)),
            Token::Negative(key) => json::string(out, itoa::Buffer::new().format(key)),
            _ => return Err(MsgpackError::IllegalKey),
        }
        Ok(())
    }
}

fn string(out: &mut Vec<u8>, text: Text<'_>, foreign: Foreign) -> Result<(), MsgpackError> {
    match foreign {
        Foreign::Refuse => json::string(out, text.read()?),
        Foreign::Replace(_) => json::string(out, &text.read_lossy()),
    }
    Ok(())
}

fn placeholder(out: &mut Vec<u8>, foreign: &mut Foreign) -> Result<(), MsgpackError> {
    let Foreign::Replace(number) = foreign else {
        return Err(MsgpackError::UnexpectedBinary);
    };
    json::placeholder(out, *number);
    *number += 1;
    Ok(())
}
