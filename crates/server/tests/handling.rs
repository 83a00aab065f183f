//! How handlers are called: order, panics, errors, limits, deadlines.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::Polling;
use songi_server::{Config, DisconnectReason, EmitError, Server, Socket};
use tokio::sync::{Semaphore, mpsc};

#[tokio::test]
async fn the_next_handler_starts_when_the_last_has_finished() {
    let io = Server::new();
    let (log, mut logged) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    io.on("slow", {
        let (log, gate) = (log.clone(), gate.clone());
        move |n: u32| {
            let (log, gate) = (log.clone(), gate.clone());
            async move {
                log.send(format!("slow {n} starts")).unwrap();
                gate.acquire().await.unwrap().forget();
                log.send(format!("slow {n} ends")).unwrap();
            }
        }
    });
    io.on("fast", {
        let log = log.clone();
        move |n: u32| log.send(format!("fast {n}")).unwrap()
    });
    io.on_disconnect(move || log.send("gone".to_owned()).unwrap());

    let (client, _) = Polling::connect(&io).await;
    client
        .post("42[\"slow\",1]\x1e42[\"fast\",2]\x1e42[\"slow\",3]\x1e42[\"fast\",4]\x1e1")
        .await;
    assert_eq!(logged.recv().await.unwrap(), "slow 1 starts");
    gate.add_permits(2);
    for line in [
        "slow 1 ends",
        "fast 2",
        "slow 3 starts",
        "slow 3 ends",
        "fast 4",
        "gone",
    ] {
        assert_eq!(logged.recv().await.unwrap(), line);
    }
}

