//! The client session under a hand-moved clock. Outputs are compared as lines: `GET r1`,
//! `POST r2 4a`, `open w3`, `w3 2probe`, `w3 closed`; other lines are events.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::*;

const OPEN: &str = r#"0{"sid":"a/b","upgrades":[],"pingInterval":300,"pingTimeout":200}"#;
const OPEN_UPGRADE: &str =
    r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":20}"#;
/// The names that the sessions below hand out first.
const R1: RequestId = RequestId(1);
const W1: TransportId = TransportId(1);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn text(text: &'static str) -> Frame {
    Frame::Text(text.into())
}

fn lines(session: &mut ClientSession) -> Vec<String> {
    core::iter::from_fn(|| session.poll_output())
        .map(|output| line(&output))
        .collect()
}

fn line(output: &ClientOutput) -> String {
    match output {
        ClientOutput::Get(request) => format!("GET r{}", request.0),
        ClientOutput::Post { request, body } => {
            format!("POST r{} {}", request.0, String::from_utf8_lossy(body))
        }
        ClientOutput::OpenWebSocket(transport) => format!("open w{}", transport.0),
        ClientOutput::Frame {
            transport,
            frame: Frame::Text(text),
            ..
        } => {
            format!("w{} {text}", transport.0)
        }
        ClientOutput::Frame {
            transport,
            frame: Frame::Binary(bytes),
            ..
        } => {
            format!("w{} {:?}", transport.0, &bytes[..])
        }
        ClientOutput::CloseTransport(transport) => format!("w{} closed", transport.0),
        ClientOutput::Event(ClientEvent::Message(Message::Text(text))) => format!("message {text}"),
        ClientOutput::Event(ClientEvent::Message(Message::Binary(bytes))) => {
            format!("message {:?}", &bytes[..])
        }
        ClientOutput::Event(ClientEvent::Closed {
            reason,
            violation: None,
        }) => reason.to_string(),
        ClientOutput::Event(ClientEvent::Closed {
            reason,
            violation: Some(violation),
        }) => {
            format!("{reason}: {violation}")
        }
        ClientOutput::Event(event) => format!("{event:?}").to_lowercase(),
    }
}

fn websocket() -> ClientSession {
    let mut session = ClientSession::websocket(Arc::new(ClientConfig::default()));
    assert_eq!(lines(&mut session), ["open w1"]);
    session.websocket_opened(W1, ms(0));
    session.frame(W1, text(OPEN), ms(0));
    assert_eq!(lines(&mut session), ["opened"]);
    session
}

/// A long-polling session with a GET (`r2`) in flight.
fn polling() -> ClientSession {
    let mut session = ClientSession::polling(Arc::new(ClientConfig::default()));
    assert_eq!(lines(&mut session), ["GET r1"]);
    session.response(R1, 200, OPEN.into(), ms(0));
    assert_eq!(lines(&mut session), ["opened", "GET r2"]);
    session
}

/// A long-polling session with a GET (`r3`) in flight and a candidate (`w2`) that is probed.
fn probing() -> ClientSession {
    let mut session = ClientSession::polling(Arc::new(ClientConfig::default()));
    lines(&mut session);
    session.response(R1, 200, OPEN_UPGRADE.into(), ms(0));
    assert_eq!(lines(&mut session), ["opened", "open w2", "GET r3"]);
    session.websocket_opened(TransportId(2), ms(0));
    assert_eq!(lines(&mut session), ["w2 2probe"]);
    session
}

fn send(session: &mut ClientSession, wire: &'static str) {
    session
        .send(text(wire), SendOptions::default(), ms(0))
        .expect("open, with room");
}

#[test]
fn a_websocket_session_from_open_to_close() {
    let mut session = websocket();
    assert_eq!(
        session.query(Transport::WebSocket),
        "EIO=4&transport=websocket&sid=a%2Fb"
    );
    send(&mut session, "4a");
    session.frame(W1, text("4b"), ms(1));
    session.frame(W1, Frame::Binary(Bytes::from_static(&[1])), ms(1));
    assert_eq!(lines(&mut session), ["w1 4a", "message b", "message [1]"]);
    session.close(ms(2));
    session.frame(W1, text("4late"), ms(2));
    assert_eq!(lines(&mut session), ["w1 closed", "forced close"]);
    assert_eq!(session.poll_timeout(), None);
    assert!(
        session
            .send(text("4a"), SendOptions::default(), ms(3))
            .is_err()
    );
}

