//! What a client is sent comes in the order in which it was sent, however it is written: by the
//! task of its connection, or by those that write broadcasts.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use songi_server::{Config, DeflateConfig, Server, Socket};
use songi_tokio::{Connect, Deflate, Event, Message, Stream, WebSocket};
use tokio::net::TcpListener;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 200;

/// How a client speaks: the version of Engine.IO, and whether with compression.
const KINDS: [(u8, bool); 4] = [(4, false), (4, true), (3, false), (3, true)];

async fn join(address: &str, (version, deflate): (u8, bool)) -> WebSocket<Stream> {
    let url = format!("ws://{address}/socket.io/?EIO={version}&transport=websocket");
    let mut connect = Connect::new(&url).unwrap();
    if deflate {
        connect = connect.deflate(&Deflate::new(DeflateConfig::default()));
    }
    let (mut client, _) = timeout(PATIENCE, connect.open()).await.unwrap().unwrap();
    if version == 4 {
        client.send(Message::text("40")).unwrap();
    }
    while !next(&mut client).await.starts_with("40") {}
    client
}

async fn next(client: &mut WebSocket<Stream>) -> String {
    loop {
        match timeout(PATIENCE, client.recv()).await.unwrap() {
            Some(Ok(Event::Text(text))) => return text.to_string(),
            Some(Ok(_)) => {}
            end => panic!("{end:?}"),
        }
    }
}

/// Single emits, broadcasts of one frame and of several, volatile ones and acks, mixed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emits_broadcasts_and_acks_keep_their_order() {
    let io = Server::with_config(Config {
        allow_eio3: true,
        ping_interval: Duration::from_secs(3600),
        per_message_deflate: Some(DeflateConfig::default()),
        ..Config::default()
    });
    io.on("go", |socket: Socket, round: usize| {
        // Large ones do not fit into what a socket takes at once.
        let text = "x".repeat(if round.is_multiple_of(10) { 3000 } else { 10 });
        socket.emit("own", (round, 0, &text)).unwrap();
        let namespace = socket.namespace();
        namespace.emit("all", (round, 1, &text)).unwrap();
        socket.emit("own", (round, 2)).unwrap();
        namespace.emit("all", (round, 3)).unwrap();
        round
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn({
        let io = io.clone();
        async move { io.serve(listener).await }
    });

    let mut readers = Vec::new();
    for kind in KINDS {
        readers.push(join(&address, kind).await);
    }
    let mut caller = join(&address, (4, false)).await;
    let readers = readers.into_iter().map(|mut reader| {
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                for step in [1, 3] {
                    let event = next(&mut reader).await;
                    assert!(
                        event.starts_with(&format!(r#"42["all",{round},{step}"#)),
                        "{event}"
                    );
                }
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for round in 0..ROUNDS {
        let event = format!(r#"42{round}["go",{round}]"#);
        caller.send(Message::text(event)).unwrap();
    }
    for round in 0..ROUNDS {
        for (step, name) in ["own", "all", "own", "all"].into_iter().enumerate() {
            let event = next(&mut caller).await;
            let expected = format!(r#"42["{name}",{round},{step}"#);
            assert!(event.starts_with(&expected), "{event}, not {expected}");
        }
        assert_eq!(next(&mut caller).await, format!("43{round}[{round}]"));
    }
    for reader in readers {
        reader.await.unwrap();
    }
}
