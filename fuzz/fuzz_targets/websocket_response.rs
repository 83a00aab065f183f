//! A server's response, judged by a client: the same whole and in single bytes.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use songi_websocket::handshake::{Client, HeadLimits};

fuzz_target!(|data: &[u8]| {
    assert_eq!(judge(data, usize::MAX), judge(data, 1));
});

fn judge(data: &[u8], piece: usize) -> Option<String> {
    let url = "ws://example.com/".parse().expect("a URL");
    let mut client = Client::new(&url, *b"the sample nonce")
        .protocol("chat")
        .expect("a token")
        .limits(HeadLimits {
            bytes: 2048,
            headers: 16,
        });
    let mut input = BytesMut::new();
    for piece in data.chunks(piece) {
        input.extend_from_slice(piece);
        match client.read(&mut input) {
            Ok(None) => {}
            judged => return Some(format!("{judged:?}")),
        }
    }
    None
}
