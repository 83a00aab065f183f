use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::serialize::Msgpack;
use super::*;
use crate::encode::writer::Writer;
use crate::{
    ArgumentError, Arguments, DecodeError, EncodeError, Limits, Packet, PacketKind, Parser,
};

fn bytes(hex: &str) -> Bytes {
    let digits = hex.as_bytes().chunks(2);
    let byte = |digits| u8::from_str_radix(core::str::from_utf8(digits).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

/// Each message is a packet.
fn decode(data: Bytes, limits: &Limits) -> Result<Packet, DecodeError> {
    super::decode(data, limits).map(|packet| packet.expect("a packet"))
}

fn decode_hex(hex: &str) -> Result<Packet, DecodeError> {
    decode(bytes(hex), &Limits::default())
}

fn write<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.serialize(Writer(Msgpack::new(&mut out))).unwrap();
    out
}

/// A packet of an event whose only argument is these bytes.
fn event_with(argument: &[u8]) -> Bytes {
    [
        &b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e"[..],
        argument,
    ]
    .concat()
    .into()
}

fn argument(value: &[u8]) -> Arguments {
    let packet = decode(event_with(value), &Limits::default()).unwrap();
    let PacketKind::Event { args, .. } = packet.kind else {
        panic!("not an event")
    };
    args
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Result<T, ArgumentError> {
    // As one argument: a tuple would be several.
    argument(value).deserialize().map(|(value,)| value)
}

fn refused(value: &[u8]) -> MsgpackError {
    match decode(event_with(value), &Limits::default()).unwrap_err() {
        DecodeError::IllegalMsgpack(error) => error,
        other => panic!("{other:?}"),
    }
}

/// What socket.io-msgpack-parser 3.0.2 writes.
mod examples {
    use super::*;

    #[test]
    fn connect_with_data_undefined() {
        let packet = decode_hex("83a47479706500a464617461d40000a36e7370a12f").unwrap();
        assert_eq!(packet.namespace, "/");
        assert!(matches!(packet.kind, PacketKind::Connect(None)));
    }

    #[test]
    fn connect_with_auth_and_options() {
        let packet = decode_hex("84a47479706500a46461746181a5746f6b656ea3313233a76f7074696f6e7381a8636f6d7072657373c3a36e7370a62f61646d696e").unwrap();
        assert_eq!(packet.namespace, "/admin");
        let PacketKind::Connect(Some(auth)) = packet.kind else {
            panic!()
        };
        assert_eq!(auth.as_str(), r#"{"token":"123"}"#);
    }

    #[test]
    fn disconnect() {
        let packet = decode_hex(
            "83a47479706501a76f7074696f6e7381a8636f6d7072657373c3a36e7370a62f61646d696e",
        )
        .unwrap();
        assert_eq!(packet.namespace, "/admin");
        assert!(matches!(packet.kind, PacketKind::Disconnect));
    }

    #[test]
    fn event_with_id() {
        let packet = decode_hex("85a47479706502a46461746197a2686901a2c3a9cbbff8000000000000c3c0d40000a76f7074696f6e7381a8636f6d7072657373c3a269640ca36e7370a12f").unwrap();
        let PacketKind::Event { id, name, args } = packet.kind else {
            panic!()
        };
        assert_eq!((id, name.as_str(), args.len()), (Some(12), "hi", 6));
        type Args<'a> = (u8, &'a str, f64, bool, Option<u8>, Option<u8>, Option<u8>);
        let read: Args<'_> = args.deserialize().unwrap();
        assert_eq!(read, (1, "é", -1.5, true, None, None, None));
        assert_eq!(args.to_json(), r#"[1,"é",-1.5,true,null,null]"#);
    }

    #[test]
    fn buffers_array_buffers_and_dates() {
        let packet = decode_hex("83a47479706502a46461746193a162c40301020382a178c702000405a164d7000000018bcfe5687ba36e7370a12f").unwrap();
        let PacketKind::Event { args, .. } = packet.kind else {
            panic!()
        };
        #[derive(Deserialize, Debug, PartialEq)]
        struct Second {
            x: Bytes,
            d: String,
        }
        let (first, second): (Bytes, Second) = args.deserialize().unwrap();
        assert_eq!(&first[..], [1, 2, 3]);
        let d = "2023-11-14T22:13:20.123Z".into();
        assert_eq!(
            second,
            Second {
                x: Bytes::from_static(&[4, 5]),
                d
            }
        );
        assert_eq!(
            args.to_json(),
            r#"[{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1},"d":"2023-11-14T22:13:20.123Z"}]"#
        );
    }

    #[test]
    fn ack() {
        let packet = decode_hex(
            "84a47479706503a4646174619181a26f6bc3a26964ce00011170a36e7370a62f61646d696e",
        )
        .unwrap();
        assert!(
            matches!(packet.kind, PacketKind::Ack { id: 70_000, args } if args.deserialize::<Value>().unwrap() == json!({ "ok": true }))
        );
    }

    #[test]
    fn connect_error() {
        let packet = decode_hex("83a47479706504a46461746181a76d657373616765b1496e76616c6964206e616d657370616365a36e7370a72f72616e646f6d").unwrap();
        let PacketKind::ConnectError(error) = packet.kind else {
            panic!()
        };
        assert_eq!(error.as_str(), r#"{"message":"Invalid namespace"}"#);
    }

    /// python-socketio writes `None` where JavaScript writes nothing.
    #[test]
    fn null_as_no_data() {
        let connect = decode_hex("83a47479706500a464617461c0a36e7370a12f").unwrap();
        assert!(matches!(connect.kind, PacketKind::Connect(None)));
        let disconnect = decode_hex("83a47479706501a464617461c0a36e7370a12f").unwrap();
        assert!(matches!(disconnect.kind, PacketKind::Disconnect));
    }
}

/// Forms of values that notepack and @msgpack/msgpack write.
mod values {
    use super::*;

    #[track_caller]
    fn assert_written<T: Serialize + ?Sized>(value: &T, hex: &str) {
        assert_eq!(write(value), bytes(hex), "{hex}");
    }

    #[track_caller]
    fn assert_read<T: DeserializeOwned + PartialEq + Debug>(hex: &str, value: &T) {
        assert_eq!(&read::<T>(&bytes(hex)).unwrap(), value, "{hex}");
    }

    #[test]
    fn integers_take_the_shortest_form() {
        for (value, hex) in [
            (0, "00"),
            (127, "7f"),
            (128, "cc80"),
            (255, "ccff"),
            (256, "cd0100"),
            (65_535, "cdffff"),
            (65_536, "ce00010000"),
            (4_294_967_295, "ceffffffff"),
            (4_294_967_296, "cf0000000100000000"),
            (9_007_199_254_740_991, "cf001fffffffffffff"),
            (-1, "ff"),
            (-32, "e0"),
            (-33, "d0df"),
            (-128, "d080"),
            (-129, "d1ff7f"),
            (-32_768, "d18000"),
            (-32_769, "d2ffff7fff"),
            (-2_147_483_648, "d280000000"),
            (-2_147_483_649, "d3ffffffff7fffffff"),
            (-9_007_199_254_740_991, "d3ffe0000000000001"),
            (i64::MIN, "d38000000000000000"),
        ] {
            assert_written(&value, hex);
            assert_read(hex, &value);
            assert_written(&i128::from(value), hex);
        }
        assert_written(&u64::MAX, "cfffffffffffffffff");
        assert_read("cfffffffffffffffff", &u64::MAX);
        assert_read("cf0000000000000005", &5u8);
        assert_read("d20000000c", &12u8);
        assert!(read::<u8>(&bytes("cd0100")).is_err());
    }

    #[test]
    fn floats() {
        assert_written(&1.5, "cb3ff8000000000000");
        assert_written(&f64::NAN, "cb7ff8000000000000");
        assert_written(&f64::INFINITY, "cb7ff0000000000000");
        assert_written(&1.5f32, "ca3fc00000");
        assert_read("ca3f800000", &1.0);
        // JavaScript has no integers: a float without a fraction comes as one.
        assert_read("01", &1.0);
    }

    #[test]
    fn text_and_binary() {
        for (len, text, binary) in [
            (0, "a0", "c400"),
            (31, "bf", "c41f"),
            (32, "d920", "c420"),
            (255, "d9ff", "c4ff"),
            (256, "da0100", "c50100"),
            (65_535, "daffff", "c5ffff"),
            (65_536, "db00010000", "c600010000"),
        ] {
            let written = [&bytes(text)[..], &vec![b'a'; len]].concat();
            let value = "a".repeat(len);
            assert_eq!(write(&value), written);
            assert_eq!(read::<String>(&written).unwrap(), value);
            let written = [&bytes(binary)[..], &vec![7; len]].concat();
            let value = Bytes::from(vec![7; len]);
            assert_eq!(write(&value), written);
            assert_eq!(read::<Bytes>(&written).unwrap(), value);
        }
        assert_read("db0000000161", &String::from("a"));
        assert_read("c5000101", &Bytes::from_static(&[1]));
        // ArrayBuffer of the notepack that the parser uses, in all its lengths.
        for hex in ["c7020a0b", "c800020a0b", "c9000000020a0b"] {
            let hex = hex.replacen("020a", "02000a", 1);
            assert_read(&hex, &Bytes::from_static(&[10, 11]));
        }
    }

    #[test]
    fn arrays_and_maps() {
        for (len, header) in [
            (0, "90"),
            (15, "9f"),
            (16, "dc0010"),
            (65_535, "dcffff"),
            (65_536, "dd00010000"),
        ] {
            let value = vec![1u8; len];
            let written = [&bytes(header)[..], &value].concat();
            assert_eq!(write(&value), written);
            assert_eq!(read::<Vec<u8>>(&written).unwrap(), value);
        }
        for (len, header) in [(15, "8f"), (16, "de0010")] {
            let value: BTreeMap<String, usize> = (0..len)
                .map(|n| (char::from(b'a' + n as u8).into(), n))
                .collect();
            let written = write(&value);
            assert!(written.starts_with(&bytes(header)), "{len}");
            assert_eq!(read::<BTreeMap<String, usize>>(&written).unwrap(), value);
        }
        // Headers longer than they have to be.
        assert_read("dd0000000105", &[5u8]);
        assert_read("df00000001a16105", &json!({ "a": 5 }));
    }

    #[test]
    fn a_length_that_is_not_known_before() {
        struct Unknown(usize);
        impl Serialize for Unknown {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeSeq;
                let mut seq = serializer.serialize_seq(None)?;
                for _ in 0..self.0 {
                    seq.serialize_element("x")?;
                }
                seq.end()
            }
        }
        for len in [0, 1, 15, 16, 70_000] {
            let value = [Unknown(len), Unknown(2)];
            let expected = [vec!["x"; len], vec!["x"; 2]];
            assert_eq!(write(&value), write(&expected), "{len}");
        }
    }

    #[test]
    fn timestamps_and_dates() {
        for (hex, text) in [
            ("d6ff00000000", "1970-01-01T00:00:00.000Z"),
            ("d6ff00000001", "1970-01-01T00:00:01.000Z"),
            ("d7ff1d5353006553f100", "2023-11-14T22:13:20.123Z"),
            ("c70cff00000000ffffffffffffffff", "1969-12-31T23:59:59.000Z"),
            ("c70cff3b8b87c0ffffffffffffffff", "1969-12-31T23:59:59.999Z"),
            ("d7000000018bcfe5687b", "2023-11-14T22:13:20.123Z"),
            ("d700ffffffffffffffff", "1969-12-31T23:59:59.999Z"),
            ("d7000000000000000000", "1970-01-01T00:00:00.000Z"),
            // 2000-02-29, 1900-02-28 and -03-01, and the ends of what a Date can be.
            ("d700000000dd9aa6e000", "2000-02-29T00:00:00.000Z"),
            ("d700fffffdfed8b2b400", "1900-02-28T00:00:00.000Z"),
            ("d700fffffdfeddd91000", "1900-03-01T00:00:00.000Z"),
            ("d700001eb208c2dc0000", "+275760-09-13T00:00:00.000Z"),
            ("d700ffe14df73d240000", "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_read(hex, &String::from(text));
            assert_eq!(
                argument(&bytes(hex)).to_json(),
                alloc::format!("[\"{text}\"]")
            );
        }
        for hex in [
            "d700001eb208c2dc0001",
            "d700ffe14df73d23ffff",
            "d7007fffffffffffffff",
        ] {
            assert_read(hex, &Value::Null);
            assert_eq!(argument(&bytes(hex)).to_json(), "[null]");
        }
    }

    #[test]
    fn unknown_extensions_are_pairs() {
        assert_read("d40541", &(5i8, Bytes::from_static(b"A")));
        assert_eq!(
            argument(&bytes("d40541")).to_json(),
            r#"[[5,{"_placeholder":true,"num":0}]]"#
        );
    }

    #[test]
    fn keys_that_are_numbers() {
        assert_read("810102", &BTreeMap::from([(1u8, 2u8)]));
        assert_read("81ff02", &json!({ "-1": 2 }));
        assert_read("81a13102", &BTreeMap::from([(1u8, 2u8)]));
        assert_written(&BTreeMap::from([(1u8, 2u8)]), "81a13102");
        assert_written(&BTreeMap::from([(true, 2u8)]), "81a47472756502");
        let long = "k".repeat(300);
        let map = BTreeMap::from([(long.as_str(), 1)]);
        assert_eq!(
            read::<BTreeMap<String, u8>>(&write(&map)).unwrap()[&long],
            1
        );
    }

    #[test]
    fn json_inside() {
        let raw = RawValue::from_string(r#"{"a":[1,-2,0.5,"x"]}"#.into()).unwrap();
        assert_eq!(write(&raw), write(&json!({ "a": [1, -2, 0.5, "x"] })));
        for number in ["1", "-1", "1.5"] {
            let raw = RawValue::from_string(number.into()).unwrap();
            let value: Value = serde_json::from_str(number).unwrap();
            assert_eq!(write(&raw), write(&value));
        }
    }

    #[test]
    fn what_serde_has() {
        #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
        enum Any {
            Unit,
            Newtype(Bytes),
            Tuple(u8, Option<String>),
            Struct { a: Vec<Any>, b: Option<()> },
        }
        #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
        struct Newtype(i8);
        #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
        struct Many {
            any: Vec<Any>,
            newtype: Newtype,
            char: char,
            address: core::net::Ipv4Addr,
            #[serde(skip_serializing_if = "Option::is_none")]
            none: Option<u8>,
            nested: Option<BTreeMap<String, (f32, u128, i128)>>,
        }
        let any = vec![
            Any::Unit,
            Any::Newtype(Bytes::from_static(b"data")),
            Any::Tuple(1, None),
            Any::Struct {
                a: vec![Any::Unit],
                b: None,
            },
        ];
        let value = Many {
            any,
            newtype: Newtype(-5),
            char: 'é',
            address: core::net::Ipv4Addr::LOCALHOST,
            none: None,
            nested: Some(BTreeMap::from([("a".into(), (0.5, 7, -7))])),
        };
        assert_eq!(read::<Many>(&write(&value)).unwrap(), value);
        // As in JSON: addresses are text.
        assert!(
            argument(&write(&value))
                .to_json()
                .contains(r#""127.0.0.1""#)
        );
    }

    #[test]
    fn what_fits_no_type_is_refused() {
        assert!(read::<Bytes>(b"\xa1a").is_err(), "text is not binary");
        assert!(
            read::<Bytes>(b"\x91\x01").is_err(),
            "numbers are not binary"
        );
        assert!(
            read::<Value>(b"\xc4\x01\x01").is_err(),
            "a Value has no binary"
        );
        assert!(read::<Vec<u8>>(b"\xc4\x01\x01").is_err());
        assert!(read::<(u8,)>(b"\x92\x01\x02").is_err(), "more elements");
        assert!(read::<(u8, u8)>(b"\x91\x01").is_err(), "fewer elements");
        let out = &mut Vec::new();
        let error = u128::MAX.serialize(Writer(Msgpack::new(out))).unwrap_err();
        assert!(matches!(error, EncodeError::Serialize(_)));
    }
}

mod malformed {
    use super::*;

    #[test]
    fn not_a_packet() {
        let error = |hex| decode_hex(hex).unwrap_err();
        assert_eq!(error(""), MsgpackError::UnexpectedEnd.into());
        assert_eq!(error("90"), MsgpackError::NotAMap.into());
        assert_eq!(error("80"), MsgpackError::MissingType.into());
        assert_eq!(error("81a3"), MsgpackError::UnexpectedEnd.into());
        assert_eq!(error("81c001"), MsgpackError::IllegalKey.into());
        assert_eq!(error("81a474797065a130"), MsgpackError::MissingType.into());
        assert_eq!(
            error("82a47479706501a36e7370a12f00"),
            MsgpackError::TrailingBytes { bytes: 1 }.into()
        );
        assert_eq!(
            error("82a47479706505a36e7370a12f"),
            DecodeError::UnknownType('5')
        );
        assert_eq!(
            error("82a474797065ccffa36e7370a12f"),
            DecodeError::UnknownType('\u{fffd}')
        );
        assert_eq!(
            error("82a474797065ffa36e7370a12f"),
            MsgpackError::MissingType.into()
        );
    }

    #[test]
    fn namespaces() {
        let with = |nsp: &[u8]| {
            decode(
                [b"\x82\xa4type\x01\xa3nsp", nsp].concat().into(),
                &Limits::default(),
            )
        };
        for nsp in [
            &b"\xa0"[..],
            b"\xa1a",
            b"\x01",
            b"\xc0",
            b"\xc4\x01/",
            b"\xa4/a,b",
        ] {
            assert_eq!(
                with(nsp).unwrap_err(),
                DecodeError::IllegalNamespace,
                "{nsp:?}"
            );
        }
        assert_eq!(
            decode_hex("81a47479706501").unwrap_err(),
            DecodeError::IllegalNamespace
        );
        let long = ["/", &"n".repeat(256)].concat();
        let error = with(&write(&long)).unwrap_err();
        assert_eq!(
            error,
            DecodeError::NamespaceTooLong {
                bytes: 257,
                limit: 256
            }
        );
    }

    /// What follows the arguments in the message is not one of them, and makes no difference.
    #[test]
    fn the_order_of_keys() {
        let (data, rest) = (
            &b"\xa4data\x93\xa1a\x01\xc4\x02hi"[..],
            &b"\xa3nsp\xa1/\xa2id\x07"[..],
        );
        let [first, last] = [[data, rest], [rest, data]].map(|[one, other]| {
            let message = [b"\x84\xa4type\x02", one, other].concat();
            let packet = decode(message.into(), &Limits::default()).unwrap();
            assert_eq!(packet.namespace, "/");
            let PacketKind::Event { id, name, args } = packet.kind else {
                panic!("an event");
            };
            assert_eq!((id, &*name, args.len()), (Some(7), "a", 2));
            assert_eq!(
                args.deserialize::<(u8, Bytes, Option<u8>)>().unwrap(),
                (1, "hi".into(), None)
            );
            args
        });
        assert_eq!(first, last);
        assert_eq!(first.to_json(), last.to_json());
    }

    /// A value that is no scalar where one has to be is passed over, and refused.
    #[test]
    fn collections_instead_of_scalars() {
        let with = |kind: &[u8], nsp: &[u8], id: &[u8]| {
            let parts = [
                b"\x84\xa4type",
                kind,
                b"\xa3nsp",
                nsp,
                b"\xa2id",
                id,
                b"\xa4data\x91\xa1a",
            ];
            decode(parts.concat().into(), &Limits::default()).map(|_| ())
        };
        assert_eq!(with(b"\x02", b"\xa1/", b"\x01"), Ok(()));
        for odd in [&b"\x91\x02"[..], b"\x81\xa1a\x01", b"\x90"] {
            let missing = DecodeError::from(MsgpackError::MissingType);
            assert_eq!(with(odd, b"\xa1/", b"\x01"), Err(missing));
            assert_eq!(
                with(b"\x02", odd, b"\x01"),
                Err(DecodeError::IllegalNamespace)
            );
            assert_eq!(with(b"\x02", b"\xa1/", odd), Err(DecodeError::IllegalAckId));
        }
        let cut = DecodeError::from(MsgpackError::UnexpectedEnd);
        assert_eq!(with(b"\x02", b"\xa1/", b"\x9f\x01"), Err(cut));
    }

    #[test]
    fn ids() {
        let with = |id: &[u8]| {
            decode(
                [b"\x84\xa4type\x03\xa3nsp\xa1/\xa4data\x90\xa2id", id]
                    .concat()
                    .into(),
                &Limits::default(),
            )
        };
        for id in [
            &b"\xff"[..],
            b"\xa11",
            b"\xcb\x3f\xf0\0\0\0\0\0\0",
            b"\xc3",
            b"\x90",
        ] {
            assert_eq!(with(id).unwrap_err(), DecodeError::IllegalAckId, "{id:?}");
        }
        assert_eq!(with(b"\xc0").unwrap_err(), DecodeError::MissingAckId);
        assert_eq!(with(b"\xd4\0\0").unwrap_err(), DecodeError::MissingAckId);
        assert!(with(&[&b"\xcf"[..], &[0xff; 8]].concat()).is_ok());
    }

    #[test]
    fn payloads() {
        let with = |kind: u8, data: &[u8]| {
            let head = [&b"\x83\xa4type"[..], &[kind], b"\xa3nsp\xa1/\xa4data"].concat();
            decode([&head[..], data].concat().into(), &Limits::default()).unwrap_err()
        };
        let wrong = |expected| DecodeError::WrongPayload { expected };
        for data in [&b"\x90"[..], b"\xa1a", b"\x01", b"\xc2"] {
            assert_eq!(with(0, data), wrong("an object"));
            assert_eq!(with(1, data), DecodeError::UnexpectedPayload);
        }
        assert_eq!(
            with(0, b"\x81\xa1a\xc4\x01\x01"),
            MsgpackError::UnexpectedBinary.into()
        );
        assert_eq!(with(4, b"\x01"), wrong("an object or a string"));
        assert_eq!(with(4, b"\xc0"), DecodeError::MissingPayload);
        assert_eq!(with(2, b"\x80"), wrong("an array"));
        assert_eq!(with(2, b"\xd4\0\0"), DecodeError::MissingPayload);
        assert_eq!(with(2, b"\x90"), DecodeError::IllegalEventName);
        for name in [
            &b"\x91\xc0"[..],
            b"\x91\xc3",
            b"\x91\x90",
            b"\x91\x80",
            b"\x91\xcb\0\0\0\0\0\0\0\0",
            b"\x91\xc4\x01a",
        ] {
            assert_eq!(with(2, name), DecodeError::IllegalEventName, "{name:?}");
        }
        for reserved in crate::RESERVED_EVENTS {
            let data = write(&[reserved][..]);
            assert_eq!(with(2, &data), DecodeError::ReservedEventName(reserved));
        }
    }

    #[test]
    fn numbers_may_be_names() {
        for (name, text) in [(&b"\x05"[..], "5"), (b"\xff", "-1")] {
            let data = [b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91", name].concat();
            let packet = decode(data.into(), &Limits::default()).unwrap();
            assert!(matches!(packet.kind, PacketKind::Event { name, .. } if name == text));
        }
    }

    #[test]
    fn values() {
        assert_eq!(refused(b"\xc1"), MsgpackError::ReservedByte);
        assert_eq!(refused(b"\x81\xc0\x01"), MsgpackError::IllegalKey);
        assert_eq!(
            refused(b"\x01\x01"),
            MsgpackError::TrailingBytes { bytes: 1 }
        );
        for cut in [
            &b""[..],
            b"\xc4",
            b"\xc4\x01",
            b"\xc5\0",
            b"\xc6\0\0\0",
            b"\xc7\0",
            b"\xc7\x02\0\x01",
            b"\xc8\0\x01",
            b"\xc9\0\0\0\x01",
            b"\xca\0\0\0",
            b"\xcb\0\0\0\0\0\0\0",
            b"\xcc",
            b"\xcd\0",
            b"\xce\0\0\0",
            b"\xcf\0",
            b"\xd0",
            b"\xd1\0",
            b"\xd2\0",
            b"\xd3\0",
            b"\xd4\0",
            b"\xd5\0\0",
            b"\xd6\0\0",
            b"\xd7\0\0",
            b"\xd8\0\0",
            b"\xd9",
            b"\xd9\x01",
            b"\xda\0",
            b"\xdb\0\0\0",
            b"\xdc\0",
            b"\xdd\0",
            b"\xde\0",
            b"\xdf\0",
            b"\x91",
            b"\x81",
            b"\x81\xa1a",
            b"\xa1",
        ] {
            assert_eq!(refused(cut), MsgpackError::UnexpectedEnd, "{cut:?}");
        }
    }

    /// The packet's own texts are read at once, the arguments' when somebody asks for a text.
    #[test]
    fn texts_that_are_not_utf8() {
        for (head, len) in [
            (&b"\xa1"[..], 1),
            (b"\xd9\x40", 64),
            (b"\xda\0\x40", 64),
            (b"\xdb\0\0\0\x40", 64),
        ] {
            let value = [head, &vec![0xff; len]].concat();
            let error = read::<String>(&value).unwrap_err();
            let expected = "argument 0: a string that is not UTF-8";
            assert_eq!(error.to_string(), expected, "{head:?}");
            assert!(read::<serde_json::Value>(&value).is_err());
            assert!(read::<serde::de::IgnoredAny>(&value).is_ok());
            let text = "\u{fffd}".repeat(len);
            assert_eq!(argument(&value).to_json(), format!("[\"{text}\"]"));
        }
        let map = b"\x81\xa1\xff\x01";
        assert!(read::<BTreeMap<String, u8>>(map).is_err());
        assert!(read::<BTreeMap<i8, u8>>(map).is_err());
        assert_eq!(argument(map).to_json(), "[{\"\u{fffd}\":1}]");

        for packet in [
            &b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1\xff"[..],
            b"\x83\xa4type\x02\xa3nsp\xa2/\xff\xa4data\x91\xa1e",
            b"\x83\xa4type\0\xa3nsp\xa1/\xa4data\x81\xa1\xff\x01",
            b"\x83\xa4type\0\xa3nsp\xa1/\xa4data\x81\xa1a\xa1\xff",
            b"\x83\xa4type\x04\xa3nsp\xa1/\xa4data\xa1\xff",
        ] {
            let error = decode(packet.into(), &Limits::default()).unwrap_err();
            assert_eq!(error, MsgpackError::NotUtf8.into(), "{packet:?}");
        }
    }

    /// A few bytes that announce four gigabytes.
    #[test]
    fn lengths_that_are_not_there() {
        for marker in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
            assert_eq!(
                refused(&[marker, 0xff, 0xff, 0xff, 0xff]),
                MsgpackError::UnexpectedEnd
            );
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let too_deep = |limit| DecodeError::from(MsgpackError::TooDeep { limit });
        for unit in [&b"\x91"[..], b"\x81\xa1a"] {
            // The array of the event is a level too.
            let nested = |levels| event_with(&[&unit.repeat(levels)[..], b"\x01"].concat());
            let limits = Limits::default();
            let packet = decode(nested(126), &limits).unwrap();
            let PacketKind::Event { args, .. } = packet.kind else {
                panic!()
            };
            args.deserialize::<Value>().unwrap();
            assert_eq!(decode(nested(127), &limits).unwrap_err(), too_deep(127));
            assert_eq!(decode(nested(100_000), &limits).unwrap_err(), too_deep(127));
            let limits = Limits {
                max_depth: 3,
                ..limits
            };
            assert!(decode(nested(2), &limits).is_ok());
            assert_eq!(decode(nested(3), &limits).unwrap_err(), too_deep(3));
        }
        // Also where nobody looks.
        let ignored = [b"\x83\xa4type\x01\xa3nsp\xa1/\xa7options", &[0x91; 500][..]].concat();
        assert_eq!(
            decode(ignored.into(), &Limits::default()).unwrap_err(),
            too_deep(127)
        );
    }
}

#[test]
fn arguments_one_after_another() {
    let mut out = Vec::new();
    let args = (1, Bytes::from_static(b"data"), vec!["a"], None::<u8>);
    Parser::Msgpack
        .event(&mut out, "/", None, "e", &args)
        .unwrap();
    let message = Bytes::from(out);
    let PacketKind::Event { args, .. } = decode(message.clone(), &Limits::default()).unwrap().kind
    else {
        panic!()
    };
    let mut reader = args.reader();
    assert_eq!((reader.len(), args.len()), (4, 4));
    assert_eq!(reader.next::<u8>().unwrap(), 1);
    let data = reader.next::<Bytes>().unwrap();
    assert_eq!(data, "data");
    assert!(
        message.as_ptr_range().contains(&data.as_ptr()),
        "binary is not copied"
    );
    let error = reader.next::<u8>().unwrap_err();
    assert!(matches!(error, ArgumentError::Invalid { index: 2, .. }));
    assert_eq!(reader.next::<Option<u8>>().unwrap(), None);
    assert!(reader.is_empty());
    assert!(matches!(
        reader.next::<u8>(),
        Err(ArgumentError::Missing { index: 4 })
    ));
    assert!(matches!(
        reader.next::<Bytes>(),
        Err(ArgumentError::Missing { index: 5 })
    ));
    assert_eq!(reader.next::<Option<u8>>().unwrap(), None);
}

#[test]
fn a_text_message_is_refused() {
    let mut decoder = Parser::Msgpack.decoder(Limits::default());
    let error = decoder
        .decode_text(r#"2["a"]"#.into(), Duration::ZERO)
        .unwrap_err();
    assert_eq!(error, DecodeError::UnexpectedText);
}

#[test]
fn a_packet_is_bounded() {
    let limits = Limits {
        max_packet_bytes: 20,
        ..Limits::default()
    };
    let mut decoder = Parser::Msgpack.decoder(limits);
    let error = decoder.decode_binary(Bytes::from_static(&[0; 21]), Duration::ZERO);
    assert_eq!(
        error.unwrap_err(),
        DecodeError::PacketTooLarge { limit: 20 }
    );
}

/// What comes out of the application's own `Serialize` can be wrong; the buffer is as it was then.
#[test]
fn after_an_error_the_buffer_is_as_it_was() {
    let mut out = Vec::from(b"4");
    let error = Parser::Msgpack.event(&mut out, "/", None, "e", &(1, u128::MAX));
    assert!(error.is_err());
    for error in [
        Parser::Msgpack.event(&mut out, "a", None, "e", &()),
        Parser::Msgpack.event(&mut out, "/", None, "connect", &()),
        Parser::Msgpack.ack(&mut out, "/a,b", 1, &()),
    ] {
        assert!(error.is_err());
    }
    assert!(Parser::Msgpack.disconnect(&mut out, "a").is_err());
    assert!(Parser::Msgpack.connect(&mut out, "/", &1).is_err());
    assert!(
        Parser::Msgpack
            .connect(&mut out, "/", &json!(["a"]))
            .is_err()
    );
    assert_eq!(out, b"4");
}

/// Any JSON value, and binary.
#[derive(Clone, Debug, PartialEq)]
enum Any {
    Json(Value),
    Binary(Vec<u8>),
    List(Vec<Any>),
    Object(BTreeMap<String, Any>),
}

impl Serialize for Any {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(value) => value.serialize(serializer),
            Self::Binary(data) => serializer.serialize_bytes(data),
            Self::List(list) => list.serialize(serializer),
            Self::Object(map) => map.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Any;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("anything")
            }
            fn visit_borrowed_bytes<E>(self, data: &'de [u8]) -> Result<Any, E> {
                Ok(Any::Binary(data.into()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Any, E> {
                Ok(Any::Json(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
                Ok(Any::Json(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
                Ok(Any::Json(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
                Ok(Any::Json(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Any, E> {
                Ok(Any::Json(value.into()))
            }
            fn visit_unit<E>(self) -> Result<Any, E> {
                Ok(Any::Json(Value::Null))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Any, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = seq.next_element()? {
                    list.push(value);
                }
                Ok(Any::List(list))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
                let mut object = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    object.insert(key, value);
                }
                Ok(Any::Object(object))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn any_value() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Json(Value::Null)),
        any::<bool>().prop_map(|value| Any::Json(value.into())),
        any::<i64>().prop_map(|value| Any::Json(value.into())),
        any::<u64>().prop_map(|value| Any::Json(value.into())),
        any::<i8>().prop_map(|value| Any::Json(value.into())),
        any::<f64>().prop_map(|value| Any::Json(value.into())),
        any::<String>().prop_map(|value| Any::Json(value.into())),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Any::Binary),
    ];
    leaf.prop_recursive(3, 12, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Any::List),
            proptest::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Any::Object),
        ]
    })
}

proptest! {
    #[test]
    fn round_trip(
        args in proptest::collection::vec(any_value(), 0..6),
        id in any::<Option<u64>>(),
        name in "[^c-n].{0,40}",
        namespace in "/[a-zé/]{0,40}",
    ) {
        let mut out = Vec::new();
        Parser::Msgpack.event(&mut out, &namespace, id, &name, &(&args, 1)).unwrap();
        let packet = decode(out.into(), &Limits::default()).unwrap();
        prop_assert_eq!(packet.namespace.as_str(), namespace);
        let PacketKind::Event { id: got_id, name: got_name, args: got } = packet.kind else { panic!() };
        prop_assert_eq!((got_id, got_name.as_str()), (id, name.as_str()));
        let (got_args, one): (Vec<Any>, u8) = got.deserialize().unwrap();
        prop_assert_eq!((got_args, one), (args, 1));
        serde_json::from_str::<Value>(&got.to_json()).unwrap();
    }

    /// Whatever the bytes are: no panic, and what is accepted can be printed, and read but for texts
    /// that are not UTF-8.
    #[test]
    fn anything(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(data.clone().into(), &Limits::default());
        if let Ok(packet) = decode(event_with(&data), &Limits::default()) {
            let PacketKind::Event { args, .. } = packet.kind else { panic!() };
            let json = args.to_json();
            serde_json::from_str::<Value>(&json).unwrap();
            if let Err(error) = args.deserialize::<Any>() {
                prop_assert_eq!(error.to_string(), "argument 0: a string that is not UTF-8");
                let replaced = json.contains('\u{fffd}');
                prop_assert!(replaced);
            }
        }
    }
}
