//! What an application has a say in: who may connect, ids, headers, and what it is told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{Polling, header, send, send_body};
use http::{HeaderValue, Request};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use songi_server::http::Peer;
use songi_server::{Config, Cors, Handshake, Origins, RefusalCause, Server, Socket};
use songi_tokio::connect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const OPEN: &str = "/socket.io/?EIO=4&transport=polling";

async fn listen(io: &Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let io = io.clone();
    tokio::spawn(async move { io.serve(listener).await });
    format!("ws://{address}/socket.io/?EIO=4&transport=websocket")
}

/// The bytes of an answer to an upgrade that goes wrong.
async fn refused_upgrade(url: &str) -> String {
    let (address, target) = url[5..].split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /{target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn allow_request_decides_who_connects() {
    let io = Server::new();
    io.allow_request(async |request: Handshake| {
        tokio::task::yield_now().await;
        match request.query("token").as_deref() {
            Some("right") => Ok(()),
            Some(_) => Err(String::from("\"wrong\" token")),
            None => Err(String::new()),
        }
    });
    io.allow_request(|request: Handshake| match request.header("x-ban") {
        None => Ok(()),
        Some("panic") => panic!("a panic in allow_request"),
        Some(_) => Err("banned"),
    });
    let open = |token: &str| Request::get(format!("{OPEN}{token}"));
    for (request, status, body) in [
        (open(""), 403, r#"{"code":4,"message":"Forbidden"}"#),
        (
            open("&token=x"),
            403,
            r#"{"code":4,"message":"\"wrong\" token"}"#,
        ),
        (
            open("&token=right").header("x-ban", "1"),
            403,
            r#"{"code":4,"message":"banned"}"#,
        ),
        (
            open("&token=right").header("x-ban", "panic"),
            403,
            r#"{"code":4,"message":"Forbidden"}"#,
        ),
    ] {
        let answer = send(&io, request).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.body(), body);
        assert_eq!(header(&answer, "content-type"), "application/json");
    }
    assert_eq!(io.connections(), 0);
    let answer = send(&io, open("&token=right")).await;
    assert_eq!(answer.status(), 200);
    // Only the opening is asked about.
    let handshake: Value = serde_json::from_slice(&answer.body()[1..]).unwrap();
    let target = format!("{OPEN}&sid={}", handshake["sid"].as_str().unwrap());
    assert_eq!(
        send_body(&io, Request::post(target), "40").await.status(),
        200
    );

    let url = listen(&io).await;
    let answer = refused_upgrade(&format!("{url}&token=x")).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n\"wrong\" token"), "{answer}");
    connect(&format!("{url}&token=right")).await.unwrap();
}

#[tokio::test]
async fn ids_can_be_the_applications() {
    let io = Server::new();
    let count = AtomicU32::new(0);
    io.generate_id(move |request: Handshake| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move {
            match request.query("id") {
                Some(id) if id == "panic" => panic!("a panic in generate_id"),
                Some(id) => id.into_owned(),
                None => format!("node7-{number}"),
            }
        }
    });
    let first = Polling::open(&io).await;
    let second = Polling::open(&io).await;
    assert_eq!((first.sid(), second.sid()), ("node7-0", "node7-1"));
    for id in ["", "a%20b", "%0d%0a", "node7-0", "panic", "%22"] {
        let answer = send(&io, Request::get(format!("{OPEN}&id={id}"))).await;
        assert_eq!(answer.status(), 400, "{id}");
        assert_eq!(answer.body(), r#"{"code":3,"message":"Bad request"}"#);
    }
    // Who had the id still has it.
    first.post("40").await;
    assert!(first.get().await.starts_with("40{"));
    assert_eq!(io.connections(), 2);
}

