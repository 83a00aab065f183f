//! Odd frames and odd packets of Engine.IO.

use crate::case::{Case, Frame, binary, candidate, joined, open, text};
use crate::wire::{FIN, masked};

pub(crate) fn sections() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("WebSocket: frames", frames()),
        ("Engine.IO: packets", packets()),
        ("Engine.IO: the WebSocket of an upgrade", upgrades()),
    ]
}

fn frames() -> Vec<Case> {
    let close = |payload: &[u8]| masked(FIN | 8, payload);
    vec![
        joined(
            "a frame that is not masked",
            [raw(b"\x81\x013", "text `3`, not masked")],
        ),
        joined(
            "a reserved bit",
            [raw(&masked(FIN | 0x40 | 1, b"3"), "text `3` with RSV1")],
        ),
        joined(
            "a reserved opcode",
            [raw(&masked(FIN | 3, b"3"), "opcode 3")],
        ),
        joined(
            "a reserved control opcode",
            [raw(&masked(FIN | 11, b""), "opcode 11")],
        ),
        joined(
            "a continuation of nothing",
            [raw(&masked(FIN, b"3"), "a continuation")],
        ),
        joined(
            "a message in a message",
            [
                raw(&masked(1, b"42"), "text `42` to be continued"),
                text("3"),
            ],
        ),
        joined(
            "a message in two frames",
            [
                raw(&masked(1, b"421[\"a"), "text `421[\"a` to be continued"),
                raw(&masked(FIN, b"\"]"), "`\"]`"),
            ],
        ),
        joined(
            "a character cut in two by frames",
            [
                raw(
                    &masked(1, b"421[\"\xc3"),
                    "text with half of an `é`, to be continued",
                ),
                raw(&masked(FIN, b"\xa9\"]"), "the other half"),
            ],
        ),
        joined(
            "text that is no UTF-8",
            [raw(&masked(FIN | 1, b"42[\"\xff\"]"), "text with `0xff`")],
        ),
        joined(
            "a long ping",
            [raw(&masked(FIN | 9, &[0; 126]), "a ping of 126 bytes")],
        ),
        joined(
            "a ping in two frames",
            [raw(&masked(9, b"a"), "a ping to be continued")],
        ),
        joined(
            "a length with its first bit",
            [raw(b"\x82\xff\x80\0\0\0\0\0\0\0", "binary of 2^63 bytes")],
        )
        .because("The bit must be 0 (RFC 6455 §5.2): the frame is broken, not too large."),
        joined(
            "a length that is not the shortest",
            [raw(
                b"\x81\xfe\0\x01\0\0\0\x003",
                "text `3` with a length of 16 bits",
            )],
        )
        .because("The shortest form must be used (RFC 6455 §5.2)."),
        joined(
            "a message over the limit",
            [raw(
                b"\x81\xff\0\0\0\0\0\x0f\x42\x41\0\0\0\0",
                "the head of 1 000 001 bytes of text",
            )],
        ),
        joined(
            "a message over the limit by its second frame",
            [
                raw(
                    &masked(1, &[b'4'; 600_000]),
                    "600 000 bytes of text to be continued",
                ),
                raw(
                    b"\x80\xff\0\0\0\0\0\x09\x27\xc0\0\0\0\0",
                    "the head of as many",
                ),
            ],
        ),
        joined("a Close frame without a code", [raw(&close(b""), "Close")]),
        joined(
            "a Close frame with half a code",
            [raw(&close(b"\x03"), "Close with one byte")],
        ),
        joined(
            "a code that is not to be sent",
            [raw(&close(&1005_u16.to_be_bytes()), "Close with 1005")],
        ),
        joined(
            "a code of nobody",
            [raw(&close(&999_u16.to_be_bytes()), "Close with 999")],
        ),
        joined(
            "a code of the application",
            [raw(&close(&4321_u16.to_be_bytes()), "Close with 4321")],
        ),
        joined(
            "a reason that is no UTF-8",
            [raw(&close(b"\x03\xe8\xff"), "Close with 1000 and `0xff`")],
        ),
    ]
}

fn packets() -> Vec<Case> {
    vec![
        joined("an empty message", [text("")]),
        joined("an unknown type", [text("7")]),
        joined("a letter for a type", [text("x")]),
        joined("a letter beyond ASCII", [text("é")]),
        joined("base64 in a text, as long-polling has it", [text("bAQID")]),
        joined("a ping, which servers send", [text("2")]),
        joined("a probe after the start", [text("2probe")]),
        joined("a pong that nobody waits for", [text("3")]),
        joined("a pong with data", [text("3probe")]),
        joined("an open packet", [text("0{\"sid\":\"x\"}")]),
        joined("an upgrade packet", [text("5")]),
        joined("a noop", [text("6")]),
        joined("a close packet", [text("1")]).because(
            "The client asks to close. JavaScript knows the packet with long-polling only.",
        ),
        joined("an empty message of Socket.IO", [text("4")]),
        joined(
            "two packets in a message, as long-polling has them",
            [text("3\x1e3")],
        ),
        joined("binary that no packet announced", [binary([1, 2, 3])]),
        joined("an empty binary message", [binary([])]),
        open("binary before any packet", [binary([4])]),
    ]
}

fn upgrades() -> Vec<Case> {
    vec![
        candidate("nothing", []),
        candidate("the probe alone", [text("2probe")]),
        candidate("two probes", [text("2probe"), text("2probe")]),
        candidate("another word than the probe", [text("2other")]),
        candidate("a ping", [text("2")]),
        candidate("the upgrade without a probe", [text("5")]).because("The probe is part of the protocol: it shows that the WebSocket carries packets both ways."),
        candidate("the whole upgrade", [text("2probe"), text("5")]),
        candidate("an upgrade with data", [text("2probe"), text("5x")]).because("The packet has no data; JavaScript does not look."),
        candidate("a message before the upgrade", [text("42[\"a\"]")]),
        candidate(
            "a message between probe and upgrade",
            [text("2probe"), text("42[\"a\"]")],
        ),
        candidate("binary", [binary([1])]),
        candidate("an unknown type", [text("9")]),
        candidate("a close packet", [text("1")]),
        candidate(
            "a frame that is not masked",
            [raw(b"\x81\x062probe", "`2probe`, not masked")],
        ),
    ]
}

fn raw(bytes: &[u8], shown: &'static str) -> Frame {
    Frame::Raw(bytes.to_vec(), shown)
}