#[tokio::test]
async fn a_panic_ends_its_handler_and_nothing_else() {
    let io = Server::new();
    io.on("sync", || {
        if true {
            panic!("on purpose")
        }
    });
    io.on("async", async || {
        tokio::task::yield_now().await;
        if true {
            panic!("on purpose");
        }
    });
    io.on("fine", || "fine");
    let (client, _) = Polling::connect(&io).await;
    client
        .post("421[\"sync\"]\x1e422[\"async\"]\x1e423[\"fine\"]")
        .await;
    assert_eq!(client.get().await, r#"433["fine"]"#);
}

#[tokio::test]
async fn all_handlers_of_an_event_get_its_arguments() {
    let io = Server::new();
    let (first, mut heard) = mpsc::unbounded_channel();
    let second = first.clone();
    io.on("x", move |a: u32, b: u32| first.send((a, b)).unwrap());
    io.on("x", move |a: u32| second.send((a, 0)).unwrap());
    let (client, _) = Polling::connect(&io).await;
    client.post(r#"42["x",1,2]"#).await;
    assert_eq!(heard.recv().await, Some((1, 2)));
    assert_eq!(heard.recv().await, Some((1, 0)));
}

#[tokio::test]
async fn events_without_a_handler_go_to_the_fallback() {
    let io = Server::new();
    io.on("known", || "known").on_fallback(|| "fallback");
    let (client, _) = Polling::connect(&io).await;
    client.post("421[\"known\"]\x1e422[\"unknown\"]").await;
    assert_eq!(client.get().await, "431[\"known\"]\x1e432[\"fallback\"]");
}

#[tokio::test]
async fn nothing_is_read_while_too_many_events_wait() {
    let io = Server::with_config(Config {
        max_pending_events: 2,
        ..Config::default()
    });
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    io.on("wait", move || {
        let gate = gate.clone();
        async move { gate.acquire().await.unwrap().forget() }
    });
    let (client, _) = Polling::connect(&io).await;
    client.post(r#"42["wait"]"#).await;

    let full = tokio::spawn(async move {
        client.post(r#"42["wait"]"#).await;
        client
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!full.is_finished());
    opened.add_permits(1);
    let client = full.await.unwrap();
    opened.add_permits(2);
    client.post(r#"42["wait"]"#).await;
}

#[tokio::test]
async fn one_event_may_always_wait() {
    let io = Server::with_config(Config {
        max_pending_events: 0,
        ..Config::default()
    });
    io.on("add", |a: i64, b: i64| a + b);
    let talking = async {
        let (client, _) = Polling::connect(&io).await;
        client.post(r#"421["add",1,2]"#).await;
        client.get().await
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), talking).await;
    assert_eq!(answer.unwrap(), "431[3]");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_and_others_are_not() {
    let io = Server::with_config(Config {
        max_buffered: 10_000,
        ..Config::default()
    });
    let (sender, mut reasons) = mpsc::unbounded_channel();
    io.on_disconnect(move |socket: Socket, reason: DisconnectReason| {
        sender.send((socket.id().clone(), reason)).unwrap();
    });
    let (_slow, slow_id) = Polling::connect(&io).await;
    let (reading, _) = Polling::connect(&io).await;

    let slow = io.socket(&slow_id).unwrap();
    let text = "x".repeat(1000);
    let mut sent = 0;
    let error = loop {
        match slow.emit("news", &text) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, EmitError::QueueFull), "{error}");
    assert!((1..=10).contains(&sent), "{sent}");
    let (id, reason) = reasons.recv().await.unwrap();
    assert_eq!(
        (id.as_str(), reason),
        (slow_id.as_str(), DisconnectReason::ForcedClose)
    );
    assert!(matches!(
        slow.emit("news", ()),
        Err(EmitError::Disconnected)
    ));

    io.emit("news", "still here").unwrap();
    assert_eq!(reading.get().await, r#"42["news","still here"]"#);
}

#[tokio::test]
async fn who_does_not_answer_pings_is_gone() {
    let io = Server::with_config(Config {
        ping_interval: Duration::from_millis(500),
        ping_timeout: Duration::from_millis(500),
        ..Config::default()
    });
    let (sender, mut reasons) = mpsc::unbounded_channel();
    io.on_disconnect(move |reason: DisconnectReason| sender.send(reason).unwrap());
    let (client, _) = Polling::connect(&io).await;
    assert_eq!(client.get().await, "2");
    client.post("3").await;
    assert_eq!(client.get().await, "2");
    assert_eq!(reasons.recv().await, Some(DisconnectReason::PingTimeout));
    assert_eq!(io.connections(), 0);
}

#[tokio::test]
async fn who_joins_no_namespace_is_gone() {
    let io = Server::with_config(Config {
        connect_timeout: Duration::from_millis(30),
        ..Config::default()
    });
    let client = Polling::open(&io).await;
    assert_eq!(client.get().await, "1");
    assert_eq!(io.connections(), 0);
}

#[tokio::test]
async fn closing_tells_all_and_lets_nobody_in() {
    let io = Server::new();
    let (sender, mut reasons) = mpsc::unbounded_channel();
    io.on_disconnect(move |reason: DisconnectReason| sender.send(reason).unwrap());
    let (client, _) = Polling::connect(&io).await;
    let waiting = tokio::spawn(async move { client.get().await });
    tokio::task::yield_now().await;

    io.close().await;
    assert_eq!(waiting.await.unwrap(), "1");
    assert_eq!(
        reasons.recv().await,
        Some(DisconnectReason::ServerShuttingDown)
    );
    let target = "/socket.io/?EIO=4&transport=polling";
    assert_eq!(
        common::request(&io, http::Method::GET, target, "").await.0,
        503
    );
}

#[tokio::test]
async fn a_socket_kept_in_a_handler_keeps_no_connection() {
    let io = Server::new();
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = kept.clone();
    io.on_connection(move |socket: Socket| keep.lock().unwrap().push(socket));
    let (client, _) = Polling::connect(&io).await;
    client.post("1").await;
    assert_eq!(io.connections(), 0);
    let sockets = kept.lock().unwrap();
    assert!(!sockets[0].connected());
    assert!(matches!(
        sockets[0].emit("x", ()),
        Err(EmitError::Disconnected)
    ));
}

#[tokio::test]
async fn an_emit_calls_no_handler_on_its_own_thread() {
    let io = Server::with_config(Config {
        max_buffered: 1000,
        ..Config::default()
    });
    let shared = Arc::new(std::sync::Mutex::new(0));
    let counted = shared.clone();
    let (sender, mut left) = mpsc::unbounded_channel();
    io.on_disconnect(move || {
        *counted.lock().unwrap() += 1;
        sender.send(()).unwrap();
    });
    let (_client, id) = Polling::connect(&io).await;
    {
        // Disconnects the client, which reads nothing, while its handler could not go on.
        let _held = shared.lock().unwrap();
        let socket = io.socket(&id).unwrap();
        while socket.emit("news", "x".repeat(100)).is_ok() {}
        assert!(!socket.connected());
    }
    left.recv().await.unwrap();
    assert_eq!(*shared.lock().unwrap(), 1);
}
