//! Dialects: how one client and its server write packets.

use bytes::{BufMut, Bytes, BytesMut};
use faststr::FastStr;

use crate::{
    packet::{Frame, Message, Packet, PacketError, decode_base64, encode_base64},
    payload::{self, Packets, PayloadError},
    request::ContentType,
    transport::Revision,
};

/// The type byte of a binary message in protocol revision 3.
pub(crate) const MESSAGE: u8 = 4;

/// How a client and its server write packets: the protocol revision, and whether the client takes
/// binary messages as such. It is fixed when the session opens.
///
/// A [`Frame`] that is given to or comes from a session is always that of revision 4 without
/// base64, so that a broadcast encodes it once; the session translates it for the others.
///
/// ```
/// use songi_engineio::{Bytes, Dialect, Frame, Message, Packet, Revision};
/// let binary = || Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]));
/// let v3 = Dialect { revision: Revision::V3, base64: false };
/// assert_eq!(v3.encode(binary()), Frame::Binary(Bytes::from_static(&[4, 1, 2, 3, 4])));
/// let v3_base64 = Dialect { revision: Revision::V3, base64: true };
/// assert_eq!(v3_base64.encode(binary()), Frame::Text("b4AQIDBA==".into()));
/// let message = Packet::Message(Message::binary(Bytes::from_static(&[1, 2, 3, 4])));
/// assert_eq!(v3.decode(Frame::Text("b4AQIDBA==".into())), Ok(message));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dialect {
    /// The protocol revision.
    pub revision: Revision,
    /// Whether the client takes text only (`b64=1`), so that binary messages go to it as base64.
    pub base64: bool,
}

impl Dialect {
    /// Parses one WebSocket message.
    ///
    /// # Errors
    /// As [`Packet::decode`], and in revision 3 when a binary message does not start with the
    /// type byte 4.
    pub fn decode(self, frame: Frame) -> Result<Packet, PacketError> {
        if self.revision == Revision::V4 {
            return Packet::decode(frame);
        }
        match frame {
            Frame::Binary(bytes) => match bytes.split_first() {
                Some((&MESSAGE, _)) => Ok(Packet::Message(Message::Binary(bytes.slice(1..)))),
                Some((&other, _)) => Err(PacketError::Type(other)),
                None => Err(PacketError::Empty),
            },
            Frame::Text(text) => match text.as_bytes() {
                [b'b', b'4', encoded @ ..] => decode_base64(encoded),
                [b'b', other, ..] => Err(PacketError::Type(*other)),
                [b'b'] => Err(PacketError::Empty),
                _ => Packet::decode(Frame::Text(text)),
            },
        }
    }

    /// The WebSocket message for a frame. In revision 4 without base64 it is the frame itself.
    pub fn encode(self, frame: Frame) -> Frame {
        match (frame, self.revision, self.base64) {
            (Frame::Binary(bytes), Revision::V4, true) => {
                Frame::Text(FastStr::from_string(encode_base64("b", &bytes)))
            }
            (Frame::Binary(bytes), Revision::V3, true) => {
                Frame::Text(FastStr::from_string(encode_base64("b4", &bytes)))
            }
            (Frame::Binary(bytes), Revision::V3, false) => {
                let mut typed = BytesMut::with_capacity(1 + bytes.len());
                typed.put_u8(MESSAGE);
                typed.put_slice(&bytes);
                Frame::Binary(typed.freeze())
            }
            (frame, ..) => frame,
        }
    }

    /// Splits a long-polling body of `content_type` into packets. Only revision 3 has
    /// [`ContentType::Binary`].
    ///
    /// # Errors
    /// When the body is longer than `max` bytes, or should be text and is not UTF-8.
    pub fn decode_payload(
        self,
        body: Bytes,
        content_type: ContentType,
        max: usize,
    ) -> Result<Packets, PayloadError> {
        match (self.revision, content_type) {
            (Revision::V4, _) => payload::decode(body, max),
            (Revision::V3, ContentType::Binary) => payload::decode_v3_binary(body, max),
            (Revision::V3, _) => payload::decode_v3_text(body, max),
        }
    }

