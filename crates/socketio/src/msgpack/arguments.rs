use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use serde::de::{Error, Unexpected};

use super::json::Foreign;
use super::read::{Reader, Token};

/// Arguments in MessagePack: the elements of an array that has been checked.
#[derive(Clone)]
pub(crate) struct List {
    /// The message.
    data: Bytes,
    /// Where the elements start and end in it. No message is longer than 32 bits tell
    /// ([`Limits`](crate::Limits)).
    start: u32,
    end: u32,
    len: u32,
}

/// Where the reading of a [`List`] stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    all: &'a Bytes,
    reader: Reader<'a>,
    left: u32,
}

impl List {
    #[inline(always)]
    pub(crate) fn new(data: Bytes, start: usize, end: usize, len: u32) -> Self {
        Self {
            data,
            start: start as u32,
            end: end as u32,
            len,
        }
    }

    /// The same, in memory of its own.
    pub(crate) fn detached(self) -> Self {
        let data = Bytes::copy_from_slice(&self.data);
        Self { data, ..self }
    }

    fn reader(&self) -> Reader<'_> {
        let data = self.data.get(..self.end as usize).unwrap_or_default();
        Reader::new(data, self.start as usize)
    }

    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            all: &self.data,
            reader: self.reader(),
            left: self.len,
        }
    }

    /// As a JSON array with placeholders.
    pub(crate) fn to_json(&self) -> String {
        let mut out = Vec::from(b"[");
        let mut reader = self.reader();
        let mut foreign = Foreign::Replace(0);
        for at in 0..self.len {
            if at > 0 {
                out.push(b',');
            }
            // It has been checked.
            if reader.write_json(&mut out, &mut foreign).is_err() {
                break;
            }
        }
        out.push(b']');
        String::from_utf8(out).unwrap_or_default()
    }
}

impl<'a> Cursor<'a> {
    pub(crate) fn left(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX)
    }

    /// Moves past the next argument.
    pub(crate) fn take(&mut self) -> Option<Reader<'a>> {
        self.left = self.left.checked_sub(1)?;
        let argument = self.reader;
        self.reader.checked_value().ok()?;
        Some(argument)
    }

    /// The binary that is the whole argument, without a copy.
    pub(crate) fn bytes(&self, mut argument: Reader<'a>) -> Result<Bytes, serde_json::Error> {
        match argument.token() {
            Ok(Token::Binary(data)) => Ok(self.all.slice_ref(data)),
            _ => Err(Error::invalid_type(
                Unexpected::Other("a value that is not binary"),
                &"binary data",
            )),
        }
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.reader().rest() == other.reader().rest()
    }
}

impl Eq for List {}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}
