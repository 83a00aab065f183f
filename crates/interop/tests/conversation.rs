//! The same conversation in all pairings of JavaScript and Rust, over each transport.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use anyhow::{Result, bail};
use bytes::Bytes;
use serde_json::{Value, json};
use songi_interop::{Script, serve};
use songi_server::{Server, Socket};
use tokio::sync::mpsc;

const TRANSPORTS: [&str; 3] = ["polling", "websocket", "polling,websocket"];

/// What a client receives, as the scripts print it.
fn heard_by_client() -> [Value; 2] {
    [
        json!({ "event": "message", "args": ["Hello!"] }),
        json!({
            "event": "greetings",
            "args": ["Hey!", { "ms": "jane" }, { "binary": [4, 3, 3, 1] }],
        }),
    ]
}

/// What a server receives, as the scripts print it.
fn heard_by_server() -> [Value; 2] {
    [
        json!({ "event": "message", "args": ["Hello!"] }),
        json!({
            "event": "salutations",
            "args": ["Hello!", { "mr": "john" }, { "binary": [1, 2, 3, 4] }],
        }),
    ]
}

/// The server's half, in Rust; what it hears comes out of the channel.
fn rust_server() -> (Server, mpsc::UnboundedReceiver<Value>) {
    let (heard, hears) = mpsc::unbounded_channel();
    let io = Server::new();

    let sender = heard.clone();
    io.on("message", move |text: String| {
        sender.send(json!({ "event": "message", "args": [text] }))
    });
    io.on(
        "salutations",
        move |text: String, object: Value, bytes: Bytes| {
            let args = json!([text, object, { "binary": bytes.to_vec() }]);
            heard.send(json!({ "event": "salutations", "args": args }))
        },
    );
    io.on_connection(|socket: Socket| {
        socket.send("Hello!")?;
        let bytes = Bytes::from_static(&[4, 3, 3, 1]);
        socket.emit("greetings", ("Hey!", json!({ "ms": "jane" }), bytes))
    });
    (io, hears)
}

/// Reads what a JavaScript client prints until it has heard everything and uses its last transport.
async fn check_js_client(client: &mut Script, transports: &str) -> Result<()> {
    let last = transports.split(',').next_back();
    let (mut heard, mut transport) = (Vec::new(), None);
    while heard.len() < 2 || transport.as_deref() != last {
        let line = client.line().await?;
        if let Some(name) = line["transport"].as_str() {
            transport = Some(name.to_owned());
        } else if line.get("event").is_some() {
            heard.push(line);
        } else {
            bail!("{line}");
        }
    }
    assert_eq!(heard, heard_by_client());
    Ok(())
}

async fn check_js_server(server: &mut Script) -> Result<()> {
    assert_eq!(
        [server.line().await?, server.line().await?],
        heard_by_server()
    );
    Ok(())
}

async fn check_rust_server(hears: &mut mpsc::UnboundedReceiver<Value>) {
    let heard = [hears.recv().await, hears.recv().await];
    assert_eq!(heard.map(Option::unwrap), heard_by_server());
}

async fn js_server() -> Result<(Script, String)> {
    let mut server = Script::start("conversation-server", &[])?;
    let port = server.find("port").await?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

#[tokio::test]
async fn js_client_and_js_server() -> Result<()> {
    for transports in TRANSPORTS {
        let (mut server, url) = js_server().await?;
        let mut client = Script::start("conversation-client", &[&url, transports])?;
        check_js_client(&mut client, transports).await?;
        check_js_server(&mut server).await?;
    }
    Ok(())
}

#[tokio::test]
async fn js_client_and_rust_server() -> Result<()> {
    for transports in TRANSPORTS {
        let (io, mut hears) = rust_server();
        let url = serve(&io).await?;
        let mut client = Script::start("conversation-client", &[&url, transports])?;
        check_js_client(&mut client, transports).await?;
        check_rust_server(&mut hears).await;
        io.close().await;
        assert_eq!(client.find("disconnected").await?, "transport close");
    }
    Ok(())
}
