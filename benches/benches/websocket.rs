//! Frames in and out of memory, beside the peers: `cargo bench --bench websocket`.
//!
//! Decoding is the server's: each iteration takes a batch of masked messages from a buffer that
//! is filled anew, as a read would. Encoding is the server's too: a batch is queued, then taken
//! by a writer that only looks at the slices.

use std::{
    hint::black_box,
    io::{self, IoSlice, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::{FutureExt, StreamExt};
use songi_websocket::{Config, Connection, Event, EventRef, FastStr, Message};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

const SIZES: [usize; 3] = [20, 1024, 64 * 1024];
const READ: usize = 64 * 1024;

/// Messages per iteration: about what one read of 64 KiB holds.
fn batch(size: usize) -> usize {
    (READ / (size + 14)).clamp(1, 100)
}

fn frames(opcode: u8, size: usize) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = vec![0x80 | opcode];
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
    frame.repeat(batch(size))
}

/// Gives its bytes once, takes all that is written.
struct Memory<'a> {
    input: &'a [u8],
}

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives its bytes again and again, as they fit; takes all that is written.
struct Endless {
    input: Vec<u8>,
    at: usize,
}

impl Endless {
    fn new(input: &[u8]) -> Self {
        Self {
            input: input.to_vec(),
            at: 0,
        }
    }
}

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while buffer.remaining() > 0 {
            let n = buffer.remaining().min(this.input.len() - this.at);
            buffer.put_slice(&this.input[this.at..this.at + n]);
            this.at = (this.at + n) % this.input.len();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(black_box(bytes).len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn decode(c: &mut Criterion) {
    for (kind, opcode) in [("binary", 2), ("text", 1)] {
        let mut group = c.benchmark_group(format!("websocket/decode/{kind}"));
        for size in SIZES {
            let input = frames(opcode, size);
            group.throughput(Throughput::Elements(batch(size) as u64));
            group.bench_function(BenchmarkId::new("songi", size), |b| {
                let mut connection = Connection::server(Config::default());
                let mut buffer = BytesMut::with_capacity(READ + 1024);
                b.iter(|| {
                    buffer.clear();
                    buffer.reserve(READ);
                    // A read of at most 64 KiB, as songi-tokio does it.
                    for read in input.chunks(READ) {
                        buffer.extend_from_slice(read);
                        while let Some(event) = connection.receive(&mut buffer).unwrap() {
                            match event {
                                Event::Text(text) => drop(black_box(text)),
                                Event::Binary(payload) => drop(black_box(payload)),
                                _ => unreachable!(),
                            }
                        }
                    }
                });
            });
            group.bench_function(BenchmarkId::new("songi, lent", size), |b| {
                let mut connection = Connection::server(Config::default());
                let mut buffer = vec![0; READ];
                b.iter(|| {
                    let mut start = 0;
                    for read in input.chunks(READ - 1024) {
                        let end = start + read.len();
                        buffer[start..end].copy_from_slice(read);
                        let mut rest = &mut buffer[..end];
                        while let Some(event) = connection.receive_ref(&mut rest).unwrap() {
                            match event {
                                EventRef::Text(text) => drop(black_box(text)),
                                EventRef::Binary(payload) => drop(black_box(payload)),
                                _ => unreachable!(),
                            }
                        }
                        let left = rest.len();
                        buffer.copy_within(end - left..end, 0);
                        start = left;
                    }
                });
            });
            group.bench_function(BenchmarkId::new("fastwebsockets", size), |b| {
                let stream = Endless::new(&input);
                let socket = fastwebsockets::WebSocket::after_handshake(
                    stream,
                    fastwebsockets::Role::Server,
                );
                let mut socket = fastwebsockets::FragmentCollector::new(socket);
                b.iter(|| {
                    for _ in 0..batch(size) {
                        drop(black_box(
                            socket.read_frame().now_or_never().unwrap().unwrap(),
                        ));
                    }
                });
            });
            group.bench_function(BenchmarkId::new("tokio-websockets", size), |b| {
                let stream = Endless::new(&input);
                let mut socket = tokio_websockets::ServerBuilder::new().serve(stream);
                b.iter(|| {
                    for _ in 0..batch(size) {
                        drop(black_box(
                            socket.next().now_or_never().unwrap().unwrap().unwrap(),
                        ));
                    }
                });
            });
            group.bench_function(BenchmarkId::new("yawc", size), |b| {
                let stream = Endless::new(&input);
                let options = yawc::Options::default().with_utf8();
                let mut socket =
                    yawc::WebSocket::from_stream(stream, yawc::Role::Server, options).unwrap();
                b.iter(|| {
                    for _ in 0..batch(size) {
                        drop(black_box(socket.next().now_or_never().unwrap().unwrap()));
                    }
                });
            });
            group.bench_function(BenchmarkId::new("tungstenite", size), |b| {
                let config = WebSocketConfig::default().read_buffer_size(READ);
                let memory = Memory { input: &[] };
                let mut socket = WebSocket::from_raw_socket(memory, Role::Server, Some(config));
                b.iter(|| {
                    socket.get_mut().input = &input;
                    for _ in 0..batch(size) {
                        drop(black_box(socket.read().unwrap()));
                    }
                });
            });
        }
        group.finish();
    }
}

fn encode(c: &mut Criterion) {
    for kind in ["binary", "text"] {
        let mut group = c.benchmark_group(format!("websocket/encode/{kind}"));
        for size in SIZES {
            group.throughput(Throughput::Elements(batch(size) as u64));
            group.bench_function(BenchmarkId::new("songi", size), |b| {
                let payload = Bytes::from("a".repeat(size));
                let text = FastStr::from_bytes(payload.clone()).unwrap();
                let make = || match kind {
                    "text" => Message::Text(text.clone()),
                    _ => Message::Binary(payload.clone()),
                };
                let mut connection = Connection::server(Config::default().queue_limit(1 << 30));
                b.iter_batched_ref(
                    || (0..batch(size)).map(|_| make()).collect::<Vec<_>>(),
                    |messages| {
                        for message in messages.drain(..) {
                            connection.send(message).unwrap();
                        }
                        while connection.queued() > 0 {
                            let mut slices = [IoSlice::new(&[]); 64];
                            let used = connection.transmit(&mut slices);
                            let written = slices[..used].iter().map(|slice| slice.len()).sum();
                            black_box(&slices);
                            connection.transmitted(written);
                        }
                    },
                    BatchSize::SmallInput,
                );
            });
            group.bench_function(BenchmarkId::new("tungstenite", size), |b| {
                let payload = Bytes::from("a".repeat(size));
                let make = || match kind {
                    "text" => tungstenite::Message::Text(payload.clone().try_into().unwrap()),
                    _ => tungstenite::Message::Binary(payload.clone()),
                };
                let memory = Memory { input: &[] };
                let mut socket = WebSocket::from_raw_socket(memory, Role::Server, None);
                b.iter_batched_ref(
                    || (0..batch(size)).map(|_| make()).collect::<Vec<_>>(),
                    |messages| {
                        for message in messages.drain(..) {
                            socket.write(message).unwrap();
                        }
                        socket.flush().unwrap();
                    },
                    BatchSize::SmallInput,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
