//! Advisories against other Socket.IO implementations, each as a test of this layer.

use core::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use songi_socketio::server::{Config, Connection, Error, Incoming};
use songi_socketio::{
    AckError, AckRegistry, DecodeError, Decoder, FastStr, JsonError, Limits, PacketKind,
};

const NOW: Duration = Duration::ZERO;

fn decode(text: &str) -> Result<Option<songi_socketio::Packet>, DecodeError> {
    Decoder::new(Limits::default()).decode_text(FastStr::new(text), NOW)
}

/// A decoder whose buffers are bounded by what has arrived: a megabyte of header is one pass.
#[test]
fn cve_2020_36049_a_huge_header() {
    let ones = "1".repeat(1_000_000);
    let result = decode(&format!("5{ones}-[\"a\"]"));
    assert_eq!(
        result.unwrap_err(),
        DecodeError::TooManyAttachments { limit: 10 }
    );
    assert_eq!(
        decode(&format!("2{ones}[\"a\"]")).unwrap_err(),
        DecodeError::IllegalAckId
    );
    let result = decode(&format!("2/{ones},[\"a\"]"));
    assert!(matches!(result, Err(DecodeError::NamespaceTooLong { .. })));
    assert_eq!(
        decode(&format!("5{ones}")).unwrap_err(),
        DecodeError::IllegalAttachmentCount
    );
}

