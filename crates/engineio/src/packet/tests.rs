use proptest::prelude::*;

use super::*;

fn decode(text: &str) -> Result<Packet, PacketError> {
    Packet::decode(Frame::Text(FastStr::new(text)))
}

#[test]
fn every_type_of_the_protocol() {
    let cases = [
        (r#"0{"sid":"x"}"#, Packet::Open(r#"{"sid":"x"}"#.into())),
        ("1", Packet::Close),
        ("2", Packet::Ping("".into())),
        ("2probe", Packet::Ping("probe".into())),
        ("3", Packet::Pong("".into())),
        ("3probe", Packet::Pong("probe".into())),
        ("4hello", Packet::Message(Message::text("hello"))),
        ("4", Packet::Message(Message::text(""))),
        ("4€", Packet::Message(Message::text("€"))),
        ("5", Packet::Upgrade),
        ("6", Packet::Noop),
    ];
    for (wire, packet) in cases {
        assert_eq!(decode(wire).as_ref(), Ok(&packet), "{wire}");
        assert_eq!(packet.encode(), Frame::Text(FastStr::new(wire)));
    }
}

#[test]
fn a_binary_message_has_no_type_byte() {
    let packet = Packet::Message(Message::binary(Bytes::from_static(&[1, 2, 3, 4])));
    assert_eq!(
        packet.encode(),
        Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]))
    );
    assert_eq!(Packet::decode(packet.encode()), Ok(packet));
}

#[test]
fn malformed_packets_name_the_rule() {
    assert_eq!(decode(""), Err(PacketError::Empty));
    for wire in ["7", "9", "a", "abc", "-1", " 4", "\u{1e}"] {
        assert_eq!(
            decode(wire),
            Err(PacketError::Type(wire.as_bytes()[0])),
            "{wire:?}"
        );
    }
    for wire in ["1x", "5 ", "6\n", "11"] {
        assert_eq!(
            decode(wire),
            Err(PacketError::Data(wire.as_bytes()[0])),
            "{wire:?}"
        );
    }
}

/// A client with `forceBase64` sends it on WebSockets too.
#[test]
fn base64_as_text() {
    let message = Message::binary(Bytes::from_static(&[1, 2, 3, 4]));
    assert_eq!(decode("bAQIDBA=="), Ok(Packet::Message(message)));
    assert_eq!(
        decode("b"),
        Ok(Packet::Message(Message::binary(Bytes::new())))
    );
    for wire in ["bAQIDBA", "b4AQIDBA==", "b€", "bb"] {
        assert_eq!(decode(wire), Err(PacketError::Base64), "{wire:?}");
    }
}

/// socketioxide issue 794: slicing after the first byte panicked inside a character.
#[test]
fn a_multibyte_first_character_is_an_error_not_a_panic() {
    for wire in ["€4", "é", "\u{1F600}"] {
        assert_eq!(decode(wire), Err(PacketError::Type(wire.as_bytes()[0])));
    }
}

#[test]
fn a_long_text_is_shared_not_copied() {
    let wire = FastStr::from_string("4".repeat(1000));
    let Ok(Packet::Message(Message::Text(text))) = Packet::decode(Frame::Text(wire.clone())) else {
        panic!("a message");
    };
    assert_eq!(text.as_ptr(), wire[1..].as_ptr());
}

pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        ".{0,60}".prop_map(Message::text),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(Message::binary),
    ]
}

pub(crate) fn any_packet() -> impl Strategy<Value = Packet> {
    prop_oneof![
        any_message().prop_map(Packet::Message),
        ".{0,40}".prop_map(|data| Packet::Open(data.into())),
        ".{0,40}".prop_map(|data| Packet::Ping(data.into())),
        ".{0,40}".prop_map(|data| Packet::Pong(data.into())),
        Just(Packet::Close),
        Just(Packet::Upgrade),
        Just(Packet::Noop),
    ]
}

proptest! {
    #[test]
    fn a_packet_survives_the_round_trip(packet in any_packet()) {
        prop_assert_eq!(Packet::decode(packet.encode()), Ok(packet));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(text in "[0-7]?.{0,40}") {
        let frame = Frame::Text(text.into());
        if let Ok(packet) = Packet::decode(frame.clone()) {
            prop_assert_eq!(packet.encode(), frame);
        }
    }
}
