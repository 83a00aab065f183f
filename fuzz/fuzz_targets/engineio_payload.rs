//! Any body decodes or fails; a body whose packets are all good encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use songi_engineio::{Bytes, Packet, payload};

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    let Ok(packets) = payload::decode(body.clone(), 4096) else {
        return;
    };
    let packets: Vec<_> = packets.collect();
    assert!(packets.len() <= body.len() + 1);
    assert!(packets.iter().rev().skip(1).all(Result::is_ok));
    if let Ok(packets) = packets.into_iter().collect::<Result<Vec<_>, _>>() {
        let frames: Vec<_> = packets.iter().map(Packet::encode).collect();
        assert_eq!(payload::encode(&frames), body);
    }
});
