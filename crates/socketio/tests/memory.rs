//! What packets allocate and what a connection holds, whatever the peer sends. One test, for the
//! counts are the process's.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::alloc::System;
use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use songi_socketio::server::{Config, Connection};
use songi_socketio::{Decoder, FastStr, Limits, PacketKind, encode};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: Duration = Duration::ZERO;

/// The test harness's own allocations.
const NOISE: isize = 16 * 1024;

fn counted<T>(work: impl FnOnce() -> T) -> (T, Stats) {
    let region = Region::new(ALLOCATOR);
    let result = work();
    let stats = region.change();
    (result, stats)
}

/// Bytes that `work` allocated and that its result, still alive, holds.
fn held<T>(work: impl FnOnce() -> T) -> (T, isize) {
    let (result, stats) = counted(work);
    let held = stats.bytes_allocated as isize - stats.bytes_deallocated as isize;
    (result, held)
}

/// The harness may allocate at any moment: the least of several runs is what the work itself takes.
fn least_allocations(mut work: impl FnMut()) -> usize {
    let runs = (0..20).map(|_| counted(&mut work).1.allocations);
    runs.min().unwrap_or_default()
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    numbers: (u8, f64, Option<bool>),
}

#[test]
fn memory_is_bounded() {
    an_event_is_read_without_allocation();
    idle_connections_hold_nothing();
    attacks_hold_no_more_than_the_limits();
}

fn an_event_is_read_without_allocation() {
    let long = "a long text, which is not kept inline".repeat(10);
    for text in ["short", &long] {
        let args = (
            serde_json::json!({ "text": text, "numbers": [1, 2.5, null] }),
            7,
        );
        let mut wire = Vec::new();
        encode::event(&mut wire, "/namespace", Some(12), "message", &args).unwrap();
        let wire = FastStr::from_bytes(Bytes::from(wire)).unwrap();
        let mut decoder = Decoder::new(Limits::default());
        // A slice of a message that others hold too counts up, and allocates nothing.
        drop(wire.clone());
        let allocations = least_allocations(|| {
            let packet = decoder.decode_text(wire.clone(), NOW).unwrap().unwrap();
            let PacketKind::Event { name, args, .. } = packet.kind else {
                panic!("not an event")
            };
            assert_eq!((name.as_str(), args.len()), ("message", 2));
            let (message, seven): (Message<'_>, u8) = args.deserialize().unwrap();
            assert!(matches!(message.text, Cow::Borrowed(read) if read == text));
            assert_eq!((message.numbers, seven), ((1, 2.5, None), 7));
        });
        assert_eq!(allocations, 0, "JSON: {text}");
    }
    #[cfg(feature = "msgpack")]
    for text in ["short", &long] {
        use songi_socketio::Parser;
        let args = (
            serde_json::json!({ "text": text, "numbers": [1, 2.5, null] }),
            7,
        );
        let mut wire = Vec::new();
        let parser = Parser::Msgpack;
        parser
            .event(&mut wire, "/namespace", Some(12), "message", &args)
            .unwrap();
        let wire = Bytes::from(wire);
        let mut decoder = parser.decoder(Limits::default());
        drop(wire.clone());
        let allocations = least_allocations(|| {
            let packet = decoder.decode_binary(wire.clone(), NOW).unwrap().unwrap();
            let PacketKind::Event { args, .. } = packet.kind else {
                panic!("not an event")
            };
            let (message, seven): (Message<'_>, u8) = args.deserialize().unwrap();
            assert!(matches!(message.text, Cow::Borrowed(read) if read == text));
            assert_eq!((message.numbers, seven), ((1, 2.5, None), 7));
        });
        assert_eq!(allocations, 0, "MessagePack: {text}");
    }
}

fn idle_connections_hold_nothing() {
    let config = Config::default();
    let mut connections = Vec::with_capacity(1000);
    let ((), idle) = held(|| {
        for _ in 0..1000 {
            let mut client = Connection::new(&config, NOW);
            client.receive_text("0".into(), NOW).unwrap();
            client.accept("/", "sid", None, &mut Vec::new()).unwrap();
            connections.push(client);
        }
    });
    assert!(idle < NOISE, "{idle}");
}

fn attacks_hold_no_more_than_the_limits() {
    let limits = Limits {
        max_packet_bytes: 100_000,
        max_attachments: 1000,
        ..Limits::default()
    };
    // What is announced is not allocated.
    let (decoder, announced) = held(|| {
        let mut decoder = Decoder::new(limits);
        let text = FastStr::from_static_str(r#"51000-["a"]"#);
        assert!(decoder.decode_text(text, NOW).unwrap().is_none());
        decoder
    });
    assert!(announced < NOISE, "{announced}");
    drop(decoder);

    // A packet that never ends holds its bytes, and a slot for each attachment.
    let (_decoder, unfinished) = held(|| {
        let mut decoder = Decoder::new(limits);
        let text = FastStr::from_static_str(r#"51000-["a"]"#);
        decoder.decode_text(text, NOW).unwrap();
        for _ in 0..980 {
            let data = Bytes::from(vec![0; 101]);
            assert!(decoder.decode_binary(data, NOW).unwrap().is_none());
        }
        decoder
    });
    let slots = 1024 * (size_of::<Bytes>() as isize + 64);
    assert!(unfinished < 100_000 + slots + NOISE, "{unfinished}");

    // Tiny attachments one after another: more than announced ends it, and then nothing is kept.
    let (_decoder, ended) = held(|| {
        let mut decoder = Decoder::new(limits);
        for _ in 0..1000 {
            let text = FastStr::from_static_str(r#"52-["a"]"#);
            decoder.decode_text(text, NOW).unwrap();
            decoder
                .decode_binary(Bytes::from(vec![0; 200]), NOW)
                .unwrap();
            decoder
                .decode_binary(Bytes::from(vec![0; 100_000]), NOW)
                .unwrap_err();
        }
        decoder
    });
    assert!(ended < NOISE, "{ended}");

    // Namespaces: only their names are kept, and only so many.
    let config = Config::default();
    let (client, namespaces) = held(|| {
        let mut client = Connection::new(&config, NOW);
        for number in 0..config.max_namespaces {
            let padding = "n".repeat(245);
            let auth = "x".repeat(100_000);
            let text = format!("0/{number}-{padding},{{\"a\":\"{auth}\"}}");
            client.receive_text(text.into(), NOW).unwrap();
        }
        client
    });
    let names = isize::from(config.max_namespaces as i16) * (256 + 256);
    assert!(namespaces < names + NOISE, "{namespaces}");
    drop(client);

    #[cfg(feature = "msgpack")]
    {
        use songi_socketio::Parser;
        // Lengths that are not there allocate nothing, neither to decode nor to read.
        let mut decoder = Parser::Msgpack.decoder(limits);
        let ((), stats) = counted(|| {
            for marker in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
                let head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e";
                let message = [&head[..], &[marker, 0x7f, 0xff, 0xff, 0xff]].concat();
                decoder.decode_binary(message.into(), NOW).unwrap_err();
            }
        });
        assert!(stats.bytes_allocated < 64 * 1024, "{stats:?}");
    }
}