#[tokio::test]
async fn headers_of_the_first_answer_and_of_all() {
    let io = Server::new();
    io.on_initial_headers(|headers, request| {
        let agent = request.headers().get("user-agent").cloned();
        headers.insert("x-first", agent.unwrap_or(HeaderValue::from_static("?")));
    });
    io.on_headers(|headers, request| {
        let method = HeaderValue::from_str(request.method().as_str()).unwrap();
        headers.insert("x-each", method);
        headers.remove("cache-control");
    });
    io.on_headers(|_, request| assert_ne!(request.method(), "POST", "a panic is contained"));

    let answer = send(&io, Request::get(OPEN).header("user-agent", "me")).await;
    assert_eq!(header(&answer, "x-first"), "me");
    assert_eq!(header(&answer, "x-each"), "GET");
    assert_eq!(header(&answer, "cache-control"), "");
    let handshake: Value = serde_json::from_slice(&answer.body()[1..]).unwrap();
    let target = format!("{OPEN}&sid={}", handshake["sid"].as_str().unwrap());
    let answer = send_body(&io, Request::post(target), "40").await;
    assert_eq!(answer.body(), "ok");
    assert_eq!(header(&answer, "x-first"), "");
    assert_eq!(header(&answer, "x-each"), "POST");

    let (_, response) = connect(&listen(&io).await).await.unwrap();
    let field = |name: &str| response.headers().first(name).map(<[u8]>::to_vec);
    assert_eq!(field("x-first"), Some(b"?".to_vec()));
    assert_eq!(field("x-each"), Some(b"GET".to_vec()));
}

#[tokio::test]
async fn refusals_are_told() {
    let io = Server::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = told.clone();
    io.allow_request(|request: Handshake| match request.query("token") {
        None => Ok(()),
        Some(_) => Err("wrong token"),
    });
    io.on_connection_error(move |error| {
        assert_eq!(error.request.uri().path(), "/socket.io/");
        let message = error.message.to_owned();
        teller
            .lock()
            .push((error.code, message, error.cause.clone()));
        assert_eq!(error.code, 1, "a panic is contained");
    });
    let session = Polling::open(&io).await;
    let get = |query: &str| Request::get(format!("/socket.io/?{query}"));
    let with_sid = |query: &str| get(&format!("{query}&sid={}", session.sid()));
    let upgrade = |request: http::request::Builder| {
        request
            .header("host", "x")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
    };
    for (request, code, message, cause) in [
        (
            get("EIO=4"),
            0,
            "Transport unknown",
            RefusalCause::Transport(None),
        ),
        (
            get("EIO=4&transport=t%63p"),
            0,
            "Transport unknown",
            RefusalCause::Transport(Some("tcp".into())),
        ),
        (
            get("EIO=4&transport=polling&sid=x"),
            1,
            "Session ID unknown",
            RefusalCause::Sid("x".into()),
        ),
        (
            Request::put(OPEN),
            2,
            "Bad handshake method",
            RefusalCause::Method(http::Method::PUT),
        ),
        (
            get("EIO=4&transport=websocket"),
            3,
            "Bad request",
            RefusalCause::Upgrade,
        ),
        (
            upgrade(get("EIO=4&transport=polling")),
            3,
            "Bad request",
            RefusalCause::Upgrade,
        ),
        (
            with_sid("EIO=4&transport=websocket"),
            3,
            "Bad request",
            RefusalCause::Mismatch,
        ),
        (
            with_sid("EIO=3&transport=polling"),
            3,
            "Bad request",
            RefusalCause::Mismatch,
        ),
        (
            upgrade(get("EIO=4&transport=websocket")),
            3,
            "Bad request",
            RefusalCause::WebSocket("the Sec-WebSocket-Version header is missing".into()),
        ),
        (
            get("EIO=4&transport=polling&token"),
            4,
            "wrong token",
            RefusalCause::Forbidden("wrong token".into()),
        ),
        (
            get("EIO=2&transport=polling"),
            5,
            "Unsupported protocol version",
            RefusalCause::Revision(Some("2".into())),
        ),
    ] {
        let answer = send(&io, request).await;
        assert!(answer.status().is_client_error());
        let told = told.lock().pop().unwrap();
        if let (RefusalCause::WebSocket(_), RefusalCause::WebSocket(text)) = (&cause, &told.2) {
            assert!(!text.is_empty());
            continue;
        }
        assert_eq!(told, (code, message.to_owned(), cause));
    }
    assert!(told.lock().is_empty());
}

