//! Arguments with placeholders: an event with attachments, whose JSON comes from the input, read in
//! every way. What the decoder lets through, no reader may stumble over.
#![no_main]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;
use songi_socketio::{Decoder, Limits, PacketKind};

#[derive(Deserialize)]
#[allow(dead_code)]
struct Nested<'a> {
    #[serde(borrow)]
    a: Option<&'a [u8]>,
    b: Option<Box<Nested<'a>>>,
    c: Option<Vec<Bytes>>,
    d: Option<BTreeMap<String, Option<Bytes>>>,
    e: Option<Choice>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
enum Choice {
    Unit,
    One(Bytes),
    Two(Bytes, String),
    Named { data: Bytes },
}

fuzz_target!(|input: (u8, &str)| {
    let (count, json) = input;
    let count = 1 + count % 10;
    let mut decoder = Decoder::new(Limits::default());
    let text = format!(r#"5{count}-["e",{json}]"#);
    if decoder
        .decode_text(FastStr::from(text), Duration::ZERO)
        .is_err()
    {
        return;
    }
    let mut packet = None;
    for number in 0..count {
        assert!(packet.is_none());
        let data = Bytes::from(vec![number; usize::from(number)]);
        packet = decoder
            .decode_binary(data, Duration::ZERO)
            .expect("announced");
    }
    let Some(PacketKind::Event { args, .. }) = packet.map(|packet| packet.kind) else {
        panic!("not an event");
    };
    let _ = args.deserialize::<Nested<'_>>();
    let _ = args.deserialize::<(Bytes, Nested<'_>, Choice)>();
    let _ = args.deserialize::<Vec<Vec<Bytes>>>();
    let _ = args.deserialize::<BTreeMap<String, Bytes>>();
    let mut reader = args.reader();
    while !reader.is_empty() {
        let as_value = reader.clone().next::<Value>();
        if let Ok(data) = reader.next::<Bytes>() {
            // Bytes come from a placeholder and from nothing else.
            let value = as_value.unwrap_or_default();
            assert_eq!(value["_placeholder"], true);
            let number = value["num"].as_u64().expect("a number");
            assert!(number < u64::from(count));
            assert_eq!(data.len() as u64, number);
        }
    }
});
