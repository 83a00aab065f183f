//! A server's opening handshake: from a browser's request to a connection that is ready.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::Criterion;
use futures_util::FutureExt;
use songi_websocket::{
    Config, Connection,
    handshake::{Policy, RequestReader},
};

use crate::stream::Memory;

const REQUEST: &str = "GET /chat?room=42 HTTP/1.1\r\n\
    Host: chat.example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/142.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: https://chat.example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9\r\n\
    Cookie: session=0123456789abcdef\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

pub fn accept(c: &mut Criterion) {
    let mut group = c.benchmark_group("websocket/handshake");
    let policy = Policy::default();
    group.bench_function("songi", |b| {
        b.iter(|| {
            let mut input = BytesMut::from(REQUEST);
            let request = RequestReader::default().read(&mut input);
            let accepted = policy.accept(&request.unwrap().unwrap()).unwrap();
            black_box(accepted.to_bytes());
            Connection::server(Config::default())
        });
    });
    group.bench_function("songi-tokio", |b| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let options = songi_tokio::Options::default();
        b.iter(|| {
            songi_tokio::accept(Memory::once(REQUEST.as_bytes()), &policy, &options)
                .now_or_never()
                .unwrap()
                .unwrap()
        });
    });
    group.bench_function("tokio-websockets", |b| {
        let server = tokio_websockets::ServerBuilder::new();
        b.iter(|| {
            server
                .accept(Memory::once(REQUEST.as_bytes()))
                .now_or_never()
                .unwrap()
                .unwrap()
        });
    });
    group.bench_function("tungstenite", |b| {
        b.iter(|| tungstenite::accept(Memory::once(REQUEST.as_bytes())).unwrap());
    });
    group.finish();
}
