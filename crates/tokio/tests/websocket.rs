//! The driver, over streams in memory and with a clock that is moved by hand.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use futures_util::{FutureExt, SinkExt, StreamExt, future::poll_fn};
use songi_tokio::{
    CloseCode, CloseFrame, Config, ControlPayload, Error, Event, Message, Prepared, SendError,
    Violation, WebSocket,
};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};

fn pair(size: usize) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    pair_with(size, Config::default())
}

fn pair_with(size: usize, config: Config) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    let (a, b) = duplex(size);
    (
        WebSocket::server(a, BytesMut::new(), config),
        WebSocket::client(b, BytesMut::new(), config),
    )
}

/// A server's socket, and the raw stream of its client.
fn raw_client(config: Config) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (a, b) = duplex(1 << 20);
    (WebSocket::server(a, BytesMut::new(), config), b)
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned().into())
}

async fn event<IO: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<IO>) -> Event {
    socket.recv().await.unwrap().unwrap()
}

/// Sends back what comes, until the end.
async fn echo<IO: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocket<IO>) -> Result<(), Error> {
    while let Some(event) = socket.recv().await {
        let message = match event? {
            Event::Text(text) => Message::Text(text),
            Event::Binary(payload) => Message::Binary(payload),
            _ => continue,
        };
        if let Err(SendError::Full { message, .. }) = socket.send(message) {
            socket.flush().await?;
            socket.send(message).unwrap();
        }
    }
    Ok(())
}

#[tokio::test]
async fn messages_of_all_sizes_both_ways() {
    for size in [1, 61, 64 * 1024] {
        let (server, mut client) = pair(size);
        let server = tokio::spawn(echo(server));
        for len in [0, 1, 125, 126, 300, 5000, 65_535, 65_536, 200_000] {
            if size == 1 && len > 5000 {
                continue;
            }
            let words = "a".repeat(len);
            client.send(Message::text(words.clone())).unwrap();
            client.send(Message::binary(vec![7; len])).unwrap();
            assert_eq!(event(&mut client).await, text(&words));
            assert_eq!(event(&mut client).await, Event::Binary(vec![7; len].into()));
        }
        client.close(Some(CloseCode::NORMAL.into())).await.unwrap();
        server.await.unwrap().unwrap();
    }
}

/// All that is queued leaves in one vectored write, by `recv` alone.
#[tokio::test]
async fn one_write_per_wake() {
    let (server, client) = duplex(1 << 20);
    let server = Counted::new(server);
    let mut server = WebSocket::server(server, BytesMut::new(), Config::default());
    let mut client = WebSocket::client(client, BytesMut::new(), Config::default());
    for n in 0..100 {
        client.send(Message::text(format!("{n}"))).unwrap();
    }
    client.flush().await.unwrap();
    for n in 0..100 {
        assert_eq!(event(&mut server).await, text(&format!("{n}")));
        server.send(Message::text("x".repeat(n * 50))).unwrap();
    }
    assert_eq!(server.get_ref().writes, 0);
    assert!(server.recv().now_or_never().is_none());
    // The large payloads are slices of their own, 64 of which go into one write.
    assert!(server.get_ref().writes <= 4, "{}", server.get_ref().writes);
    assert_eq!(server.queued(), 0);
    for n in 0..100 {
        assert_eq!(event(&mut client).await, text(&"x".repeat(n * 50)));
    }
}

/// `recv` writes the pong that a ping asks for.
#[tokio::test]
async fn recv_answers_pings() {
    let (mut server, mut client) = pair(1024);
    let ping = ControlPayload::new(&b"17"[..]).unwrap();
    client.send(Message::Ping(ping.clone())).unwrap();
    client.flush().await.unwrap();
    assert_eq!(event(&mut server).await, Event::Ping(ping.clone()));
    assert!(server.recv().now_or_never().is_none());
    assert_eq!(event(&mut client).await, Event::Pong(ping));
}

/// What came in the same read as the handshake is received.
#[tokio::test]
async fn leftover() {
    let (io, _peer) = duplex(64);
    let leftover = BytesMut::from(&b"\x81\x02hi\x81"[..]);
    let mut client = WebSocket::client(io, leftover, Config::default());
    assert_eq!(event(&mut client).await, text("hi"));
}

