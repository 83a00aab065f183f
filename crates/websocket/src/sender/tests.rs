use alloc::{sync::Arc, vec, vec::Vec};
use core::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;

use super::*;
use crate::{CloseCode, FastStr, Violation};

fn server() -> Sender {
    Sender::new(None, &Config::default())
}

fn client() -> Sender {
    Sender::new(Some(Box::new(|| [1, 2, 3, 4])), &Config::default())
}

fn drain(sender: &mut Sender) -> Vec<u8> {
    let bytes = sender.slices().collect::<Vec<_>>().concat();
    assert_eq!(bytes.len(), sender.queued());
    sender.transmitted(bytes.len());
    bytes
}

fn ping(payload: &[u8]) -> ControlPayload {
    ControlPayload::from_frame(payload)
}

/// F13: each kind of message, minimal, unmasked from a server (RFC 6455 §5.2).
#[test]
fn server_frames() {
    let mut sender = server();
    sender.send(Message::text("hi")).unwrap();
    sender.send(Message::binary(vec![1, 2])).unwrap();
    sender.send(Message::Ping(ping(b"p"))).unwrap();
    sender.send(Message::Pong(ping(b"q"))).unwrap();
    assert_eq!(
        drain(&mut sender),
        b"\x81\x02hi\x82\x02\x01\x02\x89\x01p\x8A\x01q"
    );
}

/// F13: a client masks each frame, with a key of its own (RFC 6455 §5.3).
#[test]
fn client_masks_each_frame_anew() {
    let next = Arc::new(AtomicU8::new(1));
    let masks = {
        let next = Arc::clone(&next);
        move || [next.fetch_add(1, Ordering::Relaxed), 0, 0, 0]
    };
    let mut sender = Sender::new(Some(Box::new(masks)), &Config::default());
    sender.send(Message::text("aaa")).unwrap();
    sender.send(Message::binary(vec![b'a'; 2000])).unwrap();
    sender.close(None);
    let bytes = drain(&mut sender);
    assert_eq!(&bytes[..9], b"\x81\x83\x01\0\0\0\x60aa");
    assert_eq!(&bytes[9..19], b"\x82\xFE\x07\xD0\x02\0\0\0\x63a");
    assert_eq!(&bytes[9 + 8 + 2000..], b"\x88\x80\x03\0\0\0");
}

/// A client masks a payload that it alone holds in place, and copies one that is shared.
#[test]
fn a_shared_payload_is_not_masked_in_place() {
    let payload = Bytes::from(vec![7; 5000]);
    let (own, address) = (Bytes::from(vec![7; 5000]), payload.as_ptr());
    for (payload, in_place) in [(payload.clone(), false), (own, true)] {
        let before = payload.as_ptr();
        let mut sender = client();
        sender.send(Message::Binary(payload)).unwrap();
        let queued = sender.slices().last().unwrap();
        assert_eq!(queued.as_ptr() == before, in_place);
        assert_eq!(queued[..4], [7 ^ 1, 7 ^ 2, 7 ^ 3, 7 ^ 4]);
    }
    assert_eq!(payload.as_ptr(), address);
    assert!(payload.iter().all(|&byte| byte == 7));
}

/// Large payloads are queued as they are, small ones lie together.
#[test]
fn large_payloads_are_not_copied() {
    let large = Bytes::from(vec![7; 5000]);
    let mut sender = server();
    for payload in [&b"a"[..], b"b"] {
        sender.send(Message::binary(payload.to_vec())).unwrap();
    }
    sender.send(Message::Binary(large.clone())).unwrap();
    sender.send(Message::text("c")).unwrap();
    let slices: Vec<_> = sender.slices().collect();
    assert_eq!(slices.len(), 3);
    assert_eq!(slices[0], b"\x82\x01a\x82\x01b\x82\x7E\x13\x88");
    assert_eq!(slices[1].as_ptr(), large.as_ptr());
    assert_eq!(slices[2], b"\x81\x01c");

    #[cfg(feature = "std")]
    {
        let mut io = [std::io::IoSlice::new(&[]); 8];
        assert_eq!(sender.transmit(&mut io), 3);
        assert_eq!(sender.transmit(&mut io[..2]), 2);
        assert_eq!(io[1].as_ptr(), large.as_ptr());
    }
}

