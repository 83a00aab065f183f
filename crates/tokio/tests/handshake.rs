//! The opening handshake over streams.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use songi_tokio::{
    AcceptError, Connect, ConnectError, Event, Incoming, Message, Options, WebSocket, accept,
    connect,
    handshake::{HeadLimits, Origin, Policy, Rejection, RequestError, ResponseError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::TcpListener,
};

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn accept_and_connect() {
    let (server, client) = duplex(100);
    let server = tokio::spawn(async move {
        let policy = Policy::default().protocols(["chat"]).unwrap();
        let (mut socket, request) = accept(server, &policy, &Options::default()).await.unwrap();
        assert_eq!(request.target(), "/room?a=b");
        assert_eq!(
            request.headers().first("host"),
            Some(&b"example.com:3000"[..])
        );
        assert_eq!(request.headers().first("x-token"), Some(&b"secret"[..]));
        socket.send(Message::text("welcome")).unwrap();
        socket.close(None).await.unwrap();
    });
    let connect = Connect::new("ws://example.com:3000/room?a=b").unwrap();
    let connect = connect.protocol("other").unwrap().protocol("chat").unwrap();
    let connect = connect.header("X-Token", "secret").unwrap();
    let (mut socket, response) = connect.over(client).await.unwrap();
    assert_eq!(response.protocol(), Some("chat"));
    assert_eq!(
        socket.recv().await.unwrap().unwrap(),
        Event::Text("welcome".into())
    );
    assert_eq!(socket.recv().await.unwrap().unwrap(), Event::Close(None));
    assert!(socket.recv().await.is_none());
    server.await.unwrap();
}

/// By URL, over TCP; with headers of the application's in the response.
#[tokio::test]
async fn connect_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let incoming = Incoming::read(stream, &Options::default()).await.unwrap();
        let accepted = Policy::default().accept(incoming.request()).unwrap();
        let accepted = accepted.header("Set-Cookie", "a=1").unwrap();
        let (mut socket, _) = incoming.accept(&accepted).await.unwrap();
        while let Some(event) = socket.recv().await {
            if let Event::Text(text) = event.unwrap() {
                socket.send(Message::Text(text)).unwrap();
            }
        }
    });
    let (mut socket, response) = connect(&url).await.unwrap();
    assert_eq!(response.headers().first("set-cookie"), Some(&b"a=1"[..]));
    socket.send(Message::text("hi")).unwrap();
    assert_eq!(
        socket.recv().await.unwrap().unwrap(),
        Event::Text("hi".into())
    );
    socket.close(None).await.unwrap();
    server.await.unwrap();
}

/// HS15: a request in single bytes; HS14: a frame right behind it.
#[tokio::test]
async fn request_in_bytes() {
    let (server, mut client) = duplex(1);
    let server = tokio::spawn(async move {
        let options = Options::default();
        let (mut socket, _) = accept(server, &Policy::default(), &options).await.unwrap();
        socket.recv().await.unwrap().unwrap()
    });
    let mut reader = tokio::spawn(async move {
        let bytes = [REQUEST.as_bytes(), b"\x81\x82\0\0\0\0hi"].concat();
        let (mut read, mut write) = tokio::io::split(&mut client);
        let mut response = Vec::new();
        let (written, _) = tokio::join!(write.write_all(&bytes), read.read_to_end(&mut response));
        written.unwrap();
        response
    });
    assert_eq!(server.await.unwrap(), Event::Text("hi".into()));
    let response = (&mut reader).await.unwrap();
    assert!(response.starts_with(b"HTTP/1.1 101 "));
}