/// The last messages arrive, though the sender closes right behind them.
#[tokio::test]
async fn messages_before_the_close_frame_arrive() {
    let (mut server, mut client) = pair(100);
    for n in 0..50 {
        client.send(Message::text(format!("message {n}"))).unwrap();
    }
    let closing = tokio::spawn(async move { client.close(Some(CloseCode::AWAY.into())).await });
    for n in 0..50 {
        assert_eq!(event(&mut server).await, text(&format!("message {n}")));
    }
    assert_eq!(
        event(&mut server).await,
        Event::Close(Some(CloseCode::AWAY.into()))
    );
    assert!(server.recv().await.is_none());
    assert!(!server.is_open());
    closing.await.unwrap().unwrap();
    assert!(server.recv().await.is_none());
}

/// After `start_close` the peer's last messages are still seen.
#[tokio::test]
async fn start_close_keeps_receiving() {
    let (mut server, mut client) = pair(1024);
    client.send(Message::text("under way")).unwrap();
    client.flush().await.unwrap();
    server.start_close(CloseFrame::new(CloseCode::RESTART, "update"));
    assert_eq!(event(&mut server).await, text("under way"));
    let (last, closed) = tokio::join!(server.recv(), client.close(None));
    closed.unwrap();
    // Both had started; the client's frame answers the server's.
    assert!(matches!(last.unwrap().unwrap(), Event::Close(_)));
    assert!(server.recv().await.is_none());
}

/// Nothing can be sent after the closing has begun, and the message comes back.
#[tokio::test]
async fn send_after_close() {
    let (mut server, _client) = pair(1024);
    server.start_close(None);
    let message = Message::text("late");
    assert_eq!(
        server.send(message.clone()),
        Err(SendError::Closing { message })
    );
    assert!(server.send_prepared(&Prepared::text("late")).is_err());
}

/// A violation: the Close frame with its code is read by a peer that goes on sending, then the
/// stream ends, then the error comes, then the end.
#[tokio::test]
async fn violation_is_answered_before_the_stream_ends() {
    let (mut server, mut client) = raw_client(Config::default());
    let server = tokio::spawn(async move {
        let error = server.recv().await.unwrap().unwrap_err();
        assert!(
            matches!(error, Error::Violation(Violation::Unmasked)),
            "{error}"
        );
        assert!(server.recv().await.is_none());
    });
    client.write_all(b"\x81\x02hi").await.unwrap();
    client.write_all(&[0; 100_000]).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"\x88\x02\x03\xEA");
    drop(client);
    server.await.unwrap();
}

/// A peer that does not hang up after a violation is left at the deadline.
#[tokio::test(start_paused = true)]
async fn violation_deadline() {
    let (mut server, mut client) = raw_client(Config::default());
    client.write_all(b"\x81\x02hi").await.unwrap();
    let started = tokio::time::Instant::now();
    assert!(matches!(
        server.recv().await,
        Some(Err(Error::Violation(_)))
    ));
    assert_eq!(started.elapsed().as_secs(), 10);
}

/// A peer that does not answer a Close frame is dropped at the deadline.
#[tokio::test(start_paused = true)]
async fn close_deadline() {
    let config = Config::default().close_timeout(Duration::from_secs(3));
    let (mut server, mut client) = raw_client(config);
    let started = tokio::time::Instant::now();
    assert!(matches!(server.close(None).await, Err(Error::CloseTimeout)));
    assert_eq!(started.elapsed().as_secs(), 3);
    assert!(server.recv().await.is_none());
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"\x88\x00");
}

/// The same for a peer that does not even read.
#[tokio::test(start_paused = true)]
async fn close_deadline_of_a_blocked_writer() {
    let (mut server, _client) = pair(8);
    server.send(Message::binary(vec![1; 1000])).unwrap();
    assert!(matches!(server.close(None).await, Err(Error::CloseTimeout)));
}

