use alloc::{string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::packet::{Message, tests::any_packet};

type Decoded = Vec<Result<Packet, PacketError>>;

fn text(body: &'static str) -> Decoded {
    decode_v3_text(body.into(), 1000).expect("text").collect()
}

fn binary(body: &'static [u8]) -> Decoded {
    let body = Bytes::from_static(body);
    decode_v3_binary(body, 1000)
        .expect("within the limit")
        .collect()
}

fn message(text: &'static str) -> Result<Packet, PacketError> {
    Ok(Packet::Message(Message::text(text)))
}

fn bytes(bytes: &'static [u8]) -> Result<Packet, PacketError> {
    Ok(Packet::Message(Message::binary(Bytes::from_static(bytes))))
}

#[test]
fn the_text_examples_of_the_protocol() {
    assert_eq!(text("6:4hello2:40"), [message("hello"), message("0")]);
    assert_eq!(text("10:b4AQIDBA=="), [bytes(&[1, 2, 3, 4])]);
    assert_eq!(
        text("1:36:2probe1:1"),
        [
            Ok(Packet::Pong("".into())),
            Ok(Packet::Ping("probe".into())),
            Ok(Packet::Close)
        ]
    );
}

/// engineioxide before 0.17.5 counted bytes or characters.
#[test]
fn lengths_of_text_are_utf_16_code_units() {
    for (body, packets) in [
        ("2:4€", vec![message("€")]),
        ("3:4\u{1F600}", vec![message("\u{1F600}")]),
        ("2:4é2:4é", vec![message("é"), message("é")]),
        ("7:4a€\u{1F600}é0", vec![message("a€\u{1F600}é0")]),
    ] {
        assert_eq!(text(body), packets, "{body}");
        let frames: Vec<_> = packets
            .into_iter()
            .map(|packet| packet.unwrap().encode())
            .collect();
        assert_eq!(encode_v3_text(&frames), body);
    }
}

/// A length that ends between the two halves of a surrogate pair.
#[test]
fn a_length_cannot_split_a_character() {
    assert_eq!(text("2:4\u{1F600}"), [Err(PacketError::Truncated)]);
    assert_eq!(text("2:4\u{1F600}3:4ab"), [Err(PacketError::Truncated)]);
}

#[test]
fn the_binary_examples_of_the_protocol() {
    assert_eq!(binary(b"\x00\x06\xff4hello"), [message("hello")]);
    assert_eq!(
        binary(b"\x01\x05\xff\x04\x01\x02\x03\x04"),
        [bytes(&[1, 2, 3, 4])]
    );
    // Text is UTF-8 and its length in bytes.
    assert_eq!(
        binary(b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04"),
        [message("€"), bytes(&[1, 2, 3, 4])]
    );
    assert_eq!(binary(b"\x01\x01\xff\x04"), [bytes(&[])]);
    // Base64 within a binary payload, as a client without typed arrays sends it.
    assert_eq!(
        binary(b"\x00\x01\x00\xffb4AQIDBA=="),
        [bytes(&[1, 2, 3, 4])]
    );
}

#[test]
fn lengths_of_text_are_strict() {
    for body in [
        ":",
        "a:4a",
        "-2:4a",
        "+2:4a",
        " 2:4a",
        "2 :4a",
        "02:4a",
        "2.0:4a",
        "1e0:4",
        "0x2:4a",
        "2",
        "24a",
        "２:4a",
        "2;4a",
        "1234567890123456:4a",
        "€",
        "\n2:4a",
    ] {
        assert_eq!(text(body), [Err(PacketError::Length)], "{body}");
    }
    for body in ["3:4a", "2:4", "999999999999999:4a", "2:"] {
        assert_eq!(text(body), [Err(PacketError::Truncated)], "{body}");
    }
    assert_eq!(text(""), [Err(PacketError::Empty)]);
    assert_eq!(text("0:"), [Err(PacketError::Empty)]);
    assert_eq!(text("0:2:4a"), [Err(PacketError::Empty)]);
}

#[test]
fn lengths_of_binary_are_strict() {
    for body in [
        &b"\x00\xff4a"[..],
        b"\x00\x00\x02\xff4a",
        b"\x00\x0a\xff4a",
        b"\x002\xff4a",
        b"\x00\x02",
        b"\x00\x024a",
        b"\x00",
        b"\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09\x00\x01\x02\x03\x04\x05\x06\xff\x04",
    ] {
        assert_eq!(binary(body), [Err(PacketError::Length)], "{body:?}");
    }
    for body in [
        &b"\x00\x03\xff4a"[..],
        b"\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff\x04",
        b"\x00\x01\xff",
    ] {
        assert_eq!(binary(body), [Err(PacketError::Truncated)], "{body:?}");
    }
    assert_eq!(binary(b""), [Err(PacketError::Empty)]);
    assert_eq!(binary(b"\x00\x00\xff"), [Err(PacketError::Empty)]);
    assert_eq!(binary(b"\x01\x00\xff"), [Err(PacketError::Empty)]);
    for kind in [2, 4, b'0', b'1', 255] {
        let body = Bytes::copy_from_slice(&[kind, 2, 255, b'4', b'a']);
        let decoded: Decoded = decode_v3_binary(body, 10).unwrap().collect();
        assert_eq!(decoded, [Err(PacketError::Type(kind))]);
    }
}

#[test]
fn packets_inside_are_as_strict_as_outside() {
    assert_eq!(text("1:7"), [Err(PacketError::Type(b'7'))]);
    assert_eq!(text("2:1x"), [Err(PacketError::Data(b'1'))]);
    assert_eq!(text("5:b4AQI"), [Err(PacketError::Base64)]);
    assert_eq!(text("5:bAQID"), [Err(PacketError::Type(b'A'))]);
    assert_eq!(binary(b"\x00\x02\xff4\xff"), [Err(PacketError::Utf8)]);
    assert_eq!(binary(b"\x01\x02\xff\x01a"), [Err(PacketError::Type(1))]);
}

#[test]
fn it_stops_at_the_first_bad_packet() {
    assert_eq!(
        text("2:4a1:72:4b"),
        [message("a"), Err(PacketError::Type(b'7'))]
    );
    assert_eq!(text("2:4a2:4"), [message("a"), Err(PacketError::Truncated)]);
    assert_eq!(
        binary(b"\x00\x02\xff4a\x07\x00\x02\xff4b"),
        [message("a"), Err(PacketError::Type(7))]
    );
}

#[test]
fn the_body_is_bounded_and_text() {
    let error = PayloadError::TooLarge { len: 4, max: 3 };
    assert_eq!(decode_v3_text("2:4a".into(), 3).err(), Some(error));
    assert_eq!(decode_v3_binary("2:4a".into(), 3).err(), Some(error));
    let invalid = Bytes::from_static(b"2:4\xff");
    assert_eq!(decode_v3_text(invalid, 9).err(), Some(PayloadError::Utf8));
}

/// The length of a promise allocates nothing, and a message shares the body.
#[test]
fn a_long_message_is_shared_with_the_body() {
    let mut body = Vec::new();
    put_head(&mut body, 1, 1001);
    body.push(MESSAGE);
    body.resize(body.len() + 1000, 7);
    let body = Bytes::from(body);
    let Some(Ok(Packet::Message(Message::Binary(bytes)))) =
        decode_v3_binary(body.clone(), 9999).unwrap().next()
    else {
        panic!("a message");
    };
    assert_eq!(bytes.as_ptr(), body[body.len() - 1000..].as_ptr());
}

/// engineioxide 0.17.4: some bodies were decoded for ever.
#[test]
fn every_prefix_of_a_good_body_ends() {
    let texts = "6:4hello3:4\u{1F600}10:b4AQIDBA==";
    let binaries = b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04";
    for end in 0..texts.len() {
        if let Ok(packets) = decode_v3_text(Bytes::copy_from_slice(&texts.as_bytes()[..end]), 99) {
            assert!(packets.count() <= 3);
        }
    }
    for end in 0..binaries.len() {
        let body = Bytes::copy_from_slice(&binaries[..end]);
        assert!(decode_v3_binary(body, 99).unwrap().count() <= 2);
    }
}

fn frames(packets: &[Packet]) -> Vec<Frame> {
    packets.iter().map(Packet::encode).collect()
}

proptest! {
    #[test]
    fn payloads_survive_the_round_trip(packets in proptest::collection::vec(any_packet(), 1..10)) {
        let frames = frames(&packets);
        let decoded: Result<Vec<_>, _> =
            decode_v3_text(encode_v3_text(&frames), usize::MAX).unwrap().collect();
        prop_assert_eq!(decoded.as_ref(), Ok(&packets));
        let decoded: Result<Vec<_>, _> =
            decode_v3_binary(encode_v3_binary(&frames), usize::MAX).unwrap().collect();
        prop_assert_eq!(decoded, Ok(packets));
    }

    #[test]
    fn any_text_decodes_or_fails_and_good_text_is_canonical(body in "([0-9]{1,2}:|4|b4|[0-7]|€|\u{1F600}|.){0,12}") {
        let decoded: Decoded = decode_v3_text(body.clone().into(), 1000).unwrap().collect();
        prop_assert!(decoded.iter().rev().skip(1).all(Result::is_ok));
        if let Ok(packets) = decoded.into_iter().collect::<Result<Vec<_>, _>>() {
            prop_assert_eq!(encode_v3_text(&frames(&packets)), body);
        }
    }

    #[test]
    fn any_bytes_decode_or_fail_and_good_ones_without_base64_are_canonical(
        body in proptest::collection::vec(
            prop_oneof![0_u8..10, Just(255), Just(b'4'), Just(b'b'), any::<u8>()], 0..60)
    ) {
        let decoded: Decoded = decode_v3_binary(body.clone().into(), 60).unwrap().collect();
        prop_assert!(decoded.iter().rev().skip(1).all(Result::is_ok));
        if let (false, Ok(packets)) =
            (body.contains(&b'b'), decoded.into_iter().collect::<Result<Vec<_>, _>>())
        {
            prop_assert_eq!(encode_v3_binary(&frames(&packets)), body);
        }
    }

    #[test]
    fn utf_16_lengths_are_those_of_the_standard_library(text in ".{0,40}") {
        prop_assert_eq!(utf16_len(&text), text.encode_utf16().count());
        prop_assert_eq!(utf16_end(&text, utf16_len(&text)), Some(text.len()));
        let tail: String = text.chars().chain(core::iter::once('x')).collect();
        prop_assert_eq!(utf16_end(&tail, utf16_len(&text)), Some(text.len()));
    }
}
