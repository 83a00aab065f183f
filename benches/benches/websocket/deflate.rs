//! permessage-deflate of 1 KiB of JSON, at level 6, by zlib-rs on both sides.

use bytes::BytesMut;
use criterion::Criterion;
use songi_websocket::{
    Config, Connection, Deflate, DeflateConfig, Message,
    deflate::Agreed,
    handshake::{Client, Policy, RequestReader, Url},
};

use crate::{
    frames::{bench_decode, bench_encode},
    peers::{Yawc, yawc_options},
    songi::Owned,
};

/// Messages per iteration.
const BATCH: usize = 20;

/// Whether a side's window lives on from one message to the next.
const TAKEOVER: [(bool, &str); 2] = [(false, "window per message"), (true, "window kept")];

const NO_TAKEOVER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

pub fn compress(c: &mut Criterion) {
    let mut group = c.benchmark_group("websocket/compress");
    let text = json();
    for (takeover, name) in TAKEOVER {
        bench_encode(
            &mut group,
            "songi",
            name,
            BATCH,
            || Message::text(text.clone()),
            || Owned::new(pair(takeover).0, b""),
        );
        bench_encode(
            &mut group,
            "yawc",
            name,
            BATCH,
            || yawc::Frame::text(text.clone()),
            || yawc(b"", takeover),
        );
    }
    group.finish();
}

pub fn inflate(c: &mut Criterion) {
    let mut group = c.benchmark_group("websocket/inflate");
    for (takeover, name) in TAKEOVER {
        let input = &compressed(takeover)[..];
        bench_decode(&mut group, "songi", name, BATCH, || {
            Owned::new(pair(takeover).0, input)
        });
        bench_decode(&mut group, "yawc", name, BATCH, || yawc(input, takeover));
    }
    group.finish();
}

fn yawc(input: &[u8], takeover: bool) -> Yawc {
    let options = yawc_options().with_balanced_compression();
    match takeover {
        true => Yawc::new(input, Some("permessage-deflate"), options),
        false => Yawc::new(
            input,
            Some(NO_TAKEOVER),
            options
                .server_no_context_takeover()
                .client_no_context_takeover()
                .with_deflate_pool(yawc::DeflatePool::new(4)),
        ),
    }
}

/// What a client sends. With the window kept, a message refers to the one before; the first does
/// not, so that the whole may be read again and again.
fn compressed(takeover: bool) -> Vec<u8> {
    let (_, mut client) = pair(takeover);
    for _ in 0..BATCH {
        client.send(Message::text(json())).unwrap();
    }
    client.slices().collect::<Vec<_>>().concat()
}

/// A server and a client that agreed on compression.
fn pair(takeover: bool) -> (Connection, Connection) {
    let config = DeflateConfig::default()
        .server_takeover(takeover)
        .client_takeover(takeover)
        .threshold(0);
    let deflate = Deflate::new(config);
    let url: Url = "ws://example.com/".parse().unwrap();
    let mut handshake = Client::new(&url, [7; 16]).deflate(&deflate);
    let mut input = BytesMut::from(&handshake.request()[..]);
    let request = RequestReader::default().read(&mut input).unwrap().unwrap();
    let policy = Policy::default().deflate(&deflate);
    let accepted = policy.accept(&request).unwrap();
    let mut input = BytesMut::from(&accepted.to_bytes()[..]);
    let response = handshake.read(&mut input).unwrap().unwrap();

    let agree = |mut connection: Connection, agreed: Option<&Agreed>| {
        assert!(agreed.is_some());
        connection.set_deflate(agreed);
        connection
    };
    let client = Connection::client(Config::default(), || [1, 2, 3, 4]);
    (
        agree(crate::songi::server(), accepted.deflate()),
        agree(client, response.deflate()),
    )
}

/// About 1 KiB, of the kind that an application sends.
fn json() -> String {
    let names = ["Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances"];
    let messages = names.iter().enumerate().map(|(i, name)| {
        serde_json::json!({
            "id": 7_190_443 + i * 37,
            "from": name,
            "room": "general",
            "sent": format!("2026-11-22T18:{:02}:{:02}.{:03}Z", i * 7, i * 9, i * 131),
            "text": format!("message {i} of {name}: {}", "lorem ipsum dolor ".repeat(i % 4)),
            "read": i % 2 == 0,
        })
    });
    serde_json::Value::from_iter(messages).to_string()
}
