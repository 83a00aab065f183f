//! D7 to D19: compressed messages.

use alloc::{string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{Bytes, CloseCode, Prepared};

/// A frame to a client.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= 125);
    [&[first, payload.len() as u8], payload].concat()
}

/// A client that agreed on compression.
fn client() -> Connection {
    pair(takeover()).1
}

fn outcome(connection: impl Fn() -> Connection, bytes: &[u8]) -> (Vec<Event>, Option<Violation>) {
    let whole = feed(&mut connection(), bytes, usize::MAX);
    for piece in [1, 2, 3, 7] {
        assert_eq!(feed(&mut connection(), bytes, piece), whole);
    }
    whole
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let (events, violation) = outcome(client, bytes);
    assert_eq!(violation, None);
    let text = |event| match event {
        Event::Text(text) => text.to_string(),
        event => panic!("{event:?}"),
    };
    events.into_iter().map(text).collect()
}

fn violation(bytes: &[u8]) -> Violation {
    outcome(client, bytes).1.expect("a violation")
}

use alloc::string::ToString as _;

/// RFC 7692 §7.2.3.1: one block.
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

/// D7: RSV1 stands on the first frame of a message only (RFC 7692 §6).
#[test]
fn d7_rsv1() {
    assert_eq!(
        texts(&[frame(0x41, &HELLO[..3]), frame(0x80, &HELLO[3..])].concat()),
        ["Hello"]
    );
    for bytes in [
        [frame(0x41, &HELLO[..3]), frame(0xC0, &HELLO[3..])].concat(),
        [frame(0x01, b"a"), frame(0xC0, b"b")].concat(),
        frame(0xC9, b"ping"),
        frame(0xCA, b"pong"),
        frame(0xC8, &[3, 232]),
        frame(0xC0, b""),
        // The other reserved bits mean nothing still.
        frame(0xE1, HELLO),
        frame(0xD1, HELLO),
        frame(0xA1, b"a"),
    ] {
        let violation = violation(&bytes);
        assert_eq!(violation, Violation::ReservedBits);
        assert_eq!(violation.close_code(), CloseCode::PROTOCOL);
    }
}

/// D7: without an agreement RSV1 is a reserved bit.
#[test]
fn d7_rsv1_without_agreement() {
    let plain = || Connection::client(Config::default(), || KEY);
    let (_, violation) = outcome(plain, &frame(0xC1, HELLO));
    assert_eq!(violation, Some(Violation::ReservedBits));
}

/// D8: uncompressed messages stay allowed (RFC 7692 §6).
#[test]
fn d8_uncompressed_messages() {
    assert_eq!(
        texts(
            &[
                frame(0xC1, HELLO),
                frame(0x81, b"plain"),
                frame(0xC1, HELLO)
            ]
            .concat()
        ),
        ["Hello", "plain", "Hello"]
    );
    let (mut server, mut client) = pair(takeover());
    server
        .send_uncompressed(Message::text("Hello".repeat(9)))
        .unwrap();
    assert_eq!(drain(&mut server)[0], 0x81);
    assert!(carry(&mut server, &mut client, Message::text("Hello".repeat(9))) < 45);
}

/// D9: the four bytes 00 00 FF FF are left out (RFC 7692 §7.2.1), and put back once per message.
#[test]
fn d9_the_tail() {
    let (mut server, _) = pair(takeover());
    server.send(Message::text("HelloHelloHello")).unwrap();
    let bytes = drain(&mut server);
    assert!(!bytes.ends_with(&TAIL));
    assert_eq!(bytes.last(), Some(&0));
    // Between fragments it stays.
    server.send_chunk(Message::text("Hello"), false).unwrap();
    assert!(drain(&mut server).ends_with(&TAIL));
    server.send_chunk(Message::text("Hello"), true).unwrap();
    assert!(!drain(&mut server).ends_with(&TAIL));
}

