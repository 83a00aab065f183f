use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::time::Duration;

use proptest::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::*;
use crate::{EncodeError, client, encode, server};

const SECOND: Duration = Duration::from_secs(1);
const START: Duration = Duration::ZERO;

type Numbers = Store<u32, &'static str>;

fn store() -> Numbers {
    Store::new(Config::default(), "t-")
}

fn request(pid: &str, offset: &str) -> Request {
    Request {
        pid: FastStr::new(pid),
        offset: FastStr::new(offset),
    }
}

fn rooms(names: &[&str]) -> Vec<FastStr> {
    names.iter().map(FastStr::new).collect()
}

fn to(names: &[&str]) -> Audience {
    Audience {
        rooms: rooms(names),
        except: Vec::new(),
    }
}

fn record(store: &mut Numbers, audience: Audience, number: u32, now: Duration) -> String {
    let mut offset = String::new();
    let result = store.record(audience, now, |at| {
        offset = at.into();
        Ok::<_, Infallible>((number, 10))
    });
    let Ok(packet) = result;
    assert_eq!(packet, number);
    offset
}

#[track_caller]
fn missed(restored: Restored<u32, &'static str>) -> Vec<u32> {
    match restored {
        Restored::Recovered { missed, .. } => missed,
        other => panic!("{other:?}"),
    }
}

mod requests {
    use super::*;

    fn from(auth: &serde_json::Value) -> Option<Request> {
        Request::from_auth(&RawJson::of(auth).unwrap())
    }

    #[test]
    fn both_are_strings() {
        let auth = json!({ "pid": "p\"", "offset": "o", "token": 1 });
        assert_eq!(from(&auth), Some(request("p\"", "o")));
        for auth in [
            json!({}),
            json!({ "pid": "p" }),
            json!({ "offset": "o" }),
            json!({ "pid": "p", "offset": 1 }),
            json!({ "pid": 1, "offset": "o" }),
            json!({ "pid": ["p"], "offset": "o" }),
            json!({ "pid": null, "offset": "o" }),
            json!({ "pid": "p", "offset": null }),
            json!({ "pid": { "length": 1 }, "offset": "o" }),
        ] {
            assert_eq!(from(&auth), None, "{auth}");
        }
    }

    #[test]
    fn their_length_is_bounded() {
        let long = "x".repeat(MAX_TOKEN_BYTES);
        assert!(from(&json!({ "pid": long, "offset": long })).is_some());
        let longer = "x".repeat(MAX_TOKEN_BYTES + 1);
        assert_eq!(from(&json!({ "pid": longer, "offset": "o" })), None);
        assert_eq!(from(&json!({ "pid": "p", "offset": longer })), None);
    }
}

mod resume {
    use super::*;

    fn args(value: &impl Serialize) -> Arguments {
        Arguments::of(value).unwrap()
    }

