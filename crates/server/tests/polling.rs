//! Long-polling, request by request: statuses, bodies, limits.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use common::{Polling, request, respond};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use songi_server::{Config, DisconnectReason, Server};
use tokio::sync::mpsc;

const OPEN: &str = "/socket.io/?EIO=4&transport=polling";

#[tokio::test]
async fn a_session_opens_with_the_handshake() {
    let io = Server::new();
    let response = respond(&io, Method::GET, OPEN, "").await;
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; charset=UTF-8"
    );
    assert_eq!(response.headers()["cache-control"], "no-store");

    let (_, body) = request(&io, Method::GET, OPEN, "").await;
    let mut handshake: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
    let sid = handshake["sid"].take();
    assert_eq!(sid.as_str().unwrap().len(), 20);
    assert_eq!(
        handshake,
        json!({
            "sid": null,
            "upgrades": ["websocket"],
            "pingInterval": 25000,
            "pingTimeout": 20000,
            "maxPayload": 1_000_000,
        })
    );
}

#[tokio::test]
async fn errors_have_numbers() {
    let io = Server::new();
    let session = Polling::open(&io).await;
    let with_sid = |query: &str| format!("/socket.io/?{query}&sid={}", session.sid());
    for (method, target, status, code, message) in [
        (
            Method::GET,
            "/socket.io/?EIO=4".into(),
            400,
            0,
            "Transport unknown",
        ),
        (
            Method::GET,
            "/socket.io/?EIO=4&transport=tcp".into(),
            400,
            0,
            "Transport unknown",
        ),
        (
            Method::GET,
            "/socket.io/?EIO=4&transport=__proto__".into(),
            400,
            0,
            "Transport unknown",
        ),
        (
            Method::GET,
            format!("{OPEN}&sid=nobody"),
            400,
            1,
            "Session ID unknown",
        ),
        (
            Method::GET,
            format!("{OPEN}&sid=__proto__"),
            400,
            1,
            "Session ID unknown",
        ),
        (Method::POST, OPEN.into(), 400, 2, "Bad handshake method"),
        (
            Method::GET,
            "/socket.io/?EIO=4&transport=websocket".into(),
            400,
            3,
            "Bad request",
        ),
        (
            Method::GET,
            with_sid("EIO=4&transport=websocket"),
            400,
            3,
            "Bad request",
        ),
        (
            Method::GET,
            "/socket.io/?EIO=3&transport=polling".into(),
            400,
            5,
            "Unsupported protocol version",
        ),
        (
            Method::GET,
            "/socket.io/?transport=polling".into(),
            400,
            5,
            "Unsupported protocol version",
        ),
    ] {
        let (got, body) = request(&io, method, &target, "").await;
        assert_eq!(got, status, "{target}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({ "code": code, "message": message }),
            "{target}"
        );
    }
}

#[tokio::test]
async fn other_paths_are_not_ours() {
    let io = Server::new();
    for target in [
        "/",
        "/socket.io?EIO=4&transport=polling",
        "/other/?EIO=4&transport=polling",
    ] {
        assert_eq!(
            request(&io, Method::GET, target, "").await.0,
            StatusCode::NOT_FOUND,
            "{target}"
        );
    }
}

#[tokio::test]
async fn the_path_is_a_setting() {
    let io = Server::with_config(Config {
        path: "/api/rt/".into(),
        ..Config::default()
    });
    let (status, _) = request(&io, Method::GET, "/api/rt/?EIO=4&transport=polling", "").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn session_id_and_socket_id_have_nothing_in_common() {
    let (client, socket) = Polling::connect(&Server::new()).await;
    assert_ne!(client.sid(), socket);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_session_lives() {
    let io = Server::with_config(Config {
        max_http_buffer_size: 100,
        ..Config::default()
    });
    io.on("ping me", || "pong");
    let (client, _) = Polling::connect(&io).await;

    let (status, body) = client.request(Method::POST, vec![b'4'; 101]).await;
    assert_eq!((status, body.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, ""));

    client.post(r#"421["ping me"]"#).await;
    assert_eq!(client.get().await, r#"431["pong"]"#);
}

#[tokio::test]
async fn what_is_no_payload_ends_the_session() {
    for body in ["", "9", "bAQ", "\u{1f600}", "2"] {
        let (sender, mut reasons) = mpsc::unbounded_channel();
        let io = Server::new();
        io.on_disconnect(move |reason: DisconnectReason| sender.send(reason).unwrap());
        let (client, _) = Polling::connect(&io).await;

        let (status, _) = client.request(Method::POST, body).await;
        assert_eq!(status, 400, "{body:?}");
        let expected = if body == "2" {
            // A ping in the wrong direction is a packet.
            DisconnectReason::TransportError
        } else {
            DisconnectReason::ParseError
        };
        assert_eq!(reasons.recv().await, Some(expected), "{body:?}");
        assert_eq!(
            client.request(Method::GET, "").await.1,
            r#"{"code":1,"message":"Session ID unknown"}"#
        );
    }
}

#[tokio::test]
async fn what_breaks_the_rules_of_namespaces_ends_the_session() {
    for body in [
        "40",                                         // joined already
        r#"42/other,["x"]"#,                          // not joined
        r#"42["connect"]"#,                           // reserved
        r#"44{"message":"x"}"#,                       // only a server says that
        r#"42["x""#,                                  // no JSON
        r#"451-["x",{"_placeholder":true,"num":1}]"#, // no such attachment
        r#"450-["x"]"#,                               // a binary event without attachments
        "4511-[]",                                    // more attachments than allowed
        r#"47["x"]"#,                                 // no such type
        "4",                                          // no packet at all
    ] {
        let (sender, mut reasons) = mpsc::unbounded_channel();
        let io = Server::new();
        io.on_disconnect(move |reason: DisconnectReason| sender.send(reason).unwrap());
        let (client, _) = Polling::connect(&io).await;
        let (other, _) = Polling::connect(&io).await;

        client.request(Method::POST, body).await;
        assert_eq!(
            reasons.recv().await,
            Some(DisconnectReason::ParseError),
            "{body}"
        );
        other.post(r#"42["still here"]"#).await;
    }
}

#[tokio::test]
async fn a_get_that_is_given_up_is_a_transport_error() {
    let (sender, mut reasons) = mpsc::unbounded_channel();
    let io = Server::new();
    io.on_disconnect(move |reason: DisconnectReason| sender.send(reason).unwrap());
    let (client, _) = Polling::connect(&io).await;
    let waiting = tokio::spawn(async move { client.get().await });
    tokio::task::yield_now().await;
    waiting.abort();
    assert_eq!(reasons.recv().await, Some(DisconnectReason::TransportError));
    assert_eq!(io.connections(), 0);
}

#[tokio::test]
async fn a_second_get_ends_the_session_and_both_are_answered() {
    let io = Server::new();
    let (client, _) = Polling::connect(&io).await;
    let client = std::sync::Arc::new(client);
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.get().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(client.request(Method::GET, "").await.0, 400);
    assert_eq!(first.await.unwrap(), "1");
    assert_eq!(io.connections(), 0);
}
