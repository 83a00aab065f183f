//! What compression and large messages hold. One test, for the counts are the process's.
#![cfg(feature = "deflate")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::alloc::System;

use bytes::BytesMut;
use songi_websocket::{
    Config, Connection, Deflate, DeflateConfig, Event, EventRef, Message, Violation,
    deflate::Agreed,
    handshake::{Client, Policy, RequestReader, Url},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The test harness's own allocations.
const NOISE: isize = 16 * 1024;

fn agree(config: DeflateConfig) -> (Agreed, Agreed) {
    let url: Url = "ws://example.com/".parse().unwrap();
    let mut client = Client::new(&url, [7; 16]).deflate(&Deflate::new(config));
    let mut input = BytesMut::from(&client.request()[..]);
    let request = RequestReader::default().read(&mut input).unwrap().unwrap();
    let policy = Policy::default().deflate(&Deflate::new(config));
    let accepted = policy.accept(&request).unwrap();
    let mut input = BytesMut::from(&accepted.to_bytes()[..]);
    let response = client.read(&mut input).unwrap().unwrap();
    (
        accepted.deflate().unwrap().clone(),
        response.deflate().unwrap().clone(),
    )
}

fn held(region: &Region<'_, System>) -> isize {
    let stats = region.change();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

fn client(config: Config, agreed: &Agreed) -> Connection {
    let mut connection = Connection::client(config, || [0; 4]);
    connection.set_deflate(Some(agreed));
    connection
}

fn drain(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.slices().collect::<Vec<_>>().concat();
    connection.transmitted(bytes.len());
    bytes
}

#[test]
fn memory_is_bounded() {
    let config = DeflateConfig::default().threshold(0);
    let (server, client_agreed) = agree(config);
    let mut sender = Connection::server(Config::default());
    sender.set_deflate(Some(&server));

    // D17: a hundred connections that have worked hold no more than the pool does.
    sender.send(Message::text("x".repeat(100_000))).unwrap();
    let message = drain(&mut sender);
    let mut input = BytesMut::with_capacity(2 * message.len());
    let region = Region::new(ALLOCATOR);
    let mut connections = Vec::with_capacity(100);
    for _ in 0..100 {
        let mut connection = client(Config::default(), &client_agreed);
        input.extend_from_slice(&message);
        assert!(connection.receive(&mut input).unwrap().is_some());
        connection.send(Message::text("y".repeat(2000))).unwrap();
        connection.transmitted(connection.queued());
        connections.push(connection);
    }
    let cost = held(&region);
    assert!(cost < 600 * 1024, "{cost}");
    drop(connections);

    // D12: a bomb of 1000:1 is stopped at the limit, at a cost of the limit and 64 KiB, whether
    // its pieces are large or small (CVE-2026-1526).
    let limit = 1 << 20;
    let (server, agreed) = agree(config);
    let mut bomber = Connection::server(Config::default());
    bomber.set_deflate(Some(&server));
    bomber.send(Message::binary(vec![0; 64 << 20])).unwrap();
    let bomb = drain(&mut bomber);
    assert!(bomb.len() < 75_000, "{}", bomb.len());
    for piece in [1, 1000, usize::MAX] {
        let mut connection = client(Config::default().message_limit(limit), &agreed);
        let mut input = BytesMut::with_capacity(2 * bomb.len());
        let region = Region::new(ALLOCATOR);
        let (mut peak, mut violation) = (0, None);
        for piece in bomb.chunks(piece) {
            input.extend_from_slice(piece);
            let before = held(&region);
            match connection.receive(&mut input) {
                Ok(event) => assert_eq!(event, None),
                Err(error) => violation = Some(error),
            }
            // A single call frees what it held when it fails.
            peak = peak.max(before).max(held(&region));
            let bytes = region.change().bytes_allocated;
            assert!(bytes < limit + 64 * 1024 + NOISE as usize, "{bytes}");
            if violation.is_some() {
                break;
            }
        }
        assert_eq!(violation, Some(Violation::MessageTooBig { limit }));
        assert!(peak < (limit + 64 * 1024) as isize, "{peak}");
    }

    // A message of 1 GiB in chunks needs no more than 64 KiB, plain or compressed, lent or owned.
    let huge = Config::default().message_limit(2 << 30).chunks(true);
    let mut connection = client(huge, &agreed);
    let mut input = BytesMut::with_capacity(64 * 1024);
    let piece = vec![b'x'; 16 * 1024];
    let region = Region::new(ALLOCATOR);
    let (mut received, mut peak, mut ended) = (0_u64, 0, false);
    input.extend_from_slice(&[0x81, 127]);
    input.extend_from_slice(&(1_u64 << 30).to_be_bytes());
    for _ in 0..(1 << 30) / piece.len() {
        input.extend_from_slice(&piece);
        while let Some(event) = connection.receive(&mut input).unwrap() {
            let Event::TextChunk { text, last } = event else {
                panic!("{event:?}");
            };
            received += text.len() as u64;
            ended = last;
            peak = peak.max(held(&region));
        }
    }
    assert_eq!((received, ended), (1 << 30, true));
    assert!(peak < 64 * 1024, "{peak}");

    let mut connection = client(huge, &agreed);
    let region = Region::new(ALLOCATOR);
    let (mut received, mut peak, mut ended) = (0_u64, 0, false);
    let mut bomb = bomb;
    for piece in bomb.chunks_mut(4096) {
        let mut rest = &mut *piece;
        while let Some(event) = connection.receive_ref(&mut rest).unwrap() {
            let EventRef::BinaryChunk { payload, last } = event else {
                panic!("{event:?}");
            };
            received += payload.len() as u64;
            ended = last;
            peak = peak.max(held(&region));
        }
        assert!(rest.is_empty());
    }
    assert_eq!((received, ended), (64 << 20, true));
    assert!(peak < 64 * 1024 + NOISE, "{peak}");

    // Lending whole frames allocates nothing at all.
    let mut connection = Connection::server(Config::default());
    let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let mut buffer = frame.repeat(100);
    let mut count = 0;
    let region = Region::new(ALLOCATOR);
    let mut rest = &mut buffer[..];
    while let Some(event) = connection.receive_ref(&mut rest).unwrap() {
        assert!(event == EventRef::Text("Hello".into()));
        count += 1;
    }
    let allocations = region.change().allocations;
    assert_eq!((count, allocations), (100, 0));
}
