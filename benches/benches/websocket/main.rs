//! WebSocket in memory, beside the peers: `cargo bench --bench websocket`.
//!
//! Messages of a client, read from a stream that gives them without end; messages of a server,
//! written to one that only looks at them; opening handshakes; compression; broadcasts. What a
//! peer does not have, it is not measured in: of those here only yawc compresses, and fastwebsockets
//! and yawc leave the handshake's HTTP to hyper.

mod broadcast;
mod deflate;
mod frames;
mod handshake;
mod peers;
mod songi;
mod stream;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// There are many rows, so each is short.
fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = config();
    targets = frames::decode, frames::encode, handshake::accept, deflate::compress,
        deflate::inflate, broadcast::broadcast
}
criterion_main!(benches);
