//! Messages of many sizes, read and written.

use bytes::Bytes;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, measurement::WallTime,
};

use crate::{
    peers::{Fastwebsockets, FastwebsocketsLent, TokioWebsockets, Tungstenite, Yawc, yawc_options},
    songi::{self, Lent, Owned},
    stream::READ,
};

const SIZES: [usize; 5] = [20, 125, 1024, 16 * 1024, 64 * 1024];

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// The two kinds of messages.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    Binary,
}

impl Kind {
    const ALL: [(Self, &str); 2] = [(Self::Binary, "binary"), (Self::Text, "text")];

    const fn opcode(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
        }
    }
}

/// One end of a connection that reads.
pub trait Decode {
    /// Takes so many messages. Each is looked at where it was returned, by a reference to its
    /// payload, and dropped there: nobody pays for the move of a message that nobody keeps.
    fn take(&mut self, count: usize);
}

/// One end of a connection that writes.
pub trait Encode {
    /// In the form that is sent.
    type Message;

    /// A message that shares its payload where the peer can; not part of what is measured.
    fn message(kind: Kind, payload: &Bytes) -> Self::Message;

    /// Sends messages, down to the stream.
    fn send(&mut self, messages: &mut Vec<Self::Message>);
}

/// Reads batches of `count` messages.
pub fn bench_decode<D: Decode>(
    group: &mut Group<'_>,
    name: &str,
    parameter: impl std::fmt::Display,
    count: usize,
    make: impl Fn() -> D,
) {
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(BenchmarkId::new(name, parameter), |b| {
        let mut end = make();
        b.iter(|| end.take(count));
    });
}

/// Writes batches of `count` messages.
pub fn bench_encode<E: Encode>(
    group: &mut Group<'_>,
    name: &str,
    parameter: impl std::fmt::Display,
    count: usize,
    message: impl Fn() -> E::Message,
    make: impl Fn() -> E,
) {
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(BenchmarkId::new(name, parameter), |b| {
        let mut end = make();
        b.iter_batched_ref(
            || (0..count).map(|_| message()).collect::<Vec<_>>(),
            |messages| end.send(messages),
            BatchSize::SmallInput,
        );
    });
}

pub fn decode(c: &mut Criterion) {
    for (kind, name) in Kind::ALL {
        let mut group = c.benchmark_group(format!("websocket/decode/{name}"));
        for size in SIZES {
            let input = &frame(kind, size)[..];
            macro_rules! rows {
                ($($name:literal => $make:expr;)*) => {
                    $(bench_decode(&mut group, $name, size, batch(size), || $make);)*
                };
            }
            rows! {
                "songi" => Owned::new(songi::server(), input);
                "songi, lent" => Lent::new(songi::server(), input);
                "fastwebsockets" => Fastwebsockets::new(input);
                "tokio-websockets" => TokioWebsockets::new(input);
                "yawc" => Yawc::new(input, None, yawc_options());
                "tungstenite" => Tungstenite::new(input);
            }
        }
        group.finish();
    }
}

pub fn encode(c: &mut Criterion) {
    for (kind, name) in Kind::ALL {
        let mut group = c.benchmark_group(format!("websocket/encode/{name}"));
        for size in SIZES {
            let payload = Bytes::from(vec![b'a'; size]);
            macro_rules! rows {
                ($($name:literal => $end:ty: $make:expr;)*) => {
                    $(bench_encode::<$end>(
                        &mut group,
                        $name,
                        size,
                        batch(size),
                        || <$end>::message(kind, &payload),
                        || $make,
                    );)*
                };
            }
            rows! {
                "songi" => Owned: Owned::new(songi::server(), b"");
                "fastwebsockets" => Fastwebsockets: Fastwebsockets::new(b"");
                "fastwebsockets, lent" => FastwebsocketsLent: FastwebsocketsLent::new();
                "tokio-websockets" => TokioWebsockets: TokioWebsockets::new(b"");
                "yawc" => Yawc: Yawc::new(b"", None, yawc_options());
                "tungstenite" => Tungstenite: Tungstenite::new(b"");
            }
        }
        group.finish();
    }
}

/// Messages per iteration: about what one read holds.
fn batch(size: usize) -> usize {
    (READ / (size + 14)).clamp(1, 100)
}

/// A message of a client.
fn frame(kind: Kind, size: usize) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = vec![0x80 | kind.opcode()];
    match size {
        0..=125 => frame.push(0x80 | size as u8),
        126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend((size as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend((0..size).map(|i| b'a' ^ key[i % 4]));
    frame
}
