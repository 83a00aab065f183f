//! What can happen on the way to a namespace.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::time::Duration;

use common::{Server, client};
use serde_json::{Value, json};
use songi_client::{AckError, Config, ConnectError, DisconnectReason, InvalidUrl, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_request_says_what_was_asked_for() {
    let server = Server::start().await;
    let client = client(format!("{}/admin?x=1", server.url))
        .path("/live")
        .header("authorization", "me")
        .query("a", "b c")
        .auth(json!({ "token": "t" }));
    let serving = async {
        let mut peer = server.open().await;
        assert_eq!(
            peer.request.target(),
            "/live/?EIO=4&transport=websocket&x=1&a=b%20c"
        );
        assert_eq!(
            peer.request.headers().first("authorization"),
            Some(&b"me"[..])
        );
        peer.expect(r#"40/admin,{"token":"t"}"#).await;
        peer.send(r#"40/admin,{"sid":"the id"}"#).await;
        peer
    };
    let (socket, _peer) = tokio::join!(client.connect(), serving);
    let socket = socket.unwrap();
    assert_eq!((socket.id().as_str(), socket.connected()), ("the id", true));
    assert_eq!(socket.namespace(), "/admin");
}

#[tokio::test]
async fn malformed_urls_and_headers_are_refused_before_anything_is_connected() {
    let error = client("localhost:3000").connect().await.unwrap_err();
    assert!(
        matches!(error, ConnectError::Url(InvalidUrl::Scheme)),
        "{error}"
    );
    let error = client("http://127.0.0.1:1")
        .header("x", "a\r\nb")
        .connect()
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Header(_)), "{error}");
    let error = client("http://127.0.0.1:1")
        .header("Upgrade", "x")
        .connect()
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Header(_)), "{error}");
}

#[tokio::test]
async fn what_cannot_be_encoded_is_refused() {
    let server = Server::start().await;
    for client in [
        client(&server.url).auth("not an object"),
        client(format!("{}/a,b", server.url)),
    ] {
        let (result, mut peer) = tokio::join!(client.connect(), server.open());
        let error = result.unwrap_err();
        assert!(matches!(error, ConnectError::Encode(_)), "{error}");
        peer.expect_end().await;
    }
}

#[tokio::test]
async fn nobody_listens() {
    let server = Server::start().await;
    let url = server.url.clone();
    drop(server);
    let error = client(url).connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Io(_)), "{error}");
}

#[tokio::test]
async fn the_server_speaks_no_tls() {
    let server = Server::start().await;
    let url = server.url.replace("http", "https");
    let serving = async {
        let mut stream = server.stream().await;
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream
    };
    let (result, _stream) = tokio::join!(client(url).connect(), serving);
    let error = result.unwrap_err();
    assert!(matches!(error, ConnectError::Io(_)), "{error}");
}

/// Connects to a server that answers every request with these bytes, and ends.
async fn answered_with(response: &str) -> ConnectError {
    let server = Server::start().await;
    let serving = async {
        let mut stream = server.stream().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(response.as_bytes()).await.unwrap();
    };
    let (result, ()) = tokio::join!(client(&server.url).connect(), serving);
    result.unwrap_err()
}