#[test]
fn cve_2022_2421_placeholder_numbers_of_other_types() {
    for num in [
        r#""splice""#,
        r#""0""#,
        r#""__proto__""#,
        "-1",
        "1",
        "0.1",
        "[]",
        "{}",
        "null",
        "true",
    ] {
        let text = format!(r#"51-["a",{{"_placeholder":true,"num":{num}}}]"#);
        let error = decode(&text).unwrap_err();
        assert!(
            matches!(
                error,
                DecodeError::IllegalPayload(JsonError::IllegalPlaceholder { .. })
            ),
            "{num}: {error:?}"
        );
    }
}

#[test]
fn cve_2023_32695_event_names_of_other_types() {
    for name in [r#"{"toString":"foo"}"#, r#"["a"]"#, "null", "true", "{}"] {
        assert_eq!(
            decode(&format!("2[{name}]")).unwrap_err(),
            DecodeError::IllegalEventName
        );
        let binary = format!(r#"51-[{name},{{"_placeholder":true,"num":0}}]"#);
        assert_eq!(decode(&binary).unwrap_err(), DecodeError::IllegalEventName);
    }
    let packet = decode("2[7]").unwrap().unwrap();
    assert!(matches!(packet.kind, PacketKind::Event { name, .. } if name == "7"));
}

#[test]
fn cve_2024_38355_an_event_named_error() {
    let packet = decode(r#"2["error"]"#).unwrap().unwrap();
    assert!(matches!(packet.kind, PacketKind::Event { name, .. } if name == "error"));
}

#[test]
fn cve_2026_33151_more_attachments_than_allowed() {
    let error = decode(r#"5999999-["a"]"#).unwrap_err();
    assert_eq!(error, DecodeError::TooManyAttachments { limit: 10 });
}

#[test]
fn cve_2026_69185_no_attachments() {
    let mut decoder = Decoder::new(Limits::default());
    let error = decoder
        .decode_text(FastStr::new(r#"50-["a"]"#), NOW)
        .unwrap_err();
    assert_eq!(error, DecodeError::IllegalAttachmentCount);
    for _ in 0..100 {
        let error = decoder
            .decode_binary(Bytes::from_static(&[0; 1000]), NOW)
            .unwrap_err();
        assert_eq!(error, DecodeError::UnexpectedAttachment);
    }
}

/// python-socketio: attachments pile up. Here the sum of all bytes of a packet is bounded.
#[test]
fn cve_2026_48804_attachments_pile_up() {
    let limits = Limits {
        max_packet_bytes: 1000,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(limits);
    decoder
        .decode_text(FastStr::new(r#"510-["a"]"#), NOW)
        .unwrap();
    let results: Vec<_> = (0..10)
        .map_while(|_| {
            decoder
                .decode_binary(Bytes::from_static(&[0; 300]), NOW)
                .err()
                .map_or(Some(()), |_| None)
        })
        .collect();
    assert_eq!(results.len(), 3);
}

/// socketioxide: attachments before the client has joined anything, without end.
#[test]
fn ghsa_55mf_67qm_4wpg_unfinished_packets_before_connect() {
    let config = Config::default();
    let mut client = Connection::new(&config, NOW);
    client
        .receive_text(FastStr::new(r#"51-["a"]"#), NOW)
        .unwrap();
    let deadline = client.poll_timeout().unwrap();
    assert!(deadline <= config.limits.attachment_timeout);
    assert!(client.handle_timeout(deadline).is_err());

    let mut client = Connection::new(&config, NOW);
    client
        .receive_text(FastStr::new(r#"51-["a"]"#), NOW)
        .unwrap();
    let error = client.receive_binary(Bytes::new(), NOW).unwrap_err();
    assert!(matches!(error, Error::NotJoined(_)));
}

#[test]
fn ghsa_c6g7_r2mf_pf5g_nesting() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let text = format!("2[1,{}1{}]", open.repeat(300_000), close.repeat(300_000));
        let error = decode(&text).unwrap_err();
        assert_eq!(
            error,
            DecodeError::IllegalPayload(JsonError::TooDeep { limit: 127 })
        );
        let text = format!("2[1,{}1{}]", open.repeat(126), close.repeat(126));
        let PacketKind::Event { args, .. } = decode(&text).unwrap().unwrap().kind else {
            panic!()
        };
        args.deserialize::<Value>().unwrap();
    }
}

/// engineioxide panicked on characters of several bytes.
#[test]
fn multibyte_characters_in_every_place() {
    for text in [
        "é",
        "2é",
        "5é-",
        "51é",
        "51-é",
        "2/é",
        "2/é,é",
        "2/é,1é",
        "2[é",
        "2[\"é",
        "0é",
        "1é",
        "4é",
        "2💜[\"a\"]",
    ] {
        let result = decode(text);
        assert!(result.is_err(), "{text}: {result:?}");
    }
    assert_eq!(decode("0/é💜,").unwrap().unwrap().namespace, "/é💜");
}

#[test]
fn a_flood_of_namespaces() {
    let config = Config::default();
    let mut client = Connection::new(&config, NOW);
    for n in 0..config.max_namespaces {
        let incoming = client
            .receive_text(FastStr::from(format!("0/{n},")), NOW)
            .unwrap();
        assert!(matches!(incoming, Some(Incoming::Connect { .. })));
    }
    let error = client
        .receive_text(FastStr::new("0/more,"), NOW)
        .unwrap_err();
    assert_eq!(
        error,
        Error::TooManyNamespaces {
            limit: config.max_namespaces
        }
    );
}

#[test]
fn an_engine_io_connection_that_joins_nothing() {
    let config = Config::default();
    let mut client = Connection::new(&config, NOW);
    assert_eq!(client.poll_timeout(), Some(config.connect_timeout));
    assert_eq!(
        client.handle_timeout(config.connect_timeout),
        Err(Error::ConnectTimeout)
    );
}

#[test]
fn a_peer_that_never_answers() {
    let mut acks = AckRegistry::default();
    for _ in 0..AckRegistry::<()>::DEFAULT_LIMIT {
        acks.insert((), None).unwrap();
    }
    let limit = AckRegistry::<()>::DEFAULT_LIMIT;
    assert_eq!(acks.insert((), None), Err(AckError::TooMany { limit }));
}

/// Prototype pollution has no counterpart, but the keys must not be special.
#[test]
fn prototype_keys_are_plain() {
    let text = r#"2["__proto__",{"__proto__":{"a":1},"constructor":2}]"#;
    let packet = decode(text).unwrap().unwrap();
    let PacketKind::Event { name, args, .. } = packet.kind else {
        panic!()
    };
    assert_eq!(name, "__proto__");
    assert_eq!(args.deserialize::<Value>().unwrap()["constructor"], 2);
}

/// Ids that somebody else chose, and recovery by guessing: only the secret, as a string, recovers.
#[test]
fn a_guessed_recovery() {
    use songi_socketio::RawJson;
    use songi_socketio::recovery::{Audience, Config, Request, Restored, Store};

    let mut store = Store::<(), ()>::new(Config::default(), "t-");
    store.open("secret".into(), "sid".into());
    let Ok(()) = store.record(Audience::default(), NOW, |_| Ok::<_, ()>(((), 1))) else {
        panic!()
    };
    store.suspend("secret", Vec::new(), (), 0, NOW);
    // The public id, and prefixes of the secret.
    for pid in ["sid", "s", "secre", "secret2", ""] {
        let offset = "t-0".into();
        let request = Request {
            pid: pid.into(),
            offset,
        };
        assert_eq!(store.restore(&request, NOW), Restored::Unknown);
    }
    for auth in [
        serde_json::json!({ "pid": ["secret"], "offset": "t-0" }),
        serde_json::json!({ "pid": { "$ne": null }, "offset": "t-0" }),
    ] {
        let auth = RawJson::of(&auth).unwrap();
        assert_eq!(Request::from_auth(&auth), None);
    }
}

/// JavaScript's store of packets grows without end.
#[test]
fn a_recovery_store_that_nobody_reads() {
    use songi_socketio::recovery::{Audience, Config, Store};

    let config = Config {
        max_packet_bytes: 1 << 20,
        ..Config::default()
    };
    let mut store = Store::<(), ()>::new(config, "t-");
    for _ in 0..100_000 {
        let recorded = store.record(Audience::default(), NOW, |_| Ok::<_, ()>(((), 1000)));
        assert_eq!(recorded, Ok(()));
    }
    assert!(store.bytes() <= 1 << 20);
    assert!(store.packets() < 1100);
}

/// The query of an `EIO=3` client: a flood of keys, and keys of JavaScript's prototypes.
#[test]
fn a_hostile_query() {
    use songi_socketio::server::Revision;

    let mut client = Connection::new(&Config::default(), NOW).with_revision(Revision::V4);
    let Some(Incoming::Connect { .. }) = client.opened() else {
        panic!()
    };
    let text = format!("0/a?{},", "&a=%".repeat(2000));
    let Ok(Some(Incoming::Connect {
        auth: Some(auth), ..
    })) = client.receive_text(FastStr::from(text), NOW)
    else {
        panic!()
    };
    assert_eq!(
        auth.deserialize::<Value>().unwrap()["a"]
            .as_array()
            .unwrap()
            .len(),
        1000
    );
    let text = FastStr::new("0/b?__proto__[x]=1&constructor=2,");
    let Ok(Some(Incoming::Connect {
        auth: Some(auth), ..
    })) = client.receive_text(text, NOW)
    else {
        panic!()
    };
    assert_eq!(auth.as_str(), r#"{"__proto__[x]":"1","constructor":"2"}"#);
}

#[cfg(feature = "msgpack")]
mod msgpack {
    use songi_socketio::{MsgpackError, Parser};

    use super::*;

    const HEAD: &[u8] = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data";

    fn decode(data: &[u8]) -> Result<Option<songi_socketio::Packet>, DecodeError> {
        let mut decoder = Parser::Msgpack.decoder(Limits::default());
        decoder.decode_binary([HEAD, data].concat().into(), NOW)
    }

    #[test]
    fn ghsa_c6g7_r2mf_pf5g_nesting() {
        for unit in [&b"\x91"[..], b"\x81\xa1a", b"\xdd\0\0\0\x01"] {
            let error = decode(&unit.repeat(300_000)).unwrap_err();
            let too_deep = MsgpackError::TooDeep { limit: 127 };
            assert_eq!(error, DecodeError::IllegalMsgpack(too_deep));
        }
    }

    #[test]
    fn ghsa_7xpx_rcqc_8qjh_truncated_and_lying_lengths() {
        let whole = b"\x95\xa5event\xc4\x03abc\xdc\0\x02\x01\x02\x81\xa1k\xd7\0\0\0\0\0\0\0\0\0\xcb\0\0\0\0\0\0\0\0";
        assert!(decode(whole).is_ok());
        for end in 0..whole.len() {
            assert!(decode(&whole[..end]).is_err(), "{end}");
        }
        for marker in 0xc0..=0xdf {
            for length in [0u32, 1, 0x7fff_ffff, u32::MAX] {
                let value = [&[0x92, 0xa1, b'e', marker][..], &length.to_be_bytes()].concat();
                let _ = decode(&value);
            }
        }
    }

    #[test]
    fn cve_2023_32695_event_names_of_other_types() {
        for data in [
            &b"\x90"[..],
            b"\x91\x81\xa8toString\xa3foo",
            b"\x91\x91\xa1a",
            b"\x91\xc0",
            b"\x91\xc3",
        ] {
            assert_eq!(decode(data).unwrap_err(), DecodeError::IllegalEventName);
        }
        let error = decode(b"\x91\xa7connect").unwrap_err();
        assert_eq!(error, DecodeError::ReservedEventName("connect"));
    }

    /// A placeholder has no meaning here.
    #[test]
    fn cve_2022_2421_placeholders() {
        let data = b"\x92\xa1e\x82\xac_placeholder\xc3\xa3num\xa6splice";
        let PacketKind::Event { args, .. } = decode(data).unwrap().unwrap().kind else {
            panic!()
        };
        assert!(args.deserialize::<Bytes>().is_err());
        assert_eq!(args.deserialize::<Value>().unwrap()["num"], "splice");
    }
}
