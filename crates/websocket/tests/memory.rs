//! What a connection holds, whatever the peer does. One test, for the counts are the process's.

use std::alloc::System;

use bytes::BytesMut;
use songi_websocket::{Config, Connection, Event, Message, Prepared};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The test harness's own allocations.
const NOISE: isize = 16 * 1024;

/// Bytes that `work` allocated and that its result, still alive, holds.
fn held<T>(work: impl FnOnce() -> T) -> (T, isize) {
    let region = Region::new(ALLOCATOR);
    let result = work();
    let stats = region.change();
    let held = stats.bytes_allocated as isize - stats.bytes_deallocated as isize;
    (result, held)
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, payload.len() as u8], payload].concat()
}

fn client() -> Connection {
    Connection::client(Config::default(), || [1, 2, 3, 4])
}

fn feed(connection: &mut Connection, bytes: &[u8]) {
    let mut input = BytesMut::from(bytes);
    while connection
        .receive(&mut input)
        .expect("valid frames")
        .is_some()
    {}
}

#[test]
fn memory_is_bounded() {
    // I4: a thousand idle connections hold nothing, not even a boxed mask source; nor do they
    // after they have worked.
    let mut connections = Vec::with_capacity(2000);
    let ((), idle) = held(|| {
        for _ in 0..1000 {
            connections.push(Connection::server(Config::default()));
            connections.push(client());
        }
    });
    assert!(idle < NOISE, "{idle}");
    let prepared = Prepared::text("x".repeat(5000));
    let ((), after_work) = held(|| {
        for connection in &mut connections {
            for _ in 0..3 {
                connection.send(Message::text("hello")).unwrap();
                connection.send_prepared(&prepared).unwrap();
                connection.transmitted(7);
                connection.transmitted(connection.queued());
            }
        }
        for connection in connections.iter_mut().skip(1).step_by(2) {
            feed(
                connection,
                &[frame(0x01, b"he"), frame(0x80, b"llo"), frame(0x89, b"")].concat(),
            );
            connection.transmitted(connection.queued());
        }
    });
    assert!(after_work < NOISE, "{after_work}");

    // Small fragments cost linear time: what has come is not moved for each of them.
    let fragments = [
        frame(0x02, &[7; 100]),
        frame(0x00, &[7; 100]).repeat(500),
        frame(0x80, b""),
    ];
    let region = Region::new(ALLOCATOR);
    feed(&mut client(), &fragments.concat());
    let moved = region.change().reallocations;
    assert!(moved < 30, "{moved}");

    // RUSTSEC-2022-0035: a length that is only announced costs nothing.
    let (connection, announced) = held(|| {
        let mut connection = client();
        feed(
            &mut connection,
            &[0x82, 127, 0, 0, 0, 0, 0, 0x0F, 0xFF, 0xFF, 1, 2, 3],
        );
        connection
    });
    assert!(announced < NOISE, "{announced}");
    drop(connection);

    // CVE-2026-48779: fragments of one byte, and of none, cost their bytes only.
    let fragments = Config::default().fragment_limit(u32::MAX);
    for payload in [&b"x"[..], b""] {
        let bytes = [frame(0x02, b""), frame(0x00, payload).repeat(500_000)].concat();
        let mut connection = Connection::client(fragments, || [0; 4]);
        let mut input = BytesMut::with_capacity(4096);
        let ((), cost) = held(|| {
            for piece in bytes.chunks(1000) {
                input.extend_from_slice(piece);
                while connection.receive(&mut input).unwrap().is_some() {}
            }
        });
        let limit = 2 * 500_000 * payload.len() as isize + NOISE;
        assert!(cost < limit, "{cost}");
    }

    // RUSTSEC-2020-0043, and the ping floods: a peer that does not read holds the queue's limit
    // and 32 pongs, however often it pings.
    let config = Config::default().queue_limit(100_000);
    let mut connection = Connection::client(config, || [0; 4]);
    let ((), queued) = held(|| {
        while connection.send(Message::text("x".repeat(1000))).is_ok() {}
        for _ in 0..10_000 {
            feed(&mut connection, &frame(0x89, &[7; 125]));
        }
    });
    assert!(
        connection.queued() <= 100_000 + 32 * 131,
        "{}",
        connection.queued()
    );
    assert!(queued < 2 * 105_000 + NOISE, "{queued}");

    // aquatic #253: small messages that are kept do not keep the read buffer.
    let mut connection = client();
    let (kept, cost) = held(|| {
        let mut kept: Vec<Event> = Vec::with_capacity(100);
        for _ in 0..100 {
            let mut input = BytesMut::with_capacity(64 * 1024);
            input.extend_from_slice(&frame(0x82, &[1; 20]));
            kept.extend(connection.receive(&mut input).unwrap());
        }
        kept
    });
    assert_eq!(kept.len(), 100);
    assert!(cost < 100 * 128 + NOISE, "{cost}");
}