/// D10: the examples of RFC 7692 §7.2.3.
#[test]
fn d10_examples() {
    // §7.2.3.1: whole, and in fragments.
    assert_eq!(texts(&frame(0xC1, HELLO)), ["Hello"]);
    // §7.2.3.2: with takeover the second "Hello" refers to the first.
    let second = b"\xf2\x00\x11\x00\x00";
    assert_eq!(
        texts(&[frame(0xC1, HELLO), frame(0xC1, second)].concat()),
        ["Hello", "Hello"]
    );
    // §7.2.3.3: a block without compression.
    let stored = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    assert_eq!(texts(&frame(0xC1, stored)), ["Hello"]);
    // §7.2.3.4: a final block.
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    assert_eq!(
        texts(&[frame(0xC1, last), frame(0xC1, HELLO)].concat()),
        ["Hello", "Hello"]
    );
    // §7.2.3.5: two blocks.
    let two = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    assert_eq!(texts(&frame(0xC1, two)), ["Hello"]);
    // §7.2.3.6: an empty message.
    assert_eq!(texts(&frame(0xC1, b"\x00")), [""]);
    // The same by an inflater that drops its window after each message.
    for bytes in [HELLO, stored, last, two] {
        let (events, violation) = outcome(|| pair(no_takeover()).1, &frame(0xC1, bytes).repeat(2));
        assert_eq!((events.len(), violation), (2, None));
    }
}

/// D10: ours are the same bytes.
#[test]
fn d10_examples_compressed() {
    let (mut server, _) = pair(takeover());
    server.send_chunk(Message::text("Hello"), true).unwrap();
    assert_eq!(drain(&mut server), frame(0xC1, HELLO));
    server.send_chunk(Message::text("Hello"), true).unwrap();
    assert_eq!(drain(&mut server), frame(0xC1, b"\xf2\x00\x11\x00\x00"));
    server.send_chunk(Message::text(""), true).unwrap();
    assert_eq!(drain(&mut server), frame(0xC1, b"\x00"));
}

/// D11: fragments may end anywhere, within a block, a code or the tail (RFC 7692 §7.2.1).
#[test]
fn d11_fragment_boundaries() {
    let two = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    for first in 0..=two.len() {
        for second in first..=two.len() {
            let bytes = [
                frame(0x41, &two[..first]),
                frame(0x00, &two[first..second]),
                frame(0x89, b"between"),
                frame(0x80, &two[second..]),
            ];
            let (events, violation) = feed(&mut client(), &bytes.concat(), 5);
            assert_eq!((events.len(), violation), (2, None));
            assert_eq!(events[1], Event::Text("Hello".into()));
        }
    }
}

/// D12: the limit is for what a message inflates to, whatever the ratio, and is found while it
/// inflates (CVE-2026-1526, CVE-2018-1000518, CVE-2016-10544).
#[test]
fn d12_limit_on_inflated_bytes() {
    let config = Config::default().message_limit(1000);
    let too_big = Violation::MessageTooBig { limit: 1000 };
    let (mut sender, _) = pair(takeover());
    for (size, fragments) in [(1000, 1), (1001, 1), (1_000_000, 1), (1001, 7)] {
        let text = "x".repeat(size);
        let (head, tail) = text.split_at(size / fragments);
        if fragments > 1 {
            sender
                .send_chunk(Message::text(head.to_string()), false)
                .unwrap();
        }
        let rest = if fragments > 1 { tail } else { &text };
        sender
            .send_chunk(Message::text(rest.to_string()), true)
            .unwrap();
        let bytes = drain(&mut sender);
        let (mut server, mut client) = pair_of(no_takeover(), no_takeover(), config);
        let (events, violation) = feed(&mut client, &bytes, 3);
        if size <= 1000 {
            assert_eq!((events.len(), violation), (1, None));
        } else {
            assert_eq!((events.len(), violation), (0, Some(too_big)));
            assert_eq!(too_big.close_code(), CloseCode::TOO_BIG);
        }
        // The next one is for a fresh peer.
        (sender, _) = pair(takeover());
        server.close(None);
    }
}

