use alloc::{vec, vec::Vec};

use bytes::Bytes;
use faststr::FastStr;

use super::machine::WAIT_MAX;
use super::*;
use crate::{
    CloseCode, ControlPayload, Reply,
    frame::{header, mask},
};

/// A frame to a client: unmasked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(len as u8),
        len @ 126..=0xFFFF => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// The same frame to a server.
fn masked(first: u8, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    header::encode(&mut bytes, first, payload.len(), Some(key));
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask::apply(&mut bytes[start..], key);
    bytes
}

fn client() -> Receiver {
    Receiver::new(Role::Client, &Config::default())
}

fn server() -> Receiver {
    Receiver::new(Role::Server, &Config::default())
}

type Outcome = (Vec<Event>, Option<Violation>);

/// All events of `bytes`, given in pieces of at most `piece` bytes.
fn run(mut receiver: Receiver, bytes: &[u8], piece: usize) -> Outcome {
    let (mut events, mut input) = (Vec::new(), BytesMut::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            match receiver.receive(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => return (events, Some(violation)),
            }
        }
    }
    (events, None)
}

/// The outcome for `bytes`, which has to be the same whole, byte by byte, and in between.
fn outcome(receiver: impl Fn() -> Receiver, bytes: &[u8]) -> Outcome {
    let whole = run(receiver(), bytes, usize::MAX);
    for piece in [1, 2, 3, 7] {
        assert_eq!(run(receiver(), bytes, piece), whole);
    }
    whole
}

fn events(bytes: &[u8]) -> Vec<Event> {
    let (events, violation) = outcome(client, bytes);
    assert_eq!(violation, None);
    events
}

fn violation(bytes: &[u8]) -> Violation {
    outcome(client, bytes).1.unwrap()
}

fn text(text: &str) -> Event {
    Event::Text(FastStr::new(text))
}

fn binary(payload: &[u8]) -> Event {
    Event::Binary(Bytes::copy_from_slice(payload))
}

fn ping(payload: &[u8]) -> Event {
    Event::Ping(ControlPayload::from_frame(payload))
}

/// F1, F10: every class of length, several frames in one read and one frame over many reads.
#[test]
fn messages_of_every_class_of_length() {
    for len in [0, 1, 30, 31, 125, 126, 127, 256, 257, 65_535, 65_536] {
        // Miri takes a second for a kilobyte.
        if cfg!(miri) && len > 1000 {
            continue;
        }
        let payload: Vec<u8> = (0..len).map(|i| i as u8 | 1).collect();
        let words = "a".repeat(len);
        let mut to_client = frame(0x82, &payload);
        to_client.extend(frame(0x81, words.as_bytes()));
        let mut to_server = masked(0x82, [9, 8, 7, 6], &payload);
        to_server.extend(masked(0x81, [0, 1, 2, 255], words.as_bytes()));
        let expected = (vec![binary(&payload), text(&words)], None);
        for piece in [usize::MAX, 997, 3] {
            assert_eq!(run(client(), &to_client, piece), expected, "{len}");
            assert_eq!(run(server(), &to_server, piece), expected, "{len}");
        }
    }
}

/// F9: a mask of zeros, and each phase of the key across a chunk's edge (RFC 6455 §5.3).
#[test]
fn mask_keys() {
    for key in [[0; 4], [1, 2, 3, 4], [255; 4]] {
        let frame = masked(0x81, key, b"0123456789abcdef");
        for cut in 0..frame.len() {
            let (mut receiver, mut input) = (server(), BytesMut::from(&frame[..cut]));
            assert_eq!(receiver.receive(&mut input), Ok(None));
            input.extend_from_slice(&frame[cut..]);
            assert_eq!(
                receiver.receive(&mut input),
                Ok(Some(text("0123456789abcdef")))
            );
        }
    }
}

/// F12: a masked frame without payload still has its key (RFC 6455 §5.2).
#[test]
fn masked_and_empty() {
    let bytes = [
        masked(0x81, [1, 2, 3, 4], b""),
        masked(0x89, [5, 6, 7, 8], b""),
    ]
    .concat();
    assert_eq!(outcome(server, &bytes), (vec![text(""), ping(b"")], None));
}