/// "Server API: socket.handshake", over the wire.
#[tokio::test]
async fn the_handshake_of_a_socket() {
    #[derive(Deserialize)]
    struct Auth {
        token: Option<String>,
    }
    let describe = |socket: Socket| {
        let handshake = socket.handshake();
        let auth: Auth = handshake.auth().unwrap();
        json!({
            "agent": handshake.header("user-agent"),
            "headers": handshake.headers().len(),
            "url": handshake.url(),
            "room": handshake.query("room"),
            "address": handshake.address().map(|it| it.ip()),
            "xdomain": handshake.xdomain(),
            "secure": handshake.secure(),
            "token": auth.token,
        })
    };
    let io = Server::new();
    io.on("describe", describe);
    io.of("/admin").on("describe", describe);
    let url = format!("{}&room=a%20b", listen(&io).await);
    let (mut client, _) = connect(&url).await.unwrap();
    for packet in [
        "40",
        r#"40/admin,{"token":"x"}"#,
        r#"421["describe"]"#,
        r#"42/admin,1["describe"]"#,
    ] {
        client.send(songi_tokio::Message::text(packet)).unwrap();
    }
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let songi_tokio::Event::Text(text) = client.recv().await.unwrap().unwrap() else {
            continue;
        };
        if let Some(json) = text.strip_prefix("431").or(text.strip_prefix("43/admin,1")) {
            answers.push(serde_json::from_str::<Value>(json).unwrap()[0].take());
        }
    }
    let expected = |token: Option<&str>| {
        json!({
            "agent": null,
            "headers": 5,
            "url": "/socket.io/?EIO=4&transport=websocket&room=a%20b",
            "room": "a b",
            "address": "127.0.0.1",
            "xdomain": false,
            "secure": false,
            "token": token,
        })
    };
    assert_eq!(answers, [expected(None), expected(Some("x"))]);
}

/// Sends a request over TCP, and gives the body of its answer.
async fn over_tcp(address: &str, method: &str, target: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// "The address of its client is the `Peer` among its extensions", wherever somebody sees a request.
#[tokio::test]
async fn requests_say_whose_they_are() {
    for cors in [None, Some(Cors::new(Origins::any()))] {
        let io = Server::with_config(Config {
            cors,
            ..Config::default()
        });
        let (sender, mut seen) = mpsc::unbounded_channel();
        let errors = sender.clone();
        io.on_headers(move |_, request| {
            let method = request.method().to_string();
            sender.send((method, is_of_loopback(request))).unwrap();
        });
        io.on_connection_error(move |error| {
            let told = ("error".to_owned(), is_of_loopback(error.request));
            errors.send(told).unwrap();
        });
        let url = listen(&io).await;
        let address = url[5..].split('/').next().unwrap();
        let open = over_tcp(address, "GET", OPEN, "").await;
        let handshake: Value = serde_json::from_str(&open[1..]).unwrap();
        let target = format!("{OPEN}&sid={}", handshake["sid"].as_str().unwrap());
        assert_eq!(over_tcp(address, "POST", &target, "40").await, "ok");
        over_tcp(address, "GET", &target, "").await;
        over_tcp(address, "PUT", &target, "").await;
        for expected in ["GET", "POST", "GET", "error"] {
            assert_eq!(seen.recv().await.unwrap(), (expected.to_owned(), true));
        }
    }
}

fn is_of_loopback(request: &Request<()>) -> bool {
    let peer = request.extensions().get::<Peer>();
    peer.is_some_and(|peer| peer.address.ip().is_loopback() && !peer.secure)
}
