//! The server in other web servers, as the examples have it, and over HTTP/2.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    unreachable_pub,
    reason = "a test may panic, and an example has a main function"
)]

#[path = "../examples/axum.rs"]
mod in_axum;
#[path = "../examples/hyper.rs"]
mod in_hyper;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request, StatusCode};
use songi_server::{Config, Origins, Server, Socket};
use songi_tokio::{Event, Message, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

async fn bind() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// The answer to a plain GET.
async fn get(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    answer
}

/// A client over WebSocket and one over long-polling, and the application beside them.
async fn check(address: &str, own: &str) {
    assert!(get(address, "/").await.ends_with(own));
    let opened = get(address, "/socket.io/?EIO=4&transport=polling").await;
    assert!(opened.contains("\r\n\r\n0{\"sid\":"), "{opened}");

    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut client, _) = connect(&url).await.unwrap();
    client.send(Message::text("40")).unwrap();
    client.send(Message::text(r#"421["echo","hi"]"#)).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 4 {
        let event = timeout(PATIENCE, client.recv()).await.unwrap();
        let Event::Text(text) = event.unwrap().unwrap() else {
            panic!("no text")
        };
        heard.push(text.to_string());
    }
    assert!(heard[0].starts_with("0{") && heard[1].starts_with("40{"));
    assert!(heard.contains(&r#"42["welcome","Hello!"]"#.to_owned()));
    assert!(heard.contains(&r#"431["hi"]"#.to_owned()));
}

#[tokio::test]
async fn in_axum_beside_its_routes() {
    let (listener, address) = bind().await;
    tokio::spawn(in_axum::serve(listener));
    check(&address, "Socket.IO answers below /socket.io/").await;
}

#[tokio::test]
async fn in_hyper_before_its_service() {
    let (listener, address) = bind().await;
    tokio::spawn(in_hyper::serve(listener));
    check(&address, "/ is the application's own").await;
    check_http2(&address).await;
}

#[tokio::test]
async fn by_itself_over_http2() {
    let io = Server::with_config(Config {
        origins: Origins::list(["https://example.com"]),
        ..Config::default()
    });
    io.on("echo", |text: String| text);
    io.on_connection(|socket: Socket| socket.emit("welcome", "Hello!"));
    let (listener, address) = bind().await;
    let server = io.clone();
    tokio::spawn(async move { server.serve(listener).await });
    check_http2(&address).await;

    // What is refused is refused with a status, and the connection goes on.
    let mut client = Http2::new(&address).await;
    let websocket = "/socket.io/?EIO=4&transport=websocket";
    for (protocol, target, origin, status) in [
        ("websocket", websocket, "https://evil.org", 403),
        ("websocket", "/socket.io/?EIO=4&transport=polling", "", 400),
        (
            "websocket",
            "/socket.io/?EIO=4&transport=websocket&sid=x",
            "",
            400,
        ),
        ("webtransport", websocket, "", 501),
        ("websocket", "/elsewhere", "", 404),
    ] {
        let refused = client.open(protocol, target, origin).await;
        assert_eq!(refused.unwrap_err(), status, "{protocol} {target} {origin}");
    }
    let opened = client
        .open("websocket", websocket, "https://example.com")
        .await;
    assert!(opened.is_ok());
}

/// RFC 8441: an extended CONNECT, and frames on its stream.
async fn check_http2(address: &str) {
    let mut client = Http2::new(address).await;
    let target = "/socket.io/?EIO=4&transport=websocket";
    let mut first = client.open("websocket", target, "").await.unwrap();
    let mut second = client.open("websocket", target, "").await.unwrap();
    for socket in [&mut first, &mut second] {
        assert!(socket.text().await.starts_with("0{"));
        socket.send("40");
        assert!(socket.text().await.starts_with("40{"));
        assert_eq!(socket.text().await, r#"42["welcome","Hello!"]"#);
        socket.send(r#"421["echo","hi"]"#);
        assert_eq!(socket.text().await, r#"431["hi"]"#);
    }
    // The end of one stream is the end of one session.
    drop(first);
    second.send(r#"422["echo","still here"]"#);
    assert_eq!(second.text().await, r#"432["still here"]"#);
}

struct Http2 {
    address: String,
    client: h2::client::SendRequest<Bytes>,
}

#[derive(Debug)]
struct Stream {
    sender: SendStream<Bytes>,
    receiver: RecvStream,
    input: BytesMut,
}

impl Http2 {
    async fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        // The server's settings come first.
        let mut client = client.ready().await.unwrap();
        let allowed = async {
            while !client.is_extended_connect_protocol_enabled() {
                tokio::time::sleep(Duration::from_millis(1)).await;
                client = client.clone().ready().await.unwrap();
            }
        };
        timeout(PATIENCE, allowed).await.unwrap();
        Self {
            address: address.to_owned(),
            client,
        }
    }

    async fn open(
        &mut self,
        protocol: &'static str,
        target: &str,
        origin: &str,
    ) -> Result<Stream, StatusCode> {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(format!("http://{}{target}", self.address))
            .header("sec-websocket-version", "13")
            .extension(Protocol::from_static(protocol));
        if !origin.is_empty() {
            request = request.header("origin", origin);
        }
        let request = request.body(()).unwrap();
        let (response, sender) = self.client.send_request(request, false).unwrap();
        let response = timeout(PATIENCE, response).await.unwrap().unwrap();
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        Ok(Stream {
            sender,
            receiver: response.into_body(),
            input: BytesMut::new(),
        })
    }
}

impl Stream {
    /// A short text in one frame, masked with zeros.
    fn send(&mut self, text: &str) {
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.sender.send_data(frame.into(), false).unwrap();
    }

    async fn text(&mut self) -> String {
        loop {
            let header = match self.input.get(1) {
                Some(126) => 4,
                _ => 2,
            };
            if self.input.len() >= header {
                assert_eq!(self.input[0], 0x81);
                let length = match header {
                    4 => usize::from(u16::from_be_bytes([self.input[2], self.input[3]])),
                    _ => usize::from(self.input[1]),
                };
                if self.input.len() >= header + length {
                    let frame = self.input.split_to(header + length);
                    return String::from_utf8(frame[header..].to_vec()).unwrap();
                }
            }
            let data = timeout(PATIENCE, self.receiver.data()).await.unwrap();
            let data = data.expect("the stream goes on").unwrap();
            self.input.extend_from_slice(&data);
            let _ = self.receiver.flow_control().release_capacity(data.len());
        }
    }
}
