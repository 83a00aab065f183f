//! Acks both ways, namespaces with auth, and disconnection, with a JavaScript client.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use songi_interop::{Script, serve};
use songi_server::{AckError, Bytes, DisconnectReason, Handshake, Rejection, Server, Socket};
use tokio::sync::mpsc;

#[derive(Deserialize)]
struct Auth {
    token: String,
}

fn server(left: mpsc::UnboundedSender<DisconnectReason>) -> Server {
    let io = Server::new();
    io.on("add", |a: i64, b: i64| a + b);
    io.on("echo", async |value: Deep| value);
    io.on("ask me", async |socket: Socket| {
        let bytes = Bytes::from_static(&[1, 2, 3]);
        let answer: (String, Bytes) = socket.emit_with_ack("ask", ("what?", bytes)).await?;
        let silence: Result<(), AckError> = socket
            .emit_with_ack("silent", ())
            .timeout(Duration::from_millis(50))
            .await;
        anyhow::Ok(json!({
            "answer": answer.0,
            "bytes": answer.1.to_vec(),
            "timeout": matches!(silence, Err(AckError::Timeout(_))),
        }))
    });

    let admin = io.of("/admin");
    admin.authorize(async |auth: Auth, handshake: Handshake| {
        if auth.token == "right" && handshake.uri().path() == "/socket.io/" {
            Ok(())
        } else {
            Err(Rejection::new("not authorized").with_data(json!({ "code": 7 })))
        }
    });
    admin.on("whoami", |socket: Socket| socket.id().clone());
    admin.on("leave me", |socket: Socket| socket.disconnect());
    admin.on_disconnect(move |reason: DisconnectReason| left.send(reason));
    io
}

#[derive(serde::Serialize, Deserialize)]
struct Deep {
    deep: Vec<Bytes>,
}

async fn check(transports: &str) -> Result<()> {
    let (sender, mut left) = mpsc::unbounded_channel();
    let io = server(sender);
    let url = serve(&io).await?;
    let mut client = Script::start("acks-client", &[&url, transports])?;

    let mut seen = serde_json::Map::new();
    while seen.len() < 9 {
        let Value::Object(line) = client.line().await? else {
            panic!("not an object")
        };
        assert!(!line.contains_key("failed"), "{line:?}");
        seen.extend(line);
    }
    let expected = json!({
        "refused": "not authorized",
        "data": { "code": 7 },
        "unknown": "Invalid namespace",
        "admin": 20,
        "adminDisconnected": "io server disconnect",
        "sum": 3,
        "echoed": { "deep": [{ "binary": [9, 8] }] },
        "missing": { "error": "add: argument 1 is missing" },
        "server": { "answer": "re: what?", "bytes": [1, 2, 3], "timeout": true },
    });
    assert_eq!(Value::Object(seen), expected);
    assert_eq!(
        left.recv().await,
        Some(DisconnectReason::ServerNamespaceDisconnect)
    );
    Ok(())
}

#[tokio::test]
async fn over_polling() -> Result<()> {
    check("polling").await
}

#[tokio::test]
async fn over_websocket() -> Result<()> {
    check("websocket").await
}

#[tokio::test]
async fn over_polling_that_upgrades() -> Result<()> {
    check("polling,websocket").await
}
