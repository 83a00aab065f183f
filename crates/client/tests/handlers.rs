//! Adding handlers, taking them away, and reading a stream in their place.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::sync::Arc;

use common::{Server, client};
use songi_client::{Ack, Config, DisconnectReason, Event, Socket, SocketEvent, Transport};
use tokio::sync::mpsc;

#[tokio::test]
async fn handlers_are_called_once_or_until_they_are_removed() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    socket.once("a", |socket: Socket, n: u32| socket.emit("once", n));
    let kept = socket.on("a", |socket: Socket, n: u32| socket.emit("kept", n));
    peer.send(r#"42["a",1]"#).await;
    peer.expect(r#"42["once",1]"#).await;
    peer.expect(r#"42["kept",1]"#).await;
    peer.send(r#"42["a",2]"#).await;
    peer.expect(r#"42["kept",2]"#).await;
    socket.remove(&kept);
    socket.on("a", |socket: Socket| socket.emit("gone", ()));
    socket.off("a");
    socket
        .on_fallback(|socket: Socket, event: Event| socket.emit("fallback", event.name().as_str()));
    peer.send(r#"42["a",3]"#).await;
    peer.expect(r#"42["fallback","a"]"#).await;
}

#[tokio::test]
async fn what_was_to_be_called_once_is_let_go_of_when_it_is_taken_away() {
    let server = Server::start().await;
    let (socket, _peer) = server.joined(client(&server.url)).await;
    for event in ["a", "connect", "disconnect", "connect_error"] {
        for by_name in [true, false] {
            let held = Arc::new(());
            let weak = Arc::downgrade(&held);
            let id = socket.once(event, move || {
                let _ = &held;
            });
            assert_eq!(weak.strong_count(), 1);
            if by_name {
                drop(id);
                socket.off(event);
            } else {
                socket.remove(&id);
                drop(id);
            }
            assert_eq!(weak.strong_count(), 0, "{event} {by_name}");
        }
    }
}

#[tokio::test]
async fn all_events_are_heard_in_both_directions() {
    let server = Server::start().await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let (first, second, third) = (sender.clone(), sender.clone(), sender);
    let (socket, mut peer) = server
        .joined(client(&server.url).on("add", |a: i64, b: i64| a + b))
        .await;
    socket.on_any(move |event: Event| first.send(format!("in {}", event.name())).unwrap());
    socket.prepend_any(move |event: Event, n: u32| {
        second.send(format!("first {} {n}", event.name())).unwrap();
    });
    socket.on_any_outgoing(move |event: Event| {
        third
            .send(format!(
                "out {} {}",
                event.name(),
                event.arguments().to_json()
            ))
            .unwrap();
    });
    peer.send(r#"421["add",1,2]"#).await;
    // Who listens to all of them answers none.
    peer.expect("431[3]").await;
    socket.emit("x", (1, "y")).unwrap();
    peer.expect(r#"42["x",1,"y"]"#).await;
    for line in ["first add 1", "in add"] {
        assert_eq!(heard.recv().await.as_deref(), Some(line));
    }
    let out = heard.recv().await.unwrap();
    assert!(out.starts_with("out x"), "{out}");
    socket.off_any();
    socket.off_any_outgoing();
    peer.send(r#"422["add",1,2]"#).await;
    peer.expect("432[3]").await;
    socket.emit("z", ()).unwrap();
    peer.expect(r#"42["z"]"#).await;
    assert!(heard.recv().await.is_none());
}

#[tokio::test]
async fn what_is_not_sent_is_not_heard() {
    let server = Server::start().await;
    for retries in [0, 1] {
        let config = Config {
            retries,
            max_offline_events: 1,
            transports: vec![Transport::WebSocket],
            reconnection: false,
            ..Config::default()
        };
        let client = client(&server.url).config(config);
        let (socket, _peer) = server.joined(client).await;
        let (sender, mut heard) = mpsc::unbounded_channel();
        socket.on_any_outgoing(move |event: Event| {
            sender.send(event.name().as_str().to_owned()).unwrap();
        });
        socket.emit("sent", ()).unwrap();
        assert_eq!(heard.try_recv().as_deref(), Ok("sent"));
        let ack = socket.emit_with_ack::<()>("asked", ());
        let is_heard = heard.try_recv().is_ok();
        assert_eq!(
            is_heard,
            retries == 0,
            "the queue of retries has room for one"
        );
        drop(ack);
        socket.disconnect();
        assert!(socket.emit("late", ()).is_err());
        drop(socket.emit_with_ack::<()>("late", ()));
        assert!(heard.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_stream_has_what_has_no_handler_and_answers() {
    let server = Server::start().await;
    let client = client(&server.url).on("mine", || "handler");
    let socket = client.start().unwrap();
    let mut events = socket.events();
    let mut peer = server.join().await;
    assert!(matches!(events.next().await, Some(SocketEvent::Connect)));
    peer.send(r#"421["mine"]"#).await;
    peer.send(r#"422["theirs",4]"#).await;
    peer.expect(r#"431["handler"]"#).await;
    match events.next().await {
        Some(SocketEvent::Event(event, ack)) => {
            let n: u32 = event.arguments().deserialize().unwrap();
            assert_eq!(event.name(), "theirs");
            answer(ack, n + 1);
        }
        other => panic!("{other:?}"),
    }
    peer.expect("432[5]").await;
    // More than it holds ahead: nothing is lost.
    for n in 0..100 {
        peer.send(format!(r#"42["n",{n}]"#)).await;
    }
    for n in 0..100 {
        match events.next().await {
            Some(SocketEvent::Event(event, _)) => {
                assert_eq!(event.arguments().deserialize::<u32>().unwrap(), n);
            }
            other => panic!("{other:?}"),
        }
    }
    peer.send("41").await;
    assert!(matches!(
        events.next().await,
        Some(SocketEvent::Disconnect(DisconnectReason::ServerDisconnect))
    ));
    drop(socket);
    assert!(events.next().await.is_none());
}

fn unwell() -> u32 {
    panic!("on purpose")
}

fn answer(ack: Ack, n: u32) {
    assert!(ack.is_expected());
    ack.send(n);
}

#[tokio::test]
async fn a_stream_that_was_dropped_leaves_nothing_behind() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    drop(socket.events());
    let mut events = socket.events();
    for n in 0..50 {
        peer.send(format!(r#"42["n",{n}]"#)).await;
    }
    assert!(events.next().await.is_some());
    drop(events);
    socket.on("ping me", |socket: Socket| socket.emit("pong", ()));
    peer.send(r#"42["ping me"]"#).await;
    peer.expect(r#"42["pong"]"#).await;
}

#[tokio::test]
async fn auth_may_be_a_function_that_panics() {
    let server = Server::start().await;
    for joining in [
        client(&server.url).auth(|| -> u32 { panic!("on purpose") }),
        client(&server.url).auth(|| async { unwell() }),
    ] {
        let (result, mut peer) = tokio::join!(joining.connect(), server.open());
        let error = result.unwrap_err().to_string();
        assert!(error.contains("on purpose"), "{error}");
        peer.expect_end().await;
    }
}

#[tokio::test]
async fn volatile_events_do_not_wait_and_others_do() {
    let server = Server::start().await;
    let socket = client(&server.url).start().unwrap();
    socket.volatile().emit("lost", ()).unwrap();
    socket.emit("kept", ()).unwrap();
    let mut peer = server.join().await;
    peer.expect(r#"42["kept"]"#).await;
    socket.volatile().emit("now", ()).unwrap();
    peer.expect(r#"42["now"]"#).await;
}
