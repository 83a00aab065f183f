//! What can happen in a namespace that is joined, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use common::{PATIENCE, Server, client};
use songi_client::{
    Ack, AckError, Bytes, Config, DisconnectReason, EmitError, Event, Socket, Transport,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

#[tokio::test]
async fn events_that_come_early_wait_for_the_connection() {
    let server = Server::start().await;
    let (log, mut logged) = mpsc::unbounded_channel();
    let (events, ends) = (log.clone(), log.clone());
    let client = client(&server.url)
        .on("early", move |n: u32| {
            events.send(format!("early {n}")).unwrap()
        })
        .on("connect", move |socket: Socket| {
            let log = log.clone();
            async move {
                tokio::task::yield_now().await;
                log.send(format!("connect {}", socket.id())).unwrap();
            }
        })
        .on("disconnect", move |reason: DisconnectReason| {
            ends.send(reason.to_string()).unwrap();
        });
    let serving = async {
        let mut peer = server.open().await;
        peer.expect("40").await;
        for packet in [
            r#"42["early",1]"#,
            r#"42["early",2]"#,
            r#"40{"sid":"me"}"#,
            r#"42["early",3]"#,
            "41",
        ] {
            peer.send(packet).await;
        }
        peer
    };
    let (socket, mut peer) = tokio::join!(client.connect(), serving);
    for line in [
        "connect me",
        "early 1",
        "early 2",
        "early 3",
        "io server disconnect",
    ] {
        assert_eq!(logged.recv().await.as_deref(), Some(line));
    }
    assert_eq!(
        socket.unwrap().closed().await,
        DisconnectReason::ServerDisconnect
    );
    // It was the last namespace.
    peer.expect_end().await;
}

#[tokio::test]
async fn an_event_may_be_as_large_as_a_message() {
    const BYTES: usize = 12_000_000;
    let server = Server::start().await;
    let config = Config {
        max_message_size: 50_000_000,
        transports: vec![Transport::WebSocket],
        reconnection: false,
        ..Config::default()
    };
    let client = client(&server.url)
        .config(config)
        .on("long", |text: String| text.len());
    let (_socket, mut peer) = server.joined(client).await;
    peer.send(format!(r#"421["long","{}"]"#, "x".repeat(BYTES)))
        .await;
    peer.expect(&format!("431[{BYTES}]")).await;
}

#[tokio::test]
async fn handlers_answer_in_order_whatever_they_do() {
    let server = Server::start().await;
    let client = client(&server.url)
        .on("add", |a: i64, b: i64| a + b)
        .on("slow", async |text: String| {
            tokio::time::sleep(Duration::from_millis(5)).await;
            text
        })
        .on("panic", || -> () { panic!("on purpose") })
        .on("late panic", async |socket: Socket| {
            tokio::task::yield_now().await;
            assert!(!socket.connected(), "on purpose");
        })
        .on("fail", || Err::<(), _>(std::fmt::Error))
        .on("by hand", |event: Event, ack: Ack| {
            assert!(ack.is_expected());
            ack.send((event.arguments().len(), Bytes::from_static(b"x")));
        })
        .on_fallback(|| "fallback");
    let (_socket, mut peer) = server.joined(client).await;
    for packet in [
        r#"421["slow","a"]"#,
        r#"422["add",1,2]"#,
        r#"423["panic"]"#,
        r#"424["late panic"]"#,
        r#"425["add","x"]"#,
        r#"426["fail"]"#,
        r#"427["by hand",1,2,3]"#,
        r#"428["unknown"]"#,
    ] {
        peer.send(packet).await;
    }
    peer.expect(r#"431["a"]"#).await;
    peer.expect("432[3]").await;
    let answer = peer.receive().await.unwrap();
    assert!(
        answer.starts_with(r#"435[{"error":"add: argument 0: "#),
        "{answer}"
    );
    let answer = peer.receive().await.unwrap();
    assert!(answer.starts_with(r#"436[{"error":"#), "{answer}");
    peer.expect(r#"461-7[3,{"_placeholder":true,"num":0}]"#)
        .await;
    peer.expect(r#"b"x""#).await;
    peer.expect(r#"438["fallback"]"#).await;
}

#[tokio::test]
async fn handlers_can_be_added_later_and_take_the_socket() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    socket.on("a", |socket: Socket, text: String| socket.emit("b", text));
    socket.on("a", |socket: Socket| socket.send(2));
    peer.send(r#"42["a","x"]"#).await;
    peer.expect(r#"42["b","x"]"#).await;
    peer.expect(r#"42["message",2]"#).await;
}

#[tokio::test]
async fn acks_come_late_twice_or_never() {
    let server = Server::start().await;
    let config = Config {
        max_pending_acks: 2,
        transports: vec![Transport::WebSocket],
        reconnection: false,
        ..Config::default()
    };
    let (socket, mut peer) = server.joined(client(&server.url).config(config)).await;

    let late = socket
        .emit_with_ack::<i64>("q", ())
        .timeout(Duration::from_millis(10));
    assert!(matches!(late.await, Err(AckError::Timeout(_))));
    peer.expect(r#"420["q"]"#).await;
    peer.send("430[1]").await;

    let pending = socket.emit_with_ack::<(i64, Bytes)>("q", "x");
    peer.expect(r#"421["q","x"]"#).await;
    peer.send("437[1]").await;
    peer.send(r#"461-1[2,{"_placeholder":true,"num":0}]"#).await;
    peer.send_binary(&[7]).await;
    peer.send("431[3]").await;
    assert_eq!(pending.await.unwrap(), (2, Bytes::from_static(&[7])));

    let pending = socket.emit_with_ack::<String>("q", ());
    peer.expect(r#"422["q"]"#).await;
    peer.send("432[1]").await;
    assert!(matches!(pending.await, Err(AckError::Argument(_))));

    let pending = [(); 3].map(|()| socket.emit_with_ack::<()>("q", ()));
    let [first, second, third] = pending;
    assert!(matches!(
        third.await,
        Err(AckError::Emit(EmitError::TooManyAcks(_)))
    ));
    drop(first);
    drop(peer);
    assert!(matches!(second.await, Err(AckError::Disconnected)));
    assert!(matches!(
        socket.emit_with_ack::<()>("q", ()).await,
        Err(AckError::Emit(EmitError::Disconnected))
    ));
}

#[tokio::test]
async fn pings_are_answered_and_missed_when_they_stop() {
    let server = Server::start().await;
    let serving = async {
        let mut peer = server.websocket().await;
        peer.send(r#"0{"sid":"e","upgrades":[],"pingInterval":500,"pingTimeout":500}"#)
            .await;
        peer.expect("40").await;
        peer.send(r#"40{"sid":"me"}"#).await;
        peer.send("2").await;
        peer.expect("3").await;
        peer
    };
    let client = client(&server.url);
    let (socket, mut peer) = tokio::join!(client.connect(), serving);
    assert_eq!(
        socket.unwrap().closed().await,
        DisconnectReason::PingTimeout
    );
    peer.expect_end().await;
}

#[tokio::test]
async fn what_was_asked_on_a_connection_that_is_lost_is_not_answered_on_the_next() {
    let server = Server::start().await;
    let config = Config {
        transports: vec![Transport::WebSocket],
        reconnection_delay: Duration::from_millis(1),
        ..Config::default()
    };
    let (began, mut beginnings) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let client = client(&server.url)
        .config(config)
        .on("question", move |text: String| {
            let (began, held) = (began.clone(), held.clone());
            async move {
                began.send(()).unwrap();
                held.acquire().await.unwrap().forget();
                text
            }
        });
    let (_socket, mut peer) = server.joined(client).await;
    peer.send(r#"420["question","before"]"#).await;
    beginnings.recv().await.unwrap();
    drop(peer);
    let mut peer = server.join().await;
    // The same id, and another question.
    peer.send(r#"420["question","after"]"#).await;
    gate.add_permits(2);
    peer.expect(r#"430["after"]"#).await;
}

/// The clock of the runtime stands still as that of a machine that sleeps; the wall clock does not.
#[tokio::test]
async fn a_machine_that_slept_does_not_write_to_who_has_given_it_up() {
    let server = Server::start().await;
    let client = client(&server.url).reconnection(true);
    let socket = client.start().unwrap();
    let mut peer = server.websocket().await;
    peer.send(r#"0{"sid":"e","upgrades":[],"pingInterval":1000,"pingTimeout":1000}"#)
        .await;
    peer.expect("40").await;
    peer.send(r#"40{"sid":"me"}"#).await;
    while !socket.connected() {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    std::thread::sleep(Duration::from_secs(3));
    socket.emit("late", ()).unwrap();
    assert!(!socket.connected() && socket.active());
    tokio::time::resume();
    peer.expect_end().await;
    // It waits for the next connection.
    let mut peer = server.join().await;
    peer.expect(r#"42["late"]"#).await;
}

#[tokio::test]
async fn dropping_the_last_handle_leaves() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    let other = socket.clone();
    drop(socket);
    other.emit("x", ()).unwrap();
    peer.expect(r#"42["x"]"#).await;
    drop(other);
    peer.expect("41").await;
    peer.expect_end().await;
}

#[tokio::test]
async fn what_was_sent_before_a_disconnect_arrives() {
    let server = Server::start().await;
    let (sender, mut reasons) = mpsc::unbounded_channel();
    let client = client(&server.url)
        .on_disconnect(move |reason: DisconnectReason| sender.send(reason).unwrap());
    let (socket, mut peer) = server.joined(client).await;
    let text = "x".repeat(100_000);
    for _ in 0..20 {
        socket.emit("news", &text).unwrap();
    }
    socket.disconnect();
    assert!(!socket.connected());
    assert!(matches!(socket.emit("x", ()), Err(EmitError::Disconnected)));
    let reading = async {
        for _ in 0..20 {
            assert_eq!(peer.receive().await.unwrap().len(), 100_000 + 13);
        }
        peer.expect("41").await;
        peer.expect_end().await;
        drop(peer);
    };
    let (reason, ()) = tokio::join!(socket.closed(), reading);
    assert_eq!(reason, DisconnectReason::ClientDisconnect);
    assert_eq!(reasons.recv().await, Some(reason));
}

#[tokio::test]
async fn who_waits_for_the_end_does_not_wait_for_the_next_connection() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    socket.disconnect();
    let mut closed = pin!(socket.closed());
    assert!(poll_fn(|cx| Poll::Ready(closed.as_mut().poll(cx).is_pending())).await);
    // The same connection is wanted again before it is idle.
    let other = socket.of("/other").start().unwrap();
    peer.expect("41").await;
    peer.expect_end().await;
    let mut peer = server.open().await;
    peer.expect("40/other,").await;
    let reason = timeout(PATIENCE, closed).await.unwrap();
    assert_eq!(reason, DisconnectReason::ClientDisconnect);
    assert!(other.active());
}

#[tokio::test]
async fn the_server_ends_it() {
    for (packet, reason) in [
        ("41", DisconnectReason::ServerDisconnect),
        ("1", DisconnectReason::TransportClose),
    ] {
        let server = Server::start().await;
        let (socket, mut peer) = server.joined(client(&server.url)).await;
        peer.send(packet).await;
        assert_eq!(socket.closed().await, reason);
        peer.expect_end().await;
    }
}

#[tokio::test]
async fn whatever_breaks_the_protocol_ends_the_connection() {
    use DisconnectReason::{ParseError, TransportError};
    for (packet, reason) in [
        ("", ParseError),
        ("7", ParseError),
        ("송이", ParseError),
        ("0{}", ParseError),
        ("1x", ParseError),
        ("4", ParseError),
        ("49", ParseError),
        ("42", ParseError),
        ("42[]", ParseError),
        ("42{}", ParseError),
        (r#"42["connect"]"#, ParseError),
        (r#"42["x",]"#, ParseError),
        (r#"42["x"]]"#, ParseError),
        ("43[]", ParseError),
        ("44", ParseError),
        (r#"40{"sid":"again"}"#, ParseError),
        (r#"452-["x",{"_placeholder":true,"num":0}]"#, ParseError),
        (r#"4599999999999-["x"]"#, ParseError),
        (
            r#"451-["x",{"_placeholder":true,"num":0}]|42["y"]"#,
            ParseError,
        ),
        (&"4".repeat(2000), TransportError),
    ] {
        let server = Server::start().await;
        let config = Config {
            max_message_size: 1000,
            max_attachments: 1,
            transports: vec![Transport::WebSocket],
            reconnection: false,
            ..Config::default()
        };
        let (socket, mut peer) = server.joined(client(&server.url).config(config)).await;
        for packet in packet.split('|') {
            peer.send(packet).await;
        }
        let reading = async { while peer.receive().await.is_some() {} };
        let (ended, ()) = tokio::join!(timeout(PATIENCE, socket.closed()), reading);
        assert_eq!(ended.ok(), Some(reason), "{packet}");
    }
}

/// Little may wait to be written, and a lost connection does not come back.
fn narrow() -> Config {
    Config {
        max_buffered: 10_000,
        transports: vec![Transport::WebSocket],
        reconnection: false,
        ..Config::default()
    }
}

/// Emits to a peer that does not read, until nothing more goes anywhere; gives how many went.
async fn fill(socket: &Socket) -> usize {
    let text = "x".repeat(4000);
    let (mut sent, mut full) = (0, 0);
    while full < 100 {
        match socket.emit("news", &text) {
            Ok(()) => (sent, full) = (sent + 1, 0),
            Err(EmitError::QueueFull) => full += 1,
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
    sent
}

#[tokio::test]
async fn what_waits_to_be_written_is_bounded() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url).config(narrow())).await;

    let sent = fill(&socket).await;
    // Dropped, not refused.
    socket.volatile().emit("volatile", ()).unwrap();
    assert!(socket.connected());

    for _ in 0..sent {
        assert!(peer.receive().await.unwrap().starts_with(r#"42["news","#));
    }
    // One event always fits when nothing else waits.
    socket.emit("huge", "y".repeat(20_000)).unwrap();
    assert!(peer.receive().await.unwrap().starts_with(r#"42["huge","#));
    socket.volatile().emit("volatile", ()).unwrap();
    peer.expect(r#"42["volatile"]"#).await;
}

#[tokio::test]
async fn nothing_is_read_while_too_many_events_wait() {
    const EVENTS: usize = 1000;
    let server = Server::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let (sender, mut handled) = mpsc::unbounded_channel();
    let opened = gate.clone();
    let config = Config {
        max_pending_events: 2,
        transports: vec![Transport::WebSocket],
        reconnection: false,
        ..Config::default()
    };
    let client = client(&server.url)
        .config(config)
        .on("wait", move |n: usize| {
            let (gate, sender) = (gate.clone(), sender.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                sender.send(n).unwrap();
            }
        });
    let (socket, mut peer) = server.joined(client).await;
    let flood = tokio::spawn(async move {
        let padding = "x".repeat(50_000);
        for n in 0..EVENTS {
            peer.send(format!(r#"42["wait",{n},"{padding}"]"#)).await;
        }
        peer
    });
    // 50 MB do not fit into the buffers of the operating system.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!flood.is_finished());
    // What is emitted is written all the same.
    socket.emit("x", ()).unwrap();
    opened.add_permits(EVENTS);
    for n in 0..EVENTS {
        assert_eq!(handled.recv().await, Some(n));
    }
    let mut peer = flood.await.unwrap();
    peer.expect(r#"42["x"]"#).await;
}

#[tokio::test]
async fn early_events_are_bounded_too_and_let_go_of_when_the_namespace_is_refused() {
    let server = Server::start().await;
    let config = Config {
        max_pending_events: 2,
        transports: vec![Transport::WebSocket],
        reconnection: false,
        ..Config::default()
    };
    let client = client(&server.url)
        .config(config)
        .on("add", |a: i64, b: i64| a + b);
    let (socket, mut peer) = server.joined(client).await;
    let joining = socket.of("/other").connect();
    let serving = async {
        peer.expect("40/other,").await;
        peer.send(r#"42/other,["early"]"#).await;
        peer.send(r#"44/other,{"message":"no"}"#).await;
    };
    let (refused, ()) = tokio::join!(joining, serving);
    assert!(refused.is_err());
    for _ in 0..10 {
        peer.send(r#"421["add",1,2]"#).await;
        peer.expect("431[3]").await;
    }
}

#[tokio::test]
async fn who_waits_until_all_is_written_may_send_any_amount() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url).config(narrow())).await;
    let text = "x".repeat(8000);
    socket.emit("part", &text).unwrap();
    let full = socket.emit("part", &text);
    assert!(matches!(full, Err(EmitError::QueueFull)), "{full:?}");
    let sending = async {
        for _ in 1..100 {
            socket.drained().await.unwrap();
            socket.emit("part", &text).unwrap();
        }
    };
    let reading = async {
        for _ in 0..100 {
            assert!(peer.receive().await.unwrap().starts_with(r#"42["part","#));
        }
    };
    let both = async { tokio::join!(sending, reading) };
    timeout(PATIENCE, both).await.unwrap();
    timeout(PATIENCE, socket.drained()).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_waits_until_all_is_written_hears_that_it_never_will_be() {
    let server = Server::start().await;
    let (socket, _peer) = server.joined(client(&server.url).config(narrow())).await;
    fill(&socket).await;
    let mut drained = pin!(socket.drained());
    poll_fn(|cx| {
        assert!(drained.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    socket.disconnect();
    let drained = timeout(PATIENCE, drained).await.unwrap();
    assert!(matches!(drained, Err(EmitError::Disconnected)));
    let drained = socket.drained().await;
    assert!(matches!(drained, Err(EmitError::Disconnected)));
}

#[tokio::test]
async fn many_pings_have_one_answer_while_nothing_is_written() {
    let server = Server::start().await;
    let (sender, mut done) = mpsc::unbounded_channel();
    let client = client(&server.url)
        .config(narrow())
        .on("done", move || sender.send(()).unwrap());
    let (socket, mut peer) = server.joined(client).await;
    let sent = fill(&socket).await;
    for _ in 0..1000 {
        peer.send("2").await;
    }
    peer.send(r#"42["done"]"#).await;
    done.recv().await.unwrap();
    for _ in 0..sent {
        assert!(peer.receive().await.unwrap().starts_with(r#"42["news","#));
    }
    peer.expect("3").await;
    socket.emit("end", ()).unwrap();
    peer.expect(r#"42["end"]"#).await;
}

#[tokio::test]
async fn handlers_are_let_go_of_with_the_last_handle() {
    let server = Server::start().await;
    let held = Arc::new(());
    let weak: Weak<()> = Arc::downgrade(&held);
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    socket.on("x", move || {
        let _ = &held;
    });
    drop(socket);
    peer.expect("41").await;
    peer.expect_end().await;
    drop(peer);
    let gone = async {
        while weak.upgrade().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

#[test]
fn sockets_hear_that_their_runtime_has_ended_before_it_began() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (mine, theirs) = (runtime(), runtime());
    let start = || client("http://127.0.0.1:1/begin").start().unwrap();
    let socket = {
        let _context = mine.enter();
        start()
    };
    drop(mine);
    let ending = |socket: &Socket| {
        let reason = theirs.block_on(async { timeout(PATIENCE, socket.closed()).await });
        assert_eq!(reason.unwrap(), DisconnectReason::TransportClose);
        assert!(matches!(socket.emit("x", ()), Err(EmitError::Disconnected)));
    };
    ending(&socket);
    // Nobody else gets that connection.
    let _context = theirs.enter();
    let another = start();
    assert!(another.active());
    another.emit("x", ()).unwrap();
}

#[test]
fn sockets_hear_that_their_runtime_has_ended() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (mine, theirs) = (runtime(), runtime());
    let server = theirs.block_on(Server::start());
    let connecting = mine.spawn(client(&server.url).connect());
    let _peer = theirs.block_on(server.join());
    let socket = mine.block_on(connecting).unwrap().unwrap();
    drop(mine);
    let reason = theirs.block_on(async { timeout(PATIENCE, socket.closed()).await });
    assert_eq!(reason.unwrap(), DisconnectReason::TransportClose);
    assert!(matches!(socket.emit("x", ()), Err(EmitError::Disconnected)));
    drop(socket);
}
