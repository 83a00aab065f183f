//! What it talks to.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use songi::server::{Bytes, Rejection, Server, Socket};
use songi_interop::Script;

/// A server that does what `client-server.mjs` does.
pub(crate) fn rust_server() -> Server {
    let io = Server::new();
    io.on("add", |a: i64, b: i64| a + b);
    io.on("echo", |value: Deep| value);
    io.on("silent", |_: songi::server::Ack| ());
    io.on("close me", |socket: Socket| socket.disconnect());
    io.on("count", |socket: Socket, count: usize| {
        for number in 0..count {
            socket.emit("number", number)?;
        }
        anyhow::Ok(count)
    });
    io.on("slow", async || {
        tokio::time::sleep(Duration::from_millis(400)).await;
        "done"
    });
    io.on("ask me", async |socket: Socket| {
        let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
        let deep = Deep {
            deep: vec![Bytes::from_static(&[9, 8])],
        };
        let echoed: Deep = socket.emit_with_ack("echo", deep).await?;
        let (text, bytes): (String, Bytes) = socket.emit_with_ack("several", ()).await?;
        let failed: Value = socket.emit_with_ack("add", "x").await?;
        anyhow::Ok(json!({
            "sum": sum,
            "echoed": { "deep": [{ "binary": echoed.deep[0].to_vec() }] },
            "text": text,
            "bytes": { "binary": bytes.to_vec() },
            "failed": failed,
        }))
    });
    let admin = io.of("/admin");
    admin.authorize(|auth: Value| {
        if auth["token"] == "right" {
            return Ok(());
        }
        let data = json!({ "code": 7, "content": "Please retry later" });
        Err(Rejection::new("not authorized").with_data(data))
    });
    admin.on_connection(|socket: Socket, auth: Value| socket.emit("welcome", (auth, socket.id())));
    io
}

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Deep {
    deep: Vec<Bytes>,
}

pub(crate) async fn js_server(name: &str, options: Value) -> Result<(Script, String)> {
    let mut server = Script::start(name, &[&options.to_string()])?;
    let port = server.find("port").await?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}