#[tokio::test]
async fn an_http_status_is_given_with_its_body() {
    let error = answered_with("HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\n\r\nnowhere").await;
    match error {
        ConnectError::Status { status, body } => {
            assert_eq!((status, body.as_str()), (404, "nowhere"));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_is_no_websocket_is_refused() {
    for response in [
        "220 smtp.example ESMTP\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    ] {
        let error = answered_with(response).await;
        assert!(matches!(error, ConnectError::Handshake(_)), "{error}");
    }
    let error = answered_with("HTTP/1.1 101 Swit").await;
    assert!(matches!(error, ConnectError::Io(_)), "{error}");
}

#[tokio::test]
async fn the_first_packet_must_open_a_session() {
    for first in [
        "",
        "hello",
        "40",
        "2",
        "0",
        "0{}",
        r#"0{"sid":7}"#,
        "0[]",
        "송이",
    ] {
        let server = Server::start().await;
        let serving = async {
            let mut peer = server.websocket().await;
            peer.send(first).await;
            peer.expect_end().await;
        };
        let (result, ()) = tokio::join!(client(&server.url).connect(), serving);
        let error = result.unwrap_err();
        assert!(matches!(error, ConnectError::Open(_)), "{first}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_goes_is_said_to_be_gone() {
    let server = Server::start().await;
    let serving = async { drop(server.websocket().await) };
    let (result, ()) = tokio::join!(client(&server.url).connect(), serving);
    assert!(matches!(
        result.unwrap_err(),
        ConnectError::Disconnected(DisconnectReason::TransportClose)
    ));
    let serving = async { drop(server.open().await) };
    let (result, ()) = tokio::join!(client(&server.url).connect(), serving);
    assert!(matches!(
        result.unwrap_err(),
        ConnectError::Disconnected(DisconnectReason::TransportClose)
    ));
}

#[tokio::test]
async fn a_refusal_has_a_message_and_data() {
    let server = Server::start().await;
    let serving = async {
        let mut peer = server.open().await;
        peer.expect("40").await;
        peer.send(r#"44{"message":"no","data":{"code":7}}"#).await;
        peer.expect_end().await;
    };
    let (result, ()) = tokio::join!(client(&server.url).connect(), serving);
    match result.unwrap_err() {
        ConnectError::Refused { message, data } => {
            assert_eq!(message, "no");
            let data: Value = data.unwrap().deserialize().unwrap();
            assert_eq!(data, json!({ "code": 7 }));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_connect_packet_of_an_older_protocol_breaks_it() {
    let server = Server::start().await;
    let serving = async {
        let mut peer = server.open().await;
        peer.send("40").await;
        peer.expect("40").await;
        peer.expect_end().await;
    };
    let (result, ()) = tokio::join!(client(&server.url).connect(), serving);
    assert!(matches!(
        result.unwrap_err(),
        ConnectError::Disconnected(DisconnectReason::ParseError)
    ));
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up_at_every_stage() {
    for stage in 0..3 {
        let server = Server::start().await;
        // Long enough to come as far as the stage.
        let timeout = Duration::from_secs(1);
        let client = client(&server.url).connect_timeout(timeout);
        let connecting = tokio::spawn(client.connect());
        let assert_timeout = async {
            let error = connecting.await.unwrap().unwrap_err();
            assert!(
                matches!(error, ConnectError::Timeout(_)),
                "{stage}: {error}"
            );
        };
        match stage {
            0 => {
                let _stream = server.stream().await;
                assert_timeout.await;
            }
            1 => {
                let mut peer = server.websocket().await;
                assert_timeout.await;
                peer.expect_end().await;
            }
            _ => {
                let mut peer = server.open().await;
                peer.expect("40").await;
                assert_timeout.await;
                // It was not joined: there is nothing to leave.
                peer.expect_end().await;
            }
        }
    }
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let server = Server::start().await;
    let connecting = tokio::spawn(client(&server.url).connect());
    let mut peer = server.open().await;
    peer.expect("40").await;
    connecting.abort();
    peer.expect_end().await;
}

#[tokio::test]
async fn one_connection_has_many_namespaces() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;

    let serving = async {
        peer.expect(r#"40/admin,{"token":1}"#).await;
        peer.send(r#"40/admin,{"sid":"b"}"#).await;
    };
    let joining = socket.of("admin").auth(json!({ "token": 1 })).connect();
    let (admin, ()) = tokio::join!(joining, serving);
    let admin = admin.unwrap();
    assert_eq!(
        (admin.namespace().as_str(), admin.id().as_str()),
        ("/admin", "b")
    );

    let error = socket.of("/admin").connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::InUse(name) if name == "/admin"));

    let serving = async {
        peer.expect("40/nowhere,").await;
        peer.send(r#"44/nowhere,{"message":"Invalid namespace"}"#)
            .await;
    };
    let (refused, ()) = tokio::join!(admin.of("/nowhere").connect(), serving);
    let error = refused.unwrap_err();
    assert!(
        matches!(error, ConnectError::Refused { message, data: None }
        if message == "Invalid namespace")
    );

    admin.emit("x", ()).unwrap();
    peer.expect(r#"42/admin,["x"]"#).await;
    admin.disconnect();
    peer.expect("41/admin,").await;
    assert_eq!(admin.closed().await, DisconnectReason::ClientDisconnect);
    socket.emit("y", ()).unwrap();
    peer.expect(r#"42["y"]"#).await;

    drop(peer);
    assert_eq!(socket.closed().await, DisconnectReason::TransportClose);
}

#[tokio::test]
async fn all_who_connect_are_answered() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    socket.disconnect();
    peer.expect("41").await;
    peer.expect_end().await;
    let (one, two, _peer) = tokio::join!(socket.connect(), socket.connect(), server.join());
    one.unwrap();
    two.unwrap();
    socket.disconnect();
    let refusing = async {
        let mut peer = server.open().await;
        peer.expect("40").await;
        peer.send(r#"44{"message":"no"}"#).await;
        peer.expect_end().await;
    };
    let (one, two, ()) = tokio::join!(socket.connect(), socket.connect(), refusing);
    for refused in [one, two] {
        assert!(matches!(refused, Err(ConnectError::Refused { .. })));
    }
}

#[tokio::test]
async fn what_waits_is_sent_when_a_socket_that_was_refused_connects_again() {
    let server = Server::start().await;
    let socket = client(&server.url).start().unwrap();
    socket.emit("kept", 1).unwrap();
    let asked = socket.emit_with_ack::<()>("asked", ());
    let mut peer = server.open().await;
    peer.expect("40").await;
    peer.send(r#"44{"message":"no"}"#).await;
    peer.expect_end().await;
    assert!(matches!(asked.await, Err(AckError::Disconnected)));
    assert!(socket.emit("late", ()).is_err());
    let (connected, mut peer) = tokio::join!(socket.connect(), server.join());
    connected.unwrap();
    peer.expect(r#"42["kept",1]"#).await;
    socket.emit("now", ()).unwrap();
    peer.expect(r#"42["now"]"#).await;
}

#[tokio::test]
async fn namespaces_are_bounded() {
    let server = Server::start().await;
    let config = Config {
        max_namespaces: 1,
        transports: vec![Transport::WebSocket],
        reconnection: false,
        ..Config::default()
    };
    let (socket, _peer) = server.joined(client(&server.url).config(config)).await;
    let error = socket.of("/more").connect().await.unwrap_err();
    assert!(
        matches!(error, ConnectError::TooManyNamespaces { limit: 1 }),
        "{error}"
    );
}

#[tokio::test]
async fn a_namespace_that_nobody_waits_for_any_more_is_left() {
    let server = Server::start().await;
    let (socket, mut peer) = server.joined(client(&server.url)).await;
    let joining = tokio::spawn(socket.of("/late").connect());
    peer.expect("40/late,").await;
    joining.abort();
    assert!(joining.await.unwrap_err().is_cancelled());
    peer.send(r#"40/late,{"sid":"c"}"#).await;
    peer.expect("41/late,").await;
    assert!(socket.connected());
}
