//! One message to ten thousand connections: the time until all have it queued, and until all have
//! written it, for each connection.

use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, measurement::WallTime};
use songi_websocket::{Connection, Message, Prepared};
use tungstenite::protocol::{Role, WebSocketConfig};

use crate::{
    songi::{self, transmit},
    stream::Memory,
};

const CONNECTIONS: usize = 10_000;
const SIZES: [usize; 2] = [125, 1024];

pub fn broadcast(c: &mut Criterion) {
    let mut group = c.benchmark_group("websocket/broadcast");
    group.throughput(Throughput::Elements(CONNECTIONS as u64));
    let mut connections = (0..CONNECTIONS)
        .map(|_| songi::server())
        .collect::<Vec<_>>();
    for size in SIZES {
        let payload = Bytes::from(vec![b'a'; size]);
        let prepared = Prepared::binary(&payload);
        songi(
            &mut group,
            "songi, prepared",
            size,
            &mut connections,
            |to| {
                to.send_prepared(&prepared).unwrap();
            },
        );
        songi(
            &mut group,
            "songi, framed for each",
            size,
            &mut connections,
            |to| {
                to.send(Message::Binary(payload.clone())).unwrap();
            },
        );
        tungstenite(&mut group, size, &payload);
    }
    group.finish();
}

fn songi(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    size: usize,
    connections: &mut [Connection],
    send: impl Fn(&mut Connection),
) {
    group.bench_function(BenchmarkId::new(format!("{name}, queued"), size), |b| {
        b.iter_custom(|iterations| {
            let mut queueing = Duration::ZERO;
            for _ in 0..iterations {
                let start = Instant::now();
                connections.iter_mut().for_each(&send);
                queueing += start.elapsed();
                connections.iter_mut().for_each(transmit);
            }
            queueing
        });
    });
    group.bench_function(BenchmarkId::new(format!("{name}, written"), size), |b| {
        b.iter(|| {
            connections.iter_mut().for_each(&send);
            connections.iter_mut().for_each(transmit);
        });
    });
}

/// It has no frame for all; of its buffers only those for writing are used.
fn tungstenite(group: &mut BenchmarkGroup<'_, WallTime>, size: usize, payload: &Bytes) {
    let config = WebSocketConfig::default().read_buffer_size(0);
    let socket =
        || tungstenite::WebSocket::from_raw_socket(Memory::once(b""), Role::Server, Some(config));
    let mut sockets = (0..CONNECTIONS).map(|_| socket()).collect::<Vec<_>>();
    group.bench_function(BenchmarkId::new("tungstenite, written", size), |b| {
        b.iter(|| {
            for socket in &mut sockets {
                let message = tungstenite::Message::Binary(payload.clone());
                socket.write(message).unwrap();
            }
            for socket in &mut sockets {
                socket.flush().unwrap();
            }
        });
    });
}
