//! One message through the MessagePack decoder: what is accepted can be read as several types, and
//! what is written again comes back the same.
#![no_main]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use songi_socketio::{Arguments, Limits, Packet, PacketKind, Parser};

fuzz_target!(|data: &[u8]| {
    let Ok(Some(packet)) = decode(Bytes::copy_from_slice(data)) else {
        return;
    };
    match &packet.kind {
        PacketKind::Event { id, name, args } => {
            read(args);
            rewrite(&packet.namespace, *id, name, args);
        }
        PacketKind::Ack { args, .. } => read(args),
        PacketKind::Connect(Some(payload)) => {
            let value: Value = payload.deserialize().expect("it is JSON");
            let mut out = Vec::new();
            Parser::Msgpack
                .connect(&mut out, &packet.namespace, &value)
                .expect("an object");
            let again = decode(out.into()).expect("what we write can be read");
            let kind = again.expect("one message").kind;
            assert!(
                matches!(kind, PacketKind::Connect(Some(again)) if same(&again.deserialize().unwrap(), &value))
            );
        }
        PacketKind::ConnectError(payload) => {
            drop(payload.deserialize::<Value>().expect("it is JSON"))
        }
        PacketKind::Connect(None) | PacketKind::Disconnect => {}
    }
});

fn decode(data: Bytes) -> Result<Option<Packet>, songi_socketio::DecodeError> {
    let mut decoder = Parser::Msgpack.decoder(Limits::default());
    decoder.decode_binary(data, Duration::ZERO)
}

fn read(args: &Arguments) {
    let _ = args.deserialize::<(Option<String>, Option<Bytes>, Option<f64>)>();
    let _ = args.deserialize::<Vec<BTreeMap<String, Vec<u8>>>>();
    let _ = args.deserialize::<BTreeMap<i64, Option<&str>>>();
    let _ = args.deserialize::<&[u8]>();
    let _ = args.deserialize::<()>();
    serde_json::from_str::<Value>(&args.to_json()).expect("it is JSON");
    let mut reader = args.reader();
    let len = reader.len().min(1000);
    for at in 0..len {
        if at % 2 == 0 {
            let _ = reader.next::<Value>();
        } else {
            let _ = reader.next::<Bytes>();
        }
    }
}

/// The first argument once more through encoder and decoder.
fn rewrite(namespace: &str, id: Option<u64>, name: &str, args: &Arguments) {
    let Ok(Some(value)) = args.deserialize::<Option<Value>>() else {
        return;
    };
    let mut out = Vec::new();
    let args = (&value,);
    if Parser::Msgpack
        .event(&mut out, namespace, id, name, &args)
        .is_err()
    {
        panic!("what was read can be written");
    }
    let packet = decode(out.into()).expect("what we write can be read");
    let Some(PacketKind::Event {
        id: got_id,
        name: got_name,
        args,
    }) = packet.map(|packet| packet.kind)
    else {
        panic!("not an event");
    };
    assert_eq!((got_id, got_name.as_str()), (id, name));
    assert!(same(
        &args
            .deserialize::<Option<Value>>()
            .unwrap()
            .unwrap_or_default(),
        &value
    ));
}

/// JSON text of a number has no sign of zero and may lose the last bit.
fn same(a: &Value, b: &Value) -> bool {
    a.to_string().replace("-0.0", "0.0") == b.to_string().replace("-0.0", "0.0")
}
