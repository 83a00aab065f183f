//! Engine.IO without Socket.IO.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Server, client};
use songi_client::{
    Bytes, ConnectError, DisconnectReason, EmitError, EngineEvent, Message, Transport,
};

#[tokio::test]
async fn messages_go_both_ways_and_the_end_is_told() {
    let server = Server::start().await;
    let (session, mut peer) = tokio::join!(client(&server.url).connect_engine(), server.open());
    let mut session = session.unwrap();
    assert_eq!(session.id(), "e");
    assert_eq!(session.transport(), Some(Transport::WebSocket));

    session.send(Message::text("hello")).unwrap();
    let bytes = Bytes::from_static(&[1, 2]);
    session.send(Message::Binary(bytes.clone())).unwrap();
    let serving = async {
        peer.expect("4hello").await;
        peer.expect(r#"b"\x01\x02""#).await;
        peer.send("4again").await;
        peer.send_binary(&[3]).await;
        // A heartbeat is answered, and is no event.
        peer.send("2").await;
        peer.expect("3").await;
        peer.send("1").await;
        peer.expect_end().await;
    };
    let hearing = async {
        let mut events = Vec::new();
        while let Some(event) = session.recv().await {
            events.push(event);
        }
        events
    };
    let (events, ()) = tokio::join!(hearing, serving);
    assert_eq!(
        events,
        [
            EngineEvent::Message(Message::text("again")),
            EngineEvent::Message(Message::binary(Bytes::from_static(&[3]))),
            EngineEvent::Closed(DisconnectReason::TransportClose),
        ]
    );
    assert!(matches!(
        session.send(Message::text("late")),
        Err(EmitError::Disconnected)
    ));
}

#[tokio::test]
async fn closing_writes_what_was_sent_before() {
    let server = Server::start().await;
    let (session, mut peer) = tokio::join!(client(&server.url).connect_engine(), server.open());
    let mut session = session.unwrap();
    session.send(Message::text("last")).unwrap();
    session.close();
    let hearing = async { (session.recv().await, session.recv().await) };
    let (heard, ()) = tokio::join!(hearing, async {
        peer.expect("4last").await;
        peer.expect_end().await;
    });
    let closed = EngineEvent::Closed(DisconnectReason::ClientDisconnect);
    assert_eq!(heard, (Some(closed), None));
}

#[tokio::test]
async fn what_waits_is_bounded() {
    let server = Server::start().await;
    let config = songi_client::Config {
        transports: vec![Transport::WebSocket],
        max_buffered: 1000,
        ..songi_client::Config::default()
    };
    let client = client(&server.url).config(config);
    let (session, _peer) = tokio::join!(client.connect_engine(), server.open());
    let mut session = session.unwrap();
    session.send(Message::text("x".repeat(2000))).unwrap();
    assert!(matches!(
        session.send(Message::text("x")),
        Err(EmitError::QueueFull)
    ));
}

#[tokio::test]
async fn a_server_that_opens_with_something_else_is_an_error() {
    let server = Server::start().await;
    let (session, ()) = tokio::join!(client(&server.url).connect_engine(), async {
        let mut peer = server.websocket().await;
        peer.send("4hello").await;
        peer.expect_end().await;
    });
    assert!(matches!(session, Err(ConnectError::Open(_))), "{session:?}");
}