/// G1: fragments, empty ones at every place (RFC 6455 §5.4).
#[test]
fn fragmented_messages() {
    for parts in [
        &["Hel", "lo"][..],
        &["", "Hello"],
        &["Hel", "", "lo"],
        &["Hello", ""],
        &["", ""],
    ] {
        for opcode in [0x01, 0x02] {
            let mut bytes = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                let first = if at == 0 { opcode } else { 0 };
                let fin = if at == parts.len() - 1 { 0x80 } else { 0 };
                bytes.extend(frame(first | fin, part.as_bytes()));
            }
            let whole = parts.concat();
            let expected = if opcode == 1 {
                text(&whole)
            } else {
                binary(whole.as_bytes())
            };
            assert_eq!(events(&bytes), [expected]);
        }
    }
}

/// C6: control frames between fragments (RFC 6455 §5.4).
#[test]
fn control_between_fragments() {
    let bytes = [
        frame(0x01, b"Hel"),
        frame(0x89, b"1"),
        frame(0x00, b"l"),
        frame(0x8A, b"2"),
        frame(0x80, b"o"),
    ]
    .concat();
    let pong = Event::Pong(ControlPayload::from_frame(b"2"));
    assert_eq!(events(&bytes), [ping(b"1"), pong, text("Hello")]);
}

/// G3: the message limit holds for the sum of the fragments.
#[test]
fn message_limit_across_fragments() {
    let limited = || Receiver::new(Role::Client, &Config::default().message_limit(10));
    let fits = [frame(0x02, &[1; 6]), frame(0x80, &[1; 4])].concat();
    assert_eq!(outcome(limited, &fits), (vec![binary(&[1; 10])], None));
    let (_, violation) = outcome(
        limited,
        &[frame(0x02, &[1; 6]), frame(0x80, &[1; 5])[..2].to_vec()].concat(),
    );
    assert_eq!(violation, Some(Violation::MessageTooBig { limit: 10 }));
    assert_eq!(violation.unwrap().close_code(), CloseCode::TOO_BIG);
}

/// G4: the number of fragments is limited, empty ones included.
#[test]
fn fragment_limit() {
    let limited = || Receiver::new(Role::Client, &Config::default().fragment_limit(3));
    let parts = |n: usize| {
        let mut bytes = frame(0x02, b"");
        (0..n - 2).for_each(|_| bytes.extend(frame(0x00, b"")));
        bytes.extend(frame(0x80, b""));
        bytes
    };
    assert_eq!(outcome(limited, &parts(3)), (vec![binary(b"")], None));
    let violation = Violation::TooManyFragments { limit: 3 };
    assert_eq!(outcome(limited, &parts(4)), (vec![], Some(violation)));
    assert_eq!(violation.close_code(), CloseCode::POLICY);
    // The count starts anew with each message.
    let twice = [parts(3), parts(3)].concat();
    assert_eq!(outcome(limited, &twice).0.len(), 2);
}

/// G7: a Close frame inside a fragmented message ends it without an error.
#[test]
fn close_between_fragments() {
    let bytes = [frame(0x01, b"Hel"), frame(0x88, &[3, 232])].concat();
    assert_eq!(
        events(&bytes),
        [Event::Close(Some(CloseCode::NORMAL.into()))]
    );
}

/// U1: characters cut by frames and by reads.
#[test]
fn characters_cut_by_frames() {
    let whole = "κόσμε 송이 😀";
    for cut in 0..whole.len() {
        let (head, tail) = whole.as_bytes().split_at(cut);
        assert_eq!(
            events(&[frame(0x01, head), frame(0x80, tail)].concat()),
            [text(whole)]
        );
    }
}

/// U2: text that is not UTF-8, in one frame and at the end of a message (RFC 6455 §8.1).
#[test]
fn invalid_text() {
    for payload in [
        &b"\xC0\xAF"[..],
        b"\xED\xA0\x80",
        b"\xF4\x90\x80\x80",
        b"\x80",
        b"ab\xE2\x82",
    ] {
        assert_eq!(violation(&frame(0x81, payload)), Violation::InvalidUtf8);
        let parts = [frame(0x01, payload), frame(0x80, b"")].concat();
        assert_eq!(violation(&parts), Violation::InvalidUtf8);
        let long = [&[b'x'; 1000], payload].concat();
        assert_eq!(violation(&frame(0x81, &long)), Violation::InvalidUtf8);
    }
    assert_eq!(
        Violation::InvalidUtf8.close_code(),
        CloseCode::INVALID_PAYLOAD
    );
    assert_eq!(events(&frame(0x82, b"\xC0\xAF")), [binary(b"\xC0\xAF")]);
}

