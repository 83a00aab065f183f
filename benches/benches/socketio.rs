//! Socket.IO packets: an event decoded and read, and encoded, beside `socketioxide-parser-common`
//! and `socketioxide-parser-msgpack`.
//!
//! The event is `["message", text, [attachment, …]]`: a text of 20 bytes, 1 KiB or 64 KiB, and 0,
//! 1 or 3 attachments of the same size. `decode` ends with the packet and the event's name
//! (Songi has checked the JSON and the placeholders by then; socketioxide has not looked at them),
//! `read` with the arguments as `(String, Vec<Bytes>)`.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use faststr::FastStr;
use socketioxide_core::packet::{Packet as PeerPacket, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParserState};
use socketioxide_core::{Str, Value as PeerValue};
use socketioxide_parser_common::CommonParser;
use socketioxide_parser_msgpack::MsgPackParser;
use songi_socketio::{Arguments, Decoder, Limits, Packet, PacketKind, Parser, encode};

type Args = (String, Vec<Bytes>);

fn cases() -> impl Iterator<Item = (String, Args)> {
    [(20, "20B"), (1024, "1KiB"), (64 * 1024, "64KiB")]
        .into_iter()
        .flat_map(|(size, name)| {
            [0, 1, 3].map(|attachments| {
                let text = "Songs of the pine ".chars().cycle().take(size).collect();
                let data = vec![Bytes::from(vec![0xa5; size]); attachments];
                (format!("{name}+{attachments}"), (text, data))
            })
        })
}

fn encode_songi(args: &Args) -> (Vec<u8>, Vec<Bytes>) {
    let mut out = Vec::with_capacity(128);
    let attachments = encode::event(&mut out, "/", None, "message", args).unwrap();
    (out, attachments)
}

fn encode_peer(args: &Args) -> PeerValue {
    let value = CommonParser.encode_value(args, Some("message")).unwrap();
    CommonParser.encode(PeerPacket::event("/", value))
}

fn decode_songi(decoder: &mut Decoder, text: FastStr, attachments: &[Bytes]) -> Arguments {
    let mut packet = decoder.decode_text(text, Duration::ZERO).unwrap();
    for data in attachments {
        packet = decoder.decode_binary(data.clone(), Duration::ZERO).unwrap();
    }
    let Some(Packet {
        kind: PacketKind::Event { name, args, .. },
        ..
    }) = packet
    else {
        panic!("not an event");
    };
    black_box(name);
    args
}

fn decode_peer(state: &ParserState, text: Str, attachments: &[Bytes]) -> PeerValue {
    let config = ParseConfig::default();
    let mut packet = CommonParser.decode_str(&config, state, text);
    for data in attachments {
        packet = CommonParser.decode_bin(&config, state, data.clone());
    }
    let (PacketData::Event(value, _) | PacketData::BinaryEvent(value, _)) = packet.unwrap().inner
    else {
        panic!("not an event");
    };
    black_box(CommonParser.read_event(&value).unwrap());
    value
}

fn socketio(c: &mut Criterion) {
    let bytes = |args: &Args| {
        let (text, attachments) = encode_songi(args);
        Throughput::Bytes((text.len() + attachments.iter().map(Bytes::len).sum::<usize>()) as u64)
    };

    let mut group = c.benchmark_group("socketio/encode");
    for (name, args) in cases() {
        group.throughput(bytes(&args));
        group.bench_with_input(BenchmarkId::new("songi", &name), &args, |b, args| {
            b.iter(|| encode_songi(black_box(args)));
        });
        group.bench_with_input(BenchmarkId::new("socketioxide", &name), &args, |b, args| {
            b.iter(|| encode_peer(black_box(args)));
        });
    }
    group.finish();

    for read in [false, true] {
        let name = if read {
            "socketio/read"
        } else {
            "socketio/decode"
        };
        let mut group = c.benchmark_group(name);
        for (name, args) in cases() {
            group.throughput(bytes(&args));
            let (text, attachments) = encode_songi(&args);
            // Both get a text that shares the buffer it was received in.
            let text = Bytes::from(text);
            let songi = FastStr::from_bytes(text.clone()).unwrap();
            let mut decoder = Decoder::new(Limits::default());
            group.bench_function(BenchmarkId::new("songi", &name), |b| {
                b.iter(|| {
                    let args = decode_songi(&mut decoder, songi.clone(), &attachments);
                    if read {
                        black_box(args.deserialize::<Args>().unwrap());
                    }
                });
            });
            let peer = Str::from(String::from_utf8(text.to_vec()).unwrap());
            let state = ParserState::default();
            group.bench_function(BenchmarkId::new("socketioxide", &name), |b| {
                b.iter(|| {
                    let mut value = decode_peer(&state, peer.clone(), &attachments);
                    if read {
                        black_box(CommonParser.decode_value::<Args>(&mut value, true).unwrap());
                    }
                });
            });
        }
        group.finish();
    }
}

fn msgpack(c: &mut Criterion) {
    let encode_songi = |args: &Args| {
        let mut out = Vec::with_capacity(128);
        let parser = Parser::Msgpack;
        parser.event(&mut out, "/", None, "message", args).unwrap();
        Bytes::from(out)
    };
    let encode_peer = |args: &Args| {
        let value = MsgPackParser.encode_value(args, Some("message")).unwrap();
        MsgPackParser.encode(PeerPacket::event("/", value))
    };
    let config = ParseConfig::default();

    for (name, args) in cases() {
        let message = encode_songi(&args);
        let mut group = c.benchmark_group("socketio/msgpack");
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_with_input(BenchmarkId::new("encode/songi", &name), &args, |b, args| {
            b.iter(|| encode_songi(black_box(args)));
        });
        let id = BenchmarkId::new("encode/socketioxide", &name);
        group.bench_with_input(id, &args, |b, args| {
            b.iter(|| encode_peer(black_box(args)));
        });
        for read in [false, true] {
            let what = if read { "read" } else { "decode" };
            let mut decoder = Parser::Msgpack.decoder(Limits::default());
            group.bench_function(BenchmarkId::new(format!("{what}/songi"), &name), |b| {
                b.iter(|| {
                    let packet = decoder.decode_binary(message.clone(), Duration::ZERO);
                    let Some(Packet {
                        kind: PacketKind::Event { name, args, .. },
                        ..
                    }) = packet.unwrap()
                    else {
                        panic!("not an event");
                    };
                    black_box(name);
                    if read {
                        black_box(args.deserialize::<Args>().unwrap());
                    }
                });
            });
            let state = ParserState::default();
            group.bench_function(
                BenchmarkId::new(format!("{what}/socketioxide"), &name),
                |b| {
                    b.iter(|| {
                        let packet = MsgPackParser.decode_bin(&config, &state, message.clone());
                        let PacketData::Event(mut value, _) = packet.unwrap().inner else {
                            panic!("not an event");
                        };
                        black_box(MsgPackParser.read_event(&value).unwrap());
                        if read {
                            black_box(
                                MsgPackParser
                                    .decode_value::<Args>(&mut value, true)
                                    .unwrap(),
                            );
                        }
                    });
                },
            );
        }
        group.finish();
    }
}

criterion_group!(benches, socketio, msgpack);
criterion_main!(benches);
