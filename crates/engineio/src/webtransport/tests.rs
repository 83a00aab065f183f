use alloc::{string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::packet::tests::any_packet;

const MAX: usize = 100_000;

fn decode_all(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
    let mut input = BytesMut::from(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decode(&mut input, MAX)? {
        frames.push(frame);
    }
    Ok(frames)
}

fn text(text: &'static str) -> Frame {
    Frame::Text(text.into())
}

#[test]
fn the_first_frame_of_a_new_session() {
    assert_eq!(decode_all(b"\x010"), Ok(vec![text("0")]));
    assert_eq!(Opening::parse(text("0")), Ok(Opening::New));
    assert_eq!(Opening::New.to_frame(), text("0"));
}

#[test]
fn each_size_has_its_header() {
    for (len, header) in [
        (1, &[0x81][..]),
        (125, &[0xfd]),
        (126, &[0xfe, 0, 126]),
        (65_535, &[0xfe, 0xff, 0xff]),
        (65_536, &[0xff, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let frame = Frame::Binary(vec![7; len].into());
        let mut wire = BytesMut::new();
        encode(&frame, &mut wire).unwrap();
        assert_eq!(&wire[..header.len()], header, "{len}");
        assert_eq!(wire.len(), header.len() + len);
        assert_eq!(decode(&mut wire, MAX), Ok(Some(frame)));
        assert!(wire.is_empty());
    }
}

#[test]
fn an_empty_frame_is_refused_both_ways() {
    let empty = Frame::Binary(Bytes::new());
    assert_eq!(encode(&empty, &mut BytesMut::new()), Err(FrameError::Empty));
    for wire in [
        &[0][..],
        &[0x80],
        &[126, 0, 0],
        &[127, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(decode_all(wire), Err(FrameError::Empty), "{wire:?}");
    }
}

#[test]
fn a_length_over_the_limit_is_refused_by_its_header_alone() {
    let wire = [0xff, 0, 0, 0, 0, 0, 1, 0x86, 0xa1];
    let error = FrameError::TooLarge {
        length: 100_001,
        max: MAX,
    };
    assert_eq!(decode_all(&wire), Err(error));
    assert_eq!(decode_all(&[126, 0x80, 0]), Ok(vec![]));
    let mut input = BytesMut::from(&[126, 0x80, 0][..]);
    let error = FrameError::TooLarge {
        length: 32_768,
        max: 125,
    };
    assert_eq!(decode(&mut input, 125), Err(error));
    assert_eq!(decode(&mut input, 125), Err(error), "it stays refused");
}

#[test]
fn lengths_that_javascript_cannot_count_are_refused() {
    for length in [MAX_LENGTH + 1, 1 << 63, u64::MAX] {
        let mut input = BytesMut::from(&[127][..]);
        input.put_u64(length);
        assert_eq!(
            decode(&mut input, usize::MAX),
            Err(FrameError::Length(length))
        );
    }
    let mut input = BytesMut::from(&[127][..]);
    input.put_u64(MAX_LENGTH);
    let error = FrameError::TooLarge {
        length: MAX_LENGTH,
        max: MAX,
    };
    assert_eq!(decode(&mut input, MAX), Err(error));
    assert!(
        input.capacity() < 1000,
        "nothing is allocated for a promise"
    );
}

#[test]
fn a_length_in_a_longer_form_is_refused() {
    for (wire, length) in [
        (&[126, 0, 125][..], 125),
        (&[0xfe, 0, 1], 1),
        (&[127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 65_535),
    ] {
        assert_eq!(decode_all(wire), Err(FrameError::NotMinimal(length)));
    }
}

#[test]
fn text_is_utf_8() {
    assert_eq!(decode_all(b"\x024\xff"), Err(FrameError::Utf8));
    assert_eq!(decode_all(b"\x034\xe2\x82"), Err(FrameError::Utf8));
    assert_eq!(decode_all("\x044€".as_bytes()), Ok(vec![text("4€")]));
}

#[test]
fn a_small_frame_does_not_keep_the_buffer() {
    let mut input = BytesMut::with_capacity(100_000);
    input.put_slice(&[0x81, 1]);
    let at = input.as_ptr() as usize;
    let Ok(Some(Frame::Binary(bytes))) = decode(&mut input, MAX) else {
        panic!("a frame");
    };
    assert!(!(at..at + 100_000).contains(&(bytes.as_ptr() as usize)));
}

/// engine.io, GHSA-gr94-w7qr-f4j3: sids that are not own keys, or not strings.
#[test]
fn a_sid_is_a_string_and_only_that() {
    for (json, expected) in [
        (
            r#"0{"sid":"__proto__"}"#,
            Ok(Opening::Upgrade("__proto__".into())),
        ),
        (
            r#"0{"x":[1],"sid":"\u0061"}"#,
            Ok(Opening::Upgrade("a".into())),
        ),
        (r#"0{"sid":""}"#, Err(OpeningError::Sid)),
        (r#"0{"sid":1}"#, Err(OpeningError::Sid)),
        (r#"0{"sid":null}"#, Err(OpeningError::Sid)),
        (r#"0{"sid":["a"]}"#, Err(OpeningError::Sid)),
        (r#"0{"sid":{"toString":"a"}}"#, Err(OpeningError::Sid)),
        (r#"0{"sid":"a","sid":"b"}"#, Err(OpeningError::Sid)),
        ("0{}", Err(OpeningError::Sid)),
        ("0[]", Err(OpeningError::Sid)),
        (r#"0["a"]"#, Err(OpeningError::Sid)),
        ("0null", Err(OpeningError::Sid)),
        ("0 ", Err(OpeningError::Sid)),
        ("", Err(OpeningError::Packet)),
        ("1", Err(OpeningError::Packet)),
        ("2probe", Err(OpeningError::Packet)),
        ("4a", Err(OpeningError::Packet)),
    ] {
        assert_eq!(Opening::parse(text(json)), expected, "{json}");
    }
    let binary = Frame::Binary(Bytes::from_static(b"0"));
    assert_eq!(Opening::parse(binary), Err(OpeningError::Packet));
    let longest: String = "x".repeat(MAX_SID);
    let parse =
        |sid: &str| Opening::parse(Frame::Text(alloc::format!(r#"0{{"sid":"{sid}"}}"#).into()));
    assert_eq!(
        parse(&longest),
        Ok(Opening::Upgrade(FastStr::new(&longest)))
    );
    assert_eq!(parse(&(longest + "x")), Err(OpeningError::Sid));
}

/// The same frames or the same error, and the same rest, however the bytes come.
fn in_pieces(wire: &[u8], cuts: &[usize]) -> (Vec<Frame>, Option<FrameError>, usize) {
    let mut input = BytesMut::new();
    let mut frames = Vec::new();
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (wire.len() + 1)).collect();
    cuts.extend([0, wire.len()]);
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        input.put_slice(&wire[pair[0]..pair[1]]);
        loop {
            match decode(&mut input, 1000) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error), 0),
            }
        }
    }
    (frames, None, input.len())
}

proptest! {
    #[test]
    fn frames_survive_the_round_trip(packets in proptest::collection::vec(any_packet(), 0..10)) {
        let frames: Vec<_> = packets.iter().map(Packet::encode).filter(|frame| !frame.is_empty()).collect();
        let mut wire = BytesMut::new();
        for frame in &frames {
            encode(frame, &mut wire).unwrap();
        }
        prop_assert_eq!(decode_all(&wire), Ok(frames));
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_come(
        wire in proptest::collection::vec(prop_oneof![0_u8..5, 124_u8..132, any::<u8>()], 0..300),
        cuts: Vec<usize>,
    ) {
        prop_assert_eq!(in_pieces(&wire, &cuts), in_pieces(&wire, &[]));
    }

    #[test]
    fn the_opening_survives_the_round_trip(sid in ".{1,30}") {
        let opening = Opening::Upgrade(sid.into());
        prop_assert_eq!(Opening::parse(opening.to_frame()), Ok(opening));
    }
}
