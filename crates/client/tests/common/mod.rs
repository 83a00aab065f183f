//! A server that a test plays by hand, packet by packet.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and takes what it needs"
)]

use std::time::Duration;

use bytes::Bytes;
use songi_client::{Client, Socket, Transport};
use songi_tokio::handshake::{Origin, Policy, Request};
use songi_tokio::{Event, Message, Options, WebSocket, accept};
use tokio::net::{TcpListener, TcpStream};

/// Far longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A client that is done when its connection is: by WebSocket, and once.
pub fn client(url: impl AsRef<str>) -> Client {
    Client::new(url)
        .transports([Transport::WebSocket])
        .reconnection(false)
}

pub struct Server {
    listener: TcpListener,
    pub url: String,
}

/// One client, as its server sees it.
pub struct Peer {
    pub websocket: WebSocket<TcpStream>,
    pub request: Request,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    pub async fn stream(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Takes a client, and opens nothing yet.
    pub async fn websocket(&self) -> Peer {
        let policy = Policy::default().origin(Origin::Any);
        let options =
            Options::default().config(songi_tokio::Config::default().message_limit(64 << 20));
        let (websocket, request) = accept(self.stream().await, &policy, &options)
            .await
            .unwrap();
        Peer { websocket, request }
    }

    /// Takes a client and opens its session.
    pub async fn open(&self) -> Peer {
        let mut peer = self.websocket().await;
        peer.send(r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#)
            .await;
        peer
    }

    /// Takes a client and lets it into the namespace `/`.
    pub async fn join(&self) -> Peer {
        let mut peer = self.open().await;
        peer.expect("40").await;
        peer.send(r#"40{"sid":"id"}"#).await;
        peer
    }

    /// A client that has joined, and its peer.
    pub async fn joined(&self, client: Client) -> (Socket, Peer) {
        let (socket, peer) = tokio::join!(client.connect(), self.join());
        (socket.unwrap(), peer)
    }
}

impl Peer {
    pub async fn send(&mut self, text: impl Into<String>) {
        self.websocket.send(Message::text(text.into())).unwrap();
        self.websocket.flush().await.unwrap();
    }

    pub async fn send_binary(&mut self, data: &'static [u8]) {
        self.websocket
            .send(Message::binary(Bytes::from_static(data)))
            .unwrap();
        self.websocket.flush().await.unwrap();
    }

    /// What comes next; `None` when the client closes the WebSocket or goes.
    pub async fn receive(&mut self) -> Option<String> {
        let event = tokio::time::timeout(PATIENCE, self.websocket.recv())
            .await
            .unwrap();
        match event?.ok()? {
            Event::Text(text) => Some(text.to_string()),
            Event::Binary(data) => Some(format!("{data:?}")),
            Event::Close(_) => None,
            other => panic!("{other:?}"),
        }
    }

    pub async fn expect(&mut self, text: &str) {
        assert_eq!(self.receive().await.as_deref(), Some(text));
    }

    pub async fn expect_end(&mut self) {
        assert_eq!(self.receive().await, None);
    }
}
