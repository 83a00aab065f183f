//! Advisories of other servers, at the level of this one. Those that concern what is received alone
//! are in the tests of the protocol crates under the same names.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;
mod talk;

use std::collections::HashSet;
use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::{Polling, header, request, send};
use http::{Method, Request, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use songi_server::{AckError, Config, DeflateConfig, EmitError, Origins, Server, Socket};
use talk::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tower_service::Service as _;

const PATIENCE: Duration = Duration::from_secs(20);
const OPEN: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

async fn listen(io: &Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let io = io.clone();
    tokio::spawn(async move { io.serve(listener).await });
    address
}

/// The head of a request that opens a WebSocket.
fn upgrade(target: &str, headers: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
    .into_bytes()
}

/// A masked frame, with a key of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0xff];
    frame.extend((payload.len() as u64).to_be_bytes());
    if let Ok(length @ ..126) = u8::try_from(payload.len()) {
        frame = vec![first, 0x80 | length];
    } else if let Ok(length) = u16::try_from(payload.len()) {
        frame = vec![first, 0xfe];
        frame.extend(length.to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Sends bytes, and gives what comes until the server closes the connection.
async fn answer(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have seen enough before all is written, and a reset is an end, too.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("never closed");
    answer
}

/// The server still serves.
async fn check(address: &str) {
    let open = format!("GET {OPEN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let opened = answer(address, open.as_bytes()).await;
    assert!(opened.starts_with(b"HTTP/1.1 200 "));
}

fn ends_with_close(answer: &[u8], code: u16) -> bool {
    let close = [0x88, 2, code.to_be_bytes()[0], code.to_be_bytes()[1]];
    answer.windows(4).any(|bytes| bytes == close)
}

/// Ids are drawn from the generator of the system, and none says anything of another.
#[tokio::test]
async fn cve_2017_16031_ids_cannot_be_guessed() {
    let io = Server::new();
    let mut seen = HashSet::new();
    let mut letters = vec![HashSet::new(); 20];
    for _ in 0..400 {
        let (client, socket) = Polling::connect(&io).await;
        for id in [client.sid(), &socket] {
            assert_eq!(id.len(), 20);
            for (place, letter) in letters.iter_mut().zip(id.bytes()) {
                place.insert(letter);
            }
            assert!(seen.insert(id.to_owned()));
        }
        assert_ne!(client.sid()[..4], socket[..4]);
    }
    // Of 64 letters, 800 draws leave out more than four in one of a million million runs.
    let counts: Vec<_> = letters.iter().map(HashSet::len).collect();
    assert!(counts.iter().all(|count| *count >= 60), "{counts:?}");
}

/// Socket ids are shown to other clients: they open no session.
#[tokio::test]
async fn the_id_of_a_socket_is_no_key_to_its_session() {
    let io = Server::new();
    let (client, socket) = Polling::connect(&io).await;
    for method in [Method::GET, Method::POST] {
        let stolen = request(&io, method, &format!("{OPEN}&sid={socket}"), "1").await;
        assert_eq!(stolen.0, StatusCode::BAD_REQUEST);
        assert!(stolen.1.starts_with("{\"code\":1,"), "{}", stolen.1);
    }
    client.post("3").await;
}

#[tokio::test]
async fn cve_2020_28481_no_page_of_another_origin_reads_answers() {
    let io = Server::new();
    let request = Request::get(OPEN).header("origin", "https://evil.example");
    let answer = send(&io, request).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
    assert_eq!(header(&answer, "access-control-allow-credentials"), "");
}

/// Cross-site WebSocket hijacking: browsers let any page open one, so the server has to look.
#[tokio::test]
async fn cwe_1385_no_page_of_another_origin_opens_a_websocket() {
    let io = Server::with_config(Config {
        origins: Origins::list(["https://example.com"]),
        ..Config::default()
    });
    let address = listen(&io).await;
    let evil = upgrade(WEBSOCKET, "Origin: https://evil.example\r\n");
    assert!(answer(&address, &evil).await.starts_with(b"HTTP/1.1 403 "));
    assert_eq!(io.connections(), 0);
}

/// A body that counts how much of it is read.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const CHUNK: &[u8] = &[b'4'; 1000];
        self.0.fetch_add(CHUNK.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(CHUNK)))))
    }
}