/// A prepared message is the same frame on every connection, and shared where that pays.
#[test]
fn prepared_messages() {
    for len in [0, 5, 125, 126, 1000, 70_000] {
        let payload = vec![b'x'; len];
        for (prepared, message) in [
            (Prepared::binary(&payload), Message::binary(payload.clone())),
            (
                Prepared::text(FastStr::new("x".repeat(len))),
                Message::text("x".repeat(len)),
            ),
        ] {
            for make in [server, client] {
                let (mut one, mut other) = (make(), make());
                one.send_prepared(&prepared).unwrap();
                other.send(message.clone()).unwrap();
                if len == 70_000 && make().masks.is_none() {
                    assert_eq!(
                        one.slices().next().unwrap().as_ptr(),
                        prepared.frame().as_ptr()
                    );
                }
                assert_eq!(drain(&mut one), drain(&mut other));
            }
        }
    }
}

/// The queue's limit: the message comes back, and an empty queue takes any.
#[test]
fn queue_limit() {
    let mut sender = Sender::new(None, &Config::default().queue_limit(1000));
    sender.send(Message::binary(vec![1; 5000])).unwrap();
    let message = Message::text("x");
    let error = sender.send(message.clone()).unwrap_err();
    let expected = SendError::Full {
        message: message.clone(),
        queued: 5004,
        limit: 1000,
    };
    assert_eq!(error, expected);
    assert_eq!(error.into_message(), message);
    let prepared = Prepared::text("x");
    let full = SendError::Full {
        message: (),
        queued: 5004,
        limit: 1000,
    };
    assert_eq!(sender.send_prepared(&prepared), Err(full));
    sender.transmitted(4500);
    sender.send(message).unwrap();
    sender.transmitted(sender.queued());
    for _ in 0..9 {
        sender.send(Message::binary(vec![1; 100])).unwrap();
    }
    assert!(sender.send(Message::binary(vec![1; 100])).is_err());
    assert!(sender.queued() <= 1000);
}

/// C3: a pong has the ping's payload, and few pings are all answered in order (RFC 6455 §5.5.3).
#[test]
fn pongs_in_order() {
    let mut sender = server();
    for n in 0..32 {
        sender.reply(Reply::Pong(ping(&[n])));
    }
    let expected: Vec<u8> = (0..32).flat_map(|n| [0x8A, 1, n]).collect();
    assert_eq!(drain(&mut sender), expected);
}

/// C4: of a flood of pings the first 32 are answered, and the last (RFC 6455 §5.5.3).
#[test]
fn pongs_are_bounded() {
    let mut sender = server();
    for round in 0..2 {
        for n in 0..=255 {
            sender.reply(Reply::Pong(ping(&[n])));
        }
        assert_eq!(sender.queued(), 32 * 3, "{round}");
        // As long as one of them is unsent, none is added.
        sender.transmitted(32 * 3 - 1);
        assert_eq!(sender.queued(), 1);
        sender.transmitted(1);
        assert_eq!(drain(&mut sender), [0x8A, 1, 255]);
        assert_eq!(sender.queued(), 0);
    }
}

/// C4: data queued behind the pongs does not delay the newest.
#[test]
fn newest_pong_follows_as_soon_as_the_pongs_are_out() {
    let mut sender = server();
    (0..40).for_each(|n| sender.reply(Reply::Pong(ping(&[n]))));
    sender.send(Message::text("data")).unwrap();
    sender.transmitted(32 * 3);
    assert_eq!(drain(&mut sender), b"\x81\x04data\x8A\x01\x27");
}

/// C7: no pong after our Close frame (RFC 6455 §5.5.1).
#[test]
fn no_pong_after_close() {
    let mut sender = server();
    (0..40).for_each(|n| sender.reply(Reply::Pong(ping(&[n]))));
    sender.close(None);
    sender.reply(Reply::Pong(ping(b"late")));
    let bytes = drain(&mut sender);
    assert_eq!(&bytes[32 * 3..], b"\x88\x00");
    assert_eq!(sender.queued(), 0);
}

/// K8: nothing is sent after a Close frame, whoever sent it (RFC 6455 §5.5.1).
#[test]
fn no_message_after_close() {
    let close: [fn(&mut Sender); 4] = [
        |sender| sender.close(None),
        |sender| sender.reply(Reply::Close(None)),
        |sender| sender.reply(Reply::Fail(Violation::Unmasked)),
        |sender| sender.reply(Reply::Eof),
    ];
    for close in close {
        let mut sender = server();
        close(&mut sender);
        assert!(!sender.is_open());
        let queued = sender.queued();
        let message = Message::text("late");
        assert_eq!(
            sender.send(message.clone()),
            Err(SendError::Closing { message })
        );
        let closing = SendError::Closing { message: () };
        assert_eq!(sender.send_prepared(&Prepared::text("late")), Err(closing));
        assert_eq!(sender.queued(), queued);
    }
}

