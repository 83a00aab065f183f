//! Any bytes are frames or an error, however they come; good ones encode to the same bytes.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use songi_engineio::{
    Frame,
    webtransport::{self, FrameError},
};

const MAX: usize = 70_000;

fn decode<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Frame>, Option<FrameError>, BytesMut) {
    let mut input = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match webtransport::decode(&mut input, MAX) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error), BytesMut::new()),
            }
        }
        assert!(input.len() <= MAX + 9, "what waits is bounded");
    }
    (frames, None, input)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, wire) = input;
    let (frames, error, rest) = decode(std::iter::once(wire));
    let in_pieces = decode(wire.chunks(usize::from(size) + 1));
    assert_eq!(
        (&frames, error, &rest),
        (&in_pieces.0, in_pieces.1, &in_pieces.2)
    );
    if error.is_none() {
        let mut encoded = BytesMut::new();
        for frame in &frames {
            webtransport::encode(frame, &mut encoded).expect("it is not empty");
        }
        encoded.extend_from_slice(&rest);
        assert_eq!(encoded, wire);
    }
});
