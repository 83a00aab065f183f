//! The same with the clients of socket.io 4, 3 and 2 and with that of python-socketio, over each
//! transport.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use songi_interop::{Script, serve};
use songi_server::{Bytes, Config, DisconnectReason, Handshake, Rejection, Server, Socket};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Deep {
    text: String,
    deep: (Bytes, Inner),
}

#[derive(Serialize, Deserialize)]
struct Inner {
    bytes: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Question {
    n: u32,
    bytes: Bytes,
}

#[derive(Deserialize)]
struct Auth {
    token: String,
}

fn server(left: mpsc::UnboundedSender<DisconnectReason>) -> Server {
    let io = Server::with_config(Config {
        allow_eio3: true,
        ..Config::default()
    });
    io.on("whoami", |socket: Socket| socket.id().clone());
    io.on("echo", |value: Deep| value);
    io.on("ask me", async |socket: Socket, bytes: Bytes| {
        assert_eq!(socket.handshake().query("room").as_deref(), Some("a b"));
        let question = Question { n: 1, bytes };
        socket.emit_with_ack::<Question>("ask", question).await
    });
    io.on_disconnect(move |reason: DisconnectReason| left.send(reason));

    let admin = io.of("/admin");
    admin.authorize(|auth: Auth, handshake: Handshake| {
        let again: Auth = handshake.auth().unwrap();
        assert_eq!(again.token, auth.token);
        match auth.token.as_str() {
            "right" => Ok(()),
            _ => Err(Rejection::new("wrong token").with_data(json!({ "code": 7 }))),
        }
    });
    admin.on("whoami", |socket: Socket| socket.id().clone());
    admin.on("leave me", |socket: Socket| socket.disconnect());
    io
}

/// A client, and how it names the ends that it sees.
struct Peer {
    name: &'static str,
    start: fn(&str, &[&str]) -> Result<Script>,
    script: &'static str,
    by_server: &'static str,
    by_client: &'static str,
    /// How its leaving may look to the server.
    ends: &'static [DisconnectReason],
}

fn javascript(name: &'static str) -> Peer {
    Peer {
        name,
        start: Script::start,
        script: "versions-client",
        by_server: "io server disconnect",
        by_client: "io client disconnect",
        ends: &[DisconnectReason::ClientNamespaceDisconnect],
    }
}

async fn check(peer: Peer) -> Result<()> {
    let package = peer.name;
    for transports in ["polling", "websocket", "polling,websocket"] {
        let (sender, mut left) = mpsc::unbounded_channel();
        let io = server(sender);
        let url = serve(&io).await?;
        let mut client = (peer.start)(peer.script, &[&url, package, transports])?;

        let mut seen = serde_json::Map::new();
        while seen.len() < 8 {
            let Value::Object(line) = client.line().await? else {
                panic!("not an object")
            };
            assert!(
                !line.contains_key("failed"),
                "{package} {transports}: {line:?}"
            );
            seen.extend(line);
        }
        let bytes = json!({ "binary": [0, 4, 255, 30] });
        let expected = json!({
            "transport": transports.split(',').next_back(),
            "isMyId": true,
            "isMyAdminId": true,
            "echoed": { "text": "é\u{1f600}\u{2028}", "deep": [&bytes, { "bytes": &bytes }] },
            "asked": { "n": 1, "bytes": &bytes },
            "answered": { "n": 2, "bytes": &bytes },
            "refused": { "code": 7 },
            "adminDisconnected": peer.by_server,
        });
        assert_eq!(Value::Object(seen), expected, "{package} {transports}");

        client.send(&json!("leave")).await?;
        assert_eq!(client.find("disconnected").await?, peer.by_client);
        // Each connection of version 2 is in the main namespace, those for `/admin` too, and
        // ends with it.
        let heard = async {
            loop {
                let reason = left.recv().await;
                if reason.is_some_and(|reason| peer.ends.contains(&reason)) {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await?;
    }
    Ok(())
}

#[tokio::test]
async fn version_4() -> Result<()> {
    check(javascript("socket.io-client")).await
}

#[tokio::test]
async fn version_3() -> Result<()> {
    check(javascript("socket.io-client-3")).await
}

#[tokio::test]
async fn version_2() -> Result<()> {
    check(javascript("socket.io-client-2")).await
}

#[tokio::test]
async fn python() -> Result<()> {
    check(Peer {
        name: "python-socketio",
        start: Script::python,
        script: "versions_client",
        by_server: "server disconnect",
        by_client: "client disconnect",
        // It closes the WebSocket without waiting for what it has still to send.
        ends: &[
            DisconnectReason::ClientNamespaceDisconnect,
            DisconnectReason::TransportClose,
            DisconnectReason::TransportError,
        ],
    })
    .await
}