/// U3: text is refused inside a frame, at its first impossible byte (Autobahn 6.4.3, 6.4.4).
#[test]
fn fails_fast_inside_a_frame() {
    let frame = frame(
        0x81,
        b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80edited",
    );
    let (mut receiver, mut input) = (client(), BytesMut::new());
    let refused_at = frame.iter().position(|byte| {
        input.extend_from_slice(&[*byte]);
        receiver.receive(&mut input).is_err()
    });
    assert_eq!(refused_at, Some(2 + 12));
}

/// U4: each message is validated on its own.
#[test]
fn validation_starts_anew() {
    let bytes = [
        frame(0x01, b"a"),
        frame(0x80, b"\xC3\xA9"),
        frame(0x81, b"b"),
    ]
    .concat();
    assert_eq!(events(&bytes), [text("aé"), text("b")]);
}

/// K1, K2, K3, U5: what a Close frame may hold (RFC 6455 §5.5.1).
#[test]
fn close_frames() {
    assert_eq!(events(&frame(0x88, b"")), [Event::Close(None)]);
    let full = [&[3, 233][..], &[b'r'; 123]].concat();
    let expected = CloseFrame::new(CloseCode::AWAY, "r".repeat(123));
    assert_eq!(events(&frame(0x88, &full)), [Event::Close(Some(expected))]);
    assert_eq!(violation(&frame(0x88, &[3])), Violation::TruncatedCloseCode);
    assert_eq!(
        violation(&frame(0x88, &[3, 237])),
        Violation::InvalidCloseCode(1005)
    );
    assert_eq!(
        violation(&frame(0x88, b"\x03\xE8\xFF")),
        Violation::InvalidCloseReason
    );
}

/// K7: nothing after a Close frame is looked at (RFC 6455 §5.5.1).
#[test]
fn input_after_close_is_discarded() {
    let bytes = [
        frame(0x88, b""),
        frame(0x81, b"late"),
        frame(0x88, &[3]),
        vec![0xFF; 9],
    ]
    .concat();
    assert_eq!(events(&bytes), [Event::Close(None)]);
}

/// I6: a failure is final, and stays the answer.
#[test]
fn failure_is_final() {
    let mut receiver = client();
    let mut input = BytesMut::from(&[frame(0x83, b""), frame(0x81, b"late")].concat()[..]);
    for _ in 0..3 {
        assert_eq!(
            receiver.receive(&mut input),
            Err(Violation::ReservedOpcode(3))
        );
        assert!(input.is_empty());
        input.extend_from_slice(&frame(0x81, b"more"));
    }
    assert_eq!(receiver.receive_eof(), Ok(()));
    assert_eq!(
        receiver.receive(&mut input),
        Err(Violation::ReservedOpcode(3))
    );
}

/// K12: a stream that ends without a Close frame (RFC 6455 §7.1.5).
#[test]
fn end_without_close() {
    let mut receiver = client();
    assert_eq!(receiver.receive_eof(), Err(AbnormalClosure));
    assert_eq!(receiver.receive_eof(), Err(AbnormalClosure));
    let mut late = BytesMut::from(&frame(0x81, b"late")[..]);
    assert_eq!(receiver.receive(&mut late), Ok(None));

    let mut receiver = client();
    receiver
        .receive(&mut BytesMut::from(&frame(0x88, b"")[..]))
        .unwrap();
    assert_eq!(receiver.receive_eof(), Ok(()));
}

/// Of a message that comes slowly, what is left in the input is never more than the start of a
/// control frame.
#[test]
fn input_does_not_grow() {
    // Miri takes a second for a kilobyte.
    let large = if cfg!(miri) { 1000 } else { 70_000 };
    let bytes = [
        frame(0x02, &[1; 1000]),
        frame(0x89, &[2; 125]),
        frame(0x80, &vec![3; large]),
        frame(0x81, &vec![b'a'; large / 14]),
    ]
    .concat();
    let (mut receiver, mut input) = (client(), BytesMut::new());
    for byte in bytes {
        input.extend_from_slice(&[byte]);
        while receiver.receive(&mut input).unwrap().is_some() {}
        assert!(input.len() <= 138, "{}", input.len());
    }
}

