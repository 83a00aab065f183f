//! What a broadcast allocates. One test, for the counts are the process's.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::alloc::System;

use songi_websocket::{Config, Connection, Prepared};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CONNECTIONS: usize = 10_000;

/// Allocations of the test harness's own, and their bytes.
const NOISE: usize = 50;
const NOISE_BYTES: usize = 16 * 1024;

/// Prepares a message and queues it on all connections.
fn broadcast(connections: &mut [Connection], size: usize) -> Stats {
    let payload = vec![7; size];
    let region = Region::new(ALLOCATOR);
    let prepared = Prepared::binary(&payload);
    for connection in connections {
        connection.send_prepared(&prepared).unwrap();
    }
    region.change()
}

#[test]
fn a_prepared_message_is_there_once() {
    let mut connections = (0..CONNECTIONS)
        .map(|_| Connection::server(Config::default()))
        .collect::<Vec<_>>();
    for size in [20, 200, 1000, 100_000] {
        // An idle connection has a place for it.
        let idle = broadcast(&mut connections, size);
        assert!(idle.allocations <= NOISE, "{size}: {idle:?}");
        assert!(
            idle.bytes_allocated <= 2 * size + NOISE_BYTES,
            "{size}: {idle:?}"
        );
        for connection in &mut connections {
            connection.transmitted(connection.queued());
        }
    }

    // It is one allocation, however many send it.
    let few = connections.get_mut(..3).unwrap();
    let region = Region::new(ALLOCATOR);
    for _ in 0..1000 {
        let prepared = Prepared::text("news");
        for connection in &mut *few {
            connection.send_prepared(&prepared).unwrap();
            connection.transmitted(connection.queued());
        }
    }
    let allocations = region.change().allocations;
    assert!(allocations <= 1000 + NOISE, "{allocations}");
}
