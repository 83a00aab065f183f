//! The Rust client with a JavaScript server and with the Rust server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use songi_client::{AckError, Client, ConnectError, DisconnectReason, Socket, Transport, connect};
use songi_interop::{Script, serve};
use songi_server::Server;
use tokio::sync::mpsc;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Deep {
    deep: Vec<Bytes>,
}

async fn js_server(name: &str, args: &[&str]) -> Result<(Script, String)> {
    let mut server = Script::start(name, args)?;
    let port = server.find("port").await?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

/// The client's half of the conversation; what it hears comes out of the channel.
async fn converse(url: &str) -> Result<(Socket, mpsc::UnboundedReceiver<Value>)> {
    let (heard, hears) = mpsc::unbounded_channel();
    let sender = heard.clone();
    let socket = Client::new(url)
        .reconnection(false)
        .on("message", move |text: String| {
            sender.send(json!({ "event": "message", "args": [text] }))
        })
        .on(
            "greetings",
            move |text: String, object: Value, bytes: Bytes| {
                let args = json!([text, object, { "binary": bytes.to_vec() }]);
                heard.send(json!({ "event": "greetings", "args": args }))
            },
        )
        .connect()
        .await?;
    socket.send("Hello!")?;
    let bytes = Bytes::from_static(&[1, 2, 3, 4]);
    socket.emit("salutations", ("Hello!", json!({ "mr": "john" }), bytes))?;
    Ok((socket, hears))
}

async fn check_client(hears: &mut mpsc::UnboundedReceiver<Value>) {
    let heard = [hears.recv().await, hears.recv().await];
    let expected = [
        json!({ "event": "message", "args": ["Hello!"] }),
        json!({
            "event": "greetings",
            "args": ["Hey!", { "ms": "jane" }, { "binary": [4, 3, 3, 1] }],
        }),
    ];
    assert_eq!(heard.map(Option::unwrap), expected);
}

/// What a server hears.
fn heard_by_server() -> [Value; 2] {
    [
        json!({ "event": "message", "args": ["Hello!"] }),
        json!({
            "event": "salutations",
            "args": ["Hello!", { "mr": "john" }, { "binary": [1, 2, 3, 4] }],
        }),
    ]
}

#[tokio::test]
async fn the_conversation_with_a_js_server() -> Result<()> {
    let (mut server, url) = js_server("conversation-server", &[]).await?;
    let (_socket, mut hears) = converse(&url).await?;
    check_client(&mut hears).await;
    let heard = [server.line().await?, server.line().await?];
    assert_eq!(heard, heard_by_server());
    Ok(())
}

#[tokio::test]
async fn the_conversation_with_a_rust_server() -> Result<()> {
    let io = Server::new();
    let (heard, mut server_hears) = mpsc::unbounded_channel();
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
    io.on_connection(|socket: songi_server::Socket| {
        socket.send("Hello!")?;
        let bytes = Bytes::from_static(&[4, 3, 3, 1]);
        socket.emit("greetings", ("Hey!", json!({ "ms": "jane" }), bytes))
    });
    let url = serve(&io).await?;

    let (socket, mut hears) = converse(&url).await?;
    check_client(&mut hears).await;
    let heard = [server_hears.recv().await, server_hears.recv().await];
    assert_eq!(heard.map(Option::unwrap), heard_by_server());
    assert!(io.socket(&socket.id()).is_some());
    io.close().await;
    assert_eq!(socket.closed().await, DisconnectReason::TransportClose);
    Ok(())
}

/// Namespaces with auth, and who leaves them: the same with every server.
async fn check_namespaces(url: &str) -> Result<()> {
    let wrong = Client::new(format!("{url}/admin")).auth(json!({ "token": "wrong" }));
    match wrong.connect().await {
        Err(ConnectError::Refused { message, data }) => {
            assert_eq!(message, "not authorized");
            let data: Value = data.unwrap().deserialize()?;
            assert_eq!(data, json!({ "code": 7, "content": "Please retry later" }));
        }
        other => panic!("{other:?}"),
    }
    let unknown = connect(format!("{url}/nowhere")).await;
    assert!(
        matches!(unknown, Err(ConnectError::Refused { message, data: None })
        if message == "Invalid namespace")
    );

    let socket = connect(url).await?;
    let (sender, mut welcomed) = mpsc::unbounded_channel();
    let admin = socket
        .of("/admin")
        .auth(json!({ "token": "right" }))
        .on("welcome", move |auth: Value, id: String| {
            sender.send((auth, id)).unwrap();
        })
        .connect()
        .await?;
    let (auth, id) = welcomed.recv().await.unwrap();
    assert_eq!(auth, json!({ "token": "right" }));
    assert_eq!(id, admin.id());
    assert_ne!(id, socket.id());

    admin.emit("leave me", ())?;
    assert_eq!(admin.closed().await, DisconnectReason::ServerDisconnect);
    // The connection goes on, and the namespace can be joined again.
    assert!(socket.connected());
    let again = socket.of("/admin").auth(json!({ "token": "right" }));
    assert!(again.connect().await?.connected());
    let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
    assert_eq!(sum, 3);
    socket.disconnect();
    assert_eq!(socket.closed().await, DisconnectReason::ClientDisconnect);
    Ok(())
}

/// Acks both ways, with what a client does and gets: the same with every server.
async fn check_acks(url: &str) -> Result<()> {
    let socket = Client::new(url)
        .on("add", |a: i64, b: i64| a + b)
        .on("echo", async |value: Deep| value)
        .on("several", || ("two", Bytes::from_static(&[5])))
        .on("silent", |_: songi_client::Ack| ())
        .connect()
        .await?;
    let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
    assert_eq!(sum, 3);
    let deep = Deep {
        deep: vec![Bytes::from_static(&[1]), Bytes::from_static(&[2, 3])],
    };
    let echoed: Deep = socket.emit_with_ack("echo", &deep).await?;
    assert_eq!(echoed, deep);
    let silence = socket
        .emit_with_ack::<()>("silent", ())
        .timeout(Duration::from_millis(50));
    assert!(matches!(silence.await, Err(AckError::Timeout(_))));

    let answers: Value = socket.emit_with_ack("ask me", ()).await?;
    let failed = &answers["failed"]["error"];
    assert!(
        failed.as_str().unwrap().starts_with("add: argument 0"),
        "{answers}"
    );
    assert_eq!(answers["sum"], 3);
    assert_eq!(answers["echoed"], json!({ "deep": [{ "binary": [9, 8] }] }));
    assert_eq!(answers["text"], "two");
    assert_eq!(answers["bytes"], json!({ "binary": [5] }));
    assert_eq!(answers["timeout"], "operation has timed out");
    Ok(())
}

/// The Rust server that does what `client-server.mjs` does.
fn rust_server() -> Server {
    let io = Server::new();
    io.on("add", |a: i64, b: i64| a + b);
    io.on("echo", |value: Deep| value);
    io.on("silent", |_: songi_server::Ack| ());
    io.on("ask me", |socket: songi_server::Socket| async move {
        let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
        let deep = Deep {
            deep: vec![Bytes::from_static(&[9, 8])],
        };
        let echoed: Deep = socket.emit_with_ack("echo", deep).await?;
        let (text, bytes): (String, Bytes) = socket.emit_with_ack("several", ()).await?;
        let failed: Value = socket.emit_with_ack("add", "x").await?;
        let timeout = socket
            .emit_with_ack::<()>("silent", ())
            .timeout(Duration::from_millis(50))
            .await;
        assert!(matches!(timeout, Err(songi_server::AckError::Timeout(_))));
        anyhow::Ok(json!({
            "sum": sum,
            "echoed": { "deep": [{ "binary": echoed.deep[0].to_vec() }] },
            "text": text,
            "bytes": { "binary": bytes.to_vec() },
            "failed": failed,
            "timeout": "operation has timed out",
        }))
    });
    let admin = io.of("/admin");
    admin.authorize(|auth: Value| {
        if auth["token"] == "right" {
            return Ok(());
        }
        let data = json!({ "code": 7, "content": "Please retry later" });
        Err(songi_server::Rejection::new("not authorized").with_data(data))
    });
    admin.on_connection(|socket: songi_server::Socket, auth: Value| {
        socket.emit("welcome", (auth, socket.id()))
    });
    admin.on("leave me", |socket: songi_server::Socket| {
        socket.disconnect()
    });
    io
}

#[tokio::test]
async fn namespaces_of_a_js_server() -> Result<()> {
    let (mut server, url) = js_server("client-server", &[]).await?;
    check_namespaces(&url).await?;
    assert_eq!(
        server.find("adminDisconnected").await?,
        "server namespace disconnect"
    );
    assert_eq!(
        server.find("disconnected").await?,
        "client namespace disconnect"
    );
    Ok(())
}

#[tokio::test]
async fn namespaces_of_a_rust_server() -> Result<()> {
    let io = rust_server();
    check_namespaces(&serve(&io).await?).await
}

#[tokio::test]
async fn acks_of_a_js_server() -> Result<()> {
    let (_server, url) = js_server("client-server", &[]).await?;
    check_acks(&url).await
}

#[tokio::test]
async fn acks_of_a_rust_server() -> Result<()> {
    let io = rust_server();
    check_acks(&serve(&io).await?).await
}

#[tokio::test]
async fn a_js_server_hears_headers_and_query() -> Result<()> {
    let (mut server, url) = js_server("client-server", &[r#"{"path":"/live/"}"#]).await?;
    let socket = Client::new(format!("{url}?room=a%20b"))
        .path("/live")
        .header("X-Test", "yes")
        .connect()
        .await?;
    let line = server.line().await?;
    assert_eq!(line, json!({ "query": "a b", "header": "yes" }));
    drop(socket);
    assert_eq!(
        server.find("disconnected").await?,
        "client namespace disconnect"
    );
    Ok(())
}

#[tokio::test]
async fn a_js_server_ends_it_in_every_way() -> Result<()> {
    for (event, reason) in [
        ("leave me", "io server disconnect"),
        ("close me", "io server disconnect"),
        ("drop me", "transport close"),
        ("exit", "transport close"),
    ] {
        let (_server, url) = js_server("client-server", &[]).await?;
        let (sender, mut reasons) = mpsc::unbounded_channel();
        let socket = Client::new(url)
            .reconnection(false)
            .on_disconnect(move |reason: String| sender.send(reason).unwrap())
            .connect()
            .await?;
        socket.emit(event, ())?;
        assert_eq!(socket.closed().await.as_str(), reason, "{event}");
        assert_eq!(reasons.recv().await.as_deref(), Some(reason), "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn heartbeats_of_a_js_server_are_answered_and_missed() -> Result<()> {
    let options = r#"{"pingInterval":200,"pingTimeout":2000}"#;
    let (mut server, url) = js_server("client-server", &[options]).await?;
    let socket = Client::new(url).reconnection(false).connect().await?;
    socket.emit("count heartbeats", 5)?;
    assert_eq!(server.find("heartbeats").await?, 5);
    socket.emit("stop pings", ())?;
    assert_eq!(socket.closed().await, DisconnectReason::PingTimeout);
    Ok(())
}

#[tokio::test]
async fn ten_thousand_events_come_in_order() -> Result<()> {
    const COUNT: u64 = 10_000;
    let (_server, url) = js_server("client-server", &[]).await?;
    let (sender, mut numbers) = mpsc::unbounded_channel();
    let socket = Client::new(url)
        .on("number", move |number: u64| {
            let sender = sender.clone();
            async move {
                // Some handlers wait, some do not.
                if number.is_multiple_of(3) {
                    tokio::task::yield_now().await;
                }
                sender.send(number).unwrap();
            }
        })
        .connect()
        .await?;
    socket.emit("numbers", COUNT)?;
    for number in 0..COUNT {
        assert_eq!(numbers.recv().await, Some(number));
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_path_is_an_http_status() -> Result<()> {
    let (_server, url) = js_server("client-server", &[]).await?;
    let error = Client::new(&url)
        .path("/elsewhere")
        .transports([Transport::WebSocket])
        .connect_timeout(Duration::from_secs(5))
        .connect()
        .await
        .unwrap_err();
    // Node's HTTP server, which has nothing else there, hangs up on an upgrade.
    assert!(
        matches!(error, ConnectError::Io(_) | ConnectError::Timeout(_)),
        "{error}"
    );

    let io = Server::new();
    let url = serve(&io).await?;
    let error = Client::new(&url).path("/elsewhere").connect().await;
    assert!(
        matches!(error, Err(ConnectError::Status { status: 404, .. })),
        "{error:?}"
    );
    Ok(())
}

/// More than the operating system takes at once, from a server whose task is busy writing while
/// more is emitted.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_a_rust_server_arrives_whole() -> Result<()> {
    const COUNT: u64 = 400;
    let io = Server::with_config(songi_server::Config {
        max_buffered: 64 << 20,
        // A ping would wake a task that has forgotten something.
        ping_interval: Duration::from_secs(3600),
        ..songi_server::Config::default()
    });
    io.on("burst", |socket: songi_server::Socket| async move {
        let text = "x".repeat(50_000);
        for number in 0..COUNT {
            socket.emit("number", (number, &text))?;
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    });
    let url = serve(&io).await?;
    let (sender, mut numbers) = mpsc::unbounded_channel();
    let socket = Client::new(url)
        .on("number", move |number: u64| sender.send(number).unwrap())
        .connect()
        .await?;
    for _ in 0..5 {
        socket.emit("burst", ())?;
        for number in 0..COUNT {
            let received = tokio::time::timeout(Duration::from_secs(60), numbers.recv());
            assert_eq!(received.await?, Some(number));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn acks_find_their_way_whoever_waits_for_them() -> Result<()> {
    let io = rust_server();
    let socket = connect(serve(&io).await?).await?;
    let tasks = (0..8_i64).map(|task| {
        let socket = socket.clone();
        tokio::spawn(async move {
            for number in 0..200 {
                let sum: i64 = socket.emit_with_ack("add", (task, number)).await?;
                assert_eq!(sum, task + number);
            }
            Ok::<_, AckError>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}
