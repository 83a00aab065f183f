//! Packets and long-polling payloads, encoded and decoded: Songi beside engineioxide-core.
//!
//! `cargo bench --bench engineio`

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engineioxide_core as peer;
use futures_util::{FutureExt as _, StreamExt as _};
use songi_engineio::{Frame, Message, Packet, SendOptions, ServerConfig, ServerSession, payload};

const SIZES: [usize; 3] = [20, 1 << 10, 64 << 10];
const COUNTS: [usize; 2] = [1, 16];
const MAX: usize = 64 << 20;

fn text(len: usize) -> String {
    "abcdefghij".chars().cycle().take(len).collect()
}

fn peer_decode(body: Bytes) -> usize {
    peer::payload::decoder(
        http_body_util::Full::new(body),
        None,
        peer::ProtocolVersion::V4,
        MAX as u64,
    )
    .map(|packet| black_box(packet.expect("valid")))
    .count()
    .now_or_never()
    .expect("the body is there")
}

fn peer_encode(packets: &[peer::Packet]) -> Bytes {
    let packets = packets
        .iter()
        .map(|packet| [packet.clone()].into_iter().collect());
    peer::payload::encoder(
        futures_util::stream::iter(packets),
        peer::ProtocolVersion::V4,
        true,
        MAX as u64,
    )
    .now_or_never()
    .expect("the packets are there")
    .data
}

fn packets(c: &mut Criterion) {
    let mut group = c.benchmark_group("engineio/packet");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let body = text(size);
        let message = Message::text(body.clone());
        group.bench_function(BenchmarkId::new("encode/songi", size), |b| {
            b.iter(|| Frame::message(black_box(message.clone())));
        });
        let peer_packet = peer::Packet::Message(body.clone().into());
        group.bench_function(BenchmarkId::new("encode/engineioxide", size), |b| {
            b.iter(|| Bytes::from(black_box(peer_packet.clone())));
        });
        let frame = Frame::message(message.clone());
        group.bench_function(BenchmarkId::new("decode/songi", size), |b| {
            b.iter(|| Packet::decode(black_box(frame.clone())));
        });
        let wire = peer::Str::from(format!("4{body}"));
        group.bench_function(BenchmarkId::new("decode/engineioxide", size), |b| {
            b.iter(|| {
                peer::Packet::parse(peer::ProtocolVersion::V4, black_box(wire.clone())).is_ok()
            });
        });
    }
    group.finish();
}

fn payloads(c: &mut Criterion) {
    let mut group = c.benchmark_group("engineio/payload");
    for (kind, binary) in [("text", false), ("binary", true)] {
        for size in SIZES {
            for count in COUNTS {
                group.throughput(Throughput::Bytes((size * count) as u64));
                let name = format!("{kind}/{count}x{size}");
                let body = text(size);
                let (message, peer_packet) = if binary {
                    (
                        Message::binary(body.clone()),
                        peer::Packet::Binary(body.clone().into()),
                    )
                } else {
                    (
                        Message::text(body.clone()),
                        peer::Packet::Message(body.clone().into()),
                    )
                };
                let frames = vec![Frame::message(message); count];
                let peer_packets = vec![peer_packet; count];
                group.bench_function(BenchmarkId::new("encode/songi", &name), |b| {
                    b.iter(|| payload::encode(black_box(&frames)));
                });
                group.bench_function(BenchmarkId::new("encode/engineioxide", &name), |b| {
                    b.iter(|| peer_encode(black_box(&peer_packets)));
                });
                let encoded = payload::encode(&frames);
                assert_eq!(encoded, peer_encode(&peer_packets));
                group.bench_function(BenchmarkId::new("decode/songi", &name), |b| {
                    b.iter(|| {
                        let packets = payload::decode(black_box(encoded.clone()), MAX);
                        packets.expect("text").for_each(|packet| {
                            black_box(packet.expect("valid"));
                        })
                    });
                });
                group.bench_function(BenchmarkId::new("decode/engineioxide", &name), |b| {
                    b.iter(|| peer_decode(black_box(encoded.clone())));
                });
            }
        }
    }
    group.finish();
}

fn session(c: &mut Criterion) {
    let mut group = c.benchmark_group("engineio/session");
    let now = std::time::Duration::ZERO;
    let config = std::sync::Arc::new(ServerConfig::default());
    let (mut session, websocket) = ServerSession::websocket(config, "s".into(), now);
    while session.poll_output().is_some() {}
    for size in [20, 1 << 10] {
        let frame = Frame::message(Message::text(text(size)));
        group.bench_function(BenchmarkId::new("send", size), |b| {
            b.iter(|| {
                session
                    .send(frame.clone(), SendOptions::default(), now)
                    .expect("open");
                while let Some(output) = session.poll_output() {
                    black_box(output);
                }
            });
        });
        group.bench_function(BenchmarkId::new("receive", size), |b| {
            b.iter(|| {
                session.frame(websocket, frame.clone(), now);
                while let Some(output) = session.poll_output() {
                    black_box(output);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, packets, payloads, session);
criterion_main!(benches);
