//! How a server ends.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use common::{Polling, request};
use http::Method;
use songi_server::{Config, DisconnectReason, Server, Socket};
use songi_tokio::{Event, Message, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const OPEN: &str = "/socket.io/?EIO=4&transport=polling";

fn server(close_timeout: Duration) -> (Server, mpsc::UnboundedReceiver<DisconnectReason>) {
    let io = Server::with_config(Config {
        close_timeout,
        ..Config::default()
    });
    let (sender, left) = mpsc::unbounded_channel();
    io.on_disconnect(move |reason: DisconnectReason| sender.send(reason));
    (io, left)
}

#[tokio::test]
async fn nobody_is_let_in_and_those_who_are_in_hear_of_it() {
    let (io, mut left) = server(PATIENCE);
    let (client, _) = Polling::connect(&io).await;
    let closing = io.clone();
    let closing = tokio::spawn(async move { closing.close().await });
    let reason = timeout(PATIENCE, left.recv()).await.unwrap();
    assert_eq!(reason, Some(DisconnectReason::ServerShuttingDown));
    // It waits for the client, which has to come to hear it.
    assert!(!closing.is_finished());
    let (status, _) = request(&io, Method::GET, OPEN, "").await;
    assert_eq!(status, 503);
    assert_eq!(client.get().await, "1");
    timeout(PATIENCE, closing).await.unwrap().unwrap();
    assert_eq!(io.connections(), 0);
    let (status, _) = request(&io, Method::GET, OPEN, "").await;
    assert_eq!(status, 503);
}

#[tokio::test]
async fn what_was_sent_before_still_comes() {
    let (io, _left) = server(PATIENCE);
    let (client, id) = Polling::connect(&io).await;
    let socket: Socket = io.socket(&id).unwrap();
    socket.emit("last", "words").unwrap();
    let closing = io.clone();
    let closing = tokio::spawn(async move { closing.close().await });
    while socket.connected() {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.get().await, "42[\"last\",\"words\"]\x1e1");
    timeout(PATIENCE, closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_does_not_go_is_cut_off_at_the_deadline() {
    let (io, mut left) = server(Duration::from_millis(50));
    // It never comes again.
    let (_client, _) = Polling::connect(&io).await;
    timeout(PATIENCE, io.close()).await.unwrap();
    assert_eq!(io.connections(), 0);
    assert_eq!(
        left.recv().await,
        Some(DisconnectReason::ServerShuttingDown)
    );
    // Once more does no harm.
    timeout(PATIENCE, io.close()).await.unwrap();
}

#[tokio::test]
async fn listening_ends_and_a_websocket_is_closed() {
    let (io, mut left) = server(PATIENCE);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listening = io.clone();
    let listening = tokio::spawn(async move { listening.serve(listener).await });
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut client, _) = connect(&url).await.unwrap();
    client.send(Message::text("40")).unwrap();
    let reading = tokio::spawn(async move {
        while let Some(Ok(event)) = client.recv().await {
            if matches!(event, Event::Close(_)) {
                return true;
            }
        }
        false
    });
    while io.sockets().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    timeout(PATIENCE, io.close()).await.unwrap();
    assert!(timeout(PATIENCE, reading).await.unwrap().unwrap());
    timeout(PATIENCE, listening)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(
        left.recv().await,
        Some(DisconnectReason::ServerShuttingDown)
    );
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_web_server_that_it_is_mounted_in_goes_on() {
    let (io, _left) = server(PATIENCE);
    let app = Router::new()
        .route("/", get(async || "still here"))
        .layer(io.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    assert!(fetch(&address, OPEN).await.contains("\"sid\""));
    // The session that was opened is cut off, as nobody comes for it.
    let cut = Server::clone(&io);
    let closing = tokio::spawn(async move { cut.close().await });
    while !fetch(&address, OPEN).await.starts_with("HTTP/1.1 503") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(fetch(&address, "/").await.ends_with("still here"));
    closing.abort();
}

async fn fetch(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.unwrap().unwrap();
    answer
}
