//! What a session holds, whatever its peer does. One test, for the counts are the process's.

use std::{alloc::System, sync::Arc, time::Duration};

use songi_engineio::{
    Bytes, Dialect, Frame, Message, Output, Revision, SendOptions, ServerConfig, ServerSession,
    webtransport,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: Duration = Duration::ZERO;
/// The test harness's own allocations.
const NOISE: isize = 16 * 1024;

const V3: Dialect = Dialect {
    revision: Revision::V3,
    base64: false,
};

/// Bytes that `work` allocated and that are alive after it.
fn held<T>(work: impl FnOnce() -> T) -> (T, isize) {
    let region = Region::new(ALLOCATOR);
    let result = work();
    let stats = region.change();
    let held = stats.bytes_allocated as isize - stats.bytes_deallocated as isize;
    (result, held)
}

fn pull(session: &mut ServerSession) -> usize {
    std::iter::from_fn(|| session.poll_output()).count()
}

fn polling(dialect: Dialect, config: &Arc<ServerConfig>) -> ServerSession {
    let mut session = ServerSession::polling_in(dialect, config.clone(), "s".into(), NOW);
    session.poll_opened(NOW);
    pull(&mut session);
    session
}

#[test]
fn memory_is_bounded() {
    let config = Arc::new(ServerConfig::default());
    let max_buffered = config.max_buffered as isize;
    let max_payload = config.max_payload as isize;

    // A thousand sessions on WebSockets hold nothing on the heap, nor do they after traffic.
    let mut sessions = Vec::with_capacity(1000);
    let ((), idle) = held(|| {
        for _ in 0..1000 {
            let (mut session, id) = ServerSession::websocket(config.clone(), "s".into(), NOW);
            session.frame(id, Frame::Text("4hello".into()), NOW);
            let reply = Frame::message(Message::text("x".repeat(1000)));
            session.send(reply, SendOptions::default(), NOW).unwrap();
            pull(&mut session);
            sessions.push(session);
        }
    });
    assert!(idle < NOISE, "{idle}");
    drop(sessions);

    // A thousand on long-polling hold a few hundred bytes each.
    let mut sessions = Vec::with_capacity(1000);
    let ((), idle) = held(|| {
        for _ in 0..1000 {
            let mut session = polling(Dialect::default(), &config);
            session.poll_opened(NOW);
            sessions.push(session);
        }
    });
    assert!(idle < 1000 * 600 + NOISE, "{idle}");
    drop(sessions);

    for dialect in [Dialect::default(), V3] {
        // A client that does not read: small messages, which need more than their bytes.
        let mut session = polling(dialect, &config);
        let ((), queued) = held(|| {
            let frame = Frame::message(Message::text("x"));
            while session
                .send(frame.clone(), SendOptions::default(), NOW)
                .is_ok()
            {}
        });
        // The queue may have room for twice what is in it.
        assert!(queued <= 2 * max_buffered + NOISE, "{queued}");
        drop(session);

        // As many packets as a body holds, and a driver that pulls only the first of them.
        let mut session = polling(dialect, &config);
        let packet = if dialect == V3 { "1:4" } else { "4\x1e" };
        let ((), unread) = held(|| {
            let post = session.post_opened(None, NOW);
            let body = packet.repeat(config.max_payload / packet.len());
            session.post_body(post, body.into(), NOW);
            assert!(matches!(session.poll_output(), Some(Output::Event(_))));
        });
        assert!(unread <= max_payload + NOISE, "{unread}");
        // They come one by one.
        let ((), pulled) = held(|| {
            pull(&mut session);
        });
        assert!(pulled <= NOISE, "{pulled}");
    }

    // Pings of revision 3 without a GET: three hundred thousand of them, one pong.
    let mut session = polling(V3, &config);
    let body = Bytes::from("1:2".repeat(3_000));
    let ((), pongs) = held(|| {
        for _ in 0..100 {
            let post = session.post_opened(None, NOW);
            session.post_body(post, body.clone(), NOW);
            pull(&mut session);
        }
    });
    assert!(pongs < NOISE, "{pongs}");
    // The data of a ping is bounded by the body.
    let long = format!("900001:2{}", "x".repeat(900_000));
    let ((), pong) = held(|| {
        let post = session.post_opened(None, NOW);
        session.post_body(post, long.into(), NOW);
        pull(&mut session);
    });
    assert!(pong <= max_payload + NOISE, "{pong}");

    // Candidates without end: one is held.
    let mut session = polling(Dialect::default(), &config);
    let ((), candidates) = held(|| {
        for _ in 0..100_000 {
            session.websocket_opened(NOW);
            pull(&mut session);
        }
    });
    assert!(candidates < NOISE, "{candidates}");

    // A frame of WebTransport that promises what does not come.
    let mut input = bytes::BytesMut::from(&[0xff, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..]);
    let (frame, promised) = held(|| webtransport::decode(&mut input, usize::MAX));
    assert_eq!(frame, Ok(None));
    assert!(promised < NOISE, "{promised}");
}