/// D13: what is no deflate stream fails with 1007, and the state is given up (RFC 7692 §7.2.2
/// leaves the code open).
#[test]
fn d13_bad_streams() {
    for payload in [
        // A reserved type of block.
        &b"\x07\x00"[..],
        // A stored block whose lengths do not agree.
        b"\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f",
        // A reference to before the start.
        b"\x02\x11\x00\x00",
        b"\xff\xff\xff\xff",
    ] {
        let violation = violation(&frame(0xC2, payload));
        assert_eq!(violation, Violation::InvalidDeflate, "{payload:x?}");
        assert_eq!(violation.close_code(), CloseCode::INVALID_PAYLOAD);
    }
    let mut failed = client();
    feed(&mut failed, &frame(0xC2, b"\x07\x00"), 1);
    assert_eq!(drain(&mut failed)[0], 0x88);
    let (events, again) = feed(&mut failed, &frame(0xC1, HELLO), 1);
    assert_eq!((events.len(), again), (0, Some(Violation::InvalidDeflate)));
}

/// D13, I1: what stands before the bad data is judged first, however it arrives.
#[test]
fn d13_bad_text_before_bad_data() {
    let mut stored = b"\x00\x02\x00\xfd\xff\xff\xff".to_vec();
    stored.extend(b"\x07\x00");
    assert_eq!(violation(&frame(0xC1, &stored)), Violation::InvalidUtf8);
    assert_eq!(violation(&frame(0xC2, &stored)), Violation::InvalidDeflate);
}

/// D13: a message that ends within its stream, where the window is not kept.
#[test]
fn d13_cut_streams() {
    for end in 0..HELLO.len() - 1 {
        let (events, violation) = outcome(|| pair(no_takeover()).1, &frame(0xC1, &HELLO[..end]));
        assert_eq!(
            violation,
            Some(Violation::InvalidDeflate),
            "{end}: {events:?}"
        );
    }
}

/// D14: what is not compressed leaves the windows as they are (RFC 7692 §7.2.2).
#[test]
fn d14_windows_are_kept() {
    let bytes = [
        frame(0xC1, HELLO),
        frame(0x89, b""),
        frame(0x81, b"something else"),
        frame(0x01, b"a"),
        frame(0x8A, b""),
        frame(0x80, b"b"),
        frame(0xC1, b"\xf2\x00\x11\x00\x00"),
    ];
    let (events, violation) = outcome(client, &bytes.concat());
    assert_eq!(violation, None);
    assert_eq!(events.last(), Some(&Event::Text("Hello".into())));
}

/// D15: short messages, and prepared frames, do not go through the compressor.
#[test]
fn d15_threshold() {
    let (mut server, _) = pair(takeover().threshold(100));
    for (len, first) in [(99, 0x81), (100, 0xC1)] {
        server.send(Message::text("x".repeat(len))).unwrap();
        assert_eq!(drain(&mut server)[0], first, "{len}");
    }
    server
        .send_prepared(&Prepared::text("x".repeat(1000)))
        .unwrap();
    assert_eq!(drain(&mut server)[0], 0x81);
    for ping in [
        Message::Ping(Default::default()),
        Message::Pong(Default::default()),
    ] {
        server.send(ping).unwrap();
        assert_eq!(drain(&mut server)[0] & 0x40, 0);
    }
}

