use super::*;

#[test]
fn messages_pass_both_ways_at_once() {
    let (mut host, websocket) = Host::websocket();
    host.send("a");
    assert_eq!(host.lines(), ["w1 4a"]);
    host.text(websocket, "4b");
    host.session.frame(
        websocket,
        Frame::Binary(Bytes::from_static(&[4, 0])),
        host.now,
    );
    assert_eq!(host.lines(), ["message b", "message [4, 0]"]);
    assert_eq!(host.session.transport(), Some(Transport::WebSocket));
}

#[test]
fn options_go_with_the_frame() {
    let (mut host, transport) = Host::websocket();
    let options = SendOptions {
        volatile: true,
        compress: false,
    };
    let frame = Frame::Text("4a".into());
    host.session.send(frame.clone(), options, host.now).unwrap();
    assert_eq!(
        host.session.poll_output(),
        Some(Output::Frame {
            transport,
            frame,
            options
        })
    );
}

#[test]
fn open_upgrade_and_noop_from_a_client_are_ignored() {
    let (mut host, websocket) = Host::websocket();
    for text in ["0", "0{}", "5", "6"] {
        host.text(websocket, text);
    }
    assert_eq!(host.lines(), [""; 0]);
    assert!(!host.session.is_closed());
}

#[test]
fn what_is_not_a_packet_ends_the_session() {
    for (text, reason) in [
        ("", "empty packet"),
        ("7", "unknown packet type (first byte 0x37)"),
        ("abc", "unknown packet type (first byte 0x61)"),
        ("€", "unknown packet type (first byte 0xe2)"),
        ("6x", "packet type 0x36 carries no data"),
    ] {
        let (mut host, websocket) = Host::websocket();
        host.text(websocket, text);
        host.text(websocket, "4late");
        assert_eq!(
            host.lines(),
            ["w1 closed".into(), format!("parse error: {reason}")]
        );
    }
}

#[test]
fn a_ping_from_the_client_ends_the_session() {
    let (mut host, websocket) = Host::websocket();
    host.text(websocket, "2");
    assert_eq!(
        host.lines(),
        [
            "w1 closed",
            "transport error: a ping or pong in the wrong direction"
        ]
    );
}

#[test]
fn the_end_of_the_websocket_ends_the_session_once() {
    for (end, reason) in [
        (TransportEnd::Closed, "transport close"),
        (TransportEnd::Failed, "transport error"),
    ] {
        let (mut host, websocket) = Host::websocket();
        host.end(websocket, end);
        host.end(websocket, end);
        assert_eq!(host.lines(), [reason]);
        assert_eq!(host.session.transport(), None);
    }
}

#[test]
fn a_second_websocket_is_closed() {
    let (mut host, websocket) = Host::websocket();
    let second = host.candidate();
    assert_eq!(host.lines(), ["w2 closed"]);
    host.text(second, "4a");
    host.end(second, TransportEnd::Closed);
    assert_eq!(host.lines(), [""; 0]);
    host.text(websocket, "4b");
    assert_eq!(host.lines(), ["message b"]);
}

#[test]
fn requests_of_long_polling_are_refused() {
    let (mut host, _) = Host::websocket();
    host.get();
    host.post(b"4a");
    let bad = r#"400 {"code":3,"message":"Bad request"}"#;
    assert_eq!(host.lines(), [format!("r2 {bad}"), format!("r3 {bad}")]);
    assert!(!host.session.is_closed());
}

/// What a driver may do itself is what the session would have it do.
#[test]
fn a_direct_session_passes_messages_as_they_are() {
    let (mut host, websocket) = Host::websocket();
    assert_eq!(host.session.direct(), Some(websocket));
    assert_eq!(host.session.receive_text(websocket, "4"), Some(""));
    assert_eq!(host.session.receive_text(websocket, "4hi"), Some("hi"));
    for other in ["", "2", "3", "6", "x4", "b4"] {
        assert_eq!(host.session.receive_text(websocket, other), None);
    }
    let frame = Frame::Text("4hi".into());
    assert_eq!(
        host.session.receive(websocket, frame, host.now),
        Some(Message::text("hi"))
    );
    let ping = Frame::Text("3".into());
    assert_eq!(host.session.receive(websocket, ping, host.now), None);
    assert_eq!(host.lines(), [""; 0]);
    host.session.abort(CloseReason::ForcedClose);
    assert_eq!(host.session.direct(), None);
    assert_eq!(host.session.receive_text(websocket, "4hi"), None);
}

#[test]
fn other_sessions_are_not_direct() {
    let mut host = Host::polling();
    assert_eq!(host.session.direct(), None);
    let websocket = host.session.websocket_opened(host.now);
    assert_eq!(host.session.receive_text(websocket, "4hi"), None);
    for (revision, base64) in [
        (Revision::V3, false),
        (Revision::V3, true),
        (Revision::V4, true),
    ] {
        let dialect = Dialect { revision, base64 };
        let config = alloc::sync::Arc::new(ServerConfig::default());
        let (session, id) = ServerSession::websocket_in(dialect, config, "sid".into(), host.now);
        assert_eq!(session.direct(), None);
        assert_eq!(session.receive_text(id, "4hi"), None);
    }
}