#[tokio::test]
async fn cve_2020_36048_a_body_is_read_to_the_limit_and_not_beyond() {
    let io = Server::new();
    let client = Polling::open(&io).await;
    let read = Arc::new(AtomicUsize::new(0));
    let request = Request::post(format!("{OPEN}&sid={}", client.sid()));
    let request = request.body(Endless(read.clone())).unwrap();
    let answer = timeout(PATIENCE, io.service().call(request)).await.unwrap();
    assert_eq!(answer.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(read.load(Ordering::Relaxed) <= 1_001_000);
}

/// Slowloris: a body that never comes does not outlive its session.
#[tokio::test]
async fn a_body_that_never_comes_is_given_up_with_its_session() {
    let io = Server::with_config(Config {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(50),
        ..Config::default()
    });
    let address = listen(&io).await;
    let client = Polling::open(&io).await;
    let head = format!(
        "POST {OPEN}&sid={} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4",
        client.sid()
    );
    // The connection ends, though the client keeps its half open.
    let answer = String::from_utf8(answer(&address, head.as_bytes()).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    assert_eq!(io.connections(), 0);
}

/// What follows the handshake in the same segment is read as frames, and wrong ones close.
#[tokio::test]
async fn cve_2022_21676_garbage_right_behind_the_handshake() {
    let io = Server::new();
    let address = listen(&io).await;
    for (garbage, code) in [
        (frame(0xc1, b"40"), 1002),     // RSV1 without compression
        (frame(0x83, b"40"), 1002),     // a reserved opcode
        (b"\x81\x0240".to_vec(), 1002), // not masked
        (frame(0x81, b"\xff"), 1007),   // no UTF-8
    ] {
        let bytes = [upgrade(WEBSOCKET, ""), garbage].concat();
        let answer = answer(&address, &bytes).await;
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        assert!(ends_with_close(&answer, code), "{answer:?}");
    }
    check(&address).await;
}

#[tokio::test]
async fn cve_2022_41940_and_cve_2023_31125_odd_upgrades() {
    let io = Server::new();
    let address = listen(&io).await;
    for query in [
        "",
        "EIO=4",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=constructor",
        "EIO=4&transport=polling",
        "EIO=4&transport=websocket&sid=",
        "EIO=4&transport=websocket&sid=__proto__",
        "EIO=4&transport=websocket&sid=hasOwnProperty",
        "EIO=4&transport=webtransport&sid=x",
        "EIO=3&transport=websocket",
        "EIO=4&transport=websocket&transport=websocket",
    ] {
        let head = upgrade(&format!("/socket.io/?{query}"), "Content-Length: 0\r\n");
        // An empty sid is none: this opens a session, if the connection is let go on.
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(&head).await.unwrap();
        let mut status = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut status))
            .await
            .unwrap()
            .unwrap();
        let expected = if query.ends_with("sid=") {
            "101"
        } else {
            "400"
        };
        assert_eq!(&status[9..], expected.as_bytes(), "{query}");
    }
    check(&address).await;
}

