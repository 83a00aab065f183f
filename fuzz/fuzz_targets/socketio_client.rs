//! Operations on the client's connection: what a server sends, and what the application does.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use faststr::FastStr;
use libfuzzer_sys::fuzz_target;
use songi_socketio::client::{Config, Connection, Error, Incoming};
use songi_socketio::recovery::Resume;
use songi_socketio::{Decoder, Limits, RawJson};

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Connect(u8),
    Disconnect(u8),
    Connected(u8, &'a str),
    Refused(u8, &'a str),
    Event(u8, &'a str),
    Left(u8),
    Wait(u8),
}

fuzz_target!(|operations: Vec<Operation<'_>>| {
    let mut now = Duration::ZERO;
    let mut server = Connection::new(&Config::default());
    let mut resume = Resume::default();
    let none = RawJson::of(&()).expect("it serialises");
    for operation in operations {
        let name = |n: u8| format!("/{}", n % 4);
        let prefix = |n: u8| format!("/{},", n % 4);
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut out = Vec::new();
        let result = match operation {
            Operation::Text(text) => server.receive_text(FastStr::new(text), now),
            Operation::Binary(data) => server.receive_binary(Bytes::copy_from_slice(data), now),
            Operation::Connect(n) => {
                let _ = server.connect(&name(n), &resume.auth(&none), &mut out);
                Ok(None)
            }
            Operation::Disconnect(n) => {
                let connected = server.is_connected(&name(n));
                let left = server.disconnect(&name(n), &mut out);
                assert!(left.is_ok() || !connected);
                assert!(!server.is_connected(&name(n)));
                assert_eq!(connected, !out.is_empty());
                Ok(None)
            }
            Operation::Connected(n, sid) => {
                let text = format!("0{}{{\"sid\":{},\"pid\":\"p\"}}", prefix(n), json(sid));
                server.receive_text(text.into(), now)
            }
            Operation::Refused(n, message) => {
                let text = format!("4{}{{\"message\":{}}}", prefix(n), json(message));
                server.receive_text(text.into(), now)
            }
            Operation::Event(n, text) => {
                let text = format!("2{}[\"e\",{}]", prefix(n), json(text));
                server.receive_text(text.into(), now)
            }
            Operation::Left(n) => server.receive_text(format!("1{}", prefix(n)).into(), now),
            Operation::Wait(seconds) => {
                now += Duration::from_secs(seconds.into());
                server.handle_timeout(now).map(|()| None)
            }
        };
        if !out.is_empty() {
            let text = FastStr::from_vec_u8(out).expect("text");
            let packet = Decoder::new(Limits::default()).decode_text(text, now);
            assert!(packet.expect("what we write can be read").is_some());
        }
        match result {
            Ok(Some(Incoming::Connected { namespace, pid, .. })) => {
                assert!(server.is_connected(&namespace));
                resume.connected(pid.as_deref());
            }
            Ok(Some(Incoming::Event {
                namespace,
                early,
                id,
                args,
                ..
            })) => {
                assert_eq!(early, !server.is_connected(&namespace));
                resume.received(id, &args);
            }
            Ok(Some(
                Incoming::Refused { namespace, .. }
                | Incoming::Disconnect { namespace }
                | Incoming::Unwanted { namespace },
            )) => assert!(!server.is_connected(&namespace)),
            Ok(Some(Incoming::Ack { .. }) | None) => {}
            Err(_) => {
                assert_eq!(server.poll_timeout(), None);
                let again = server.receive_text(FastStr::from_static_str("0"), now);
                assert!(matches!(again, Err(Error::Closed)));
                return;
            }
        }
    }
});