/// A client whose server does not hang up does it itself.
#[tokio::test(start_paused = true)]
async fn client_hangs_up_at_the_deadline() {
    let (io, mut server) = duplex(1024);
    let mut client = WebSocket::client(io, BytesMut::new(), Config::default());
    server.write_all(b"\x88\x00").await.unwrap();
    assert_eq!(event(&mut client).await, Event::Close(None));
    let started = tokio::time::Instant::now();
    assert!(client.recv().await.is_none());
    assert_eq!(started.elapsed().as_secs(), 10);
}

/// K12: the stream ends without a Close frame.
#[tokio::test]
async fn abnormal_closure() {
    let (mut server, mut client) = raw_client(Config::default());
    client.write_all(b"\x81\x85").await.unwrap();
    drop(client);
    assert!(matches!(server.recv().await, Some(Err(Error::Abnormal(_)))));
    assert!(server.recv().await.is_none());
}

/// The queue's limit holds, and flushing makes room.
#[tokio::test]
async fn backpressure() {
    let (mut server, mut client) = pair_with(1024, Config::default().queue_limit(10_000));
    let message = Message::binary(vec![1; 6000]);
    client.send(message.clone()).unwrap();
    assert!(matches!(
        client.send(message.clone()),
        Err(SendError::Full { limit: 10_000, .. })
    ));
    assert!(client.flush().now_or_never().is_none());
    let reader = tokio::spawn(async move { (event(&mut server).await, server) });
    client.flush().await.unwrap();
    client.send(message).unwrap();
    assert_eq!(reader.await.unwrap().0, Event::Binary(vec![1; 6000].into()));
}

/// `Stream` and `Sink`, with a message larger than the queue behind others.
#[tokio::test]
async fn stream_and_sink() {
    let (server, client) = pair_with(1024, Config::default().queue_limit(1000));
    let server = tokio::spawn(async move {
        let mut server = server;
        let mut lengths = Vec::new();
        while let Some(event) = server.next().await {
            if let Event::Binary(payload) = event.unwrap() {
                lengths.push(payload.len());
            }
        }
        lengths
    });
    let mut client = client;
    for len in [10, 500, 3000, 20, 100_000] {
        client.feed(Message::binary(vec![1; len])).await.unwrap();
    }
    SinkExt::close(&mut client).await.unwrap();
    assert_eq!(server.await.unwrap(), [10, 500, 3000, 20, 100_000]);
    assert!(
        SinkExt::send(&mut client, Message::text("late"))
            .await
            .is_err()
    );
}

/// I3: `recv`, `flush` and `close` may be dropped whenever they wait: nothing is lost, doubled or
/// torn, whatever the stream does.
#[tokio::test]
async fn cancelling_loses_nothing() {
    for seed in 1..50 {
        let (a, b) = duplex(37);
        let (mut server, mut client) = (
            WebSocket::server(Erratic::new(a, seed), BytesMut::new(), Config::default()),
            WebSocket::client(
                Erratic::new(b, seed * 7),
                BytesMut::new(),
                Config::default(),
            ),
        );
        let words: Vec<String> = (0..30).map(|n| "wörter".repeat(n)).collect();
        for word in &words {
            server.send(Message::text(word.clone())).unwrap();
        }
        let mut received = Vec::new();
        while received.len() < words.len() {
            // Each future is polled once and dropped.
            let _ = server.flush().now_or_never();
            match client.recv().now_or_never() {
                Some(event) => received.push(event.unwrap().unwrap()),
                None => tokio::task::yield_now().await,
            }
        }
        let expected: Vec<Event> = words.iter().map(|word| text(word)).collect();
        assert_eq!(received, expected);

        let (mut closed, mut ended) = (None, None);
        while closed.is_none() || ended.is_none() {
            if closed.is_none() {
                closed = client.close(Some(CloseCode::AWAY.into())).now_or_never();
            }
            if ended.is_none() {
                match server.recv().now_or_never() {
                    Some(None) => ended = Some(()),
                    Some(Some(event)) => {
                        assert_eq!(event.unwrap(), Event::Close(Some(CloseCode::AWAY.into())));
                    }
                    None => {}
                }
            }
            tokio::task::yield_now().await;
        }
        closed.unwrap().unwrap();
    }
}

