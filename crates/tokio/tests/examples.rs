//! The examples do what they say.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use songi_tokio::{
    CloseCode, CloseFrame, Connect, Event, Message, Options, Stream, WebSocket, accept, connect,
    handshake::Policy,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

#[allow(dead_code, reason = "its `main` is for the command line")]
#[path = "../examples/broadcast.rs"]
mod broadcast;
#[allow(dead_code, reason = "its `main` is for the command line")]
#[path = "../examples/proxy.rs"]
mod proxy;
#[cfg(feature = "tls")]
#[allow(dead_code, reason = "its `main` is for the command line")]
#[path = "../examples/tls.rs"]
mod tls;

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn next<IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    socket: &mut WebSocket<IO>,
) -> Event {
    socket.recv().await.unwrap().unwrap()
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned().into())
}

/// The one in the middle closes, the others stay.
#[tokio::test]
async fn broadcast_reaches_all() {
    let (listener, url) = listen().await;
    tokio::spawn(broadcast::serve(listener));
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(connect(&url).await.unwrap().0);
    }
    for said in ["hello", &"long ".repeat(1000)] {
        members[1].send(Message::text(said.to_owned())).unwrap();
        members[1].flush().await.unwrap();
        for member in &mut members {
            assert_eq!(next(member).await, text(said));
        }
    }
    members.remove(1).close(None).await.unwrap();
    members[0].send(Message::text("bye")).unwrap();
    members[0].flush().await.unwrap();
    for member in &mut members {
        assert_eq!(next(member).await, text("bye"));
    }
}

/// A member who does not read is told to go, and the others are served.
#[tokio::test]
async fn broadcast_leaves_the_slow_behind() {
    let (listener, url) = listen().await;
    tokio::spawn(broadcast::serve(listener));
    let mut slow = connect(&url).await.unwrap().0;
    let mut quick = connect(&url).await.unwrap().0;
    let said = "x".repeat(256 * 1024);
    // More than the queue, the backlog and the buffers of the system hold together.
    for _ in 0..400 {
        quick.send(Message::text(said.clone())).unwrap();
        assert_eq!(next(&mut quick).await, text(&said));
    }
    let mut read = 0;
    let closed = loop {
        match slow.recv().await {
            Some(Ok(Event::Text(_))) => read += 1,
            Some(Ok(Event::Close(frame))) => break frame,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(closed, Some(CloseFrame::new(CloseCode::POLICY, "too slow")));
    assert!(read < 400, "{read}");
}

/// The server behind a proxy, and a client before it.
async fn proxied() -> (WebSocket<TcpStream>, WebSocket<Stream>) {
    let (behind, upstream) = listen().await;
    let (listener, url) = listen().await;
    tokio::spawn(proxy::serve(listener, upstream));
    let server = async {
        let (stream, _) = behind.accept().await.unwrap();
        let (server, request) = accept(stream, &Policy::default(), &Options::default())
            .await
            .unwrap();
        assert_eq!(request.target(), "/room?a=b");
        assert_eq!(request.headers().first("cookie"), Some(&b"c=d"[..]));
        server
    };
    let client = Connect::new(&format!("{url}/room?a=b")).unwrap();
    let client = client.header("Cookie", "c=d").unwrap();
    let (server, client) = tokio::join!(server, client.open());
    (server, client.unwrap().0)
}

#[tokio::test]
async fn proxy_passes_messages_both_ways() {
    let (mut server, mut client) = proxied().await;
    client.send(Message::text("up")).unwrap();
    client.send(Message::binary(vec![7; 100_000])).unwrap();
    client.flush().await.unwrap();
    assert_eq!(next(&mut server).await, text("up"));
    assert_eq!(
        next(&mut server).await,
        Event::Binary(vec![7; 100_000].into())
    );
    server.send(Message::text("down")).unwrap();
    server.flush().await.unwrap();
    assert_eq!(next(&mut client).await, text("down"));
}

#[tokio::test]
async fn proxy_passes_closing_on() {
    let frame = CloseFrame::new(CloseCode::new(4001).unwrap(), "enough");
    let (mut server, mut client) = proxied().await;
    let (closed, seen) = tokio::join!(client.close(frame.clone()), async {
        let seen = next(&mut server).await;
        assert!(server.recv().await.is_none());
        seen
    });
    closed.unwrap();
    assert_eq!(seen, Event::Close(Some(frame.clone())));

    let (mut server, mut client) = proxied().await;
    let (closed, seen) = tokio::join!(server.close(frame.clone()), async {
        let seen = next(&mut client).await;
        assert!(client.recv().await.is_none());
        seen
    });
    closed.unwrap();
    assert_eq!(seen, Event::Close(Some(frame)));
}

/// Without a Close frame.
#[tokio::test]
async fn proxy_tells_that_a_peer_is_gone() {
    let (mut server, mut client) = proxied().await;
    client.get_mut().shutdown().await.unwrap();
    assert_eq!(
        next(&mut server).await,
        Event::Close(Some(CloseCode::AWAY.into()))
    );
}

/// A server that does not read stops the client; what was sent arrives once it reads.
#[tokio::test]
async fn proxy_keeps_back_pressure() {
    const LIMIT: usize = 1 << 30;
    let (mut server, mut client) = proxied().await;
    let payload = vec![7; 256 * 1024];
    let mut sent = 0;
    // Blocked once the proxy's queue and the buffers of the system are full: then a flush is
    // pending while the proxy is idle.
    while sent * payload.len() < LIMIT {
        client.send(Message::binary(payload.clone())).unwrap();
        sent += 1;
        let flush = tokio::time::timeout(std::time::Duration::from_secs(1), client.flush());
        if flush.await.is_err() {
            break;
        }
    }
    assert!(sent * payload.len() < LIMIT, "never blocked");
    let (flushed, ()) = tokio::join!(client.flush(), async {
        for _ in 0..sent {
            assert_eq!(
                next(&mut server).await,
                Event::Binary(payload.clone().into())
            );
        }
    });
    flushed.unwrap();
}

#[tokio::test]
async fn proxy_refuses_without_upstream() {
    let (gone, upstream) = listen().await;
    drop(gone);
    let (listener, url) = listen().await;
    tokio::spawn(proxy::serve(listener, upstream));
    let refused = connect(&url).await.unwrap_err().to_string();
    assert!(refused.contains("502"), "{refused}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_echoes_to_whoever_trusts_it() {
    let (acceptor, trust) = tls::identity().unwrap();
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let url = format!("wss://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(tls::serve(listener, acceptor));

    let (mut socket, _) = Connect::new(&url).unwrap().tls(trust).open().await.unwrap();
    for said in ["hello", &"long ".repeat(100_000)] {
        socket.send(Message::text(said.to_owned())).unwrap();
        assert_eq!(next(&mut socket).await, text(said));
    }
    socket.close(None).await.unwrap();
    assert!(connect(&url).await.is_err(), "an unknown certificate");
}
