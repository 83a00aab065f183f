use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::*;
use crate::Arguments;
use crate::encode;

const START: Duration = Duration::ZERO;

fn decode(text: &str) -> Result<Option<Packet>, DecodeError> {
    decode_with(Limits::default(), text)
}

fn decode_with(limits: Limits, text: &str) -> Result<Option<Packet>, DecodeError> {
    Decoder::new(limits).decode_text(FastStr::new(text), START)
}

/// Decodes a packet without attachments.
fn packet(text: &str) -> Packet {
    decode(text).unwrap().unwrap()
}

/// Decodes a packet with attachments.
fn binary_packet(text: &str, attachments: &[&'static [u8]]) -> Packet {
    let mut decoder = Decoder::new(Limits::default());
    assert!(
        decoder
            .decode_text(FastStr::new(text), START)
            .unwrap()
            .is_none()
    );
    let (last, others) = attachments.split_last().unwrap();
    for data in others {
        assert!(
            decoder
                .decode_binary(Bytes::from_static(data), START)
                .unwrap()
                .is_none()
        );
    }
    decoder
        .decode_binary(Bytes::from_static(last), START)
        .unwrap()
        .unwrap()
}

#[track_caller]
fn assert_event(packet: &Packet, namespace: &str, id: Option<u64>, name: &str, args: &Value) {
    let PacketKind::Event {
        id: got_id,
        name: got_name,
        args: got,
    } = &packet.kind
    else {
        panic!("not an event: {packet:?}");
    };
    assert_eq!(
        (packet.namespace.as_str(), *got_id, got_name.as_str()),
        (namespace, id, name)
    );
    assert_eq!(&all(got), args);
}

#[track_caller]
fn assert_ack(packet: &Packet, namespace: &str, id: u64, args: &Value) {
    let PacketKind::Ack {
        id: got_id,
        args: got,
    } = &packet.kind
    else {
        panic!("not an ack: {packet:?}");
    };
    assert_eq!((packet.namespace.as_str(), *got_id), (namespace, id));
    assert_eq!(&all(got), args);
}

fn all(args: &Arguments) -> Value {
    let mut reader = args.reader();
    let mut values = Vec::new();
    while !reader.is_empty() {
        values.push(reader.next::<Value>().unwrap());
    }
    Value::Array(values)
}

/// "Packet encoding", "Examples" of the protocol document, and those of socket.io-parser's tests.
mod examples {
    use super::*;

    #[test]
    fn connect_to_the_main_namespace() {
        let packet = packet("0");
        assert_eq!(packet.namespace, "/");
        assert!(matches!(packet.kind, PacketKind::Connect(None)));
    }

    #[test]
    fn connect_with_a_payload() {
        for text in [
            r#"0/admin,{"token":"123"}"#,
            r#"0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
        ] {
            let packet = packet(text);
            assert_eq!(packet.namespace, "/admin");
            let PacketKind::Connect(Some(payload)) = packet.kind else {
                panic!()
            };
            assert_eq!(payload.as_str(), &text[8..]);
        }
    }

    #[test]
    fn connect_without_the_comma() {
        // The end of the text ends a namespace too, as in JavaScript.
        assert_eq!(packet("0/admin").namespace, "/admin");
        assert_eq!(packet("0/admin,").namespace, "/admin");
    }

    #[test]
    fn connect_error_with_an_object() {
        for (text, namespace) in [
            (r#"4{"message":"Not authorized"}"#, "/"),
            (r#"4/random,{"message":"Invalid namespace"}"#, "/random"),
        ] {
            let packet = packet(text);
            assert_eq!(packet.namespace, namespace);
            assert!(matches!(packet.kind, PacketKind::ConnectError(_)));
        }
    }

    #[test]
    fn connect_error_with_a_string() {
        let PacketKind::ConnectError(payload) = packet(r#"4"Unauthorized""#).kind else {
            panic!()
        };
        assert_eq!(payload.deserialize::<&str>().unwrap(), "Unauthorized");
    }

    #[test]
    fn disconnect() {
        for (text, namespace) in [("1", "/"), ("1/admin,", "/admin"), ("1/admin", "/admin")] {
            let packet = packet(text);
            assert_eq!(packet.namespace, namespace);
            assert!(matches!(packet.kind, PacketKind::Disconnect));
        }
    }

    #[test]
    fn event() {
        assert_event(&packet(r#"2["foo"]"#), "/", None, "foo", &json!([]));
        assert_event(
            &packet(r#"2/admin,["bar"]"#),
            "/admin",
            None,
            "bar",
            &json!([]),
        );
        assert_event(&packet(r#"2["hi",1]"#), "/", None, "hi", &json!([1]));
        assert_event(&packet(r#"2["a",1,{}]"#), "/", None, "a", &json!([1, {}]));
    }

    #[test]
    fn event_that_asks_for_an_ack() {
        assert_event(&packet(r#"212["foo"]"#), "/", Some(12), "foo", &json!([]));
        assert_event(
            &packet(r#"2/admin,456["m",{}]"#),
            "/admin",
            Some(456),
            "m",
            &json!([{}]),
        );
        assert_event(
            &packet(r#"2/admin,1["tellme"]"#),
            "/admin",
            Some(1),
            "tellme",
            &json!([]),
        );
        assert_event(&packet(r#"20["zero"]"#), "/", Some(0), "zero", &json!([]));
    }

    #[test]
    fn ack() {
        assert_ack(
            &packet(r#"3/admin,13["bar"]"#),
            "/admin",
            13,
            &json!(["bar"]),
        );
        assert_ack(&packet("3/admin,456[]"), "/admin", 456, &json!([]));
        assert_ack(&packet(r#"3123["a",1,{}]"#), "/", 123, &json!(["a", 1, {}]));
    }

    #[test]
    fn binary_event() {
        let packet = binary_packet(
            r#"51-["baz",{"_placeholder":true,"num":0}]"#,
            &[&[1, 2, 3, 4]],
        );
        let placeholder = json!({ "_placeholder": true, "num": 0 });
        assert_event(&packet, "/", None, "baz", &json!([placeholder]));
        let PacketKind::Event { args, .. } = packet.kind else {
            panic!()
        };
        assert_eq!(args.deserialize::<Bytes>().unwrap(), [1, 2, 3, 4][..]);
    }

    #[test]
    fn binary_event_with_several_attachments() {
        let packet = binary_packet(
            r#"52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
            &[&[1, 2], &[3, 4]],
        );
        assert_eq!(packet.namespace, "/admin");
        let PacketKind::Event { name, args, .. } = packet.kind else {
            panic!()
        };
        assert_eq!(name, "baz");
        assert_eq!(
            args.deserialize::<(&[u8], &[u8])>().unwrap(),
            (&[1, 2][..], &[3, 4][..])
        );
    }

    #[test]
    fn binary_ack() {
        let packet = binary_packet(
            r#"61-15["bar",{"_placeholder":true,"num":0}]"#,
            &[&[1, 2, 3, 4]],
        );
        let PacketKind::Ack { id, args } = packet.kind else {
            panic!()
        };
        assert_eq!(id, 15);
        let (text, data): (&str, &[u8]) = args.deserialize().unwrap();
        assert_eq!((text, data), ("bar", &[1, 2, 3, 4][..]));
        let packet = binary_packet(r#"61-/admin,1[{"_placeholder":true,"num":0}]"#, &[b"me"]);
        assert_eq!(packet.namespace, "/admin");
    }
}

/// Where JavaScript is lax and honest peers depend on it.
mod as_javascript {
    use super::*;

    #[test]
    fn a_number_is_an_event_name() {
        assert_event(&packet("2[1]"), "/", None, "1", &json!([]));
        assert_event(&packet(r#"2[1,"a",{}]"#), "/", None, "1", &json!(["a", {}]));
        assert_event(&packet("2[-1.5e3 , 2]"), "/", None, "-1.5e3", &json!([2]));
    }

    #[test]
    fn an_empty_event_name() {
        assert_event(&packet(r#"2["",1]"#), "/", None, "", &json!([1]));
    }

    #[test]
    fn an_escaped_event_name() {
        assert_event(
            &packet(r#"2["caf\u00e9\n",1]"#),
            "/",
            None,
            "café\n",
            &json!([1]),
        );
    }

    #[test]
    fn an_event_named_error_is_plain() {
        assert_event(
            &packet(r#"2["error","x"]"#),
            "/",
            None,
            "error",
            &json!(["x"]),
        );
    }

    #[test]
    fn lone_surrogates_in_arguments_do_not_close_the_connection() {
        // `JSON.stringify` writes them so when a string was cut in the middle of a character.
        let PacketKind::Event { args, .. } = packet(r#"2["cut","\ud83d",1]"#).kind else {
            panic!()
        };
        let mut reader = args.reader();
        assert!(reader.next::<String>().is_err());
        assert_eq!(reader.next::<u8>().unwrap(), 1);
    }

    #[test]
    fn whitespace_inside_and_behind_the_payload() {
        assert_event(
            &packet("2[ \"a\" ,\n1\t,[ ] ,{ } ]\r\n"),
            "/",
            None,
            "a",
            &json!([1, [], {}]),
        );
        assert_ack(&packet("31[ ]"), "/", 1, &json!([]));
        assert_ack(&packet("31[ 1 ]"), "/", 1, &json!([1]));
    }

    #[test]
    fn a_placeholder_without_attachments_is_an_object() {
        let object = json!({ "_placeholder": true, "num": 3 });
        let packet = packet(r#"2["a",{"_placeholder":true,"num":3}]"#);
        assert_event(&packet, "/", None, "a", &json!([object]));
    }

    #[test]
    fn only_true_makes_a_placeholder() {
        let text = r#"51-["a",{"_placeholder":"true","num":9},{"_placeholder":1},{"num":"x"}]"#;
        let PacketKind::Event { args, .. } = binary_packet(text, &[b"unused"]).kind else {
            panic!()
        };
        assert_eq!(args.len(), 3);
    }

    #[test]
    fn the_keys_of_a_placeholder_have_no_order() {
        // Other languages keep objects in hash maps.
        let text = r#"51-["a",{"num":0,"_placeholder":true}]"#;
        let PacketKind::Event { args, .. } = binary_packet(text, &[b"data"]).kind else {
            panic!()
        };
        assert_eq!(args.deserialize::<&[u8]>().unwrap(), b"data");
    }

    #[test]
    fn an_attachment_may_be_empty_or_used_twice() {
        let text = r#"51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#;
        let PacketKind::Event { args, .. } = binary_packet(text, &[b""]).kind else {
            panic!()
        };
        assert_eq!(
            args.deserialize::<(Bytes, Bytes)>().unwrap(),
            (Bytes::new(), Bytes::new())
        );
    }
}

/// One test per malformed text: `name: text => error`.
macro_rules! refused {
    ($($name:ident: $text:expr => $error:pat,)*) => {$(
        #[test]
        fn $name() {
            let result = decode($text);
            assert!(matches!(result, Err($error)), "{:?} gave {result:?}", $text);
        }
    )*};
}

mod malformed {
    use super::*;

    refused! {
        empty: "" => DecodeError::Empty,
        type_7: "7" => DecodeError::UnknownType('7'),
        type_999: "999" => DecodeError::UnknownType('9'),
        type_letter: "a" => DecodeError::UnknownType('a'),
        type_multibyte: "é2" => DecodeError::UnknownType('é'),
        type_negative: "-1" => DecodeError::UnknownType('-'),

        connect_null: "0null" => DecodeError::WrongPayload { .. },
        connect_array: "0[]" => DecodeError::WrongPayload { .. },
        connect_string: r#"0/admin,"invalid""# => DecodeError::WrongPayload { .. },
        connect_number: "0123" => DecodeError::WrongPayload { .. },
        connect_cut: r#"0{"token":"12"# => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),
        connect_garbage_behind: "0{}x" => DecodeError::IllegalPayload(JsonError::UnexpectedByte { offset: 2 }),
        connect_comma_first: "0,{}" => DecodeError::WrongPayload { .. },

        disconnect_with_object: "1/admin,{}" => DecodeError::UnexpectedPayload,
        disconnect_with_array: r#"1["x"]"# => DecodeError::UnexpectedPayload,
        disconnect_with_id: "15" => DecodeError::UnexpectedPayload,

        connect_error_without_payload: "4" => DecodeError::MissingPayload,
        connect_error_array: r#"442["some","data""# => DecodeError::WrongPayload { .. },
        connect_error_number: "41" => DecodeError::WrongPayload { .. },
        connect_error_cut: r#"4"Unauth"# => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),

        // JavaScript ignores an event without payload; the protocol document wants the connection closed.
        event_without_payload: "2" => DecodeError::MissingPayload,
        event_with_id_without_payload: "212" => DecodeError::MissingPayload,
        event_with_namespace_without_payload: "2/admin" => DecodeError::MissingPayload,
        event_empty_array: "2[]" => DecodeError::IllegalEventName,
        event_object: "2/admin,{}" => DecodeError::WrongPayload { .. },
        event_string: r#"2/admin,"invalid"# => DecodeError::WrongPayload { .. },
        event_object_name: r#"2[{"toString":"foo"}]"# => DecodeError::IllegalEventName,
        event_array_name: r#"2[["a"]]"# => DecodeError::IllegalEventName,
        event_true_name: r#"2[true,"foo"]"# => DecodeError::IllegalEventName,
        event_null_name: r#"2[null,"bar"]"# => DecodeError::IllegalEventName,
        event_surrogate_name: r#"2["\ud800"]"# => DecodeError::IllegalEventName,
        event_cut_in_bracket: "2[" => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),
        event_cut_in_name: r#"2["a"# => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),
        event_cut_behind_name: r#"2["a""# => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),
        event_cut_behind_comma: r#"2["a","# => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),
        event_cut_in_argument: r#"2["a",{"b":1"# => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),
        event_trailing_comma: r#"2["a",]"# => DecodeError::IllegalPayload(JsonError::UnexpectedByte { offset: 5 }),
        event_garbage_behind: r#"2["a"]]"# => DecodeError::IllegalPayload(JsonError::UnexpectedByte { offset: 5 }),
        event_two_payloads: r#"2["a"]["b"]"# => DecodeError::IllegalPayload(JsonError::UnexpectedByte { .. }),
        event_no_comma: r#"2["a" 1]"# => DecodeError::IllegalPayload(JsonError::UnexpectedByte { .. }),
        event_wrong_bracket: r#"2["a"}"# => DecodeError::IllegalPayload(JsonError::UnexpectedByte { .. }),

        reserved_connect: r#"2["connect"]"# => DecodeError::ReservedEventName("connect"),
        reserved_connect_error: r#"2["connect_error"]"# => DecodeError::ReservedEventName("connect_error"),
        reserved_disconnect: r#"2["disconnect","123"]"# => DecodeError::ReservedEventName("disconnect"),
        reserved_disconnecting: r#"2["disconnecting"]"# => DecodeError::ReservedEventName("disconnecting"),
        reserved_new_listener: r#"2["newListener"]"# => DecodeError::ReservedEventName("newListener"),
        reserved_remove_listener: r#"2["removeListener"]"# => DecodeError::ReservedEventName("removeListener"),
        reserved_escaped: r#"2["c\u006fnnect"]"# => DecodeError::ReservedEventName("connect"),
        reserved_binary: r#"51-["connect",{"_placeholder":true,"num":0}]"# => DecodeError::ReservedEventName("connect"),

        ack_without_payload: "31" => DecodeError::MissingPayload,
        // JavaScript ignores it.
        ack_without_id: r#"3["x"]"# => DecodeError::MissingAckId,
        ack_without_anything: "3" => DecodeError::MissingAckId,
        ack_object: "31{}" => DecodeError::WrongPayload { .. },
        ack_cut: "31[1" => DecodeError::IllegalPayload(JsonError::UnexpectedEnd),

        // JavaScript answers with `1e+30`.
        id_of_30_digits: r#"2100000000000000000000000000000["a"]"# => DecodeError::IllegalAckId,
        id_above_64_bits: r#"218446744073709551616["a"]"# => DecodeError::IllegalAckId,
        id_with_leading_zero: r#"2007["a"]"# => DecodeError::IllegalAckId,
        // `Number(" ")` is 0 in JavaScript.
        id_blank: r#"2 ["a"]"# => DecodeError::WrongPayload { .. },
        id_negative: r#"2-1["a"]"# => DecodeError::WrongPayload { .. },
        id_fraction: r#"21.5["a"]"# => DecodeError::WrongPayload { .. },

        attachments_missing: "5" => DecodeError::IllegalAttachmentCount,
        attachments_without_dash: "51" => DecodeError::IllegalAttachmentCount,
        attachments_dash_only: r#"5-["a"]"# => DecodeError::IllegalAttachmentCount,
        attachments_0: "50-" => DecodeError::IllegalAttachmentCount,
        attachments_00: r#"500-["a"]"# => DecodeError::IllegalAttachmentCount,
        attachments_letter: "5a-" => DecodeError::IllegalAttachmentCount,
        attachments_fraction: "51.23-" => DecodeError::IllegalAttachmentCount,
        // JavaScript takes whatever `Number()` takes.
        attachments_exponent: r#"51e1-["a"]"# => DecodeError::IllegalAttachmentCount,
        attachments_hex: r#"50x1-["a"]"# => DecodeError::IllegalAttachmentCount,
        attachments_blank: r#"5 1-["a"]"# => DecodeError::IllegalAttachmentCount,
        attachments_plus: r#"5+1-["a"]"# => DecodeError::IllegalAttachmentCount,
        attachments_11: r#"511-["a"]"# => DecodeError::TooManyAttachments { limit: 10 },
        attachments_overflow: r#"599999999999999999999-["a"]"# => DecodeError::TooManyAttachments { limit: 10 },
        binary_ack_without_id: r#"61-["a"]"# => DecodeError::MissingAckId,
        binary_event_without_payload: "51-" => DecodeError::MissingPayload,

        num_out_of_range: r#"51-["a",{"_placeholder":true,"num":1}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_negative: r#"51-["a",{"_placeholder":true,"num":-1}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_string: r#"51-["a",{"_placeholder":true,"num":"0"}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_property_name: r#"51-["a",{"_placeholder":true,"num":"splice"}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_object: r#"51-["a",{"_placeholder":true,"num":{"toString":"0"}}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_array: r#"51-["a",{"_placeholder":true,"num":[0]}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_null: r#"51-["a",{"_placeholder":true,"num":null}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_missing: r#"51-["a",{"_placeholder":true}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_huge: r#"51-["a",{"_placeholder":true,"num":18446744073709551616}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        // JavaScript takes both, and finds no attachment at 0.5.
        num_fraction: r#"51-["a",{"_placeholder":true,"num":0.5}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_exponent: r#"51-["a",{"_placeholder":true,"num":0e0}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_twice: r#"51-["a",{"num":7,"_placeholder":true,"num":0}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_nested: r#"51-["a",[{"b":{"_placeholder":true,"num":1}}]]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_of_a_sibling: r#"51-["a",{"x":{"num":0},"_placeholder":true}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
        num_of_the_level_before: r#"51-["a",{"num":0},{"_placeholder":true}]"# => DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. }),
    }

    #[test]
    fn the_largest_id_passes() {
        let packet = packet(r#"218446744073709551615["a"]"#);
        assert_event(&packet, "/", Some(u64::MAX), "a", &json!([]));
    }
}

mod limits {
    use super::*;

    #[test]
    fn attachments() {
        let limits = Limits {
            max_attachments: 2,
            ..Limits::default()
        };
        assert!(decode_with(limits, r#"52-["a"]"#).unwrap().is_none());
        let error = decode_with(limits, r#"53-["a"]"#).unwrap_err();
        assert_eq!(error, DecodeError::TooManyAttachments { limit: 2 });
        let none = Limits {
            max_attachments: 0,
            ..Limits::default()
        };
        let error = decode_with(none, r#"51-["a"]"#).unwrap_err();
        assert_eq!(error, DecodeError::TooManyAttachments { limit: 0 });
    }

    #[test]
    fn namespace() {
        let limits = Limits {
            max_namespace_bytes: 6,
            ..Limits::default()
        };
        assert!(decode_with(limits, "0/admin,").is_ok());
        let error = decode_with(limits, "0/admins,").unwrap_err();
        assert_eq!(error, DecodeError::NamespaceTooLong { bytes: 7, limit: 6 });
        let error = decode_with(limits, r#"2/admins["a"]"#).unwrap_err();
        assert_eq!(
            error,
            DecodeError::NamespaceTooLong {
                bytes: 12,
                limit: 6
            }
        );
    }

    #[test]
    fn depth() {
        let nested = |depth| alloc::format!("2[1,{}0{}]", "[".repeat(depth), "]".repeat(depth));
        for max_depth in [1, 2, 5, 127, 255] {
            let limits = Limits {
                max_depth,
                ..Limits::default()
            };
            // The array of the event is the first level; 127 is the most.
            let most = max_depth.min(127);
            let within = decode_with(limits, &nested(usize::from(most) - 1))
                .unwrap()
                .unwrap();
            let PacketKind::Event { args, .. } = within.kind else {
                panic!()
            };
            assert!(
                args.deserialize::<Option<Value>>().is_ok(),
                "serde_json reads what passes"
            );
            let error = decode_with(limits, &nested(usize::from(most))).unwrap_err();
            assert_eq!(
                error,
                DecodeError::IllegalPayload(JsonError::TooDeep { limit: most })
            );
        }
        let deep = nested(100_000);
        assert!(decode(&deep).is_err());
    }

    #[test]
    fn text_bytes() {
        let limits = Limits {
            max_packet_bytes: 8,
            ..Limits::default()
        };
        assert!(decode_with(limits, r#"2["abc"]"#).is_ok());
        let error = decode_with(limits, r#"2["abcd"]"#).unwrap_err();
        assert_eq!(error, DecodeError::PacketTooLarge { limit: 8 });
    }

    #[test]
    fn bytes_of_all_attachments() {
        let text = r#"52-["a"]"#;
        let limits = Limits {
            max_packet_bytes: text.len() + 10,
            ..Limits::default()
        };
        let mut decoder = Decoder::new(limits);
        for (second, fits) in [(5, true), (6, false)] {
            decoder.decode_text(FastStr::new(text), START).unwrap();
            decoder.decode_binary(vec![0; 5].into(), START).unwrap();
            let result = decoder.decode_binary(vec![0; second].into(), START);
            assert_eq!(result.is_ok(), fits);
        }
    }

    #[test]
    fn nothing_is_kept_for_what_was_only_announced() {
        let limits = Limits {
            max_attachments: u16::MAX,
            ..Limits::default()
        };
        let mut decoder = Decoder::new(limits);
        decoder
            .decode_text(FastStr::new(r#"565535-["a"]"#), START)
            .unwrap();
        let State::Json(Some(pending)) = decoder.state else {
            panic!()
        };
        assert_eq!(pending.attachments.capacity(), 0);
    }
}

mod reassembly {
    use super::*;

    fn waiting() -> Decoder {
        let mut decoder = Decoder::new(Limits::default());
        let text = r#"52-["a",{"_placeholder":true,"num":1}]"#;
        assert!(
            decoder
                .decode_text(FastStr::new(text), START)
                .unwrap()
                .is_none()
        );
        decoder
    }

    #[test]
    fn text_while_attachments_are_missing() {
        let mut decoder = waiting();
        decoder.decode_binary(Bytes::new(), START).unwrap();
        let error = decoder
            .decode_text(FastStr::new(r#"2["b"]"#), START)
            .unwrap_err();
        assert_eq!(error, DecodeError::TextInsteadOfAttachment { missing: 1 });
    }

    #[test]
    fn binary_that_nobody_announced() {
        let mut decoder = Decoder::new(Limits::default());
        let error = decoder.decode_binary(Bytes::new(), START).unwrap_err();
        assert_eq!(error, DecodeError::UnexpectedAttachment);
    }

    #[test]
    fn one_binary_too_many() {
        let mut decoder = waiting();
        assert!(
            decoder
                .decode_binary(Bytes::new(), START)
                .unwrap()
                .is_none()
        );
        assert!(
            decoder
                .decode_binary(Bytes::new(), START)
                .unwrap()
                .is_some()
        );
        let error = decoder.decode_binary(Bytes::new(), START).unwrap_err();
        assert_eq!(error, DecodeError::UnexpectedAttachment);
    }

    #[test]
    fn each_attachment_has_its_time() {
        let second = Duration::from_secs(1);
        let mut decoder = waiting();
        assert_eq!(decoder.poll_timeout(), Some(60 * second));
        assert_eq!(decoder.handle_timeout(59 * second), Ok(()));
        decoder.decode_binary(Bytes::new(), 59 * second).unwrap();
        assert_eq!(decoder.poll_timeout(), Some(119 * second));
        assert_eq!(decoder.handle_timeout(118 * second), Ok(()));
        let error = decoder.handle_timeout(119 * second);
        assert_eq!(error, Err(DecodeError::AttachmentTimeout { missing: 1 }));
        assert_eq!(decoder.poll_timeout(), None);
        assert_eq!(decoder.handle_timeout(Duration::MAX), Ok(()));
    }

    #[test]
    fn no_time_limit_without_a_binary_packet() {
        let mut decoder = Decoder::new(Limits::default());
        decoder.decode_text(FastStr::new("0"), START).unwrap();
        assert_eq!(decoder.poll_timeout(), None);
    }
}

mod properties {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    /// Arguments with binary data at any depth.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Null,
        Bool(bool),
        Int(i64),
        Big(u64),
        Text(String),
        Data(Bytes),
        Maybe(Option<alloc::boxed::Box<Tree>>),
        List(Vec<Tree>),
        Pair(alloc::boxed::Box<(Tree, Tree)>),
        Map(alloc::collections::BTreeMap<String, Tree>),
        Fields {
            left: alloc::boxed::Box<Tree>,
            data: Bytes,
        },
    }

    fn data() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            any::<i64>().prop_map(Tree::Int),
            any::<u64>().prop_map(Tree::Big),
            any::<String>().prop_map(Tree::Text),
            data().prop_map(Tree::Data),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let boxed = inner.clone().prop_map(alloc::boxed::Box::new);
            prop_oneof![
                prop::option::of(boxed.clone()).prop_map(Tree::Maybe),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
                (inner.clone(), inner.clone()).prop_map(|pair| Tree::Pair(pair.into())),
                prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Tree::Map),
                (boxed, data()).prop_map(|(left, data)| Tree::Fields { left, data }),
            ]
        })
    }

    fn namespace() -> impl Strategy<Value = String> {
        prop_oneof![Just("/".into()), "/[^,]{0,40}"]
    }

    fn name() -> impl Strategy<Value = String> {
        any::<String>().prop_filter("reserved", |name| !RESERVED_EVENTS.contains(&name.as_str()))
    }

    /// Gives a packet's messages to a decoder.
    fn receive(decoder: &mut Decoder, text: Vec<u8>, attachments: &[Bytes]) -> Packet {
        let text = FastStr::from_vec_u8(text).expect("the encoder writes UTF-8");
        let mut packet = decoder.decode_text(text, START).unwrap();
        for data in attachments {
            assert!(packet.is_none());
            packet = decoder.decode_binary(data.clone(), START).unwrap();
        }
        packet.expect("the packet is complete")
    }

    fn wide() -> Limits {
        Limits {
            max_attachments: 1000,
            ..Limits::default()
        }
    }

    proptest! {
        #[test]
        fn events_come_back(
            namespace in namespace(),
            id in any::<Option<u64>>(),
            name in name(),
            args in (tree(), any::<String>(), tree()),
        ) {
            let mut text = Vec::new();
            let attachments = encode::event(&mut text, &namespace, id, &name, &args).unwrap();
            let packet = receive(&mut Decoder::new(wide()), text, &attachments);
            prop_assert_eq!(packet.namespace, namespace);
            let PacketKind::Event { id: got_id, name: got_name, args: got } = packet.kind else { panic!() };
            prop_assert_eq!((got_id, got_name.as_str()), (id, name.as_str()));
            prop_assert_eq!(got.deserialize::<(Tree, String, Tree)>().unwrap(), args.clone());
            let mut reader = got.reader();
            prop_assert_eq!(reader.len(), 3);
            prop_assert_eq!(reader.next::<Tree>().unwrap(), args.0);
            prop_assert_eq!(reader.next::<String>().unwrap(), args.1);
            prop_assert_eq!(reader.next::<Tree>().unwrap(), args.2);
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn acks_come_back(namespace in namespace(), id: u64, args in (tree(),)) {
            let mut text = Vec::new();
            let attachments = encode::ack(&mut text, &namespace, id, &args).unwrap();
            let packet = receive(&mut Decoder::new(wide()), text, &attachments);
            prop_assert_eq!(packet.namespace, namespace);
            let PacketKind::Ack { id: got_id, args: got } = packet.kind else { panic!() };
            prop_assert_eq!(got_id, id);
            prop_assert_eq!(got.deserialize::<(Tree,)>().unwrap(), args);
        }

        #[test]
        fn a_sequence_of_packets_on_one_decoder(trees in prop::collection::vec(tree(), 0..8)) {
            let mut decoder = Decoder::new(wide());
            for tree in trees {
                let mut text = Vec::new();
                let attachments = encode::event(&mut text, "/", None, "e", &(&tree,)).unwrap();
                let packet = receive(&mut decoder, text, &attachments);
                let PacketKind::Event { args, .. } = packet.kind else { panic!() };
                prop_assert_eq!(args.deserialize::<Tree>().unwrap(), tree);
            }
        }

        /// Whatever the order of messages: a packet comes out exactly when a text without
        /// attachments, or the last announced attachment, went in.
        #[test]
        fn any_interleaving(messages in prop::collection::vec(0_u16..4, 0..20)) {
            let mut decoder = Decoder::new(Limits::default());
            let mut missing = 0;
            for message in messages {
                // 3 is a binary message, others a text with so many attachments.
                let result = match message {
                    3 => decoder.decode_binary(Bytes::from_static(b"data"), START),
                    0 => decoder.decode_text(FastStr::from_static_str("2[1]"), START),
                    n => decoder.decode_text(FastStr::from(alloc::format!("5{n}-[1]")), START),
                };
                let (allowed, after) = match (missing, message) {
                    (0, 3) => (false, 0),
                    (0, n) => (true, n),
                    (waiting, 3) => (true, waiting - 1),
                    _ => (false, 0),
                };
                prop_assert_eq!(result.is_ok(), allowed);
                missing = after;
                prop_assert_eq!(decoder.poll_timeout().is_some(), missing > 0);
                if let Ok(packet) = result {
                    prop_assert_eq!(packet.is_some(), missing == 0);
                }
            }
        }

        #[test]
        fn any_text_is_decoded_or_refused(text in "[0-6][0-9]{0,3}-?(/[a-z]{0,3},)?[0-9]{0,3}[\\[\\]{}\":,a1e. ]{0,20}") {
            if let Ok(Some(Packet { kind: PacketKind::Event { args, .. } | PacketKind::Ack { args, .. }, .. })) = decode(&text) {
                serde_json::from_str::<Value>(&args.to_json()).unwrap();
            }
        }
    }
}
