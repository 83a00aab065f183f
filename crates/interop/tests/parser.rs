//! `socket.io-msgpack-parser` at both ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use songi_interop::{Script, serve};
use songi_server::{Bytes, Config, Parser, Rejection, Server, Socket};

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

fn server() -> Server {
    let io = Server::with_config(Config {
        parser: Parser::Msgpack,
        ..Config::default()
    });
    io.on("echo", |value: Deep| value);
    io.on("ask me", async |socket: Socket, bytes: Bytes| {
        let question = Question { n: 1, bytes };
        socket.emit_with_ack::<Question>("ask", question).await
    });
    io.on("spread", |socket: Socket, list: Value, bytes: Bytes| {
        socket.namespace().emit("news", (list, bytes))
    });
    let admin = io.of("/admin");
    admin.authorize(|auth: Auth| match auth.token.as_str() {
        "right" => Ok(()),
        _ => Err(Rejection::new("wrong token").with_data(json!({ "code": 7 }))),
    });
    admin.on("whoami", |socket: Socket| socket.id().clone());
    admin.on("leave me", |socket: Socket| socket.disconnect());
    io
}

async fn check(transports: &str) -> Result<()> {
    let io = server();
    let url = serve(&io).await?;
    let mut client = Script::start("parser-client", &[&url, transports])?;
    let mut seen = serde_json::Map::new();
    while seen.len() < 8 {
        let Value::Object(line) = client.line().await? else {
            panic!("not an object")
        };
        seen.extend(line);
    }
    let bytes = json!({ "binary": [0, 4, 255, 30] });
    let news = json!([[1.5, -7, null, true], &bytes]);
    let expected = json!({
        "refused": "wrong token",
        "data": { "code": 7 },
        "admin": true,
        "adminDisconnected": "io server disconnect",
        "echoed": { "text": "é\u{1f600}", "deep": [&bytes, { "bytes": &bytes }] },
        "asked": { "n": 2, "bytes": &bytes },
        "news": &news,
        "other": &news,
    });
    assert_eq!(Value::Object(seen), expected, "{transports}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn messagepack_over_websocket() -> Result<()> {
    check("websocket").await
}

#[tokio::test(flavor = "multi_thread")]
async fn messagepack_over_long_polling() -> Result<()> {
    check("polling").await
}

#[tokio::test(flavor = "multi_thread")]
async fn messagepack_with_an_upgrade() -> Result<()> {
    check("polling,websocket").await
}

/// A client that speaks JSON is told nothing that it could misread: it is disconnected.
#[tokio::test(flavor = "multi_thread")]
async fn another_parser_is_a_parse_error() -> Result<()> {
    let io = server();
    let url = serve(&io).await?;
    let mut script = Script::start("rooms-clients", &[&url, "1", "1"])?;
    assert!(script.find("ids").await.is_err() || io.sockets().is_empty());
    assert!(io.sockets().is_empty());
    Ok(())
}
