//! Both roles against another implementation.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use futures_util::{SinkExt, StreamExt};
use songi_tokio::{
    CloseCode, CloseFrame, Config, Connect, Event, Message, Options, SendError, WebSocket, accept,
    handshake::Policy,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_tungstenite::tungstenite::{
    Message as Theirs,
    protocol::{CloseFrame as TheirFrame, frame::coding::CloseCode as TheirCode},
};

const LENGTHS: [usize; 9] = [0, 1, 125, 126, 1024, 65_535, 65_536, 300_000, 1_000_000];

async fn echo<IO: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<IO>) -> Vec<Event> {
    let mut control = Vec::new();
    while let Some(event) = socket.recv().await {
        let message = match event.unwrap() {
            Event::Text(text) => Message::Text(text),
            Event::Binary(payload) => Message::Binary(payload),
            event => {
                control.push(event);
                continue;
            }
        };
        if let Err(SendError::Full { message, .. }) = socket.send(message) {
            socket.flush().await.unwrap();
            socket.send(message).unwrap();
        }
    }
    control
}

fn options() -> Options {
    Options::default().config(Config::default().message_limit(1 << 20))
}

/// Our server, their client.
#[tokio::test]
async fn server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut socket, _) = accept(stream, &Policy::default(), &options())
            .await
            .unwrap();
        echo(&mut socket).await
    });
    let (mut client, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for len in LENGTHS {
        let sent = [
            Theirs::text("ü".repeat(len / 2)),
            Theirs::binary(vec![7; len]),
        ];
        for message in sent {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), message);
        }
    }
    client
        .send(Theirs::Ping(vec![1, 2, 3].into()))
        .await
        .unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Theirs::Pong(vec![1, 2, 3].into())
    );
    let frame = TheirFrame {
        code: TheirCode::Away,
        reason: "bye".into(),
    };
    client.close(Some(frame)).await.unwrap();
    while let Some(message) = client.next().await {
        assert!(message.unwrap().is_close());
    }
    drop(client);
    let control = server.await.unwrap();
    let close = Event::Close(Some(CloseFrame::new(CloseCode::AWAY, "bye")));
    assert_eq!(control.len(), 2);
    assert_eq!(control.last(), Some(&close));
}

/// Our client, their server.
#[tokio::test]
async fn client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(message) = socket.next().await {
            let message = message.unwrap();
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let connect = Connect::new(&url).unwrap().options(options());
    let (mut client, _) = connect.open().await.unwrap();
    for len in LENGTHS {
        let words = "ü".repeat(len / 2);
        client.send(Message::text(words.clone())).unwrap();
        assert_eq!(
            client.recv().await.unwrap().unwrap(),
            Event::Text(words.into())
        );
        client.send(Message::binary(vec![7; len])).unwrap();
        assert_eq!(
            client.recv().await.unwrap().unwrap(),
            Event::Binary(vec![7; len].into())
        );
    }
    client.close(Some(CloseCode::NORMAL.into())).await.unwrap();
    server.await.unwrap();
}
