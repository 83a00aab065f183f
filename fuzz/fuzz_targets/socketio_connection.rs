//! Operations on the server's connection: what a client sends, and what the application does.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use faststr::FastStr;
use libfuzzer_sys::fuzz_target;
use songi_socketio::server::{Config, Connection, Error, Incoming};
use songi_socketio::{Decoder, Limits};

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Connect(u8),
    Event(u8),
    Leave(u8),
    Accept(u8),
    Reject(u8, &'a str),
    Disconnect(u8),
    Wait(u8),
}

const MAX_NAMESPACES: u16 = 3;

fuzz_target!(|operations: Vec<Operation<'_>>| {
    let config = Config {
        max_namespaces: MAX_NAMESPACES,
        ..Config::default()
    };
    let mut now = Duration::ZERO;
    let mut client = Connection::new(&config, now);
    for operation in operations {
        let mut out = Vec::new();
        let name = |n: u8| {
            if n % 5 == 0 {
                "/".to_owned()
            } else {
                format!("/{}", n % 5)
            }
        };
        let prefix = |n: u8| {
            if n % 5 == 0 {
                String::new()
            } else {
                format!("/{},", n % 5)
            }
        };
        let result = match operation {
            Operation::Text(text) => client.receive_text(FastStr::new(text), now),
            Operation::Binary(data) => client.receive_binary(Bytes::copy_from_slice(data), now),
            Operation::Connect(n) => client.receive_text(format!("0{}", prefix(n)).into(), now),
            Operation::Event(n) => client.receive_text(format!("2{}[1]", prefix(n)).into(), now),
            Operation::Leave(n) => client.receive_text(format!("1{}", prefix(n)).into(), now),
            Operation::Accept(n) => {
                if client.accept(&name(n), "sid", None, &mut out).is_ok() {
                    assert!(client.is_joined(&name(n)));
                }
                Ok(None)
            }
            Operation::Reject(n, message) => {
                if client
                    .reject(&name(n), message, Some(message), &mut out)
                    .is_ok()
                {
                    assert!(!client.is_joined(&name(n)));
                }
                Ok(None)
            }
            Operation::Disconnect(n) => {
                let joined = client.is_joined(&name(n));
                assert_eq!(client.disconnect(&name(n), &mut out).is_ok(), joined);
                assert!(!client.is_joined(&name(n)));
                Ok(None)
            }
            Operation::Wait(seconds) => {
                now += Duration::from_secs(seconds.into());
                client.handle_timeout(now).map(|()| None)
            }
        };
        assert!(client.joined().count() <= usize::from(MAX_NAMESPACES));
        if !out.is_empty() {
            let text = FastStr::from_vec_u8(out).expect("text");
            let packet = Decoder::new(Limits::default()).decode_text(text, now);
            assert!(packet.expect("what we write can be read").is_some());
        }
        match result {
            Ok(Some(Incoming::Event { namespace, .. } | Incoming::Ack { namespace, .. })) => {
                assert!(client.is_joined(&namespace));
            }
            Ok(Some(Incoming::Connect { namespace, .. } | Incoming::Disconnect { namespace })) => {
                assert!(!client.is_joined(&namespace));
            }
            Ok(None) => {}
            Err(_) => {
                assert_eq!(client.poll_timeout(), None);
                let again = client.receive_text(FastStr::from_static_str("0"), now);
                assert!(matches!(again, Err(Error::Closed)));
                return;
            }
        }
    }
});