/// K1, K6: the reply echoes the code, once (RFC 6455 §5.5.1).
#[test]
fn close_is_echoed_once() {
    let mut sender = server();
    sender.reply(Reply::Close(Some(CloseFrame::new(CloseCode::AWAY, "bye"))));
    sender.reply(Reply::Close(Some(CloseFrame::new(CloseCode::AWAY, "bye"))));
    sender.close(Some(CloseCode::NORMAL.into()));
    assert_eq!(drain(&mut sender), b"\x88\x02\x03\xE9");

    let mut sender = server();
    sender.reply(Reply::Close(None));
    assert_eq!(drain(&mut sender), b"\x88\x00");
}

/// K9: what was queued before the peer's Close frame is sent before the answer.
#[test]
fn queued_messages_precede_the_close_frame() {
    let mut sender = server();
    sender.send(Message::text("last")).unwrap();
    sender.reply(Reply::Close(None));
    assert_eq!(drain(&mut sender), b"\x81\x04last\x88\x00");
}

/// K13: a violation is answered with its code, and the stream half-closed (RFC 6455 §7.1.7).
#[test]
fn violations_are_answered() {
    for (violation, code) in [
        (Violation::ReservedBits, 1002_u16),
        (Violation::InvalidUtf8, 1007),
        (Violation::TooManyFragments { limit: 1 }, 1008),
        (Violation::MessageTooBig { limit: 1 }, 1009),
    ] {
        for make in [server, client] {
            let mut sender = make();
            sender.reply(Reply::Fail(violation));
            assert_eq!(sender.next_step(), Step::Continue);
            let mut bytes = drain(&mut sender);
            if make().masks.is_some() {
                let (_, payload) = bytes.split_at_mut(6);
                crate::frame::mask::apply(payload, [1, 2, 3, 4]);
            }
            assert!(bytes.ends_with(&code.to_be_bytes()));
            assert_eq!(sender.next_step(), Step::HalfClose);
            sender.reply(Reply::Eof);
            assert_eq!(sender.next_step(), Step::Close);
        }
    }
}

/// A Close frame holds what was given, and nothing else.
#[test]
fn close_payload() {
    let mut sender = server();
    sender.close(Some(CloseFrame::new(CloseCode::RESTART, "r".repeat(500))));
    let bytes = drain(&mut sender);
    assert_eq!(bytes[..4], [0x88, 125, 3, 244]);
    assert_eq!(bytes[4..], [b'r'; 123]);
}

/// G6: between the parts of a message there are control frames, and no other data (RFC 6455 §5.4).
#[test]
fn parts_of_a_message() {
    let mut sender = server();
    sender.send_chunk(Message::text("a"), false).unwrap();
    for other in [Message::text("x"), Message::binary("x")] {
        let refused = SendError::Interleaved {
            message: other.clone(),
        };
        assert_eq!(sender.send(other.clone()), Err(refused.clone()));
        assert_eq!(sender.send_uncompressed(other), Err(refused));
    }
    assert_eq!(
        sender.send_prepared(&Prepared::text("x")),
        Err(SendError::Interleaved { message: () })
    );
    let other = Message::binary("x");
    assert_eq!(
        sender.send_chunk(other.clone(), true),
        Err(SendError::Interleaved { message: other })
    );
    let ping = ControlPayload::new("p").unwrap();
    sender.send_chunk(Message::Ping(ping), true).unwrap();
    sender.send_chunk(Message::text(""), false).unwrap();
    sender.send_chunk(Message::text("b"), true).unwrap();
    sender.send(Message::text("c")).unwrap();
    assert_eq!(
        drain(&mut sender),
        b"\x01\x01a\x89\x01p\x00\x00\x80\x01b\x81\x01c"
    );
    // A Close frame may end it early.
    sender.send_chunk(Message::binary("a"), false).unwrap();
    sender.close(None);
    assert!(sender.send_chunk(Message::binary("b"), true).is_err());
    assert_eq!(drain(&mut sender), b"\x02\x01a\x88\x00");
}

/// A text that is lent makes the frame of one that is given, in either role.
#[test]
fn lent_texts() {
    for text in ["", "hi", &"x".repeat(126), &"y".repeat(70_000)] {
        for make in [server, client] {
            let (mut lent, mut given) = (make(), make());
            lent.send_text(text).unwrap();
            given.send(Message::text(text.to_owned())).unwrap();
            assert_eq!(drain(&mut lent), drain(&mut given));
        }
    }
}

#[test]
fn lent_texts_obey_the_order_of_calls() {
    let mut sender = server();
    sender.send_chunk(Message::text("a"), false).unwrap();
    assert!(matches!(
        sender.send_text("b"),
        Err(SendError::Interleaved { message: () })
    ));
    sender.send_chunk(Message::text("a"), true).unwrap();
    sender.close(None);
    assert!(matches!(
        sender.send_text("b"),
        Err(SendError::Closing { message: () })
    ));
}
