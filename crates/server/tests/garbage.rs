//! What no client sends: the right status or close code, and no harm to anybody else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use songi_server::{Config, Server, Socket};
use songi_tokio::{Event, Message, WebSocket, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

const UPGRADE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: localhost\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A server, and a client of it that must notice nothing.
struct Witnessed {
    address: String,
    witness: WebSocket<songi_tokio::Stream>,
    said: u32,
}

impl Witnessed {
    async fn start() -> Self {
        let io = Server::with_config(Config {
            max_http_buffer_size: 10_000,
            ..Config::default()
        });
        io.on("say", |socket: Socket, n: u32| socket.emit("said", n));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { io.serve(listener).await });

        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (mut witness, _) = connect(&url).await.unwrap();
        assert!(text(&mut witness).await.starts_with('0'));
        witness.send(Message::text("40")).unwrap();
        assert!(text(&mut witness).await.starts_with("40{"));
        Self {
            address,
            witness,
            said: 0,
        }
    }

    /// The witness is still served.
    async fn check(&mut self) {
        self.said += 1;
        let said = self.said;
        self.witness
            .send(Message::text(format!(r#"42["say",{said}]"#)))
            .unwrap();
        assert_eq!(
            text(&mut self.witness).await,
            format!(r#"42["said",{said}]"#)
        );
    }

    async fn open(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// What the server answers to these bytes until it closes the connection.
    async fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.open().await;
        // The server may have seen enough before everything is written.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        read_to_end(&mut stream).await
    }

    async fn status(&self, request: &str) -> String {
        let answer = String::from_utf8(self.answer(request.as_bytes()).await).unwrap();
        answer
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("{answer:?}"))
            .to_owned()
    }

    /// Opens a WebSocket, sends these bytes, and gives the code of the server's Close frame.
    async fn close_code(&self, frames: &[u8]) -> u16 {
        let mut stream = self.open().await;
        stream.write_all(UPGRADE.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = timeout(PATIENCE, stream.read_buf(&mut answer))
                .await
                .unwrap()
                .unwrap();
            assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 101 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        stream.write_all(frames).await.unwrap();
        let head = answer
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .unwrap()
            + 4;
        let mut frames = answer.split_off(head);
        loop {
            if let Some(code) = find_close(&frames) {
                return code;
            }
            let read = timeout(PATIENCE, stream.read_buf(&mut frames))
                .await
                .expect("silence");
            // A reset or an end without a Close frame.
            if !matches!(read, Ok(1..)) {
                return 1006;
            }
        }
    }
}

/// The code of the Close frame among these frames of a server; 1005 when it has none.
fn find_close(mut frames: &[u8]) -> Option<u16> {
    while let [first, length, rest @ ..] = frames {
        let (length, rest) = match (length, rest) {
            (126, [high, low, rest @ ..]) => (u16::from_be_bytes([*high, *low]), rest),
            (126.., _) => return None,
            (length, rest) => (u16::from(*length), rest),
        };
        let (payload, rest) = rest.split_at_checked(length.into())?;
        match (first, payload) {
            (0x88, [high, low, ..]) => return Some(u16::from_be_bytes([*high, *low])),
            (0x88, _) => return Some(1005),
            _ => frames = rest,
        }
    }
    None
}

async fn text<IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    socket: &mut WebSocket<IO>,
) -> String {
    let event = timeout(PATIENCE, socket.recv())
        .await
        .expect("silence")
        .expect("the end")
        .unwrap();
    match event {
        Event::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Reads until the end or a reset.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("never closed");
    answer
}

/// A masked frame of a client, with an all-zero key.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A small generator of bytes, the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| byte()).collect()
}

#[tokio::test]
async fn random_bytes_on_the_port() {
    let mut server = Witnessed::start().await;
    for seed in 0..100 {
        let answer = server.answer(&noise(seed, 1 + seed as usize * 37)).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
            "{seed}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    server.check().await;
}

#[tokio::test]
async fn a_handshake_that_breaks_off() {
    let mut server = Witnessed::start().await;
    for length in (0..UPGRADE.len()).step_by(7) {
        server.answer(&UPGRADE.as_bytes()[..length]).await;
    }
    // And ones that break off without an end, while the witness is served.
    let mut open = Vec::new();
    for length in (0..UPGRADE.len()).step_by(7) {
        let mut stream = server.open().await;
        stream
            .write_all(&UPGRADE.as_bytes()[..length])
            .await
            .unwrap();
        open.push(stream);
    }
    server.check().await;
}

#[tokio::test]
async fn a_handshake_that_is_wrong() {
    let mut server = Witnessed::start().await;
    assert_eq!(
        server
            .status(&UPGRADE.replace("Version: 13", "Version: 12"))
            .await,
        "426"
    );
    assert_eq!(
        server
            .status(&UPGRADE.replace("Key: dGhl", "Key: dG"))
            .await,
        "400"
    );
    assert_eq!(
        server
            .status(&UPGRADE.replace("Upgrade: websocket", "Upgrade: h2c"))
            .await,
        "426"
    );
    assert_eq!(
        server.status(&UPGRADE.replace("EIO=4", "EIO=9")).await,
        "400"
    );
    assert_eq!(
        server
            .status(&UPGRADE.replace("transport=websocket", "transport=x"))
            .await,
        "400"
    );
    let many: String = (0..10_000).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!(
        server
            .status(&UPGRADE.replace("Host:", &format!("{many}Host:")))
            .await,
        "431"
    );
    server.check().await;
}

#[tokio::test]
async fn a_head_that_is_wrong() {
    let mut server = Witnessed::start().await;
    let open = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nConnection: close\r\n";
    for (headers, status) in [
        (String::new(), "400"),
        ("Host: x\r\n".to_owned(), "200"),
        (
            format!("Host: x\r\nX-Y: {}\r\n", "y".repeat(16 * 1024)),
            "431",
        ),
        (
            format!("Host: x\r\nX-Y: {}\r\n", "y".repeat(15 * 1024)),
            "200",
        ),
    ] {
        assert_eq!(server.status(&format!("{open}{headers}\r\n")).await, status);
    }
    let old = "GET /socket.io/?EIO=4&transport=polling HTTP/1.0\r\n\r\n";
    assert_eq!(server.status(old).await, "200");
    server.check().await;
}

#[tokio::test]
async fn a_body_over_the_limit() {
    let mut server = Witnessed::start().await;
    let open =
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = String::from_utf8(server.answer(open.as_bytes()).await).unwrap();
    let sid = answer
        .split("\"sid\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    );

    let declared = format!("{head}Content-Length: 1000000000\r\n\r\n");
    assert_eq!(server.status(&declared).await, "413");
    let chunk = format!("1000\r\n{}\r\n", "4".repeat(0x1000)).repeat(3);
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n");
    assert_eq!(server.status(&chunked).await, "413");
    let fitting = format!("{head}Content-Length: 2\r\n\r\n40");
    assert_eq!(server.status(&fitting).await, "200");
    server.check().await;
}

#[tokio::test]
async fn frames_that_break_the_protocol() {
    let mut server = Witnessed::start().await;
    for (what, frames, code) in [
        ("no mask", b"\x81\x0240".to_vec(), 1002),
        ("a reserved bit", frame(0xc1, b"40"), 1002),
        ("a reserved opcode", frame(0x83, b"40"), 1002),
        ("a continuation of nothing", frame(0x80, b"40"), 1002),
        ("a fragmented ping", frame(0x09, b""), 1002),
        ("a long ping", frame(0x89, &[0; 126]), 1002),
        ("text that is no UTF-8", frame(0x81, b"4\xff\xff"), 1007),
        (
            "a message over the limit",
            frame(0x81, &[b'4'; 10_001]),
            1009,
        ),
        (
            "a length of 2^63",
            [&[0x81, 0xff, 0x80][..], &[0; 11]].concat(),
            1002,
        ),
    ] {
        assert_eq!(server.close_code(&frames).await, code, "{what}");
        server.check().await;
    }
}

#[tokio::test]
async fn packets_that_break_the_protocol() {
    let mut server = Witnessed::start().await;
    for packet in [
        "",
        "9",
        "2",
        "4",
        "49",
        "42[\"x\"]",
        "450-[\"x\"]",
        "40{",
        "44{}",
    ] {
        // The WebSocket is closed in good order: the frames were right.
        assert_eq!(
            server.close_code(&frame(0x81, packet.as_bytes())).await,
            1005,
            "{packet:?}"
        );
        server.check().await;
    }
}

#[tokio::test]
async fn noise_behind_a_good_handshake() {
    let mut server = Witnessed::start().await;
    for seed in 0..50 {
        let code = server.close_code(&noise(seed, 2000)).await;
        assert!(matches!(code, 1002 | 1005 | 1007 | 1009), "{seed}: {code}");
    }
    server.check().await;
}