    #[track_caller]
    fn assert_auth(resume: &Resume, auth: &impl Serialize, expected: &str) {
        let mut out = Vec::new();
        let own = RawJson::of(auth).unwrap();
        encode::connect(&mut out, "/", &resume.auth(&own)).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("0{expected}"));
    }

    #[test]
    fn nothing_is_sent_before_the_server_has_offered_it() {
        let mut resume = Resume::default();
        resume.received(None, &args(&("a", "offset")));
        assert_auth(&resume, &(), "");
        assert_auth(&resume, &json!({ "a": 1 }), r#"{"a":1}"#);
        assert!(!resume.connected(None));
        assert_auth(&resume, &(), "");
    }

    #[test]
    fn pid_and_offset_are_sent_with_the_payload() {
        let mut resume = Resume::default();
        assert!(!resume.connected(Some("p")));
        assert_auth(&resume, &(), r#"{"pid":"p"}"#);
        resume.received(None, &args(&("a", 1, "o1")));
        assert_auth(&resume, &None::<u8>, r#"{"offset":"o1","pid":"p"}"#);
        assert_auth(
            &resume,
            &json!({ "a": 1 }),
            r#"{"a":1,"offset":"o1","pid":"p"}"#,
        );
        // As in JavaScript, the application's own win.
        let expected = r#"{"offset":"o1","pid":"q"}"#;
        assert_auth(&resume, &json!({ "pid": "q" }), expected);
        let own = RawJson::of("text").unwrap();
        assert_eq!(resume.auth(&own), own);
        resume.forget();
        assert_auth(&resume, &(), "");
    }

    #[test]
    fn recovered_is_the_same_pid() {
        let mut resume = Resume::default();
        assert!(!resume.connected(Some("p")));
        assert!(resume.connected(Some("p")));
        assert!(!resume.connected(Some("q")));
        assert!(!resume.connected(None));
        assert!(!resume.connected(Some("q")));
    }

    #[test]
    fn a_pid_is_bounded() {
        let mut resume = Resume::default();
        let pid = "p".repeat(MAX_TOKEN_BYTES);
        assert!(!resume.connected(Some(&pid)));
        assert_auth(&resume, &(), &format!(r#"{{"pid":"{pid}"}}"#));
        assert!(!resume.connected(Some(&format!("{pid}p"))));
        assert_auth(&resume, &(), "");
    }

    #[test]
    fn only_what_can_be_an_offset_is_remembered() {
        let mut resume = Resume::default();
        resume.connected(Some("p"));
        resume.received(None, &args(&(1, "o\"1")));
        let remembered = resume.clone();
        for other in [
            args(&()),
            args(&("o2", 1)),
            args(&("x".repeat(MAX_TOKEN_BYTES + 1),)),
            args(&("x".repeat(100_000),)),
            args(&(["o2"],)),
        ] {
            resume.received(None, &other);
            assert_eq!(resume, remembered, "{other:?}");
        }
        // An event that asks for an ack has no offset.
        resume.received(Some(1), &args(&"o2"));
        assert_eq!(resume, remembered);
        assert_auth(&resume, &(), r#"{"offset":"o\"1","pid":"p"}"#);
        resume.received(None, &args(&("a", "o2")));
        assert_auth(&resume, &(), r#"{"offset":"o2","pid":"p"}"#);
    }

    #[cfg(feature = "msgpack")]
    #[test]
    fn offsets_in_messagepack() {
        use crate::{Limits, PacketKind, Parser};
        let mut resume = Resume::default();
        resume.connected(Some("p"));
        for (value, expected) in [("o1", "o1"), (&*"x".repeat(200), "o1"), ("o2", "o2")] {
            let mut out = Vec::new();
            Parser::Msgpack
                .recoverable_event(&mut out, "/", "e", &1, value)
                .unwrap();
            let mut decoder = Parser::Msgpack.decoder(Limits::default());
            let packet = decoder.decode_binary(out.into(), START).unwrap().unwrap();
            let PacketKind::Event { args, .. } = packet.kind else {
                panic!()
            };
            resume.received(None, &args);
            assert_auth(
                &resume,
                &(),
                &format!(r#"{{"offset":"{expected}","pid":"p"}}"#),
            );
        }
    }
}

#[test]
fn yields_what_was_missed_in_order() {
    let mut store = store();
    store.open("p".into(), "s".into());
    let seen = record(&mut store, Audience::default(), 1, START);
    store.suspend("p", Vec::new(), "data", 0, START);
    for number in 2..5 {
        record(&mut store, Audience::default(), number, START);
    }
    let Restored::Recovered {
        sid, data, missed, ..
    } = store.restore(&request("p", &seen), START)
    else {
        panic!()
    };
    assert_eq!((sid.as_str(), data, missed), ("s", "data", vec![2, 3, 4]));
}

#[test]
fn yields_what_was_for_the_client() {
    let mut store = store();
    store.open("p".into(), "s".into());
    let seen = record(&mut store, Audience::default(), 0, START);
    record(&mut store, to(&["a"]), 1, START);
    record(&mut store, to(&["b", "x"]), 2, START);
    record(&mut store, to(&["c"]), 3, START);
    record(&mut store, to(&["s"]), 4, START);
    let except = |names: &[&str]| Audience {
        rooms: Vec::new(),
        except: rooms(names),
    };
    record(&mut store, except(&["s"]), 5, START);
    record(&mut store, except(&["b"]), 6, START);
    record(&mut store, except(&["c"]), 7, START);
    store.suspend("p", rooms(&["a", "b"]), "", 0, START);
    let restored = store.restore(&request("p", &seen), START);
    assert!(
        matches!(&restored, Restored::Recovered { rooms: kept, .. } if *kept == rooms(&["a", "b"]))
    );
    assert_eq!(missed(restored), [1, 2, 4, 7]);
}

#[test]
fn nobody_else_recovers() {
    let mut store = store();
    store.open("p".into(), "s".into());
    let seen = record(&mut store, Audience::default(), 0, START);
    store.suspend("p", Vec::new(), "", 0, START);
    for (pid, offset) in [
        ("q", seen.as_str()),
        ("", seen.as_str()),
        ("p", ""),
        ("p", "t-"),
        ("p", "t-1"),
        ("p", "t-+0"),
        ("p", "t--1"),
        ("p", "t-0x"),
        ("p", "u-0"),
        ("p", "0"),
        ("p", "t-99999999999999999999999"),
        ("p", "t-18446744073709551615"),
        ("__proto__", seen.as_str()),
    ] {
        let restored = store.restore(&request(pid, offset), START);
        assert_eq!(restored, Restored::Unknown, "{pid} {offset}");
    }
    assert!(missed(store.restore(&request("p", &seen), START)).is_empty());
}

#[test]
fn a_look_changes_nothing() {
    let mut store = store();
    assert_eq!(store.latest_offset(), None);
    store.open("p".into(), "s".into());
    let seen = record(&mut store, Audience::default(), 0, START);
    assert_eq!(store.latest_offset().as_ref(), Some(&seen));
    let request = request("p", &seen);
    assert_eq!(store.peek(&request, START), Some(Peeked::Live));
    store.suspend("p", Vec::new(), "data", 0, START);
    for _ in 0..2 {
        let sid = &"s".into();
        let away = Peeked::Away { sid, data: &"data" };
        assert_eq!(store.peek(&request, START), Some(away));
    }
    assert!(store.is_known("p") && !store.is_known("q"));
    let over = Config::default().max_disconnection;
    assert_eq!(store.peek(&request, over), None);
    assert!(missed(store.restore(&request, START)).is_empty());
}

/// socket.io#4880: the client is back before the server knows that it was away; and that many times.
#[test]
fn recovers_while_the_old_connection_is_half_open() {
    let mut store = store();
    store.open("p".into(), "s".into());
    let mut seen = record(&mut store, Audience::default(), 0, START);
    for round in 1..20 {
        let lost = record(&mut store, Audience::default(), round, START);
        let request = request("p", &seen);
        let live = store.restore(&request, START);
        assert_eq!(live, Restored::Live { sid: "s".into() });
        store.suspend("p", Vec::new(), "", 0, START);
        assert_eq!(missed(store.restore(&request, START)), [round]);
        seen = lost;
    }
    assert_eq!(store.sessions(), 1);
    assert_eq!(store.session_bytes, 0);
}

/// The old connection's end, which comes late, must not end the new one.
#[test]
fn a_session_is_suspended_once() {
    let mut store = store();
    store.open("p".into(), "s".into());
    let seen = record(&mut store, Audience::default(), 0, START);
    store.suspend("p", rooms(&["a"]), "first", 0, START);
    store.suspend("p", rooms(&["b"]), "second", 0, START + SECOND);
    let restored = store.restore(&request("p", &seen), START);
    assert!(matches!(
        restored,
        Restored::Recovered { data: "first", .. }
    ));
    store.suspend("unknown", Vec::new(), "", 0, START);
    assert_eq!(store.sessions(), 1);
}

#[test]
fn who_left_does_not_recover() {
    let mut store = store();
    store.open("p".into(), "s".into());
    let seen = record(&mut store, Audience::default(), 0, START);
    store.suspend("p", Vec::new(), "", 0, START);
    store.close("p");
    store.close("p");
    assert_eq!(
        store.restore(&request("p", &seen), START),
        Restored::Unknown
    );
    assert_eq!((store.sessions(), store.session_bytes), (0, 0));
}

#[test]
fn who_was_away_too_long_does_not_recover_and_is_reported() {
    let mut store = store();
    for n in 0..3u32 {
        store.open(format!("p{n}").into(), format!("s{n}").into());
        store.suspend(&format!("p{n}"), rooms(&["a"]), "data", 0, n * SECOND);
    }
    let seen = record(&mut store, Audience::default(), 0, 100 * SECOND);
    assert_eq!(store.next_deadline(), Some(120 * SECOND));
    assert_eq!(
        store.restore(&request("p0", &seen), 120 * SECOND),
        Restored::Unknown
    );
    let expired: Vec<_> = store.expire(121 * SECOND).collect();
    let sids: Vec<_> = expired.iter().map(|expired| expired.sid.as_str()).collect();
    assert_eq!(sids, ["s0", "s1"]);
    assert_eq!(
        (expired[0].data, &expired[0].rooms),
        ("data", &rooms(&["a"]))
    );
    assert!(missed(store.restore(&request("p2", &seen), 121 * SECOND)).is_empty());
    assert_eq!(store.next_deadline(), Some(220 * SECOND));
    assert_eq!(store.expire(220 * SECOND).count(), 0);
    assert_eq!((store.packets(), store.next_deadline()), (0, None));
}

#[test]
fn who_missed_more_than_is_kept_does_not_recover() {
    let config = Config {
        max_packets: 3,
        ..Config::default()
    };
    let mut store = Numbers::new(config, "t-");
    store.open("p".into(), "s".into());
    let offsets: Vec<_> = (0..6)
        .map(|n| record(&mut store, Audience::default(), n, START))
        .collect();
    assert_eq!(store.packets(), 3);
    store.suspend("p", Vec::new(), "", 0, START);
    assert_eq!(
        store.restore(&request("p", &offsets[1]), START),
        Restored::Unknown
    );
    // The last that it has seen may be gone, if nothing after it is.
    assert_eq!(
        missed(store.restore(&request("p", &offsets[2]), START)),
        [3, 4, 5]
    );
}

#[test]
fn bytes_of_packets_are_bounded() {
    let config = Config {
        max_packet_bytes: 10_000,
        ..Config::default()
    };
    let mut store = Numbers::new(config, "t-");
    for n in 0..1000 {
        record(&mut store, to(&["a room with a name"]), n, START);
        assert!(store.bytes() <= 10_000);
    }
    assert!(store.packets() > 10);
    let result = store.record(Audience::default(), START, |_| {
        Ok::<_, Infallible>((0, usize::MAX))
    });
    assert_eq!(result, Ok(0));
    assert_eq!((store.packets(), store.bytes()), (0, 0));
}

#[test]
fn clients_that_are_away_are_bounded() {
    let config = Config {
        max_sessions: 2,
        ..Config::default()
    };
    let mut store = Numbers::new(config, "t-");
    for n in 0..4u32 {
        store.open(format!("p{n}").into(), format!("s{n}").into());
    }
    assert_eq!(store.suspend("p1", Vec::new(), "", 0, START), []);
    assert_eq!(store.suspend("p0", Vec::new(), "", 0, SECOND), []);
    let gone = store.suspend("p2", Vec::new(), "", 0, 2 * SECOND);
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].sid, "s1", "away longest");
    assert_eq!(store.sessions(), 3);

    let config = Config {
        max_session_bytes: 1000,
        ..Config::default()
    };
    let mut store = Numbers::new(config, "t-");
    store.open("p".into(), "s".into());
    store.open("q".into(), "s".into());
    assert_eq!(store.suspend("p", Vec::new(), "", 100, START), []);
    let gone = store.suspend("q", Vec::new(), "", 1000, START);
    assert_eq!(gone.len(), 2);
    assert_eq!((store.sessions(), store.bytes()), (0, 0));
}

#[test]
fn a_packet_that_cannot_be_written_takes_no_offset() {
    let mut store = store();
    let failed = store.record(Audience::default(), START, |_| Err::<(u32, usize), _>("no"));
    assert_eq!(failed, Err("no"));
    assert_eq!(record(&mut store, Audience::default(), 1, START), "t-0");
}

/// Both state machines and the store, with connections that are lost at any point.
fn simulate(steps: &[u8]) {
    type Packets = Store<String, ()>;
    let mut store = Packets::new(Config::default(), "t-");
    let (mut emitted, mut got) = (0u32, Vec::new());
    let mut resume = Resume::default();
    let own = RawJson::of(&json!({ "token": 1 })).unwrap();
    let mut known = false;
    let (mut pid, mut fresh) = (String::new(), 0);

    for &step in steps {
        // A new connection: what the client sends, and what the server answers.
        let mut server = server::Connection::new(&server::Config::default(), START);
        let mut client = client::Connection::new(&client::Config::default());
        let mut out = Vec::new();
        client.connect("/", &resume.auth(&own), &mut out).unwrap();
        let text = FastStr::from_vec_u8(out).unwrap();
        let Some(server::Incoming::Connect {
            auth: Some(auth), ..
        }) = server.receive_text(text, START).unwrap()
        else {
            panic!()
        };
        let mut wire: Vec<String> = Vec::new();
        let recovered = Request::from_auth(&auth).map(|request| {
            let mut restored = store.restore(&request, START);
            if matches!(restored, Restored::Live { .. }) {
                store.suspend(&request.pid, Vec::new(), (), 0, START);
                restored = store.restore(&request, START);
            }
            let Restored::Recovered { missed, .. } = restored else {
                panic!("{restored:?}")
            };
            wire.extend(missed);
        });
        assert_eq!(recovered.is_some(), known);
        if recovered.is_none() {
            store.close(&pid);
            fresh += 1;
            pid = format!("p{fresh}");
            store.open(pid.clone().into(), "s".into());
            got.clear();
            emitted = 0;
        }
        let mut out = Vec::new();
        server.accept("/", "s", Some(&pid), &mut out).unwrap();
        wire.push(String::from_utf8(out).unwrap());
        // Some events, of which the client gets the first ones before its connection is lost.
        for _ in 0..step % 5 {
            emitted += 1;
            let packet = store.record(Audience::default(), START, |offset| {
                let mut out = Vec::new();
                encode::recoverable_event(&mut out, "/", "n", &emitted, offset)?;
                Ok::<_, EncodeError>((String::from_utf8(out).unwrap(), 10))
            });
            wire.push(packet.unwrap());
        }
        let delivered = wire.len() - usize::from(step / 5 % 4).min(wire.len());
        for text in &wire[..delivered] {
            match client.receive_text(FastStr::new(text), START).unwrap() {
                Some(client::Incoming::Event {
                    early, id, args, ..
                }) => {
                    assert_eq!(early, !client.is_connected("/"));
                    resume.received(id, &args);
                    known = true;
                    got.push(args.deserialize::<u32>().unwrap());
                }
                Some(client::Incoming::Connected { pid, .. }) => {
                    assert_eq!(resume.connected(pid.as_deref()), recovered.is_some());
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(
            got.iter().copied().eq(1..=got.len() as u32),
            "{got:?} of {emitted}"
        );
        if step >= 128 {
            store.suspend(&pid, Vec::new(), (), 0, START);
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_reordered(steps in proptest::collection::vec(any::<u8>(), 0..40)) {
        simulate(&steps);
    }
}
