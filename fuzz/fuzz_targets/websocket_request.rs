//! A client's request, judged by a server: the same whole and in single bytes, and no answer that
//! could be read in two ways.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use songi_websocket::handshake::{Accepted, HeadLimits, Policy, Rejection, RequestReader};

fuzz_target!(|data: &[u8]| {
    let whole = judge(data, usize::MAX);
    let bytewise = judge(data, 1);
    let answer = |judged: &Option<Result<Accepted, Rejection>>| match judged {
        None => None,
        Some(Ok(accepted)) => Some(accepted.to_bytes()),
        Some(Err(rejection)) => Some(rejection.to_bytes()),
    };
    assert_eq!(answer(&whole), answer(&bytewise));
    if let Some(answer) = answer(&whole) {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        assert!(
            response
                .parse(&answer)
                .expect("a valid response")
                .is_complete()
        );
    }
});

fn judge(data: &[u8], piece: usize) -> Option<Result<Accepted, Rejection>> {
    let policy = Policy::default()
        .protocols(["chat", "superchat"])
        .expect("tokens");
    let mut reader = RequestReader::new(HeadLimits {
        bytes: 2048,
        headers: 16,
    });
    let mut input = BytesMut::new();
    for piece in data.chunks(piece) {
        input.extend_from_slice(piece);
        match reader.read(&mut input) {
            Ok(None) => {}
            Ok(Some(request)) => {
                let _ = (request.path(), format!("{request:?}"));
                return Some(policy.accept(&request));
            }
            Err(rejection) => return Some(Err(rejection)),
        }
    }
    None
}