/// D16: a frame compressed once is for peers to whom we send without takeover, in a window that
/// is at least as large (RFC 7692 §7.1.1).
#[test]
fn d16_prepared() {
    let text = "news ".repeat(100);
    let prepared = Prepared::text(text.clone()).compress(&Deflate::new(no_takeover()));
    let narrow =
        Prepared::text(text.clone()).compress(&Deflate::new(no_takeover().server_window_bits(9)));
    for (config, prepared, compressed) in [
        (no_takeover(), &prepared, true),
        (no_takeover(), &narrow, true),
        (takeover(), &prepared, false),
        (no_takeover().server_window_bits(10), &prepared, false),
        (no_takeover().server_window_bits(10), &narrow, true),
    ] {
        let (mut server, mut client) = pair(config);
        for _ in 0..2 {
            server.send_prepared(prepared).unwrap();
            let bytes = drain(&mut server);
            assert_eq!(bytes[0] & 0x40 != 0, compressed);
            let (events, violation) = feed(&mut client, &bytes, 11);
            assert_eq!(violation, None);
            assert_eq!(events, [Event::Text(text.clone().into())]);
        }
    }
    // On a client connection it is masked, compressed all the same.
    let (mut server, mut client) = pair(no_takeover());
    client.send_prepared(&prepared).unwrap();
    let bytes = drain(&mut client);
    assert_eq!(bytes[0], 0xC1);
    assert_eq!(feed(&mut server, &bytes, 4).0, [Event::Text(text.into())]);
    // Without an agreement it goes as it is.
    let mut plain = Connection::server(Config::default());
    plain.send_prepared(&prepared).unwrap();
    assert_eq!(drain(&mut plain)[0], 0x81);
}

/// D17: between messages nothing is held, unless a window has to be kept (see also
/// `tests/deflate_memory.rs`).
#[test]
fn d17_idle_without_takeover() {
    for (config, keeps) in [(no_takeover(), false), (takeover(), true)] {
        let (mut server, mut client) = pair(config);
        carry(&mut server, &mut client, Message::text("x".repeat(5000)));
        let held = |text: &str| text.contains("active: true");
        assert_eq!(held(&alloc::format!("{server:?} {client:?}")), keeps);
        // A message under way holds one.
        server.send_chunk(Message::text("x"), false).unwrap();
        feed(&mut client, &drain(&mut server), 5);
        assert!(held(&alloc::format!("{client:?}")));
        server.close(None);
        client.close(None);
        let _ = client.receive_eof();
        assert!(!held(&alloc::format!("{client:?}")));
    }
}

/// D18: a message is flushed once, at its end (RFC 7692 §7.2.1).
#[test]
fn d18_one_flush_per_message() {
    let (mut server, mut client) = pair(no_takeover());
    let text: String = (0..50_000).map(|i| alloc::format!("{i} ")).collect();
    server.send(Message::text(text.clone())).unwrap();
    let bytes = drain(&mut server);
    let flushes = bytes.windows(4).filter(|bytes| *bytes == TAIL).count();
    assert_eq!(flushes, 0);
    assert_eq!(
        feed(&mut client, &bytes, 4096).0,
        [Event::Text(text.into())]
    );
}

/// Bytes that do not compress.
fn noise(len: usize) -> Bytes {
    let mut state = 88_172_645_463_325_252_u64 ^ len as u64;
    let next = move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(next).collect::<Vec<_>>().into()
}

/// D19: what would not get shorter is sent as it is, and the windows still agree.
#[test]
fn d19_incompressible() {
    for config in [takeover(), no_takeover()] {
        let (mut server, mut client) = pair(config);
        for len in [0, 1, 2, 5, 100, 5000, 200_000] {
            let noise = noise(len);
            server.send(Message::binary(noise.clone())).unwrap();
            assert_eq!(drain(&mut server)[0], 0x82, "{len}");
            // What follows must not refer to what the peer has not inflated.
            let text = alloc::format!("{:?}", &noise[..len.min(40)]).repeat(20);
            carry(&mut server, &mut client, Message::text(text));
            carry(
                &mut server,
                &mut client,
                Message::binary([&noise[..], &[b'x'; 5000]].concat()),
            );
        }
    }
}

/// U7: text is validated as it is inflated, before the message ends.
#[test]
fn u7_inflated_text_is_validated() {
    let (mut server, mut client) = pair(no_takeover());
    server
        .send_chunk(Message::binary(&b"abc\xFF"[..]), false)
        .unwrap();
    let mut bytes = drain(&mut server);
    bytes[0] = 0x41;
    let (_, violation) = feed(&mut client, &bytes, 1);
    assert_eq!(violation, Some(Violation::InvalidUtf8));
}