    /// Joins frames to one long-polling body, and tells its type.
    pub fn encode_payload<'a, I>(self, frames: I) -> (ContentType, Bytes)
    where
        I: IntoIterator<Item = &'a Frame>,
        I::IntoIter: Clone,
    {
        let frames = frames.into_iter();
        if self.revision == Revision::V4 {
            return (ContentType::Text, payload::encode(frames));
        }
        let is_binary = |frame: &Frame| matches!(frame, Frame::Binary(_));
        if !self.base64 && frames.clone().any(is_binary) {
            return (ContentType::Binary, payload::encode_v3_binary(frames));
        }
        (ContentType::Text, payload::encode_v3_text(frames))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::tests::any_packet;

    const V3: Dialect = Dialect {
        revision: Revision::V3,
        base64: false,
    };

    fn text(text: &'static str) -> Frame {
        Frame::Text(text.into())
    }

    fn binary(bytes: &'static [u8]) -> Frame {
        Frame::Binary(Bytes::from_static(bytes))
    }

    fn message(bytes: &'static [u8]) -> Packet {
        Packet::Message(Message::binary(Bytes::from_static(bytes)))
    }

    #[test]
    fn a_binary_message_of_revision_3_has_a_type_byte() {
        assert_eq!(V3.encode(binary(&[1, 2])), binary(&[4, 1, 2]));
        assert_eq!(V3.decode(binary(&[4, 1, 2])), Ok(message(&[1, 2])));
        assert_eq!(V3.decode(binary(&[4])), Ok(message(&[])));
        assert_eq!(V3.decode(binary(&[])), Err(PacketError::Empty));
        for other in [0, 1, 2, 3, 5, 6, 7, b'4', 255] {
            let frame = Frame::Binary(Bytes::copy_from_slice(&[other, 1]));
            assert_eq!(V3.decode(frame), Err(PacketError::Type(other)));
        }
    }

    #[test]
    fn base64_of_revision_3_has_a_type_digit() {
        assert_eq!(V3.decode(text("b4AQIDBA==")), Ok(message(&[1, 2, 3, 4])));
        assert_eq!(V3.decode(text("b4")), Ok(message(&[])));
        assert_eq!(V3.decode(text("b")), Err(PacketError::Empty));
        assert_eq!(V3.decode(text("bAQID")), Err(PacketError::Type(b'A')));
        assert_eq!(V3.decode(text("b4AQIDB")), Err(PacketError::Base64));
    }

    /// A client with `forceBase64` sends and expects base64 on WebSockets too.
    #[test]
    fn a_client_of_text_only_gets_base64_on_a_websocket() {
        for (revision, wire) in [(Revision::V4, "bAQIDBA=="), (Revision::V3, "b4AQIDBA==")] {
            let dialect = Dialect {
                revision,
                base64: true,
            };
            assert_eq!(dialect.encode(binary(&[1, 2, 3, 4])), text(wire));
            assert_eq!(dialect.decode(text(wire)), Ok(message(&[1, 2, 3, 4])));
        }
    }

    #[test]
    fn text_is_the_same_in_both_revisions() {
        for wire in ["0{}", "1", "2probe", "3", "4€", "5", "6"] {
            assert_eq!(V3.encode(text(wire)), text(wire));
            assert_eq!(V3.decode(text(wire)), Packet::decode(text(wire)));
        }
        assert_eq!(V3.decode(text("")), Err(PacketError::Empty));
        assert_eq!(V3.decode(text("7")), Err(PacketError::Type(b'7')));
    }

    #[test]
    fn a_payload_is_binary_only_in_revision_3_and_where_it_must() {
        let frames = [text("4a"), binary(&[1])];
        let base64 = Dialect { base64: true, ..V3 };
        assert_eq!(
            Dialect::default().encode_payload(&frames),
            (ContentType::Text, "4a\x1ebAQ==".into())
        );
        assert_eq!(
            V3.encode_payload(&frames),
            (
                ContentType::Binary,
                Bytes::from_static(b"\x00\x02\xff4a\x01\x02\xff\x04\x01")
            )
        );
        assert_eq!(
            base64.encode_payload(&frames),
            (ContentType::Text, "2:4a6:b4AQ==".into())
        );
        assert_eq!(
            V3.encode_payload(&frames[..1]),
            (ContentType::Text, "2:4a".into())
        );
    }

    proptest! {
        #[test]
        fn packets_survive_the_round_trip_in_every_dialect(
            packets in proptest::collection::vec(any_packet(), 1..10),
            v3: bool,
            base64: bool,
        ) {
            let dialect = Dialect { revision: if v3 { Revision::V3 } else { Revision::V4 }, base64 };
            for packet in &packets {
                let frame = dialect.encode(packet.encode());
                prop_assert!(!base64 || matches!(frame, Frame::Text(_)));
                prop_assert_eq!(dialect.decode(frame), Ok(packet.clone()));
            }
            let frames: Vec<_> = packets.iter().map(Packet::encode).collect();
            let has_separator = frames.iter().any(|frame| matches!(frame, Frame::Text(text)
                if text.as_bytes().contains(&payload::SEPARATOR)));
            if v3 || !has_separator {
                let (content_type, body) = dialect.encode_payload(&frames);
                let decoded: Result<Vec<_>, _> = dialect
                    .decode_payload(body, content_type, usize::MAX).unwrap().collect();
                prop_assert_eq!(decoded, Ok(packets));
            }
        }
    }
}
