//! A Socket.IO packet as Engine.IO frames.

use std::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use songi_engineio::Frame;
use songi_socketio::{EncodeError, Format, Limits, Packet, Parser};

/// The type digit of an Engine.IO message, which stands in front of a Socket.IO packet.
pub(crate) const MESSAGE: u8 = b'4';

/// A Socket.IO packet with its attachments, as Engine.IO frames. Whoever sends it shares its bytes.
///
/// ```
/// use songi_emit::Outgoing;
/// use songi_engineio::Frame;
///
/// let packet = Outgoing::event("/", None, "hey", &("Jude", 1))?;
/// assert_eq!(packet.frames().collect::<Vec<_>>(), [Frame::Text(r#"42["hey","Jude",1]"#.into())]);
/// # Ok::<(), songi_emit::EncodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing {
    head: Frame,
    attachments: Vec<Bytes>,
    parser: Parser,
}

impl Outgoing {
    /// An event; with an `id`, one that asks for an ack.
    ///
    /// # Errors
    ///
    /// When the namespace or the name is not allowed, or the arguments do not serialise.
    pub fn event(
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args: &impl Serialize,
    ) -> Result<Self, EncodeError> {
        Self::event_in(&Parser::Json, namespace, id, name, args)
    }

    /// An event in the encoding of this parser.
    ///
    /// # Errors
    ///
    /// As [`event`](Self::event).
    pub fn event_in(
        parser: &Parser,
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args: &impl Serialize,
    ) -> Result<Self, EncodeError> {
        Self::with_parser(parser, |wire| parser.event(wire, namespace, id, name, args))
    }

    /// The answer to the event that had this id.
    ///
    /// # Errors
    ///
    /// When the namespace is not allowed, or the arguments do not serialise.
    pub fn ack(namespace: &str, id: u64, args: &impl Serialize) -> Result<Self, EncodeError> {
        Self::ack_in(&Parser::Json, namespace, id, args)
    }

    /// The same answer in the encoding of this parser.
    ///
    /// # Errors
    ///
    /// As [`ack`](Self::ack).
    pub fn ack_in(
        parser: &Parser,
        namespace: &str,
        id: u64,
        args: &impl Serialize,
    ) -> Result<Self, EncodeError> {
        Self::with_parser(parser, |wire| parser.ack(wire, namespace, id, args))
    }

    /// The event again, with one argument more: the offset by which a client that lost its
    /// connection says what it has seen. Nothing is serialised anew. `None` when this is no
    /// event, or one that asks for an ack.
    pub fn with_offset(&self, offset: &str) -> Option<Self> {
        let first = match &self.head {
            Frame::Text(text) => text.as_bytes().strip_prefix(&[MESSAGE])?,
            Frame::Binary(bytes) => bytes,
        };
        let (first, attachments) = self.parser.with_offset(first, &self.attachments, offset)?;
        let head = match &self.head {
            Frame::Text(_) => {
                let text = [&[MESSAGE], first.as_slice()].concat();
                Frame::from_message_wire(FastStr::from_vec_u8(text).ok()?)
            }
            Frame::Binary(_) => Frame::Binary(first.into()),
        };
        Some(Self {
            head,
            attachments,
            parser: self.parser.clone(),
        })
    }

    /// The packet as a receiver reads it, for those who send it on in another form. It costs what
    /// receiving costs.
    ///
    /// ```
    /// use songi_emit::{Outgoing, PacketKind};
    ///
    /// let packet = Outgoing::event("/", None, "hey", &("Jude", 1))?;
    /// let Some(PacketKind::Event { name, args, .. }) = packet.decode().map(|packet| packet.kind) else {
    ///     panic!("not an event")
    /// };
    /// assert_eq!(name, "hey");
    /// assert_eq!(args.deserialize::<(String, u32)>().unwrap(), ("Jude".into(), 1));
    /// # Ok::<(), songi_emit::EncodeError>(())
    /// ```
    pub fn decode(&self) -> Option<Packet> {
        let mut decoder = self.parser.decoder(Limits {
            max_attachments: u16::MAX,
            max_packet_bytes: usize::MAX,
            max_namespace_bytes: u16::MAX,
            ..Limits::default()
        });
        let mut packet = match &self.head {
            Frame::Text(text) => {
                let text = text.slice_ref(text.get(1..)?);
                decoder.decode_text(text, Duration::ZERO).ok()?
            }
            Frame::Binary(bytes) => decoder.decode_binary(bytes.clone(), Duration::ZERO).ok()?,
        };
        for attachment in &self.attachments {
            packet = decoder
                .decode_binary(attachment.clone(), Duration::ZERO)
                .ok()?;
        }
        packet
    }

    /// A packet without attachments, whose text `write` appends.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn encode<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Self, E>
    where
        E: From<EncodeError>,
    {
        Self::with_parser(&Parser::Json, |wire| write(wire).map(|()| Vec::new()))
    }

