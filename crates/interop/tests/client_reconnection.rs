//! The Rust client with a JavaScript server that goes and comes back.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use peer::{Peer, quick};
use serde_json::{Value, json};
use songi_client::{
    AckError, Client, Config, ConnectFailure, DisconnectReason, EmitError, SocketEvent, Transport,
};
use tokio::sync::mpsc;

#[tokio::test]
async fn a_server_that_comes_back_finds_its_clients() -> Result<()> {
    for transport in [Transport::WebSocket, Transport::Polling] {
        let mut peer = Peer::start(json!({})).await?;
        let (log, mut logged) = mpsc::unbounded_channel();
        let note = move |line: String| log.send(line).unwrap();
        let (connect, disconnect, attempt, failed, again) = (
            note.clone(),
            note.clone(),
            note.clone(),
            note.clone(),
            note.clone(),
        );
        let tokens = Arc::new(AtomicUsize::new(0));
        let fresh = tokens.clone();
        let socket = Client::new(&peer.url)
            .config(quick())
            .transports([transport])
            .on_connect(move || connect("connect".into()))
            .on_disconnect(move |reason: String| disconnect(reason))
            .on_reconnect_attempt(move |n: u32| attempt(format!("attempt {n}")))
            .on_reconnect_error(move |_: ConnectFailure| failed("failed".into()))
            .on_reconnect(move |n: u32| again(format!("reconnect {n}")))
            .connect()
            .await?;
        let admin = socket
            .of("/admin")
            .auth(move || {
                let token = fresh.fetch_add(1, Ordering::Relaxed);
                async move { json!({ "token": token }) }
            })
            .connect()
            .await?;
        let first_id = socket.id();
        assert_eq!(logged.recv().await.unwrap(), "connect");

        let port = peer.port;
        peer.stop().await;
        // The end of the process is that of its streams, or that of a request.
        let reason = logged.recv().await.unwrap();
        assert!(reason.starts_with("transport "), "{reason}");
        assert_eq!(logged.recv().await.unwrap(), "attempt 1");
        assert_eq!(logged.recv().await.unwrap(), "failed");
        assert!(!socket.connected() && socket.active());
        // It waits, in order.
        for number in 0..10 {
            socket.emit("count", ("me", number))?;
        }
        let echo = tokio::spawn({
            let admin = admin.clone();
            async move { admin.emit_with_ack::<i64>("echo", 7).await }
        });
        assert!(matches!(
            socket.volatile().emit("count", ("me", 99)),
            Ok(())
        ));

        let mut peer = Peer::start(json!({ "port": port })).await?;
        let again = loop {
            let line = logged.recv().await.unwrap();
            if line.starts_with("reconnect") {
                break line;
            }
        };
        assert_ne!(again, "reconnect 0");
        assert_eq!(logged.recv().await.unwrap(), "connect");
        for number in 0..10 {
            assert_eq!(peer.script.find("counted").await?, number);
        }
        assert_eq!(echo.await??, 7);
        assert_ne!(socket.id(), first_id);
        assert!(!socket.recovered());
        assert_eq!(tokens.load(Ordering::Relaxed), 2);
        socket.disconnect();
        admin.disconnect();
        assert_eq!(socket.closed().await, DisconnectReason::ClientDisconnect);
    }
    Ok(())
}