/// A message in one frame that a read has cut waits in the input, once, for the rest of it; then
/// it is given out from where it lies.
#[test]
fn a_cut_message_waits_for_the_next_read() {
    for first in [0x81, 0x82] {
        for len in [3, 4000, WAIT_MAX, WAIT_MAX + 1] {
            if cfg!(miri) && len > 4000 {
                continue;
            }
            let frame = masked(first, [9, 8, 7, 6], &vec![b'a'; len]);
            let header = frame.len() - len;
            let (mut receiver, mut input) = (server(), BytesMut::with_capacity(2 * WAIT_MAX));
            let buffer = input.as_ptr_range().start;
            let buffer = buffer..buffer.wrapping_add(2 * WAIT_MAX);
            input.extend_from_slice(&frame[..header + 2]);
            assert_eq!(receiver.receive(&mut input), Ok(None));
            let waits = len <= WAIT_MAX;
            assert_eq!(input.len(), if waits { 2 } else { 0 }, "{len}");
            assert_eq!(receiver.missing(), if waits { len - 2 } else { 0 });
            // Nothing new, nothing done.
            assert_eq!(receiver.receive(&mut input), Ok(None));

            input.extend_from_slice(&frame[header + 2..]);
            input.extend_from_slice(b"\x89");
            let payload = match receiver.receive(&mut input).unwrap() {
                Some(Event::Text(text)) => text.into_bytes(),
                Some(Event::Binary(payload)) => payload,
                event => panic!("{event:?}"),
            };
            assert_eq!(payload, vec![b'a'; len]);
            let shared = waits && len > SHORT_MAX;
            assert_eq!(buffer.contains(&payload.as_ptr()), shared, "{len}");
            assert_eq!((receiver.missing(), &input[..]), (0, &b"\x89"[..]));
        }
    }
}

/// Text that waits is refused at its first impossible byte too.
#[test]
fn a_cut_message_is_refused_while_it_waits() {
    let text = ["κόσμε".as_bytes(), b"\xF4\x90\x80\x80"].concat();
    for cut in 0..text.len() {
        let frame = masked(0x81, [1, 2, 3, 4], &text);
        let mut input = BytesMut::from(&frame[..frame.len() - text.len() + cut]);
        // The second byte of the last character makes it one that there is not.
        let refused = cut > text.len() - 3;
        assert_eq!(server().receive(&mut input).is_err(), refused, "{cut}");
    }
}

/// A message that waits may be gone on with by the other form, and the stream may end.
#[test]
fn a_cut_message_may_be_lent_or_never_come() {
    let frame = masked(0x82, [9, 8, 7, 6], b"Hello");
    for cut in 6..frame.len() {
        for end in cut..=frame.len() {
            let (mut receiver, mut input) = (server(), BytesMut::from(&frame[..cut]));
            assert_eq!(receiver.receive(&mut input), Ok(None));
            input.extend_from_slice(&frame[cut..end]);
            let mut bytes = &mut input[..];
            let lent = receiver.receive_ref(&mut bytes).unwrap();
            let expected = (end == frame.len()).then_some(binary(b"Hello"));
            assert_eq!(lent.map(EventRef::into_owned), expected);
            if expected.is_none() {
                let mut rest = [bytes, &frame[end..]].concat();
                let lent = receiver.receive_ref(&mut &mut rest[..]).unwrap();
                assert_eq!(lent.map(EventRef::into_owned), Some(binary(b"Hello")));
            }
        }
        let (mut receiver, mut input) = (server(), BytesMut::from(&frame[..cut]));
        assert_eq!(receiver.receive(&mut input), Ok(None));
        assert_eq!(receiver.receive_eof(), Err(AbnormalClosure));
    }
}

/// An input that has lost what was left in it does no more harm than another payload.
#[test]
fn an_input_that_lost_its_start_does_no_harm() {
    let frame = masked(0x81, [9, 8, 7, 6], &[b'a'; 100]);
    for left in [0, 5, 20] {
        let (mut receiver, mut input) = (server(), BytesMut::from(&frame[..50]));
        assert_eq!(receiver.receive(&mut input), Ok(None));
        input.truncate(left);
        assert_eq!(receiver.receive(&mut input), Ok(None));
        input.extend_from_slice(&frame[50..]);
        let _ = receiver.receive(&mut input);
    }
}

