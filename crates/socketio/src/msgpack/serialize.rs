//! MessagePack in notepack's shapes: structs are maps, variants are text or a map of one key, numbers
//! take the shortest form.

use alloc::vec::Vec;

use serde::Serialize;
use serde::ser::Error;

use crate::EncodeError;
use crate::encode::text::Text;
use crate::encode::writer::{Compound, Format, Shape, Writer};

/// Where MessagePack is written.
pub(crate) struct Msgpack<'a> {
    out: &'a mut Vec<u8>,
}

/// An array or a map that is being written.
pub(crate) struct MsgpackCompound<'a> {
    out: &'a mut Vec<u8>,
    shape: Shape,
    /// Where its header stands.
    at: usize,
    /// What the header says.
    declared: usize,
    /// What has been written.
    len: usize,
}

pub(super) fn text(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    out.extend_from_slice(text_header(&mut [0; 5], text.len())?);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn text_header(buffer: &mut [u8; 5], len: usize) -> Result<&[u8], EncodeError> {
    if len < 32 {
        buffer[0] = 0xa0 | len as u8;
        return Ok(buffer.get(..1).unwrap_or_default());
    }
    length(buffer, Some(0xd9), 0xda, 0xdb, len)
}

pub(super) fn unsigned(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => with_marker(out, 0xcd, (value as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => with_marker(out, 0xce, (value as u32).to_be_bytes()),
        _ => with_marker(out, 0xcf, value.to_be_bytes()),
    }
}

pub(super) fn signed(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        return unsigned(out, value);
    }
    if value >= -0x20 {
        out.push(value as u8);
    } else if let Ok(value) = i8::try_from(value) {
        with_marker(out, 0xd0, value.to_be_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        with_marker(out, 0xd1, value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        with_marker(out, 0xd2, value.to_be_bytes());
    } else {
        with_marker(out, 0xd3, value.to_be_bytes());
    }
}

fn binary(out: &mut Vec<u8>, data: &[u8]) -> Result<(), EncodeError> {
    out.extend_from_slice(length(&mut [0; 5], Some(0xc4), 0xc5, 0xc6, data.len())?);
    out.extend_from_slice(data);
    Ok(())
}

fn with_marker<const N: usize>(out: &mut Vec<u8>, marker: u8, value: [u8; N]) {
    out.push(marker);
    out.extend_from_slice(&value);
}

/// A marker and a length of 8 bits, where there is a marker for that, of 16 or of 32.
fn length(
    buffer: &mut [u8; 5],
    marker8: Option<u8>,
    marker16: u8,
    marker32: u8,
    len: usize,
) -> Result<&[u8], EncodeError> {
    let len = u32::try_from(len)
        .map_err(|_| EncodeError::custom("a length that does not fit 32 bits"))?;
    let [a, b, c, d] = len.to_be_bytes();
    let used = match (marker8, len) {
        (Some(marker), 0..=0xff) => {
            *buffer = [marker, d, 0, 0, 0];
            2
        }
        (_, 0..=0xffff) => {
            *buffer = [marker16, c, d, 0, 0];
            3
        }
        _ => {
            *buffer = [marker32, a, b, c, d];
            5
        }
    };
    Ok(buffer.get(..used).unwrap_or_default())
}

fn header(buffer: &mut [u8; 5], shape: Shape, len: usize) -> Result<&[u8], EncodeError> {
    let (fixed, marker16, marker32) = match shape {
        Shape::Array => (0x90, 0xdc, 0xdd),
        Shape::Map => (0x80, 0xde, 0xdf),
    };
    if len < 16 {
        buffer[0] = fixed | len as u8;
        return Ok(buffer.get(..1).unwrap_or_default());
    }
    length(buffer, None, marker16, marker32, len)
}

impl<'a> Msgpack<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A value that `serde_json` hands over as text.
    fn number_or_value(self, json: &[u8]) -> Result<(), EncodeError> {
        let json = core::str::from_utf8(json).map_err(EncodeError::custom)?;
        if let Ok(value) = json.parse() {
            return self.unsigned(value);
        }
        if let Ok(value) = json.parse() {
            return self.signed(value);
        }
        if let Ok(value) = json.parse() {
            return self.double(value);
        }
        let value: serde_json::Value = serde_json::from_str(json).map_err(EncodeError::custom)?;
        value.serialize(Writer(self))
    }
}

impl<'a> Format for Msgpack<'a> {
    type Compound = MsgpackCompound<'a>;

    fn null(self) -> Result<(), EncodeError> {
        self.out.push(0xc0);
        Ok(())
    }

    fn boolean(self, value: bool) -> Result<(), EncodeError> {
        self.out.push(if value { 0xc3 } else { 0xc2 });
        Ok(())
    }

    fn signed(self, value: i64) -> Result<(), EncodeError> {
        signed(self.out, value);
        Ok(())
    }

    fn unsigned(self, value: u64) -> Result<(), EncodeError> {
        unsigned(self.out, value);
        Ok(())
    }

    fn signed_128(self, value: i128) -> Result<(), EncodeError> {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.unsigned(value),
            (_, Ok(value)) => self.signed(value),
            _ => Err(EncodeError::custom("an integer that does not fit 64 bits")),
        }
    }

    fn unsigned_128(self, value: u128) -> Result<(), EncodeError> {
        let value = u64::try_from(value)
            .map_err(|_| EncodeError::custom("an integer that does not fit 64 bits"))?;
        self.unsigned(value)
    }

    fn single(self, value: f32) -> Result<(), EncodeError> {
        with_marker(self.out, 0xca, value.to_be_bytes());
        Ok(())
    }

    fn double(self, value: f64) -> Result<(), EncodeError> {
        with_marker(self.out, 0xcb, value.to_be_bytes());
        Ok(())
    }

    fn text(self, value: &str) -> Result<(), EncodeError> {
        text(self.out, value)
    }

    fn binary(self, value: &[u8]) -> Result<(), EncodeError> {
        binary(self.out, value)
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let mut json = Vec::new();
        value.serialize(Text::raw(&mut json))?;
        Msgpack::new(self.out).number_or_value(&json)
    }

    fn open(self, shape: Shape, len: usize) -> Result<MsgpackCompound<'a>, EncodeError> {
        let at = self.out.len();
        self.out.extend_from_slice(header(&mut [0; 5], shape, len)?);
        Ok(MsgpackCompound {
            out: self.out,
            shape,
            at,
            declared: len,
            len: 0,
        })
    }

    fn open_variant(
        self,
        variant: &str,
        shape: Shape,
        len: usize,
    ) -> Result<MsgpackCompound<'a>, EncodeError> {
        self.out.push(0x81);
        text(self.out, variant)?;
        self.open(shape, len)
    }
}

impl Compound for MsgpackCompound<'_> {
    type Place<'b>
        = Msgpack<'b>
    where
        Self: 'b;

    #[inline]
    fn element(&mut self) -> Msgpack<'_> {
        self.len += 1;
        Msgpack::new(self.out)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        let at = self.out.len();
        key.serialize(Text::plain_key(self.out))?;
        let len = self.out.len().saturating_sub(at);
        let mut header = [0; 5];
        let header = text_header(&mut header, len)?;
        self.out.splice(at..at, header.iter().copied());
        Ok(())
    }

    fn field(&mut self, key: &str) -> Result<(), EncodeError> {
        text(self.out, key)
    }

    #[inline]
    fn value(&mut self) -> Msgpack<'_> {
        self.element()
    }

    /// Corrects the header, where the length was not known or not right.
    fn end(self) -> Result<(), EncodeError> {
        if self.len == self.declared {
            return Ok(());
        }
        let wrong = header(&mut [0; 5], self.shape, self.declared)?.len();
        let mut right = [0; 5];
        let right = header(&mut right, self.shape, self.len)?;
        self.out
            .splice(self.at..self.at + wrong, right.iter().copied());
        Ok(())
    }
}