#[tokio::test]
async fn who_was_sent_away_does_not_come_back_by_itself() -> Result<()> {
    let mut peer = Peer::start(json!({})).await?;
    let socket = Client::new(&peer.url).config(quick()).connect().await?;
    let other = socket.of("/other").connect().await?;
    socket.emit("leave me", ())?;
    assert_eq!(socket.closed().await, DisconnectReason::ServerDisconnect);
    assert!(!socket.active());
    assert!(matches!(
        socket.emit("count", ()),
        Err(EmitError::Disconnected)
    ));
    // The connection goes on, and one may ask again.
    assert_eq!(other.emit_with_ack::<i64>("echo", 1).await?, 1);
    socket.connect().await?;
    assert_eq!(socket.emit_with_ack::<i64>("echo", 2).await?, 2);

    socket.disconnect();
    other.disconnect();
    assert_eq!(socket.closed().await, DisconnectReason::ClientDisconnect);
    socket.connect().await?;
    assert_eq!(socket.emit_with_ack::<i64>("echo", 3).await?, 3);
    drop((socket, other));
    for _ in 0..4 {
        peer.script.find("disconnected").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_told_with_its_data_and_is_final() -> Result<()> {
    let peer = Peer::start(json!({})).await?;
    let socket = Client::new(format!("{}/admin", peer.url))
        .config(quick())
        .auth(json!({ "token": "text" }))
        .start()?;
    let mut events = socket.events();
    match events.next().await {
        Some(SocketEvent::ConnectError(failure)) => {
            assert_eq!(failure.message, "not authorized");
            assert_eq!(failure.data, Some(json!({ "code": 7 })));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(socket.closed().await, DisconnectReason::ServerDisconnect);
    assert!(!socket.active());
    Ok(())
}

#[tokio::test]
async fn the_last_attempt_is_told() -> Result<()> {
    let mut peer = Peer::start(json!({})).await?;
    let config = Config {
        reconnection_attempts: 3,
        ..quick()
    };
    let socket = Client::new(&peer.url).config(config).start()?;
    let mut events = socket.events();
    assert!(matches!(events.next().await, Some(SocketEvent::Connect)));
    peer.stop().await;
    let mut told = Vec::new();
    loop {
        let event = events.next().await.unwrap();
        told.push(match event {
            SocketEvent::Disconnect(_) => "disconnect".to_owned(),
            SocketEvent::ReconnectAttempt(n) => format!("attempt {n}"),
            SocketEvent::ReconnectError(_) => "error".to_owned(),
            SocketEvent::ConnectError(_) => "connect error".to_owned(),
            SocketEvent::ReconnectFailed => break,
            other => panic!("{other:?}"),
        });
    }
    let mut expected = vec!["disconnect".to_owned()];
    for attempt in 1..=3 {
        expected.push(format!("attempt {attempt}"));
        expected.extend(["connect error".to_owned(), "error".to_owned()]);
    }
    assert_eq!(told, expected);
    assert!(!socket.active());
    assert!(matches!(socket.emit("x", ()), Err(EmitError::Disconnected)));
    drop(socket);
    assert!(events.next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn what_waits_for_a_server_is_bounded_and_forgotten_acks_are_not_sent() -> Result<()> {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = free.local_addr()?.port();
    drop(free);
    let config = Config {
        max_offline_events: 3,
        ..quick()
    };
    let socket = Client::new(format!("http://127.0.0.1:{port}"))
        .config(config)
        .start()?;
    let forgotten = socket.emit_with_ack::<i64>("count", ("me", 0));
    let late = forgotten.timeout(Duration::from_millis(20)).await;
    assert!(matches!(late, Err(AckError::Timeout(_))));
    for number in 1..=3 {
        socket.emit("count", ("me", number))?;
    }
    assert!(matches!(
        socket.emit("count", ("me", 4)),
        Err(EmitError::OfflineQueueFull)
    ));
    let mut peer = Peer::start(json!({ "port": port })).await?;
    for number in 1..=3 {
        assert_eq!(peer.script.find("counted").await?, number);
    }
    Ok(())
}

#[tokio::test]
async fn a_state_that_was_recovered_has_all_events() -> Result<()> {
    let options = json!({ "io": { "connectionStateRecovery": {}, "transports": ["websocket"] } });
    let mut peer = Peer::start(options).await?;
    let (sender, mut news) = mpsc::unbounded_channel();
    let socket = Client::new(&peer.url)
        .config(Config {
            reconnection_delay: Duration::from_millis(300),
            ..quick()
        })
        .on("news", move |n: u32| sender.send(n).unwrap())
        .connect()
        .await?;
    let id = socket.id();
    socket.emit_with_ack::<()>("join", "room").await?;
    peer.tell(json!({ "broadcast": ["news", 1], "room": "room" }))
        .await?;
    assert_eq!(news.recv().await, Some(1));

    peer.tell(json!({ "cut": true })).await?;
    peer.script.find("disconnected").await?;
    peer.tell(json!({ "broadcast": ["news", 2], "room": "room" }))
        .await?;
    peer.tell(json!({ "broadcast": ["news", 3], "room": "room" }))
        .await?;
    assert_eq!(news.recv().await, Some(2));
    assert_eq!(news.recv().await, Some(3));
    assert!(socket.recovered());
    assert_eq!(socket.id(), id);
    let line = peer.script.find("connected").await?;
    assert_eq!(line["recovered"], Value::Bool(true));
    peer.tell(json!({ "broadcast": ["news", 4], "room": "room" }))
        .await?;
    assert_eq!(news.recv().await, Some(4));
    Ok(())
}

#[tokio::test]
async fn lost_acks_are_asked_for_again_in_order() -> Result<()> {
    let mut peer = Peer::start(json!({})).await?;
    let config = Config {
        retries: 3,
        ack_timeout: Duration::from_millis(500),
        ..quick()
    };
    let socket = Client::new(&peer.url).config(config).start()?;
    let lost = [2_u32, 0, 1, 9];
    let acks: Vec<_> = lost
        .into_iter()
        .enumerate()
        .map(|(key, lost)| socket.emit_with_ack::<u32>("lose acks", (key, lost)))
        .collect();
    for (ack, lost) in acks.into_iter().zip(lost) {
        match ack.await {
            // One more if an ack took its time.
            Ok(tries) => assert!(lost < 9 && tries > lost, "{tries} for {lost}"),
            Err(AckError::Timeout(_)) => assert_eq!(lost, 9),
            Err(other) => panic!("{other}"),
        }
    }
    for key in 0..4 {
        assert_eq!(peer.script.find("first").await?, key);
    }
    Ok(())
}

#[tokio::test]
async fn retries_survive_a_restart() -> Result<()> {
    let mut peer = Peer::start(json!({})).await?;
    let config = Config {
        retries: 10,
        ack_timeout: Duration::from_secs(2),
        ..quick()
    };
    let socket = Client::new(&peer.url).config(config).connect().await?;
    assert_eq!(socket.emit_with_ack::<u32>("count", ("me", 0)).await?, 0);
    let port = peer.port;
    peer.stop().await;
    let acks: Vec<_> = (1..=20)
        .map(|n| socket.emit_with_ack::<u32>("count", ("me", n)))
        .collect();
    let _peer = Peer::start(json!({ "port": port })).await?;
    for (ack, n) in acks.into_iter().zip(1..) {
        assert_eq!(ack.await?, n);
    }
    Ok(())
}
