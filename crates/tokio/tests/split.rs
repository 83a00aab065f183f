//! The two halves of a socket.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::BytesMut;
use songi_tokio::{
    CloseCode, Config, ControlPayload, Error, Event, Message, Reader, Violation, WebSocket, Writer,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex},
    net::{TcpListener, TcpStream},
};

type Halves = (
    Reader<ReadHalf<DuplexStream>>,
    Writer<WriteHalf<DuplexStream>>,
);

fn pair(config: Config) -> (Halves, WebSocket<DuplexStream>) {
    let (a, b) = duplex(1000);
    let server = WebSocket::server(a, BytesMut::new(), config);
    let client = WebSocket::client(b, BytesMut::new(), Config::default());
    (server.split(), client)
}

/// The reader's answers are written by the other half, while it waits.
#[tokio::test]
async fn pongs_and_close_travel_to_the_writer() {
    let ((mut reader, mut writer), mut client) = pair(Config::default());
    let writing = tokio::spawn(async move { writer.drive().await });
    let reading = tokio::spawn(async move {
        let mut events = Vec::new();
        while let Some(event) = reader.recv().await {
            events.push(event.unwrap());
        }
        events
    });

    let payload = ControlPayload::new("x").unwrap();
    client.send(Message::Ping(payload.clone())).unwrap();
    let pong = client.recv().await.unwrap().unwrap();
    assert_eq!(pong, Event::Pong(payload.clone()));
    client.close(Some(CloseCode::AWAY.into())).await.unwrap();
    writing.await.unwrap().unwrap();
    let expected = [
        Event::Ping(payload),
        Event::Close(Some(CloseCode::AWAY.into())),
    ];
    assert_eq!(reading.await.unwrap(), expected);
}

/// K13: a violation in one half is told to the peer by the other, and reported when all is over.
#[tokio::test]
async fn violations_travel_to_the_writer() {
    let (a, mut raw) = duplex(1000);
    let (mut reader, mut writer) = WebSocket::server(a, BytesMut::new(), Config::default()).split();
    let writing = tokio::spawn(async move { writer.drive().await });
    let reading = tokio::spawn(async move { (reader.recv().await, reader.recv().await) });
    raw.write_all(b"\x81\x00").await.unwrap();
    let mut answer = [0; 4];
    raw.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x88, 2, 3, 234]);
    assert_eq!(raw.read(&mut answer).await.unwrap(), 0);
    drop(raw);
    let (first, second) = reading.await.unwrap();
    let error = first.unwrap().unwrap_err();
    assert!(matches!(error, Error::Violation(Violation::Unmasked)));
    assert!(second.is_none());
    writing.await.unwrap().unwrap();
}

/// The same without a writer: nobody can tell the peer, and nobody waits.
#[tokio::test]
async fn a_writer_that_is_gone_is_not_waited_for() {
    let (a, mut raw) = duplex(1000);
    let (mut reader, writer) = WebSocket::server(a, BytesMut::new(), Config::default()).split();
    drop(writer);
    raw.write_all(b"\x82\x80\0\0\0\0\x81\x00").await.unwrap();
    let event = reader.recv().await.unwrap().unwrap();
    assert_eq!(event, Event::Binary(Default::default()));
    let error = reader.recv().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Violation(Violation::Unmasked)));
}

/// K14: the writer gives up a peer that does not close, and the reader with it.
#[tokio::test(start_paused = true)]
async fn close_deadline() {
    let ((mut reader, mut writer), client) = pair(Config::default());
    writer.start_close(None);
    let reading = tokio::spawn(async move { reader.recv().await.is_none() });
    assert!(matches!(writer.drive().await, Err(Error::CloseTimeout)));
    assert!(reading.await.unwrap());
    drop(client);
}

/// The heartbeat is the writer's; its pongs come by way of the reader.
#[tokio::test(start_paused = true)]
async fn heartbeat() {
    let second = Duration::from_secs(1);
    let ((mut reader, mut writer), client) = pair(Config::default().heartbeat(second, second));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let answering = tokio::spawn(async move {
        let mut client = client;
        let mut stopped = stopped;
        loop {
            tokio::select! {
                ping = client.recv() => assert!(matches!(ping, Some(Ok(Event::Ping(_))))),
                _ = &mut stopped => return client,
            }
        }
    });
    let reading = tokio::spawn(async move {
        let mut pongs = 0;
        while let Some(event) = reader.recv().await {
            assert!(matches!(event, Ok(Event::Pong(_))));
            pongs += 1;
        }
        pongs
    });
    let answering = tokio::spawn(async move {
        tokio::time::sleep(10 * second).await;
        stop.send(()).unwrap();
        answering.await.unwrap()
    });
    assert!(matches!(writer.drive().await, Err(Error::HeartbeatTimeout)));
    assert!(writer.round_trip().is_some());
    assert!(reading.await.unwrap() >= 9);
    drop(answering.await.unwrap());
}

/// TCP, whose halves share no lock: much in both directions at once.
#[tokio::test]
async fn tcp_both_ways() {
    const COUNT: usize = 200;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let client = WebSocket::client(stream, BytesMut::new(), Config::default());
    let (stream, _) = listener.accept().await.unwrap();
    let server = WebSocket::server(stream, BytesMut::new(), Config::default());

    let run = |socket: WebSocket<TcpStream>, closes: bool| {
        let (mut reader, mut writer) = socket.into_split();
        let writing = tokio::spawn(async move {
            for _ in 0..COUNT {
                writer.send(Message::binary(vec![7; 10_000])).unwrap();
                writer.flush().await.unwrap();
            }
            if closes {
                writer.start_close(None);
            }
            writer.drive().await.unwrap();
        });
        tokio::spawn(async move {
            let mut received = 0;
            while let Some(event) = reader.recv().await {
                received += usize::from(matches!(event.unwrap(), Event::Binary(_)));
            }
            writing.await.unwrap();
            received
        })
    };
    let (server, client) = (run(server, false), run(client, true));
    assert_eq!(server.await.unwrap(), COUNT);
    client.await.unwrap();
}
