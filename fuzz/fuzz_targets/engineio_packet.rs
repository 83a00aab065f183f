//! Any frame decodes or fails; what decodes encodes to the same frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use songi_engineio::{Frame, Handshake, Packet};

fuzz_target!(|text: &str| {
    let frame = Frame::Text(text.to_owned().into());
    let Ok(packet) = Packet::decode(frame.clone()) else {
        return;
    };
    assert_eq!(packet.encode(), frame);
    if let Packet::Open(json) = packet
        && let Ok(handshake) = Handshake::parse(&json)
    {
        assert_eq!(Handshake::parse(&handshake.to_json()), Ok(handshake));
    }
});