/// A message that is kept does not keep a large read buffer; a large one is not copied.
#[test]
fn small_payloads_are_copied_and_large_ones_shared() {
    for (len, shared) in [(256, false), (1024, false), (2000, true), (20_000, true)] {
        for first in [0x81, 0x82] {
            let mut input = BytesMut::with_capacity(64 * 1024);
            input.extend_from_slice(&frame(first, &vec![b'a'; len]));
            let buffer = input.as_ptr_range();
            let buffer = buffer.start..buffer.start.wrapping_add(64 * 1024);
            let payload = match client().receive(&mut input).unwrap() {
                Some(Event::Text(text)) => text.into_bytes(),
                Some(Event::Binary(payload)) => payload,
                event => panic!("{event:?}"),
            };
            assert_eq!(buffer.contains(&payload.as_ptr()), shared, "{len}");
        }
    }
}

/// The rule holds at the end of a read buffer too, where little of its capacity is left.
#[test]
fn the_end_of_a_large_buffer_is_not_kept_either() {
    let mut input = BytesMut::with_capacity(64 * 1024);
    let start = input.as_ptr();
    for _ in 0..150 {
        input.extend_from_slice(&frame(0x82, &[7; 400]));
    }
    let mut receiver = client();
    while let Some(Event::Binary(payload)) = receiver.receive(&mut input).unwrap() {
        let buffer = start..start.wrapping_add(64 * 1024);
        assert!(!buffer.contains(&payload.as_ptr()));
    }
}

/// Replies are values that follow from what was received.
#[test]
fn replies() {
    assert_eq!(
        Reply::to(&ping(b"x")),
        Some(Reply::Pong(ControlPayload::from_frame(b"x")))
    );
    let frame = Some(CloseFrame::from(CloseCode::AWAY));
    assert_eq!(
        Reply::to(&Event::Close(frame.clone())),
        Some(Reply::Close(frame))
    );
    assert_eq!(
        Reply::to(&Event::Pong(ControlPayload::default())),
        Some(Reply::Alive(ControlPayload::default()))
    );
    for event in [text("a"), binary(b"b")] {
        assert_eq!(Reply::to(&event), None);
    }
}

/// A message that comes in pieces ends in a buffer of its own size.
#[test]
fn pieces_end_in_a_buffer_that_fits() {
    let mut receiver = client();
    let mut input = BytesMut::new();
    let bytes = frame(0x82, &vec![1; 100_000]);
    for piece in bytes.chunks(1448) {
        input.extend_from_slice(piece);
        if let Some(Event::Binary(payload)) = receiver.receive(&mut input).unwrap() {
            let owned = payload.try_into_mut().unwrap();
            assert_eq!((owned.len(), owned.capacity()), (100_000, 100_000));
            return;
        }
    }
    panic!("the frame was whole");
}

/// A run in which short messages are taken where they lie.
fn run_short(mut receiver: Receiver, bytes: &[u8], piece: usize) -> Outcome {
    let (mut events, mut input) = (Vec::new(), BytesMut::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            let short = receiver.receive_short(&mut input, |short| match short {
                ShortMessage::Text(text) => Event::Text(FastStr::new(text)),
                ShortMessage::Binary(bytes) => Event::Binary(Bytes::copy_from_slice(bytes)),
            });
            let received = match short {
                Ok(None) => receiver.receive(&mut input),
                short => short,
            };
            match received {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => return (events, Some(violation)),
            }
        }
    }
    (events, None)
}

/// Messages that are lent are those that are given out, and break the same rules.
#[test]
fn lent_short_messages_are_the_same() {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let good = [
        masked(0x81, key, b"hi"),
        masked(0x82, key, &[7; 300]),
        masked(0x89, key, b"ping"),
        masked(0x01, key, b"two "),
        masked(0x80, key, b"parts"),
        masked(0x81, key, &[b'x'; 1024]),
        masked(0x81, key, &[b'y'; 1025]),
        masked(0x82, [0; 4], &[]),
    ];
    for last in [
        masked(0x81, key, &[0xff]),
        masked(0xc1, key, b"reserved"),
        frame(0x81, b"unmasked"),
        masked(0x88, key, &[]),
        masked(0x81, key, b"good"),
    ] {
        let bytes = [good.concat(), last].concat();
        let expected = run(server(), &bytes, usize::MAX);
        for piece in [1, 2, 3, 7, 1000, usize::MAX] {
            assert_eq!(run_short(server(), &bytes, piece), expected);
        }
    }
}
