//! Frames on the stream of a WebTransport session, and what the first of them says.
//!
//! The stream carries one frame after the other. A header tells binary (`0x80`) from text and the
//! length of what follows: up to 125 in the same byte, or 126 and two bytes, or 127 and eight
//! bytes, big-endian ("Engine.IO protocol v4, WebTransport"). This is a codec: the session state
//! machines do not know the transport.

use alloc::{borrow::Cow, string::ToString as _};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use faststr::FastStr;
use serde::Deserialize;
use thiserror::Error;

use crate::{
    handshake::{MAX_SID, parse_object},
    packet::{Frame, Packet},
};

/// The longest frame that JavaScript can count: 2^53 - 1 bytes.
pub const MAX_LENGTH: u64 = (1 << 53) - 1;

const BINARY: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// The header of a frame, to be written before its bytes.
///
/// ```
/// use songi_engineio::{webtransport::Header, Frame};
/// let header = Header::new(&Frame::Text("4hello".into()))?;
/// assert_eq!(header.as_bytes(), [6]);
/// # Ok::<(), songi_engineio::webtransport::FrameError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; 9],
    len: usize,
}

impl Header {
    /// The header of this frame.
    ///
    /// # Errors
    /// When the frame is empty: the transport cannot carry an empty binary message.
    pub fn new(frame: &Frame) -> Result<Self, FrameError> {
        let kind = if matches!(frame, Frame::Binary(_)) {
            BINARY
        } else {
            0
        };
        let mut bytes = [0; 9];
        let mut rest = &mut bytes[..];
        match frame.len() {
            0 => return Err(FrameError::Empty),
            length @ 1..=125 => rest.put_u8(kind | u8::try_from(length).unwrap_or_default()),
            length => match u16::try_from(length) {
                Ok(length) => {
                    rest.put_u8(kind | LENGTH_16);
                    rest.put_u16(length);
                }
                Err(_) => {
                    rest.put_u8(kind | LENGTH_64);
                    rest.put_u64(u64::try_from(length).unwrap_or(u64::MAX));
                }
            },
        }
        let len = 9 - rest.len();
        Ok(Self { bytes, len })
    }