/// A refusal reaches a client that goes on sending, with its reason.
#[tokio::test]
async fn rejected() {
    let (server, mut client) = duplex(1 << 20);
    let policy = Policy::default().origin(Origin::list(["https://example.com"]));
    let request = REQUEST.replace("\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    client.write_all(&[0; 10_000]).await.unwrap();
    let client = tokio::spawn(async move {
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        response
    });
    let Err(AcceptError::Rejected(rejection)) = accept(server, &policy, &Options::default()).await
    else {
        panic!("accepted");
    };
    assert_eq!(rejection.error(), Some(RequestError::Origin));
    assert!(
        client
            .await
            .unwrap()
            .starts_with("HTTP/1.1 403 Forbidden\r\n")
    );
}

/// What is not HTTP is refused as soon as it shows.
#[tokio::test]
async fn not_http() {
    let (server, mut client) = duplex(1024);
    client.write_all(b"\x16\x03\x01\n").await.unwrap();
    client.shutdown().await.unwrap();
    let result = Incoming::read(server, &Options::default()).await;
    assert!(matches!(result, Err(AcceptError::Rejected(_))));
    let mut response = String::new();
    client.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 400 "));
}

/// The client sees the status, the headers and the body of a refusal.
#[tokio::test]
async fn refusal_is_visible_to_the_client() {
    let (server, client) = duplex(1024);
    let server = tokio::spawn(async move {
        let incoming = Incoming::read(server, &Options::default()).await.unwrap();
        let rejection = Rejection::new(401).unwrap();
        let rejection = rejection
            .header("WWW-Authenticate", "Basic")
            .unwrap()
            .body("who?");
        incoming.reject(&rejection).await.unwrap();
    });
    let error = Connect::new("ws://example.com/")
        .unwrap()
        .over(client)
        .await
        .unwrap_err();
    let ConnectError::Response {
        error: ResponseError::Status(response),
        body,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((response.status(), &body[..]), (401, &b"who?"[..]));
    assert_eq!(
        response.headers().first("www-authenticate"),
        Some(&b"Basic"[..])
    );
    server.await.unwrap();
}

/// A slow client and a slow server are left at the deadline (slowloris).
#[tokio::test(start_paused = true)]
async fn deadlines() {
    let options = Options::default().handshake_timeout(Duration::from_secs(5));
    let (server, mut client) = duplex(1024);
    let slow = tokio::spawn(async move {
        for byte in REQUEST.bytes().cycle() {
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let started = tokio::time::Instant::now();
    let result = Incoming::read(server, &options).await;
    assert!(matches!(result, Err(AcceptError::Timeout)));
    assert_eq!(started.elapsed().as_secs(), 5);
    slow.await.unwrap();

    let (_server, client) = duplex(1024);
    let result = Connect::new("ws://example.com/")
        .unwrap()
        .options(options)
        .over(client)
        .await;
    assert!(matches!(result, Err(ConnectError::Timeout)));
}

/// The limits of the options reach the handshake and the connection.
#[tokio::test]
async fn options() {
    let limits = HeadLimits {
        bytes: 100,
        headers: 100,
    };
    let options = Options::default().head_limits(limits);
    let (server, mut client) = duplex(1024);
    client.write_all(REQUEST.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let Err(AcceptError::Rejected(rejection)) = Incoming::read(server, &options).await else {
        panic!("accepted");
    };
    assert_eq!(rejection.status(), 431);
}

#[test]
fn bad_urls() {
    for url in [
        "http://example.com",
        "ws://a@example.com",
        "ws://example.com/#a",
    ] {
        assert!(
            matches!(Connect::new(url), Err(ConnectError::Url(_))),
            "{url}"
        );
        assert!(connect(url).now_or_never().is_some());
    }
}

#[tokio::test]
async fn an_idle_connection_keeps_nothing_of_its_handshake() {
    let (stream, _peer) = duplex(64);
    let mut read = BytesMut::from("the request");
    let request = read.split().freeze();
    let socket = WebSocket::server(stream, read, songi_tokio::Config::default());
    assert!(request.is_unique(), "the empty rest shares the buffer");
    drop(socket);

    let (stream, _peer) = duplex(64);
    let (policy, options) = (Policy::default(), Options::default());
    let handshake = accept(stream, &policy, &options);
    // It lies in the task that the connection goes on in.
    assert!(size_of_val(&handshake) <= 128);
}