#[test]
fn nothing_can_be_sent_before_the_session_is_open() {
    let mut session = ClientSession::websocket(Arc::new(ClientConfig::default()));
    let error = session
        .send(text("4a"), SendOptions::default(), ms(0))
        .unwrap_err();
    assert_eq!(error, SendError::Closed(text("4a")));
    session.close(ms(0));
    assert_eq!(
        lines(&mut session),
        ["open w1", "w1 closed", "forced close"]
    );
}

#[test]
fn pings_are_answered_and_their_absence_is_noticed() {
    let mut session = websocket();
    assert_eq!(session.poll_timeout(), Some(ms(500)));
    session.frame(W1, text("2"), ms(310));
    assert_eq!(lines(&mut session), ["w1 3"]);
    assert_eq!(session.poll_timeout(), Some(ms(810)));
    // A message is no ping.
    session.frame(W1, text("4a"), ms(800));
    session.handle_timeout(ms(809));
    assert_eq!(lines(&mut session), ["message a"]);
    session.handle_timeout(ms(810));
    assert_eq!(lines(&mut session), ["w1 closed", "ping timeout"]);
}

#[test]
fn the_first_packet_must_open_the_session_and_only_the_first() {
    for first in ["4a", "2", "1", "6"] {
        let mut session = ClientSession::websocket(Arc::new(ClientConfig::default()));
        session.frame(W1, text(first), ms(0));
        assert_eq!(
            lines(&mut session),
            [
                "open w1",
                "w1 closed",
                "parse error: an open packet is missing or out of place"
            ]
        );
    }
    let mut session = websocket();
    session.frame(W1, text(OPEN), ms(0));
    assert_eq!(
        lines(&mut session),
        [
            "w1 closed",
            "parse error: an open packet is missing or out of place"
        ]
    );
}

#[test]
fn what_is_malformed_ends_the_session() {
    for (wire, reason) in [
        ("0{}", "open packet is not the JSON of the protocol"),
        ("", "empty packet"),
        ("9", "unknown packet type (first byte 0x39)"),
    ] {
        let mut session = ClientSession::websocket(Arc::new(ClientConfig::default()));
        lines(&mut session);
        session.frame(W1, text(wire), ms(0));
        assert_eq!(
            lines(&mut session),
            ["w1 closed".into(), format!("parse error: {reason}")]
        );
    }
}

#[test]
fn the_server_ends_the_session() {
    let mut session = websocket();
    session.transport_closed(W1, TransportEnd::Closed, ms(0));
    assert_eq!(lines(&mut session), ["transport close"]);
    let mut session = websocket();
    session.transport_closed(W1, TransportEnd::Failed, ms(0));
    assert_eq!(lines(&mut session), ["transport error"]);
    let mut session = websocket();
    session.frame(W1, text("1"), ms(0));
    assert_eq!(lines(&mut session), ["w1 closed", "transport close"]);
    let mut session = polling();
    session.response(
        RequestId(2),
        200,
        Bytes::from_static(b"4a\x1e1\x1e4late"),
        ms(0),
    );
    assert_eq!(lines(&mut session), ["message a", "transport close"]);
}

#[test]
fn one_get_follows_the_other_and_posts_do_not_overlap() {
    let mut session = polling();
    send(&mut session, "4a");
    send(&mut session, "4b");
    assert_eq!(lines(&mut session), ["POST r3 4a\x1e4b"]);
    send(&mut session, "4c");
    assert_eq!(lines(&mut session), [""; 0]);
    session.response(RequestId(2), 200, Bytes::from_static(b"4x\x1ebAQ=="), ms(0));
    assert_eq!(lines(&mut session), ["message x", "message [1]", "GET r4"]);
    session.response(RequestId(3), 200, "ok".into(), ms(0));
    assert_eq!(lines(&mut session), ["POST r5 4c"]);
    session.response(RequestId(5), 200, "ok".into(), ms(0));
    assert_eq!(lines(&mut session), ["drained"]);
}