/// The poll forms, as a task without async uses them.
#[tokio::test]
async fn poll_forms() {
    let (mut server, mut client) = pair(1024);
    client.send(Message::text("a")).unwrap();
    poll_fn(|cx| client.poll_flush(cx)).await.unwrap();
    let event = poll_fn(|cx| server.poll_recv(cx)).await.unwrap().unwrap();
    assert_eq!(event, text("a"));
    client.start_close(None);
    let (client, server) = tokio::join!(
        poll_fn(|cx| client.poll_close(cx)),
        poll_fn(|cx| server.poll_close(cx)),
    );
    client.unwrap();
    server.unwrap();
}

/// Nothing about a socket keeps it from moving between threads.
#[test]
fn is_send() {
    fn is_send<T: Send + 'static>(_: T) {}
    let (server, client) = pair(1);
    is_send(echo(server));
    is_send(client);
}

/// A stream that counts its writes.
struct Counted {
    stream: DuplexStream,
    writes: usize,
}

impl Counted {
    fn new(stream: DuplexStream) -> Self {
        Self { stream, writes: 0 }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A stream that is often not ready, and reads and writes a few bytes at a time.
struct Erratic {
    stream: DuplexStream,
    state: u32,
}

impl Erratic {
    fn new(stream: DuplexStream, seed: u32) -> Self {
        Self {
            stream,
            state: seed,
        }
    }

    fn next(&mut self) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as usize % 12
    }
}

impl AsyncRead for Erratic {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = self.next().min(buffer.remaining());
        if n < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut bytes = [0; 12];
        let mut part = ReadBuf::new(&mut bytes[..n]);
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        buffer.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Erratic {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let n = self.next().min(bytes.len());
        if n < 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(cx, &bytes[..n])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.next() < 4 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.next() < 4 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What a stream does not take at once waits for the socket's own task.
#[tokio::test]
async fn try_flush_leaves_what_is_not_taken() {
    let (mut server, mut client) = pair(1 << 20);
    for word in ["one", "two", "three"] {
        server.send_text(word).unwrap();
    }
    let queued = server.queued();
    let mut taken = Vec::new();
    let error = server
        .try_flush(|_, slices| match taken.len() {
            // In pieces, then no more.
            0 => {
                taken.extend_from_slice(&slices[0][..4]);
                Ok(4)
            }
            _ => Err(io::ErrorKind::WouldBlock.into()),
        })
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(
        (taken.as_slice(), server.queued()),
        (&b"\x81\x03on"[..], queued - 4)
    );
    let error = server.try_flush(|_, _| Ok(0)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);

    // The rest goes the usual way.
    server.get_mut().write_all(&taken).await.unwrap();
    server.flush().await.unwrap();
    for word in ["one", "two", "three"] {
        assert_eq!(event(&mut client).await, text(word));
    }
}

/// A function of the caller's receives, and the closing goes on as ever.
#[tokio::test]
async fn receives_by_a_function() {
    use songi_tokio::ShortMessage;

    let (mut server, mut client) = pair(1 << 20);
    let long = "x".repeat(5000);
    for word in ["a", "bc", &long] {
        client.send_text(word).unwrap();
    }
    client.start_close(None);
    client.flush().await.unwrap();
    let mut lens = Vec::new();
    loop {
        let received = poll_fn(|cx| {
            server.poll_recv_with(cx, |connection, input| {
                let short = connection.receive_short(input, |short| match short {
                    ShortMessage::Text(text) => text.len(),
                    ShortMessage::Binary(_) => unreachable!("there was none"),
                })?;
                match short {
                    Some(len) => Ok(Some(len)),
                    None => Ok(connection.receive(input)?.map(|event| match event {
                        Event::Text(text) => text.len() + 1,
                        _ => 0,
                    })),
                }
            })
        });
        match received.now_or_never() {
            Some(Some(len)) => lens.push(len.unwrap()),
            _ => break,
        }
    }
    assert_eq!(lens, [1, 2, 5001, 0]);
    // The Close frame was answered before it was told.
    assert_eq!(event(&mut client).await, Event::Close(None));
}
