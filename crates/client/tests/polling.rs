//! Servers that answer long-polling in all the wrong ways.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use common::PATIENCE;
use songi_client::{
    Client, Config, ConnectError, DisconnectReason, EngineEvent, Message, Socket, Transport,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

const OPEN: &str =
    r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;

/// Events that may wait for their handlers.
const MAX_PENDING: usize = 5;

struct Server {
    listener: TcpListener,
    url: String,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    async fn stream(&self) -> TcpStream {
        timeout(PATIENCE, self.listener.accept())
            .await
            .unwrap()
            .unwrap()
            .0
    }

    fn client(&self) -> Client {
        Client::new(&self.url).config(Config {
            transports: vec![Transport::Polling],
            reconnection: false,
            connect_timeout: PATIENCE,
            max_message_size: 10_000,
            max_pending_events: MAX_PENDING,
            ..Config::default()
        })
    }
}

/// Reads a request; gives its line and its body.
async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let line = head.lines().next().unwrap().to_owned();
    (line, String::from_utf8(body).unwrap())
}

async fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let response = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(response.as_bytes()).await.unwrap();
}

/// A client that has joined, with the streams of its GETs, of which one waits, and of its POSTs.
async fn joined(server: &Server) -> (Socket, TcpStream, TcpStream) {
    let serving = async {
        let mut gets = server.stream().await;
        let (line, _) = request(&mut gets).await;
        assert!(
            line.starts_with("get /socket.io/?eio=4&transport=polling&t="),
            "{line}"
        );
        answer(&mut gets, 200, OPEN).await;
        let mut posts = server.stream().await;
        // Whichever of the two comes first.
        let mut first = [0; 4];
        posts.peek(&mut first).await.unwrap();
        let (line, body) = request(&mut posts).await;
        assert!(
            line.starts_with("post /socket.io/?eio=4&transport=polling&sid=a&t="),
            "{line}"
        );
        assert_eq!(body, "40");
        answer(&mut posts, 200, "ok").await;
        let (line, _) = request(&mut gets).await;
        assert!(line.starts_with("get "), "{line}");
        answer(&mut gets, 200, r#"40{"sid":"me"}"#).await;
        request(&mut gets).await;
        (gets, posts)
    };
    let (socket, (gets, posts)) = tokio::join!(server.client().connect(), serving);
    (socket.unwrap(), gets, posts)
}

#[tokio::test]
async fn what_waits_for_the_next_request_is_waited_for() {
    let server = Server::start().await;
    let (socket, _gets, mut posts) = joined(&server).await;
    socket.emit("a", ()).unwrap();
    let (_, body) = request(&mut posts).await;
    assert_eq!(body, r#"42["a"]"#);
    socket.emit("b", ()).unwrap();
    let mut drained = pin!(socket.drained());
    for _ in 0..10 {
        let pending = poll_fn(|cx| Poll::Ready(drained.as_mut().poll(cx).is_pending()));
        assert!(pending.await);
        tokio::task::yield_now().await;
    }
    answer(&mut posts, 200, "ok").await;
    timeout(PATIENCE, drained).await.unwrap().unwrap();
    let (_, body) = request(&mut posts).await;
    assert_eq!(body, r#"42["b"]"#);
}

#[tokio::test]
async fn what_is_no_session_is_refused() {
    for (status, body) in [
        (200, ""),
        (200, "hello"),
        (200, "40"),
        (200, "0{}"),
        (204, ""),
        (403, "forbidden"),
        (500, OPEN),
    ] {
        let server = Server::start().await;
        let serving = async {
            let mut stream = server.stream().await;
            request(&mut stream).await;
            answer(&mut stream, status, body).await;
            stream
        };
        let (result, _stream) = tokio::join!(server.client().connect(), serving);
        match result.unwrap_err() {
            ConnectError::Status {
                status: told,
                body: why,
            } => {
                assert_eq!((told, why.as_str()), (status, body));
            }
            ConnectError::Open(_) => assert_eq!(status, 200),
            other => panic!("{status} {body}: {other}"),
        }
    }
}

#[tokio::test]
async fn what_breaks_a_session_ends_it() {
    for (status, body, reason) in [
        (200, "7".to_owned(), DisconnectReason::ParseError),
        (200, "42[\u{1e}".to_owned(), DisconnectReason::ParseError),
        (200, "1".to_owned(), DisconnectReason::TransportClose),
        (400, "no".to_owned(), DisconnectReason::TransportError),
        (200, "4".repeat(20_000), DisconnectReason::TransportError),
    ] {
        let server = Server::start().await;
        let (socket, mut gets, mut posts) = joined(&server).await;
        answer(&mut gets, status, &body).await;
        // The session may still say that it ends.
        let ending = async {
            let mut rest = Vec::new();
            let _ = timeout(Duration::from_millis(100), posts.read_to_end(&mut rest)).await;
            drop((gets, posts));
        };
        let (closed, ()) = tokio::join!(timeout(PATIENCE, socket.closed()), ending);
        assert_eq!(closed.unwrap(), reason, "{status}");
    }
}

#[tokio::test]
async fn a_response_may_have_more_events_than_may_wait() {
    const EVENTS: usize = 200;
    let server = Server::start().await;
    let (socket, mut gets, mut posts) = joined(&server).await;
    let gate = Arc::new(Semaphore::new(0));
    let (sender, mut handled) = mpsc::unbounded_channel();
    let opened = gate.clone();
    socket.on("wait", move |n: usize| {
        let (gate, sender) = (gate.clone(), sender.clone());
        async move {
            gate.acquire().await.unwrap().forget();
            sender.send(n).unwrap();
        }
    });
    let events: Vec<_> = (0..EVENTS).map(|n| format!(r#"42["wait",{n}]"#)).collect();
    answer(&mut gets, 200, &events.join("\u{1e}")).await;
    // Nothing more is asked for before there is room.
    let next = tokio::spawn(async move { request(&mut gets).await });
    for n in 0..EVENTS - MAX_PENDING {
        assert!(!next.is_finished(), "{n}");
        opened.add_permits(1);
        assert_eq!(handled.recv().await, Some(n));
        if n == 0 {
            // What is emitted is sent all the same.
            socket.emit("x", ()).unwrap();
            assert_eq!(request(&mut posts).await.1, r#"42["x"]"#);
            answer(&mut posts, 200, "ok").await;
        }
    }
    opened.add_permits(EVENTS);
    for n in EVENTS - MAX_PENDING..EVENTS {
        assert_eq!(handled.recv().await, Some(n));
    }
    assert!(next.await.unwrap().0.starts_with("get "));
}

#[tokio::test]
async fn a_session_without_namespaces_hears_all_of_a_response() {
    let server = Server::start().await;
    let serving = async {
        let mut gets = server.stream().await;
        request(&mut gets).await;
        let messages: Vec<_> = (0..100).map(|n| format!("4{n}")).collect();
        let body = format!("{OPEN}\u{1e}{}\u{1e}1", messages.join("\u{1e}"));
        answer(&mut gets, 200, &body).await;
        gets
    };
    let (session, _gets) = tokio::join!(server.client().connect_engine(), serving);
    let mut session = session.unwrap();
    for n in 0..100 {
        let message = EngineEvent::Message(Message::text(n.to_string()));
        assert_eq!(session.recv().await, Some(message));
    }
    let closed = EngineEvent::Closed(DisconnectReason::TransportClose);
    assert_eq!(session.recv().await, Some(closed));
    assert_eq!(session.recv().await, None);
}

#[tokio::test]
async fn a_connection_that_was_idle_may_have_been_closed() {
    let server = Server::start().await;
    let (socket, _gets, posts) = joined(&server).await;
    drop(posts);
    // A client that writes at the same moment could not know.
    tokio::time::sleep(Duration::from_millis(200)).await;
    socket.emit("x", ()).unwrap();
    let mut posts = server.stream().await;
    let (_, body) = request(&mut posts).await;
    assert_eq!(body, r#"42["x"]"#);
    answer(&mut posts, 200, "ok").await;
    // What the server does not take is refused here.
    let error = socket.emit("x", "y".repeat(2000)).unwrap_err();
    assert!(
        matches!(error, songi_client::EmitError::Unsendable),
        "{error}"
    );
    // One request for all that waits.
    for n in 0..3 {
        socket.emit("n", n).unwrap();
    }
    let (_, body) = request(&mut posts).await;
    assert_eq!(body, "42[\"n\",0]\u{1e}42[\"n\",1]\u{1e}42[\"n\",2]");
}