#[test]
fn the_rest_of_a_payload_can_be_held_back() {
    let mut session = polling();
    let body = Bytes::from_static(b"4a\x1e4b\x1e4c\x1e2");
    session.response(RequestId(2), 200, body, ms(0));
    let first = session.poll_output().map(|output| line(&output));
    assert_eq!(first.as_deref(), Some("message a"));
    assert!(!session.is_holding_back());
    session.hold_back(true);
    assert!(session.is_holding_back());
    // What goes out is not held up, and no GET brings more.
    send(&mut session, "4x");
    assert_eq!(lines(&mut session), ["POST r3 4x"]);
    session.response(RequestId(3), 200, "ok".into(), ms(0));
    assert_eq!(lines(&mut session), ["drained"]);
    session.hold_back(false);
    let all = ["message b", "message c", "GET r4", "POST r5 3"];
    assert_eq!(lines(&mut session), all);
    session.hold_back(true);
    assert!(!session.is_holding_back(), "there is nothing");
}

#[test]
fn what_is_held_back_comes_before_an_upgrade_and_before_a_refusal_counts() {
    let mut session = probing();
    session.hold_back(true);
    session.frame(TransportId(2), text("3probe"), ms(0));
    session.response(RequestId(3), 200, Bytes::from_static(b"4a\x1e6"), ms(0));
    assert_eq!(lines(&mut session), [""; 0]);
    session.hold_back(false);
    assert_eq!(lines(&mut session), ["message a", "w2 5", "upgraded"]);

    let mut session = ClientSession::polling(Arc::new(ClientConfig::default()));
    lines(&mut session);
    let open = r#"0{"sid":"a","upgrades":[],"pingInterval":3000,"pingTimeout":2000}"#;
    session.response(R1, 200, open.into(), ms(0));
    assert_eq!(lines(&mut session), ["opened", "GET r2"]);
    session.hold_back(true);
    send(&mut session, "4x");
    assert_eq!(lines(&mut session), ["POST r3 4x"]);
    session.response(RequestId(2), 200, Bytes::from_static(b"4a\x1e1"), ms(0));
    session.response(RequestId(3), 400, Bytes::new(), ms(0));
    session.handle_timeout(ms(4999));
    // The heartbeat goes on.
    assert_eq!(session.poll_timeout(), Some(ms(5000)));
    assert_eq!(lines(&mut session), [""; 0]);
    session.hold_back(false);
    assert_eq!(lines(&mut session), ["message a", "transport close"]);

    let mut session = polling();
    session.hold_back(true);
    session.response(RequestId(2), 200, Bytes::from_static(b"4a"), ms(0));
    session.handle_timeout(ms(500));
    assert_eq!(lines(&mut session), ["ping timeout"]);
}

#[test]
fn one_pong_answers_all_pings_of_a_payload_and_goes_first() {
    let mut session = polling();
    send(&mut session, "4a");
    session.response(
        RequestId(2),
        200,
        Bytes::from_static(b"2\x1e2\x1e2"),
        ms(100),
    );
    assert_eq!(lines(&mut session), ["GET r3", "POST r4 3\x1e4a"]);
    assert_eq!(session.poll_timeout(), Some(ms(600)));
}

#[test]
fn posts_keep_to_what_the_server_takes() {
    let mut session = probing();
    for wire in ["4aaaaaaa", "4bbbbbbb", "4ccccccc"] {
        send(&mut session, wire);
    }
    assert_eq!(lines(&mut session), ["POST r4 4aaaaaaa\x1e4bbbbbbb"]);
    session.response(RequestId(4), 200, "ok".into(), ms(0));
    assert_eq!(lines(&mut session), ["POST r5 4ccccccc"]);
    let frame = Frame::Binary(Bytes::from_static(&[0; 15]));
    assert_eq!(
        session.send(frame.clone(), SendOptions::default(), ms(0)),
        Err(SendError::TooLarge(frame))
    );
}

#[test]
fn what_waits_is_bounded() {
    let config = ClientConfig {
        max_buffered: 200,
        ..ClientConfig::default()
    };
    let mut session = ClientSession::polling(Arc::new(config));
    lines(&mut session);
    session.response(R1, 200, OPEN.into(), ms(0));
    lines(&mut session);
    let sent = (0..100)
        .take_while(|_| {
            session
                .send(text("4a"), SendOptions::default(), ms(0))
                .is_ok()
        })
        .count();
    assert!((1..10).contains(&sent), "{sent}");
    assert!(session.buffered() <= 200);
}