/// G5: a compressed message in chunks, which end between characters.
#[test]
fn chunks_of_inflated_text() {
    let config = Config::default().chunks(true).message_limit(1 << 30);
    let (mut server, mut client) = pair_of(no_takeover(), no_takeover(), config);
    let text = "송이 ".repeat(100_000);
    server.send(Message::text(text.clone())).unwrap();
    let bytes = drain(&mut server);
    for piece in [1, 100, usize::MAX] {
        let (events, violation) = feed(&mut client, &bytes, piece);
        assert_eq!(violation, None);
        let mut whole = String::new();
        let last = events.len() - 1;
        for (index, event) in events.into_iter().enumerate() {
            let Event::TextChunk { text, last: ends } = event else {
                panic!("{event:?}");
            };
            assert!(text.len() <= 48 * 1024, "{}", text.len());
            assert_eq!(ends, index == last);
            whole.push_str(&text);
        }
        assert!(whole == text);
    }
}

fn config() -> impl Strategy<Value = DeflateConfig> {
    (
        any::<(bool, bool)>(),
        9..=15_u8,
        9..=15_u8,
        1..=9_u8,
        0..300_usize,
    )
        .prop_map(
            |((server, client), server_bits, client_bits, level, threshold)| {
                DeflateConfig::default()
                    .server_takeover(server)
                    .client_takeover(client)
                    .server_window_bits(server_bits)
                    .client_window_bits(client_bits)
                    .level(level)
                    .memory_level(level)
                    .threshold(threshold)
            },
        )
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b')], 0..3000),
        (0..70_000_usize).prop_map(|len| vec![b'x'; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 64 }))]

    /// What is sent is received, whatever was agreed on, in any fragments and any pieces.
    #[test]
    fn round_trip(
        server in config(),
        client in config(),
        payloads in proptest::collection::vec((payload(), any::<bool>(), 1..4_usize), 0..6),
        piece in 1..5000_usize,
        chunks: bool,
    ) {
        let limits = Config::default().chunks(chunks);
        let (mut server, mut client) = pair_of(server, client, limits);
        for (payload, to_client, parts) in payloads {
            let (from, to) = if to_client {
                (&mut server, &mut client)
            } else {
                (&mut client, &mut server)
            };
            if parts == 1 {
                from.send(Message::binary(payload.clone())).unwrap();
            } else {
                let size = payload.len() / parts + 1;
                let count = payload.len().div_ceil(size);
                for (index, part) in payload.chunks(size).enumerate() {
                    let part = Message::binary(part.to_vec());
                    from.send_chunk(part, index + 1 == count).unwrap();
                }
                if payload.is_empty() {
                    from.send_chunk(Message::binary(""), true).unwrap();
                }
            }
            let (events, violation) = feed(to, &drain(from), piece);
            prop_assert_eq!(violation, None);
            let mut whole = Vec::new();
            for event in events {
                match event {
                    Event::Binary(bytes) => whole.extend_from_slice(&bytes),
                    Event::BinaryChunk { payload, .. } => whole.extend_from_slice(&payload),
                    event => panic!("{event:?}"),
                }
            }
            prop_assert!(whole == payload);
        }
    }

    /// Any bytes at all are inflated or refused, within the limit, and never cause a panic.
    #[test]
    fn garbage(
        payload in proptest::collection::vec(any::<u8>(), 0..125),
        prefix in 0..4_usize,
        takes_over: bool,
    ) {
        let start = [&b""[..], b"\xf2", b"\x00\x05\x00\xfa\xff", b"\x04\xc0"][prefix];
        let mut payload = [start, &payload].concat();
        payload.truncate(125);
        let config = if takes_over { takeover() } else { no_takeover() };
        let limits = Config::default().message_limit(2000);
        outcome(|| pair_of(config, config, limits).1, &frame(0xC2, &payload));
    }
}
