//! The packets of `socket.io-msgpack-parser`: each is one binary message, a MessagePack map
//! `{type, data, nsp[, id]}` whose binary data stands where it belongs.
//!
//! What JavaScript has and MessagePack has not, notepack writes as extensions of type 0:
//! `undefined` (read as `null`), `ArrayBuffer` (read as binary) and `Date` (read as the text that
//! `JSON.stringify` makes of it).
//!
//! A string need not be UTF-8 in MessagePack, and notepack under Node.js reads U+FFFD for what is
//! not. Here it is an error of who reads an argument as text, and not of the packet.

mod arguments;
mod date;
mod decode;
mod deserialize;
pub(crate) mod encode;
mod json;
mod read;
mod serialize;
mod skip;

pub(crate) use arguments::{Cursor, List};
pub(crate) use decode::decode;
pub(crate) use read::Reader;

use thiserror::Error;

/// Why bytes are not the MessagePack that was expected.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MsgpackError {
    /// The message ended inside a value.
    #[error("the MessagePack data ends inside a value")]
    UnexpectedEnd,
    /// Something follows the packet.
    #[error("{bytes} bytes follow the packet")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// The byte `0xc1`, which no value starts with.
    #[error("the byte 0xc1, which is reserved")]
    ReservedByte,
    /// More levels of nesting than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("nested deeper than the limit of {limit}")]
    TooDeep {
        /// The limit.
        limit: u8,
    },
    /// A string that is not UTF-8: one of the packet itself. In an argument, who reads it as text is
    /// told so.
    #[error("a string that is not UTF-8")]
    NotUtf8,
    /// A map's key that is neither a string nor an integer.
    #[error("a key that is neither a string nor an integer")]
    IllegalKey,
    /// The packet is not a map.
    #[error("the packet is not a map")]
    NotAMap,
    /// `type` is missing or not an integer.
    #[error("the packet has no type")]
    MissingType,
    /// Binary data in the payload of `CONNECT` or `CONNECT_ERROR`.
    #[error("binary data in a payload that can have none")]
    UnexpectedBinary,
}

#[cfg(test)]
mod tests;