#[tokio::test]
async fn cve_2024_38355_an_event_named_error_is_any_event() {
    let io = Server::new();
    let mut client = Client::new(&io).await;
    client.send(r#"["error",{"toString":null}]"#).await;
    io.on("error", |text: String| text);
    client.send(r#"1["error","mine"]"#).await;
    assert_eq!(client.next().await, r#"1["mine"]"#);
}

#[tokio::test]
async fn cve_2024_37890_many_headers() {
    let address = listen(&Server::new()).await;
    let many: String = (0..2_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer = answer(&address, &upgrade(WEBSOCKET, &many)).await;
    assert!(answer.starts_with(b"HTTP/1.1 431 "));
    check(&address).await;
}

#[tokio::test]
async fn cve_2026_48779_tiny_fragments() {
    let io = Server::new();
    let address = listen(&io).await;
    for payload in ["", "a"] {
        let mut bytes = upgrade(WEBSOCKET, "");
        bytes.extend(frame(0x01, b"4"));
        for _ in 0..20_000 {
            bytes.extend(frame(0x00, payload.as_bytes()));
        }
        let answer = answer(&address, &bytes).await;
        assert!(ends_with_close(&answer, 1008));
    }
    check(&address).await;
}

/// CVE-2026-1526 (undici), CVE-2018-1000518 (py-ws): the limit is on what a message inflates to.
#[tokio::test]
async fn cve_2026_1526_a_compressed_message_that_inflates_beyond_the_limit() {
    let io = Server::with_config(Config {
        per_message_deflate: Some(DeflateConfig::default()),
        ..Config::default()
    });
    let address = listen(&io).await;
    let level = flate2::Compression::best();
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(&vec![b'4'; 5_000_000]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 10_000);
    let mut bytes = upgrade(
        WEBSOCKET,
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    );
    bytes.extend(frame(0xc1, &bomb));
    assert!(ends_with_close(&answer(&address, &bytes).await, 1009));
    check(&address).await;
}

#[tokio::test]
async fn cve_2026_59725_octets_are_refused_at_once() {
    let io = Server::new();
    let client = Polling::open(&io).await;
    let target = format!("{OPEN}&sid={}", client.sid());
    let read = Arc::new(AtomicUsize::new(0));
    let request = Request::post(target).header("content-type", "application/octet-stream");
    let request = request.body(Endless(read.clone())).unwrap();
    let answer = timeout(PATIENCE, io.service().call(request)).await.unwrap();
    assert_eq!(answer.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(read.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn ghsa_gr94_w7qr_f4j3_webtransport_is_no_transport_of_http() {
    let io = Server::new();
    for sid in ["__proto__", "constructor", "x", ""] {
        let target = format!("/socket.io/?EIO=4&transport=webtransport&sid={sid}");
        for method in [Method::GET, Method::POST, Method::CONNECT] {
            let (status, body) = request(&io, method, &target, "").await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{sid}");
            assert_eq!(body, r#"{"code":0,"message":"Transport unknown"}"#);
        }
    }
    assert_eq!(io.connections(), 0);
}

/// The number of tasks does not grow with what a client sends.
#[tokio::test]
async fn cve_2026_48802_a_client_makes_no_tasks_without_end() {
    let io = Server::new();
    io.on("wait", async || std::future::pending::<()>().await);
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let (client, _) = Polling::connect(&io).await;
    let before = alive();
    for _ in 0..100 {
        client.post([r#"42["wait"]"#; 8].join("\x1e")).await;
    }
    assert!(alive() <= before + 1, "{before} {}", alive());
}

/// GHSA-55mf-67qm-4wpg (socketioxide), CVE-2026-48804 (python-socketio): nothing is collected for
/// who has joined nothing.
#[tokio::test]
async fn ghsa_55mf_67qm_4wpg_attachments_before_joining() {
    let io = Server::new();
    for body in [
        "451-[\"x\"]\x1ebAQID",
        "bAQID",
        "450-[]\x1ebAQID",
        "4510-[]\x1ebAQ==",
    ] {
        let client = Polling::open(&io).await;
        client.request(Method::POST, body).await;
        // Those that are still waited for are the parser's matter, which bounds them.
        client.request(Method::POST, "42[\"x\"]").await;
        assert_eq!(client.request(Method::GET, "").await.0, 400, "{body}");
    }
    assert_eq!(io.connections(), 0);
}

/// socketioxide #731: an upgrade that was begun and never finished.
#[tokio::test]
async fn sox_731_an_upgrade_that_stops_halfway_is_freed() {
    let io = Server::with_config(Config {
        upgrade_timeout: Duration::from_millis(500),
        ..Config::default()
    });
    let address = listen(&io).await;
    let client = Polling::open(&io).await;
    let target = format!("{WEBSOCKET}&sid={}", client.sid());
    let half = [upgrade(&target, ""), frame(0x81, b"2probe")].concat();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(&half).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(&[0x88, 0]) {
        let read = timeout(PATIENCE, stream.read_buf(&mut answer)).await;
        assert_ne!(read.expect("never closed").unwrap(), 0);
    }
    assert!(answer.windows(6).any(|bytes| bytes == b"3probe"));
    client.post("3").await;
}

/// socketioxide #794: bodies that are cut off anywhere.
#[tokio::test]
async fn sox_794_truncated_bodies() {
    let io = Server::new();
    let whole = "42[\"é\u{1f600}\",1]\x1e451-[\"x\"]\x1ebAQID".as_bytes();
    for length in 0..whole.len() {
        let (client, _) = Polling::connect(&io).await;
        let (status, _) = client.request(Method::POST, whole[..length].to_vec()).await;
        assert!([200, 400].contains(&status.as_u16()), "{length}");
    }
    Client::new(&io).await;
}

#[tokio::test]
async fn jsonp_reflects_nothing_but_digits() {
    let io = Server::new();
    let script = "%3C/script%3E%3Cscript%3Ealert(1)//7";
    let (_, body) = request(&io, Method::GET, &format!("{OPEN}&j={script}"), "").await;
    assert!(body.starts_with("___eio[17](\"0{"), "{body}");
    let target = format!("{OPEN}&j={script}&sid=%3Cscript%3E");
    let (_, body) = request(&io, Method::GET, &target, "").await;
    assert!(!body.contains('<'), "{body}");
}

#[tokio::test]
async fn a_flood_of_namespaces_ends_the_connection() {
    let io = Server::new();
    for n in 0..200 {
        io.of(&format!("/{n}"));
    }
    let client = Polling::open(&io).await;
    let joins: Vec<_> = (0..200).map(|n| format!("40/{n},")).collect();
    client.request(Method::POST, joins.join("\x1e")).await;
    assert_eq!(client.request(Method::GET, "").await.0, 400);
    assert_eq!(io.connections(), 0);
}

#[tokio::test]
async fn a_client_that_answers_nothing_is_not_asked_without_end() {
    let io = Server::with_config(Config {
        max_pending_acks: 3,
        ..Config::default()
    });
    let client = Client::new(&io).await;
    let socket: Socket = io.socket(&client.id).unwrap();
    let asked: Vec<_> = (0..3).map(|n| socket.emit_with_ack::<()>("?", n)).collect();
    let refused = socket.emit_with_ack::<()>("?", 3).await;
    assert!(
        matches!(refused, Err(AckError::Emit(EmitError::TooManyAcks { .. }))),
        "{refused:?}"
    );
    drop(asked);
}

/// The body of an answer is not held back for a request whose own body does not come.
#[tokio::test]
async fn an_endless_body_of_a_get_is_not_read() {
    let io = Server::new();
    let read = Arc::new(AtomicUsize::new(0));
    let request = Request::get(OPEN).body(Endless(read.clone())).unwrap();
    let answer = timeout(PATIENCE, io.service().call(request)).await.unwrap();
    let body = answer.unwrap().into_body().collect().await.unwrap();
    assert!(body.to_bytes().starts_with(b"0{"));
    assert_eq!(read.load(Ordering::Relaxed), 0);
}
