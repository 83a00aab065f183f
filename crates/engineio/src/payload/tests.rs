use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::packet::{Message, tests::any_packet};

fn packets(body: &'static [u8]) -> Vec<Result<Packet, PacketError>> {
    decode(Bytes::from_static(body), 1000)
        .expect("text")
        .collect()
}

fn text(text: &'static str) -> Result<Packet, PacketError> {
    Ok(Packet::Message(Message::text(text)))
}

fn binary(bytes: &'static [u8]) -> Result<Packet, PacketError> {
    Ok(Packet::Message(Message::binary(Bytes::from_static(bytes))))
}

#[test]
fn the_examples_of_the_protocol() {
    assert_eq!(
        packets(b"4hello\x1e2\x1e4world"),
        [text("hello"), Ok(Packet::Ping("".into())), text("world")]
    );
    assert_eq!(
        packets(b"4hello\x1ebAQIDBA=="),
        [text("hello"), binary(&[1, 2, 3, 4])]
    );
    assert_eq!(
        packets("4€\x1e4\u{1F600}".as_bytes()),
        [text("€"), text("\u{1F600}")]
    );
    assert_eq!(packets(b"b"), [binary(&[])]);
}

/// The base64 of a binary message may start with `4`: only the `b` before it decides.
#[test]
fn base64_that_starts_with_a_type_digit_is_still_binary() {
    assert_eq!(packets(b"b4AEC"), [binary(&[0xe0, 0x01, 0x02])]);
    let frame = Frame::Binary(Bytes::from_static(&[0xe0, 0x01, 0x02]));
    assert_eq!(encode([&frame]), "b4AEC");
}

#[test]
fn it_stops_at_the_first_bad_packet() {
    assert_eq!(
        packets(b"4a\x1eabc\x1e4b"),
        [text("a"), Err(PacketError::Type(b'a'))]
    );
    assert_eq!(
        packets(b"4a\x1e\x1e4b"),
        [text("a"), Err(PacketError::Empty)]
    );
    assert_eq!(packets(b"4a\x1e"), [text("a"), Err(PacketError::Empty)]);
    assert_eq!(packets(b""), [Err(PacketError::Empty)]);
    assert_eq!(packets(b"\x1e"), [Err(PacketError::Empty)]);
}

#[test]
fn base64_is_strict() {
    for bad in [
        &b"bAQIDBA"[..],
        b"bAQIDBA=",
        b"bAQIDBA===",
        b"bAQIDBB==",
        b"bAQI DBA==",
        b"bAQID\nBA==",
        b"b-_-_",
        b"b=",
        b"bA",
        "b€".as_bytes(),
    ] {
        let decoded: Vec<_> = decode(Bytes::from_static(bad), 100).unwrap().collect();
        assert_eq!(decoded, [Err(PacketError::Base64)], "{bad:?}");
    }
}

#[test]
fn the_body_is_bounded_and_text() {
    let body = Bytes::from_static(b"4abc");
    assert!(decode(body.clone(), 4).is_ok());
    assert_eq!(
        decode(body, 3).err(),
        Some(PayloadError::TooLarge { len: 4, max: 3 })
    );
    assert_eq!(
        decode(Bytes::from_static(b"4\xff"), 9).err(),
        Some(PayloadError::Utf8)
    );
    assert_eq!(
        decode(Bytes::from_static(b"4\xe2\x82"), 9).err(),
        Some(PayloadError::Utf8)
    );
}

#[test]
fn the_encoded_length_is_exact() {
    for len in 0..20 {
        let frame = Frame::Binary(vec![7; len].into());
        assert_eq!(encode([&frame]).len(), encoded_len(&frame));
    }
}

proptest! {
    #[test]
    fn a_payload_survives_the_round_trip(
        packets in proptest::collection::vec(
            // The separator cannot be part of a text packet: sessions refuse to send it.
            any_packet().prop_filter("no separator", |p| match p.encode() {
                Frame::Text(text) => !text.as_bytes().contains(&SEPARATOR),
                Frame::Binary(_) => true,
            }),
            1..10,
        )
    ) {
        let frames: Vec<_> = packets.iter().map(Packet::encode).collect();
        let decoded: Result<Vec<_>, _> = decode(encode(&frames), usize::MAX).unwrap().collect();
        prop_assert_eq!(decoded, Ok(packets));
    }

    #[test]
    fn any_bytes_decode_or_fail_and_good_ones_are_canonical(body in proptest::collection::vec(
        prop_oneof![Just(SEPARATOR), Just(b'b'), b'0'..b'8', any::<u8>()], 0..60)) {
        let body = Bytes::from(body);
        let Ok(packets) = decode(body.clone(), 60) else { return Ok(()) };
        let packets: Vec<_> = packets.collect();
        prop_assert!(packets.iter().rev().skip(1).all(Result::is_ok));
        if let Ok(packets) = packets.into_iter().collect::<Result<Vec<_>, _>>() {
            let frames: Vec<_> = packets.iter().map(Packet::encode).collect();
            prop_assert_eq!(encode(&frames), body);
        }
    }
}
