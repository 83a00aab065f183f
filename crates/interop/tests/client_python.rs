//! The Rust client with the server of python-socketio, over each transport.
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
use songi_client::{
    Ack, AckError, Client, ConnectError, Direction, DisconnectReason, Frame, Socket, Traffic,
    Transport,
};
use songi_interop::Script;
use tokio::sync::mpsc;

/// What the connection is asked for, and what it ends up on.
const TRANSPORTS: [(&[Transport], Transport); 3] = [
    (&[Transport::Polling], Transport::Polling),
    (&[Transport::WebSocket], Transport::WebSocket),
    (
        &[Transport::Polling, Transport::WebSocket],
        Transport::WebSocket,
    ),
];

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Deep {
    text: String,
    deep: (Bytes, Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    bytes: Bytes,
}

async fn server() -> Result<(Script, String)> {
    let mut server = Script::python("client_server", &[])?;
    let port = server.find("port").await?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

/// Waits until the connection is on this transport, and the server says so too.
async fn settle(socket: &Socket, transport: Transport) -> Result<()> {
    loop {
        let named: String = socket.emit_with_ack("transport", ()).await?;
        if named == transport.to_string() {
            assert_eq!(socket.transport(), Some(transport));
            return Ok(());
        }
    }
}

#[tokio::test]
async fn acks_both_ways_with_binary_data() -> Result<()> {
    let (_server, url) = server().await?;
    for (transports, settled) in TRANSPORTS {
        let socket = Client::new(&url)
            .transports(transports)
            .on("add", |a: i64, b: i64| a + b)
            .on("echo", async |value: Nested| value)
            .on("several", || ("two", Bytes::from_static(&[5])))
            .on("silent", |_: Ack| ())
            .connect()
            .await?;
        settle(&socket, settled).await?;
        let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
        assert_eq!(sum, 3);
        let bytes = Bytes::from_static(&[0, 4, 255, 30]);
        let deep = Deep {
            text: "é\u{1f600}\u{2028}".to_owned(),
            deep: (bytes.clone(), Inner { bytes }),
        };
        let echoed: (Deep, u8) = socket.emit_with_ack("echo", (&deep, 7)).await?;
        assert_eq!(echoed, (deep, 7));
        let silence = socket.emit_with_ack::<()>("silent", ());
        let silence = silence.timeout(Duration::from_millis(50)).await;
        assert!(matches!(silence, Err(AckError::Timeout(_))), "{silence:?}");

        let answers: Value = socket.emit_with_ack("ask me", ()).await?;
        let failed = answers["failed"]["error"].as_str().unwrap();
        assert!(failed.starts_with("add: argument 0"), "{answers}");
        assert_eq!(answers["sum"], 3);
        assert_eq!(answers["echoed"], json!({ "deep": [{ "binary": [9, 8] }] }));
        assert_eq!(answers["text"], "two");
        assert_eq!(answers["bytes"], json!({ "binary": [5] }));
        assert_eq!(answers["timeout"], "timeout");
        socket.disconnect();
    }
    Ok(())
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested {
    deep: Vec<Bytes>,
}

#[tokio::test]
async fn namespaces_with_auth_and_who_leaves_them() -> Result<()> {
    let (mut server, url) = server().await?;
    for (transports, settled) in TRANSPORTS {
        let client = |url: &str| Client::new(url).transports(transports);
        let admin_url = format!("{url}/admin");
        let wrong = client(&admin_url).auth(json!({ "token": "wrong" }));
        match wrong.connect().await {
            Err(ConnectError::Refused { message, data }) => {
                assert_eq!(message, "not authorized");
                assert_eq!(data.unwrap().deserialize::<Value>()?, json!({ "code": 7 }));
            }
            other => panic!("{other:?}"),
        }
        let unknown = client(&format!("{url}/nowhere")).connect().await;
        assert!(
            matches!(&unknown, Err(ConnectError::Refused { message, .. })
                if message == "Unable to connect"),
            "{unknown:?}"
        );

        let socket = client(&url).connect().await?;
        settle(&socket, settled).await?;
        let (sender, mut welcomed) = mpsc::unbounded_channel();
        let join = || {
            let sender = sender.clone();
            let admin = socket.of("/admin").auth(json!({ "token": "right" }));
            let welcome = move |auth: Value, id: String| sender.send((auth, id)).unwrap();
            admin.on("welcome", welcome).connect()
        };
        let admin = join().await?;
        let (auth, id) = welcomed.recv().await.unwrap();
        assert_eq!(auth, json!({ "token": "right" }));
        assert_eq!(id, admin.id());
        assert_ne!(id, socket.id());

        // The server ends the namespace, and the connection goes on.
        admin.emit("leave me", ())?;
        assert_eq!(admin.closed().await, DisconnectReason::ServerDisconnect);
        assert_eq!(server.find("adminDisconnected").await?, "server disconnect");
        let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
        assert_eq!(sum, 3);

        // The namespace can be joined again, and the client leaves it.
        let again = join().await?;
        again.disconnect();
        assert_eq!(again.closed().await, DisconnectReason::ClientDisconnect);
        assert_eq!(server.find("adminDisconnected").await?, "client disconnect");
        socket.disconnect();
        assert_eq!(socket.closed().await, DisconnectReason::ClientDisconnect);
    }
    Ok(())
}

#[tokio::test]
async fn the_server_sees_query_and_headers_and_ends_the_connection() -> Result<()> {
    let (mut server, url) = server().await?;
    for (transports, settled) in TRANSPORTS {
        let socket = Client::new(format!("{url}?room=a%20b"))
            .transports(transports)
            .header("X-Test", "yes")
            .connect()
            .await?;
        let line = server.line().await?;
        assert_eq!(line["header"], "yes");
        let query = line["query"].as_str().unwrap();
        assert!(query.contains("room=a%20b"), "{query}");
        settle(&socket, settled).await?;
        socket.emit("leave me", ())?;
        assert_eq!(socket.closed().await, DisconnectReason::ServerDisconnect);
        assert_eq!(server.find("disconnected").await?, "server disconnect");
    }
    Ok(())
}

#[tokio::test]
async fn events_with_binary_data_come_in_order_over_the_upgrade() -> Result<()> {
    const COUNT: u64 = 2000;
    let (_server, url) = server().await?;
    for (transports, _) in TRANSPORTS {
        let (sender, mut numbers) = mpsc::unbounded_channel();
        let socket = Client::new(&url)
            .transports(transports)
            .on("number", move |number: u64, byte: Bytes| {
                assert_eq!(*byte, [(number % 256) as u8]);
                sender.send(number).unwrap();
            })
            .connect()
            .await?;
        socket.emit("numbers", COUNT)?;
        for number in 0..COUNT {
            assert_eq!(numbers.recv().await, Some(number));
        }
        socket.disconnect();
    }
    Ok(())
}

/// Whether one of the packets of a body is this one.
fn has_packet(body: &[u8], packet: &[u8]) -> bool {
    body.split(|byte| *byte == 0x1e)
        .any(|found| found == packet)
}

/// The server pings three times in a second.
#[tokio::test]
async fn heartbeats_are_answered_and_a_lost_server_is_noticed() -> Result<()> {
    for (transports, settled) in TRANSPORTS {
        let (mut server, url) = server().await?;
        let (sender, mut reasons) = mpsc::unbounded_channel();
        let (ponged, mut pongs) = mpsc::unbounded_channel();
        let socket = Client::new(&url)
            .transports(transports)
            .tap(move |traffic| {
                let is_pong = match traffic {
                    Traffic::Request(request) => has_packet(request.body(), b"3"),
                    Traffic::Frame { direction, frame } => {
                        direction == Direction::Sent && *frame == Frame::Text("3".into())
                    }
                    _ => false,
                };
                if is_pong {
                    ponged.send(()).unwrap();
                }
            })
            .on_disconnect(move |reason: DisconnectReason| sender.send(reason).unwrap())
            .connect()
            .await?;
        settle(&socket, settled).await?;
        for _ in 0..3 {
            pongs.recv().await.unwrap();
        }
        let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
        assert_eq!(sum, 3);
        assert!(reasons.try_recv().is_err());
        server.kill().await;
        let reason = reasons.recv().await.unwrap();
        assert!(
            matches!(
                reason,
                DisconnectReason::TransportClose | DisconnectReason::TransportError
            ),
            "{reason}"
        );
    }
    Ok(())
}