    /// What goes on the stream: 1, 3 or 9 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Writes a frame with its header.
///
/// # Errors
/// When the frame is empty: the transport cannot carry an empty binary message.
pub fn encode(frame: &Frame, output: &mut BytesMut) -> Result<(), FrameError> {
    let header = Header::new(frame)?;
    output.reserve(header.as_bytes().len() + frame.len());
    output.put_slice(header.as_bytes());
    match frame {
        Frame::Text(text) => output.put_slice(text.as_bytes()),
        Frame::Binary(bytes) => output.put_slice(bytes),
    }
    Ok(())
}

/// Takes the next frame from what was read; `None` when more bytes are needed. Nothing is taken or
/// allocated before the frame is complete, and a header is judged when it is: `max` bounds what a
/// peer can make its reader keep, to it and nine bytes.
///
/// # Errors
/// When the length is zero, over `max` or [`MAX_LENGTH`], or written longer than it need be, or
/// when text is not UTF-8. The stream is of no use any more then.
///
/// ```
/// use bytes::BytesMut;
/// use songi_engineio::{webtransport, Frame};
/// let mut input = BytesMut::from(&b"\x064hello\x83\x01\x02"[..]);
/// assert_eq!(webtransport::decode(&mut input, 1000)?, Some(Frame::Text("4hello".into())));
/// assert_eq!(webtransport::decode(&mut input, 1000)?, None);
/// assert_eq!(&input[..], b"\x83\x01\x02");
/// # Ok::<(), webtransport::FrameError>(())
/// ```
pub fn decode(input: &mut BytesMut, max: usize) -> Result<Option<Frame>, FrameError> {
    let mut rest = &input[..];
    let Ok(first) = rest.try_get_u8() else {
        return Ok(None);
    };
    let (length, least) = match first & !BINARY {
        LENGTH_16 => (rest.try_get_u16().map(u64::from), 126),
        LENGTH_64 => (rest.try_get_u64(), 1 << 16),
        length => (Ok(length.into()), 0),
    };
    let Ok(length) = length else {
        return Ok(None);
    };
    if length == 0 {
        return Err(FrameError::Empty);
    }
    if length > MAX_LENGTH {
        return Err(FrameError::Length(length));
    }
    if length < least {
        return Err(FrameError::NotMinimal(length));
    }
    let len = usize::try_from(length)
        .ok()
        .filter(|&len| len <= max)
        .ok_or(FrameError::TooLarge { length, max })?;
    if rest.len() < len {
        return Ok(None);
    }
    let header = input.len() - rest.len();
    input.advance(header);
    let bytes = input.split_to(len);
    if first & BINARY != 0 {
        return Ok(Some(Frame::Binary(share(bytes))));
    }
    match FastStr::from_bytes(share(bytes)) {
        Ok(text) => Ok(Some(Frame::Text(text))),
        Err(_) => Err(FrameError::Utf8),
    }
}

/// A small frame that is kept shall not keep the buffer that it was read into.
fn share(bytes: BytesMut) -> Bytes {
    const SMALL: usize = 1024;
    if bytes.len() <= SMALL {
        Bytes::copy_from_slice(&bytes)
    } else {
        bytes.freeze()
    }
}

/// What the first frame of a client says.
///
/// ```
/// use songi_engineio::{webtransport::Opening, Frame};
/// assert_eq!(Opening::parse(Frame::Text("0".into())), Ok(Opening::New));
/// let upgrade = Frame::Text(r#"0{"sid":"abc"}"#.into());
/// assert_eq!(Opening::parse(upgrade), Ok(Opening::Upgrade("abc".into())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// `0`: a session is to be opened.
    New,
    /// `0{"sid":"…"}`: the stream is the candidate of an upgrade of this session.
    Upgrade(FastStr),
}

impl Opening {
    /// Parses the first frame.
    ///
    /// # Errors
    /// When it is not an open packet, or its data is neither empty nor an object with a sid that
    /// is a string of 1 to [`MAX_SID`] bytes.
    pub fn parse(frame: Frame) -> Result<Self, OpeningError> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            sid: Cow<'a, str>,
        }
        let Ok(Packet::Open(data)) = Packet::decode(frame) else {
            return Err(OpeningError::Packet);
        };
        if data.is_empty() {
            return Ok(Self::New);
        }
        let Wire { sid } = parse_object(&data).ok_or(OpeningError::Sid)?;
        if sid.is_empty() || sid.len() > MAX_SID {
            return Err(OpeningError::Sid);
        }
        Ok(Self::Upgrade(FastStr::new(sid)))
    }

    /// The first frame that a client sends.
    pub fn to_frame(&self) -> Frame {
        let data = match self {
            Self::New => FastStr::empty(),
            Self::Upgrade(sid) => serde_json::json!({ "sid": sid.as_str() })
                .to_string()
                .into(),
        };
        Packet::Open(data).encode()
    }
}

/// Why bytes are not a frame, or a frame cannot be one of this transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The length is zero.
    #[error("a frame without bytes")]
    Empty,
    /// The length is over [`MAX_LENGTH`].
    #[error("a frame of {0} bytes is over the limit of the protocol")]
    Length(u64),
    /// The length would fit a shorter header.
    #[error("the length {0} is not in its shortest form")]
    NotMinimal(u64),
    /// The length is over the limit of the reader.
    #[error("a frame of {length} bytes is over the limit of {max}")]
    TooLarge {
        /// Length in bytes.
        length: u64,
        /// The limit in bytes.
        max: usize,
    },
    /// A text frame is not UTF-8.
    #[error("text frame is not UTF-8")]
    Utf8,
}

/// Why the first frame of a client is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// Not an open packet.
    #[error("the first packet is not an open packet")]
    Packet,
    /// The data is not an object with a sid of the right size.
    #[error("the open packet names no session")]
    Sid,
}

#[cfg(test)]
mod tests;
