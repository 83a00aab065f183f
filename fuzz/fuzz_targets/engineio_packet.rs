//! Any frame of any dialect decodes or fails; what decodes encodes to the same frame.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use songi_engineio::{Dialect, Frame, Handshake, Packet, Revision, webtransport::Opening};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    v3: bool,
    base64: bool,
    frame: Result<&'a str, &'a [u8]>,
}

fuzz_target!(|input: Input<'_>| {
    let revision = if input.v3 { Revision::V3 } else { Revision::V4 };
    let dialect = Dialect {
        revision,
        base64: input.base64,
    };
    let frame = match input.frame {
        Ok(text) => Frame::Text(text.to_owned().into()),
        Err(bytes) => Frame::Binary(bytes.to_owned().into()),
    };
    if let Ok(opening) = Opening::parse(frame.clone()) {
        assert_eq!(Opening::parse(opening.to_frame()), Ok(opening));
    }
    let Ok(packet) = dialect.decode(frame.clone()) else {
        return;
    };
    // Base64 is taken from a client that need not send it, and the other way round.
    let base64 = matches!(&frame, Frame::Text(text) if text.starts_with('b'));
    assert_eq!(Dialect { base64, ..dialect }.encode(packet.encode()), frame);
    if let Packet::Open(json) = packet
        && let Ok(handshake) = Handshake::parse(&json)
    {
        assert_eq!(Handshake::parse(&handshake.to_json()), Ok(handshake));
    }
});