#[test]
fn a_volatile_message_is_dropped_while_a_post_is_under_way() {
    let volatile = SendOptions {
        volatile: true,
        ..SendOptions::default()
    };
    let mut session = polling();
    session.send(text("4a"), volatile, ms(0)).unwrap();
    assert_eq!(lines(&mut session), ["POST r3 4a"]);
    session.send(text("4b"), volatile, ms(0)).unwrap();
    session.response(RequestId(3), 200, "ok".into(), ms(0));
    assert_eq!(lines(&mut session), ["drained"]);
}

#[test]
fn a_failed_request_ends_the_session() {
    let mut session = polling();
    session.response(RequestId(2), 400, Bytes::new(), ms(0));
    assert_eq!(lines(&mut session), ["transport error: HTTP status 400"]);
    let mut session = polling();
    session.request_failed(RequestId(2), ms(0));
    assert_eq!(
        lines(&mut session),
        ["transport error: a request was aborted"]
    );
    let mut session = polling();
    send(&mut session, "4a");
    lines(&mut session);
    session.response(RequestId(3), 413, Bytes::new(), ms(0));
    session.response(RequestId(2), 200, "4b".into(), ms(0));
    assert_eq!(
        lines(&mut session),
        ["message b", "transport error: HTTP status 413"]
    );
    // A request that nobody made.
    let mut session = polling();
    session.request_failed(RequestId(99), ms(0));
    session.response(RequestId(99), 500, Bytes::new(), ms(0));
    assert_eq!(lines(&mut session), [""; 0]);
}

/// A server that closes answers the GET, and knows nothing of a POST that comes later: its refusal
/// may be here first.
#[test]
fn a_refused_post_waits_for_the_answer_of_the_get() {
    let refused = || {
        let mut session = ClientSession::polling(Arc::new(ClientConfig::default()));
        lines(&mut session);
        let open = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
        session.response(R1, 200, open.into(), ms(0));
        lines(&mut session);
        send(&mut session, "4a");
        lines(&mut session);
        session.response(RequestId(3), 400, Bytes::new(), ms(0));
        send(&mut session, "4b");
        assert_eq!(lines(&mut session), [""; 0]);
        session
    };
    let mut session = refused();
    session.response(RequestId(2), 200, "4x\x1e1".into(), ms(5));
    assert_eq!(lines(&mut session), ["message x", "transport close"]);
    // Nor is an answer lost that has not been pulled.
    let mut session = polling();
    send(&mut session, "4a");
    lines(&mut session);
    session.response(RequestId(2), 200, "4x\x1e1".into(), ms(5));
    session.response(RequestId(3), 400, Bytes::new(), ms(5));
    assert_eq!(lines(&mut session), ["message x", "transport close"]);
    let mut session = refused();
    session.request_failed(RequestId(2), ms(5));
    assert_eq!(
        lines(&mut session),
        ["transport error: a request was aborted"]
    );
    // And not for ever.
    let mut session = refused();
    assert_eq!(session.poll_timeout(), Some(ms(1000)));
    session.handle_timeout(ms(999));
    assert_eq!(lines(&mut session), [""; 0]);
    session.handle_timeout(ms(1000));
    assert_eq!(lines(&mut session), ["transport error: HTTP status 400"]);
}

#[test]
fn an_answer_over_the_limit_ends_the_session() {
    let config = ClientConfig {
        max_payload: 100,
        ..ClientConfig::default()
    };
    let mut session = ClientSession::polling(Arc::new(config));
    lines(&mut session);
    session.response(R1, 200, "4".repeat(101).into(), ms(0));
    assert_eq!(
        lines(&mut session),
        ["parse error: payload of 101 bytes is over the limit of 100"]
    );
}

#[test]
fn closing_posts_what_waits_and_the_close_packet() {
    let mut session = polling();
    send(&mut session, "4a");
    session.close(ms(0));
    session.close(ms(1));
    assert_eq!(lines(&mut session), ["POST r3 4a\x1e1"]);
    // The server ends the GET with a noop.
    session.response(RequestId(2), 200, "6".into(), ms(2));
    assert_eq!(lines(&mut session), [""; 0]);
    session.response(RequestId(3), 200, "ok".into(), ms(3));
    assert_eq!(lines(&mut session), ["forced close"]);
}