    /// A packet as one of its parsers' methods writes it.
    ///
    /// ```
    /// use songi_emit::{Outgoing, Parser};
    /// use songi_engineio::Frame;
    ///
    /// let parser = Parser::Json;
    /// let packet = Outgoing::with_parser(&parser, |wire| parser.event(wire, "/", None, "hey", "Jude"))?;
    /// assert_eq!(packet.frames().next(), Some(Frame::Text(r#"42["hey","Jude"]"#.into())));
    /// # Ok::<(), songi_emit::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn with_parser<E>(
        parser: &Parser,
        write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>,
    ) -> Result<Self, E>
    where
        E: From<EncodeError>,
    {
        let mut wire = Vec::with_capacity(128);
        if parser.format() == Format::Text {
            // Behind the digit of an Engine.IO message, so that the text need not be copied.
            wire.push(MESSAGE);
        }
        let attachments = write(&mut wire)?;
        Ok(Self::from_wire(wire, attachments, parser)?)
    }

    /// What a parser has written, behind the digit of a message if it is text.
    pub(crate) fn from_wire(
        wire: Vec<u8>,
        attachments: Vec<Bytes>,
        parser: &Parser,
    ) -> Result<Self, EncodeError> {
        let head = if parser.format() == Format::Text {
            let text = FastStr::from_vec_u8(wire)
                .map_err(|error| EncodeError::Serialize(error.to_string()))?;
            Frame::from_message_wire(text)
        } else {
            Frame::Binary(wire.into())
        };
        Ok(Self {
            head,
            attachments,
            parser: parser.clone(),
        })
    }

    /// A packet without attachments, whose text has the digit of a message in front.
    pub(crate) fn from_message_text(text: &str, parser: &Parser) -> Self {
        Self {
            head: Frame::from_message_wire(FastStr::new(text)),
            attachments: Vec::new(),
            parser: parser.clone(),
        }
    }

    /// Bytes of all its frames.
    pub fn bytes(&self) -> usize {
        let attachments = self.attachments.iter().map(Bytes::len);
        self.head.len() + attachments.sum::<usize>()
    }

    /// The frames, in the order in which they must be sent, next to each other.
    pub fn frames(&self) -> impl Iterator<Item = Frame> {
        let attachments = self.attachments.iter().cloned().map(Frame::Binary);
        std::iter::once(self.head.clone()).chain(attachments)
    }
}

#[cfg(test)]
mod tests {
    use songi_socketio::{PacketKind, encode};

    use super::*;

    #[test]
    fn attachments_follow_their_packet() {
        let bytes = [Bytes::from_static(&[1]), Bytes::from_static(&[2])];
        let packet = Outgoing::event("/n", Some(3), "e", &(&bytes[0], &bytes[1])).unwrap();
        let frames: Vec<_> = packet.frames().collect();
        let [Frame::Text(text), first, second] = frames.as_slice() else {
            panic!("{frames:?}")
        };
        assert!(text.starts_with(r#"452-/n,3["e",{"#), "{text}");
        let binary = bytes.map(Frame::Binary);
        assert_eq!([first, second], [&binary[0], &binary[1]]);
    }

    #[test]
    fn acks_and_other_packets_are_messages_too() {
        let ack = Outgoing::ack("/", 7, &"ok").unwrap();
        assert_eq!(
            ack.frames().next(),
            Some(Frame::Text(r#"437["ok"]"#.into()))
        );
        let leave = Outgoing::encode(|wire| encode::disconnect(wire, "/n")).unwrap();
        assert_eq!(leave.frames().next(), Some(Frame::Text("41/n,".into())));
    }

    #[test]
    fn a_parser_decides_what_the_first_frame_is() {
        let parser = Parser::Msgpack;
        let packet = Outgoing::event_in(&parser, "/n", Some(1), "e", &7).unwrap();
        let frames: Vec<_> = packet.frames().collect();
        let [Frame::Binary(bytes)] = frames.as_slice() else {
            panic!("{frames:?}")
        };
        let mut decoder = parser.decoder(Limits::default());
        let read = decoder.decode_binary(bytes.clone(), Duration::ZERO);
        assert_eq!(read.unwrap().unwrap().namespace, "/n");
        assert_eq!(packet.decode().unwrap().namespace, "/n");
    }

    #[test]
    fn an_offset_is_one_argument_more() {
        let bytes = Bytes::from_static(&[1]);
        for (packet, expected) in [
            (Outgoing::event("/", None, "e", &()), r#"42["e","a\"1"]"#),
            (
                Outgoing::event("/n", None, "e", &("x", 2)),
                r#"42/n,["e","x",2,"a\"1"]"#,
            ),
            (
                Outgoing::event("/", None, "e", &bytes),
                r#"451-["e",{"_placeholder":true,"num":0},"a\"1"]"#,
            ),
        ] {
            let packet = packet.unwrap();
            let with_offset = packet.with_offset("a\"1").unwrap();
            let frames: Vec<_> = with_offset.frames().collect();
            assert_eq!(frames.first(), Some(&Frame::Text(expected.into())));
            assert_eq!(frames.len(), packet.frames().count());
        }
        let ack = Outgoing::ack("/", 7, &"ok").unwrap();
        assert!(ack.with_offset("1").is_none());
    }

    #[test]
    fn what_was_encoded_can_be_read_again() {
        let bytes: Vec<_> = (0..20).map(|n| Bytes::from(vec![n])).collect();
        let packet = Outgoing::event("/n", Some(3), "e", &(&bytes,)).unwrap();
        let packet = packet.decode().unwrap();
        assert_eq!(packet.namespace, "/n");
        let PacketKind::Event { id, name, args } = packet.kind else {
            panic!("{packet:?}")
        };
        assert_eq!((id, name.as_str()), (Some(3), "e"));
        assert_eq!(args.deserialize::<Vec<Bytes>>().unwrap(), bytes);
    }
}
