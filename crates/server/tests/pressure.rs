//! Clients that read more slowly than is sent to them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::Polling;
use songi_server::{Config, DisconnectReason, EmitError, Server, SlowClient, Socket};
use songi_tokio::{Event, Message, Stream, WebSocket, connect};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const LIMIT: usize = 256 * 1024;
/// What a WebSocket takes before it waits for the network, with a packet.
const AHEAD: usize = 64 * 1024 + 16 * 1024;

async fn serve(io: &Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let io = io.clone();
    tokio::spawn(async move { io.serve(listener).await });
    address
}

/// In the main namespace, by WebSocket.
async fn client(address: &str) -> WebSocket<Stream> {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut client, _) = timeout(PATIENCE, connect(&url)).await.unwrap().unwrap();
    client.send(Message::text("40")).unwrap();
    assert!(next(&mut client).await.unwrap().starts_with('0'));
    assert!(next(&mut client).await.unwrap().starts_with("40"));
    client
}

async fn next(client: &mut WebSocket<Stream>) -> Option<String> {
    loop {
        match timeout(PATIENCE, client.recv()).await.unwrap()? {
            Ok(Event::Text(text)) if text == "2" => client.send(Message::text("3")).unwrap(),
            Ok(Event::Text(text)) => return Some(text.to_string()),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// A client that reads nothing after it has joined.
async fn stalled(io: &Server, address: &str) -> (WebSocket<Stream>, Socket) {
    let before: Vec<_> = io
        .sockets()
        .iter()
        .map(|socket| socket.id().clone())
        .collect();
    let client = client(address).await;
    let sockets = io.sockets();
    let new = sockets
        .into_iter()
        .find(|socket| !before.contains(socket.id()));
    (client, new.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stalled_client_among_a_thousand_delays_nobody() {
    const CLIENTS: usize = 1000;

    let io = Server::with_config(Config {
        max_buffered: LIMIT,
        slow_client: SlowClient::Disconnect,
        ping_interval: Duration::from_secs(3600),
        ..Config::default()
    });
    let (left, mut gone) = mpsc::unbounded_channel();
    io.on_disconnect(move |socket: Socket, reason: DisconnectReason| {
        left.send((socket.id().clone(), reason))
    });
    let address = serve(&io).await;
    let (_stalled, slow) = stalled(&io, &address).await;
    fill(&slow).await;

    let (ready, mut waiting) = mpsc::channel(1);
    let (done, mut finished) = mpsc::channel(CLIENTS);
    for _ in 1..CLIENTS {
        let (address, ready, done) = (address.clone(), ready.clone(), done.clone());
        tokio::spawn(async move {
            let mut client = client(&address).await;
            ready.send(()).await.unwrap();
            let mut count = 0;
            loop {
                let event = next(&mut client).await.unwrap();
                if event == r#"42["end"]"# {
                    break;
                }
                assert!(event.starts_with(&format!(r#"42["n",{count},"#)), "{count}");
                count += 1;
            }
            done.send((client, count)).await.unwrap();
        });
    }
    for _ in 1..CLIENTS {
        timeout(PATIENCE, waiting.recv()).await.unwrap().unwrap();
    }
    let text = "x".repeat(12 * 1024);
    let mut sent = 0;
    while slow.connected() {
        io.emit("n", (sent, &text)).unwrap();
        sent += 1;
        assert!(slow.buffered() <= LIMIT + AHEAD, "{}", slow.buffered());
        // The others read as fast as they can, but this machine has to give them the time.
        for socket in io.sockets().into_iter().filter(|it| it.id() != slow.id()) {
            timeout(PATIENCE, socket.drained()).await.unwrap().unwrap();
        }
    }
    io.emit("end", ()).unwrap();
    // All have everything, and only the stalled one has gone.
    let mut clients = Vec::new();
    for _ in 1..CLIENTS {
        let (client, count) = timeout(PATIENCE, finished.recv()).await.unwrap().unwrap();
        assert_eq!(count, sent);
        clients.push(client);
    }
    let (id, reason) = timeout(PATIENCE, gone.recv()).await.unwrap().unwrap();
    assert_eq!((&id, reason), (slow.id(), DisconnectReason::ForcedClose));
    assert_eq!(io.connections(), CLIENTS - 1);
    let metrics = io.metrics();
    assert_eq!((metrics.slow_clients, metrics.buffered_bytes), (1, 0));
    assert!(gone.try_recv().is_err());
}

/// Emits until the network takes no more.
async fn fill(socket: &Socket) {
    let text = "x".repeat(16 * 1024);
    loop {
        socket.emit("full", &text).unwrap();
        let drained = timeout(Duration::from_millis(200), socket.drained());
        if drained.await.is_err() && socket.buffered() >= AHEAD {
            return;
        }
    }
}

#[tokio::test]
async fn volatile_events_are_dropped_before_a_client_is() {
    for slow_client in [SlowClient::DropVolatileFirst, SlowClient::Disconnect] {
        let io = Server::with_config(Config {
            max_buffered: 1000,
            slow_client,
            ..Config::default()
        });
        let address = serve(&io).await;
        let (mut client, socket) = stalled(&io, &address).await;
        // They wait for the task of the WebSocket, which does not come between.
        socket.volatile().emit("volatile", "x".repeat(600)).unwrap();
        let second = socket.emit("n", "x".repeat(600));
        if slow_client == SlowClient::Disconnect {
            assert!(!socket.connected());
            continue;
        }
        second.unwrap();
        // One that has no room even so is dropped itself.
        socket.volatile().emit("volatile", "x".repeat(600)).unwrap();
        socket.emit("n", 1).unwrap();
        assert!(socket.connected());
        assert!(next(&mut client).await.unwrap().starts_with(r#"42["n","x"#));
        assert_eq!(next(&mut client).await.unwrap(), r#"42["n",1]"#);
        assert_eq!(io.metrics().volatile_dropped, 2);
        // What is not volatile is not lost in silence.
        let error = (0..2).find_map(|_| socket.emit("n", "x".repeat(600)).err());
        assert!(error.is_some() || !socket.connected());
    }
}

#[tokio::test]
async fn who_sends_much_can_wait_until_it_is_drained() {
    let io = Server::new();
    let address = serve(&io).await;
    let (mut client, socket) = stalled(&io, &address).await;
    timeout(PATIENCE, socket.drained()).await.unwrap().unwrap();
    assert_eq!(socket.buffered(), 0);
    fill(&socket).await;

    let waiting = socket.clone();
    let mut drained = tokio::spawn(async move { waiting.drained().await });
    // Nobody reads: nothing drains.
    assert!(
        timeout(Duration::from_millis(50), &mut drained)
            .await
            .is_err()
    );
    let reading = tokio::spawn(async move { while next(&mut client).await.is_some() {} });
    timeout(PATIENCE, drained).await.unwrap().unwrap().unwrap();
    assert_eq!(socket.buffered(), 0);
    reading.abort();
}

#[tokio::test]
async fn the_end_of_the_client_ends_the_wait() {
    let io = Server::new();
    let address = serve(&io).await;
    let (client, socket) = stalled(&io, &address).await;
    fill(&socket).await;
    let waiting = socket.clone();
    let drained = tokio::spawn(async move { waiting.drained().await });
    drop(client);
    let ended = timeout(PATIENCE, drained).await.unwrap().unwrap();
    assert!(matches!(ended, Err(EmitError::Disconnected)));
    assert!(matches!(
        socket.drained().await,
        Err(EmitError::Disconnected)
    ));
    assert_eq!(socket.buffered(), 0);
}

#[tokio::test]
async fn what_waits_for_a_request_counts_too() {
    let io = Server::new();
    let (client, id) = Polling::connect(&io).await;
    let socket = io.socket(&id).unwrap();
    assert_eq!(socket.buffered(), 0);
    socket.emit("n", "x".repeat(1000)).unwrap();
    assert!((1000..1200).contains(&socket.buffered()));
    let waiting = socket.clone();
    let drained = tokio::spawn(async move { waiting.drained().await });
    tokio::task::yield_now().await;
    assert!(client.get().await.contains("xxx"));
    timeout(PATIENCE, drained).await.unwrap().unwrap().unwrap();
}

/// All of it may come by one read.
#[tokio::test]
async fn a_client_that_sends_much_lets_others_have_their_turn() {
    const EVENTS: usize = 2000;

    let io = Server::new();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = handled.clone();
    io.on("x", move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let address = serve(&io).await;
    let mut client = client(&address).await;
    for _ in 0..EVENTS {
        client.send(Message::text(r#"42["x"]"#)).unwrap();
    }
    client.flush().await.unwrap();
    let (mut seen, mut most) = (0, 0);
    let watching = async {
        while seen < EVENTS {
            tokio::task::yield_now().await;
            let now = handled.load(Ordering::Relaxed);
            most = most.max(now - seen);
            seen = now;
        }
    };
    timeout(PATIENCE, watching).await.unwrap();
    assert!((1..=256).contains(&most), "{most} at once");
}
