//! What travels is shown to who asks for it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::sync::mpsc;

use common::{Server, client};
use songi_client::{Client, Frame, Traffic, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_websocket_is_shown_as_bytes_and_as_packets() {
    let server = Server::start().await;
    let (sender, seen) = mpsc::channel();
    let client = client(&server.url).tap(move |traffic| {
        let (direction, bytes) = match traffic {
            Traffic::WebSocket {
                number,
                direction,
                bytes,
            } => (format!("{number} {direction:?}"), bytes.to_vec()),
            Traffic::Frame {
                direction,
                frame: Frame::Text(text),
            } => (format!("{direction:?}"), text.as_bytes().to_vec()),
            other => panic!("{other:?}"),
        };
        sender.send((direction, bytes)).unwrap();
    });
    let (socket, mut peer) = server.joined(client).await;
    socket.emit("hi", 1).unwrap();
    peer.expect(r#"42["hi",1]"#).await;

    let seen: Vec<_> = seen.try_iter().collect();
    let (direction, request) = &seen[0];
    assert_eq!(direction, "1 Sent");
    assert!(request.starts_with(b"GET /socket.io/?EIO=4&transport=websocket"));
    let packets: Vec<_> = seen
        .iter()
        .filter(|(direction, _)| !direction.starts_with('1'))
        .map(|(direction, bytes)| (direction.as_str(), std::str::from_utf8(bytes).unwrap()))
        .collect();
    let opened = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    assert_eq!(
        packets,
        [
            ("Received", opened),
            ("Sent", "40"),
            ("Received", r#"40{"sid":"id"}"#),
            ("Sent", r#"42["hi",1]"#),
        ]
    );
    // The frames from the server are not masked, so that its packets stand in the bytes.
    let received = seen
        .iter()
        .filter(|(direction, _)| direction == "1 Received");
    let received: Vec<u8> = received.flat_map(|(_, bytes)| bytes.clone()).collect();
    let received = String::from_utf8_lossy(&received);
    assert!(received.starts_with("HTTP/1.1 101"), "{received}");
    assert!(received.ends_with(r#"40{"sid":"id"}"#), "{received}");
}

#[tokio::test]
async fn long_polling_is_shown_as_requests_and_responses() {
    let server = Server::start().await;
    let (sender, seen) = mpsc::channel();
    let connecting = Client::new(&server.url)
        .transports([Transport::Polling])
        .reconnection(false)
        .header("X-Test", "yes")
        .tap(move |traffic| {
            let line = match traffic {
                Traffic::Request(request) => {
                    assert_eq!(request.headers()["x-test"], "yes");
                    format!("{} {}", request.method(), request.uri().path())
                }
                Traffic::Response(response) => {
                    let body = String::from_utf8_lossy(response.body());
                    format!("{} {body}", response.status().as_u16())
                }
                other => panic!("{other:?}"),
            };
            sender.send(line).unwrap();
        })
        .connect();
    let answering = async {
        let mut stream = server.stream().await;
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\nReason";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream
    };
    let (failed, _stream) = tokio::join!(connecting, answering);
    assert!(failed.is_err());
    let seen: Vec<_> = seen.try_iter().collect();
    assert_eq!(seen, ["GET /socket.io/", "400 Reason"]);
}
