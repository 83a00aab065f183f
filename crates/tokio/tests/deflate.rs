//! Compression, from the handshake to the end; and the heartbeat.
#![cfg(feature = "deflate")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::BytesMut;
use songi_tokio::{
    Config, Connect, Deflate, DeflateConfig, Error, Event, Message, Options, Prepared, WebSocket,
    accept, handshake::Policy,
};
use tokio::io::{DuplexStream, duplex};

async fn pair(
    server: Option<&Deflate>,
    client: Option<&Deflate>,
) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    let (a, b) = duplex(1 << 16);
    let policy = match server {
        Some(deflate) => Policy::default().deflate(deflate),
        None => Policy::default(),
    };
    let mut connect = Connect::new("ws://example.com/").unwrap();
    if let Some(deflate) = client {
        connect = connect.deflate(deflate);
    }
    let options = Options::default();
    let (server, client) = tokio::join!(accept(a, &policy, &options), connect.over(b));
    (server.unwrap().0, client.unwrap().0)
}

#[tokio::test]
async fn compresses_where_both_want_it() {
    let deflate = Deflate::default();
    let text = "song ".repeat(1000);
    for (server, client) in [
        (Some(&deflate), Some(&deflate)),
        (Some(&deflate), None),
        (None, Some(&deflate)),
    ] {
        let compressed = server.is_some() && client.is_some();
        let (mut server, mut client) = pair(server, client).await;
        for _ in 0..3 {
            server.send(Message::text(text.clone())).unwrap();
            assert_eq!(server.queued() < 200, compressed);
            server.flush().await.unwrap();
            let event = client.recv().await.unwrap().unwrap();
            assert_eq!(event, Event::Text(text.clone().into()));

            client
                .send_uncompressed(Message::text(text.clone()))
                .unwrap();
            assert!(client.queued() > text.len());
            client.flush().await.unwrap();
            let event = server.recv().await.unwrap().unwrap();
            assert_eq!(event, Event::Text(text.clone().into()));
        }
    }
}

#[tokio::test]
async fn prepared_is_compressed_once() {
    let deflate = Deflate::new(DeflateConfig::default());
    let prepared = Prepared::text("news ".repeat(1000)).compress(&deflate);
    for deflate in [Some(&deflate), None] {
        let (mut server, mut client) = pair(deflate, deflate).await;
        server.send_prepared(&prepared).unwrap();
        assert_eq!(server.queued() < 200, deflate.is_some());
        server.flush().await.unwrap();
        let event = client.recv().await.unwrap().unwrap();
        assert_eq!(event, Event::Text("news ".repeat(1000).into()));
    }
}

/// C9: a peer that answers is kept, one that does not is given up.
#[tokio::test(start_paused = true)]
async fn heartbeat() {
    let (a, b) = duplex(1000);
    let second = Duration::from_secs(1);
    let config = Config::default().heartbeat(10 * second, second);
    let mut server = WebSocket::server(a, BytesMut::new(), config);
    let mut client = WebSocket::client(b, BytesMut::new(), Config::default());
    let answering = tokio::time::timeout(35 * second, async {
        let mut pings = 0;
        loop {
            tokio::select! {
                pong = server.recv() => assert!(matches!(pong, Some(Ok(Event::Pong(_))))),
                ping = client.recv() => {
                    assert!(matches!(ping, Some(Ok(Event::Ping(_)))));
                    pings += 1;
                    if pings == 3 {
                        client.flush().await.unwrap();
                    }
                }
            }
        }
    });
    assert!(answering.await.is_err());
    assert!(server.round_trip().is_some_and(|it| it < second));
    // Nobody reads at the other end any more.
    let error = server.recv().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::HeartbeatTimeout), "{error}");
    assert!(server.recv().await.is_none());
    drop(client);
}