#[test]
fn closing_waits_for_the_post_under_way_but_not_for_ever() {
    let mut session = probing();
    send(&mut session, "4aaaaaaaaaaaaaaaaa");
    send(&mut session, "4bbbbbbbbbbbbbbbbbb");
    lines(&mut session);
    session.close(ms(0));
    assert_eq!(lines(&mut session), ["w2 closed"]);
    session.response(RequestId(4), 200, "ok".into(), ms(1));
    assert_eq!(lines(&mut session), ["POST r5 4bbbbbbbbbbbbbbbbbb\x1e1"]);
    // A server that does not answer, and pings no more.
    session.handle_timeout(ms(499));
    assert_eq!(lines(&mut session), [""; 0]);
    session.handle_timeout(ms(30_000));
    assert_eq!(lines(&mut session), ["forced close"]);
}

#[test]
fn the_upgrade_waits_for_the_requests_in_flight() {
    let mut session = probing();
    send(&mut session, "4a");
    assert_eq!(lines(&mut session), ["POST r4 4a"]);
    session.frame(TransportId(2), text("3probe"), ms(0));
    send(&mut session, "4b");
    assert_eq!(lines(&mut session), [""; 0]);
    session.response(RequestId(3), 200, Bytes::from_static(b"4x\x1e2"), ms(0));
    assert_eq!(lines(&mut session), ["message x"]);
    assert_eq!(session.transport(), Some(Transport::Polling));
    session.response(RequestId(4), 200, "ok".into(), ms(0));
    assert_eq!(
        lines(&mut session),
        ["w2 5", "upgraded", "w2 3", "w2 4b", "drained"]
    );
    assert_eq!(session.transport(), Some(Transport::WebSocket));
    send(&mut session, "4c");
    assert_eq!(lines(&mut session), ["w2 4c"]);
}

#[test]
fn a_candidate_that_fails_leaves_polling() {
    for wire in ["3", "4a", "1", "6", "x"] {
        let mut session = probing();
        session.frame(TransportId(2), text(wire), ms(0));
        assert_eq!(lines(&mut session), ["w2 closed"], "{wire}");
        session.response(RequestId(3), 200, "6".into(), ms(0));
        assert_eq!(lines(&mut session), ["GET r4"]);
    }
    // While it waits for its requests, it does not stay paused.
    let mut session = probing();
    session.frame(TransportId(2), text("3probe"), ms(0));
    session.response(RequestId(3), 200, "6".into(), ms(0));
    assert_eq!(lines(&mut session), ["w2 5", "upgraded"]);
    let mut session = probing();
    session.frame(TransportId(2), text("3probe"), ms(0));
    send(&mut session, "4a");
    session.transport_closed(TransportId(2), TransportEnd::Failed, ms(0));
    assert_eq!(lines(&mut session), ["POST r4 4a"]);
}

#[test]
fn an_upgrade_that_does_not_finish_is_given_up() {
    let config = ClientConfig {
        upgrade_timeout: ms(400),
        ..ClientConfig::default()
    };
    let mut session = ClientSession::polling(Arc::new(config));
    session.poll_output();
    session.response(R1, 200, OPEN_UPGRADE.into(), ms(0));
    assert_eq!(lines(&mut session), ["opened", "open w2", "GET r3"]);
    assert_eq!(session.poll_timeout(), Some(ms(400)));
    session.handle_timeout(ms(400));
    assert_eq!(lines(&mut session), ["w2 closed"]);
    session.websocket_opened(TransportId(2), ms(401));
    session.frame(TransportId(2), text("3probe"), ms(401));
    assert_eq!(lines(&mut session), [""; 0]);
    assert_eq!(session.poll_timeout(), Some(ms(500)));
}

#[test]
fn no_upgrade_where_the_settings_say_so() {
    let config = ClientConfig {
        upgrade: false,
        ..ClientConfig::default()
    };
    let mut session = ClientSession::polling(Arc::new(config));
    session.poll_output();
    session.response(R1, 200, OPEN_UPGRADE.into(), ms(0));
    assert_eq!(lines(&mut session), ["opened", "GET r2"]);
}

#[test]
fn an_idle_session_is_small() {
    assert!(
        size_of::<ClientSession>() <= 200,
        "{} bytes",
        size_of::<ClientSession>()
    );
}
