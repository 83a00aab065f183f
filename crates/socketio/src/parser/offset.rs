//! One argument more for an event that is encoded already.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;

#[cfg(feature = "msgpack")]
use crate::msgpack::encode as msgpack;
use crate::{CustomParser, Format, Limits, Packet, PacketKind, Parser};

impl Parser {
    /// An event that this parser has written, with an offset as one argument more, by which a
    /// client that lost its connection says what it has seen. What the application gave is not
    /// serialised anew. `None` when it is no event, or one that asks for an ack, or when a custom
    /// parser reads its arguments as MessagePack.
    ///
    /// ```
    /// use songi_socketio::Parser;
    ///
    /// let (first, attachments) = Parser::Json.with_offset(br#"2["hi",1]"#, &[], "x-7").unwrap();
    /// assert_eq!(first, br#"2["hi",1,"x-7"]"#);
    /// assert!(attachments.is_empty());
    /// ```
    pub fn with_offset(
        &self,
        first: &[u8],
        attachments: &[Bytes],
        offset: &str,
    ) -> Option<(Vec<u8>, Vec<Bytes>)> {
        match self {
            Self::Json => Some((json(first, offset)?, attachments.to_vec())),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => Some((msgpack::with_offset(first, offset)?, Vec::new())),
            Self::Custom(parser) => custom(&**parser, first, attachments, offset),
        }
    }
}

fn json(first: &[u8], offset: &str) -> Option<Vec<u8>> {
    // `2["name"…]` or `5<count>-["name"…]`, with `/namespace,` before the bracket, and no id.
    let mut rest = match first.split_first()? {
        (b'2', rest) => rest,
        (b'5', rest) => after(rest, b'-')?,
        _ => return None,
    };
    if rest.starts_with(b"/") {
        rest = after(rest, b',')?;
    }
    rest.strip_prefix(b"[\"")?;
    let open = first.strip_suffix(b"]")?;
    let offset = serde_json::to_vec(offset).ok()?;
    Some([open, b",", &offset, b"]"].concat())
}

/// What follows the first of these bytes.
fn after(bytes: &[u8], byte: u8) -> Option<&[u8]> {
    let position = bytes.iter().position(|other| *other == byte)?;
    bytes.get(position + 1..)
}

fn custom(
    parser: &dyn CustomParser,
    first: &[u8],
    attachments: &[Bytes],
    offset: &str,
) -> Option<(Vec<u8>, Vec<Bytes>)> {
    let mut decoder = parser.decoder(Limits::default());
    let first = Bytes::copy_from_slice(first);
    let mut packet = match parser.format() {
        Format::Text => {
            let text = FastStr::from_bytes(first).ok()?;
            decoder.decode_text(text, Duration::ZERO).ok()?
        }
        Format::Binary => decoder.decode_binary(first, Duration::ZERO).ok()?,
    };
    for attachment in attachments {
        packet = decoder
            .decode_binary(attachment.clone(), Duration::ZERO)
            .ok()?;
    }
    let Packet {
        namespace,
        kind:
            PacketKind::Event {
                id: None,
                name,
                args,
            },
    } = packet?
    else {
        return None;
    };
    let args = args.with_text(offset)?;
    let id = None;
    let mut out = Vec::new();
    let kind = PacketKind::Event { id, name, args };
    let attachments = parser.encode(&Packet { namespace, kind }, &mut out).ok()?;
    Some((out, attachments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;

    fn decoded(parser: &Parser, first: &[u8], attachments: &[Bytes]) -> PacketKind {
        let mut decoder: Decoder = parser.decoder(Limits::default());
        let first = Bytes::copy_from_slice(first);
        let mut packet = match parser.format() {
            Format::Text => decoder
                .decode_text(FastStr::from_bytes(first).unwrap(), Duration::ZERO)
                .unwrap(),
            Format::Binary => decoder.decode_binary(first, Duration::ZERO).unwrap(),
        };
        for attachment in attachments {
            packet = decoder
                .decode_binary(attachment.clone(), Duration::ZERO)
                .unwrap();
        }
        packet.unwrap().kind
    }

    fn check<T: serde::Serialize>(parser: &Parser, namespace: &str, args: &T, count: usize) {
        let mut plain = Vec::new();
        let attached = parser
            .event(&mut plain, namespace, None, "e", args)
            .unwrap();
        let (first, attached) = parser.with_offset(&plain, &attached, "a\"1").unwrap();
        let mut expected = Vec::new();
        parser
            .recoverable_event(&mut expected, namespace, "e", args, "a\"1")
            .unwrap();
        assert_eq!(first, expected, "{namespace}");
        let PacketKind::Event { args, .. } = decoded(parser, &first, &attached) else {
            panic!("not an event")
        };
        assert_eq!(args.reader().len(), count + 1);

        let mut asking = Vec::new();
        parser
            .event(&mut asking, namespace, Some(3), "e", &1)
            .unwrap();
        assert!(parser.with_offset(&asking, &[], "1").is_none());
        let mut ack = Vec::new();
        parser.ack(&mut ack, namespace, 3, &1).unwrap();
        assert!(parser.with_offset(&ack, &[], "1").is_none());
    }

    fn check_all(parser: &Parser) {
        for namespace in ["/", "/n", "/a[b]"] {
            check(parser, namespace, &(), 0);
            check(parser, namespace, &("]", 2), 2);
            check(parser, namespace, &(Bytes::from_static(&[1]), "x"), 2);
            // One more than a short header of MessagePack says.
            let many = ([0; 7], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
            check(parser, namespace, &many, 14);
        }
    }

    #[test]
    fn it_is_what_would_have_been_written_with_the_offset() {
        check_all(&Parser::Json);
        #[cfg(feature = "msgpack")]
        check_all(&Parser::Msgpack);
    }

    #[test]
    fn what_is_no_event_has_no_offset() {
        for first in ["", "0", "1", "4{}", "2", "2[", "3[1]", "6[]", "[\"a\"]"] {
            let made = Parser::Json.with_offset(first.as_bytes(), &[], "1");
            assert!(made.is_none(), "{first}");
        }
        #[cfg(feature = "msgpack")]
        for first in [&b""[..], &[0x83], b"2[\"a\"]", &[0xff; 40]] {
            assert!(Parser::Msgpack.with_offset(first, &[], "1").is_none());
        }
    }
}
