//! Any body of any format decodes or fails; a body whose packets are all good encodes to the same
//! bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use songi_engineio::{
    Bytes, Frame, Packet,
    payload::{self, Packets, PayloadError},
};

type Decode = fn(Bytes, usize) -> Result<Packets, PayloadError>;
type Encode = fn(&[Frame]) -> Bytes;

fn check(body: &Bytes, decode: Decode, encode: Encode) {
    let Ok(packets) = decode(body.clone(), 4096) else {
        return;
    };
    let packets: Vec<_> = packets.collect();
    assert!(packets.len() <= body.len() + 1);
    assert!(packets.iter().rev().skip(1).all(Result::is_ok));
    if let Ok(packets) = packets.into_iter().collect::<Result<Vec<_>, _>>() {
        let frames: Vec<_> = packets.iter().map(Packet::encode).collect();
        assert_eq!(encode(&frames), body);
    }
}

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    check(&body, payload::decode, |frames| payload::encode(frames));
    check(&body, payload::decode_v3_text, |frames| {
        payload::encode_v3_text(frames)
    });
    // Base64 may stand in a binary payload too, and is not written again.
    if !body.contains(&b'b') {
        check(&body, payload::decode_v3_binary, |frames| {
            payload::encode_v3_binary(frames)
        });
    } else if let Ok(packets) = payload::decode_v3_binary(body, 4096) {
        packets.for_each(drop);
    }
});
