//! Sequences of text and binary messages through the decoder; what comes out is read as several
//! types, and what can be written again has to come back the same.
#![no_main]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use libfuzzer_sys::fuzz_target;
use songi_socketio::{Arguments, Decoder, Limits, PacketKind, encode};

/// Every message starts with this byte, a text, or the next one, a binary.
const TEXT: u8 = 0x1e;
const BINARY: u8 = 0x1f;

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::new(Limits {
        max_packet_bytes: 4096,
        ..Limits::default()
    });
    let mut now = Duration::ZERO;
    let mut kind = TEXT;
    for message in data.split_inclusive(|&byte| byte == TEXT || byte == BINARY) {
        let (body, next) = match message.split_last() {
            Some((&last @ (TEXT | BINARY), body)) => (body, last),
            _ => (message, TEXT),
        };
        now += Duration::from_secs(1);
        let result = if kind == TEXT {
            let Ok(text) = FastStr::new_u8_slice(body) else {
                return;
            };
            decoder.decode_text(text, now)
        } else {
            decoder.decode_binary(Bytes::copy_from_slice(body), now)
        };
        kind = next;
        match result {
            Ok(None) => assert!(
                decoder
                    .poll_timeout()
                    .is_some_and(|deadline| deadline > now)
            ),
            Err(_) => assert!(decoder.poll_timeout().is_none()),
            Ok(Some(packet)) => {
                assert!(decoder.poll_timeout().is_none());
                match packet.kind {
                    PacketKind::Event { id, name, args } => {
                        read(&args);
                        rewrite(&packet.namespace, id, &name, &args);
                    }
                    PacketKind::Ack { args, .. } => read(&args),
                    PacketKind::Connect(Some(json)) | PacketKind::ConnectError(json) => {
                        let _ = json.deserialize::<serde_json::Value>();
                    }
                    PacketKind::Connect(None) | PacketKind::Disconnect => {}
                }
            }
        }
    }
});

fn read(args: &Arguments) {
    let _ = args.deserialize::<(Option<String>, Option<Bytes>, Option<f64>)>();
    let _ = args.deserialize::<Vec<BTreeMap<String, Vec<u8>>>>();
    let _ = args.deserialize::<&[u8]>();
    let _ = args.deserialize::<()>();
    let mut reader = args.reader();
    let len = reader.len();
    for left in (0..len).rev() {
        if left % 2 == 0 {
            let _ = reader.next::<serde_json::Value>();
        } else {
            let _ = reader.next::<Bytes>();
        }
        assert_eq!(reader.len(), left);
    }
    assert!(reader.is_empty());
    assert!(reader.next::<u8>().is_err());
}

/// The first argument as a `Value`, and all attachments, once more through encoder and decoder.
fn rewrite(namespace: &str, id: Option<u64>, name: &str, args: &Arguments) {
    let Ok(value) = args.deserialize::<Option<serde_json::Value>>() else {
        return;
    };
    if matches!(&value, Some(value) if value.to_string().contains("_placeholder")) {
        return;
    }
    let attachments = args.attachments();
    let mut text = Vec::new();
    let written = encode::event(&mut text, namespace, id, name, &(&value, attachments)).unwrap();
    assert_eq!(written, attachments);
    let limits = Limits {
        max_depth: 127,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(limits);
    let text = FastStr::from_vec_u8(text).unwrap();
    // One level deeper than what came in: that may be one too many.
    let Ok(mut packet) = decoder.decode_text(text, Duration::ZERO) else {
        return;
    };
    for data in written {
        packet = decoder.decode_binary(data, Duration::ZERO).unwrap();
    }
    let Some(PacketKind::Event {
        id: got_id,
        name: got_name,
        args,
    }) = packet.map(|packet| packet.kind)
    else {
        panic!("not an event");
    };
    assert_eq!((got_id, got_name.as_str()), (id, name));
    let (got, data): (Option<serde_json::Value>, Vec<Bytes>) = args.deserialize().unwrap();
    assert_eq!(
        (got, data.as_slice()),
        (value.filter(|value| !value.is_null()), attachments)
    );
}
