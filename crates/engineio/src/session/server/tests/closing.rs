use super::*;

#[test]
fn a_websocket_is_closed_after_what_was_sent() {
    let (mut host, websocket) = Host::websocket();
    host.send("a");
    host.session
        .close(CloseReason::ServerShuttingDown, host.now);
    assert_eq!(host.lines(), ["w1 4a", "w1 closed", "server shutting down"]);
    host.text(websocket, "4b");
    host.end(websocket, TransportEnd::Closed);
    host.session.close(CloseReason::ForcedClose, host.now);
    host.session.abort(CloseReason::ForcedClose);
    assert_eq!(host.lines(), [""; 0]);
}

#[test]
fn a_get_that_waits_is_answered_with_the_close_packet() {
    let mut host = Host::polling();
    host.get();
    host.session.close(CloseReason::ForcedClose, host.now);
    assert_eq!(host.lines(), ["r2 200 1", "forced close"]);
}

#[test]
fn the_next_get_gets_what_waits_and_the_close_packet() {
    let mut host = Host::polling();
    host.send("a");
    host.session.close(CloseReason::ForcedClose, host.now);
    assert_eq!(host.pass(ms(29_999)), [""; 0]);
    assert!(!host.session.is_closed());
    host.get();
    assert_eq!(host.lines(), ["r2 200 4a\x1e1", "drained", "forced close"]);
}

#[test]
fn a_close_that_nobody_fetches_ends_after_its_timeout() {
    let mut host = Host::polling();
    host.send("a");
    host.session.close(CloseReason::ForcedClose, host.now);
    // Closing again does not begin anew.
    host.pass(s(20));
    host.session
        .close(CloseReason::ServerShuttingDown, host.now);
    assert_eq!(host.pass(s(10)), ["forced close"]);
}

#[test]
fn a_closing_session_takes_no_messages() {
    let mut host = Host::polling();
    host.session.close(CloseReason::ForcedClose, host.now);
    let frame = Frame::Text("4a".into());
    assert_eq!(
        host.session
            .send(frame.clone(), SendOptions::default(), host.now),
        Err(SendError::Closed(frame))
    );
    host.post(b"4b\x1egarbage");
    assert_eq!(host.lines(), ["r2 200 ok"]);
}

#[test]
fn closing_while_a_post_is_delivered_answers_it() {
    let mut host = Host::polling();
    host.post(b"4a\x1e4b\x1e4c");
    assert!(matches!(
        host.session.poll_output(),
        Some(Output::Event(Event::Message(_)))
    ));
    host.session.close(CloseReason::ForcedClose, host.now);
    assert_eq!(host.lines(), ["r2 200 ok"]);
    host.get();
    assert_eq!(host.lines(), ["r3 200 1", "forced close"]);
}

#[test]
fn a_post_that_is_read_while_the_session_closes_is_answered_ok() {
    let mut host = Host::polling();
    host.get();
    let post = host.session.post_opened(None, host.now);
    host.session.close(CloseReason::ForcedClose, host.now);
    assert_eq!(host.lines(), ["r2 200 1", "r3 200 ok", "forced close"]);
    host.session
        .post_body(post, Bytes::from_static(b"4a"), host.now);
    assert_eq!(host.lines(), [""; 0]);
}

#[test]
fn a_close_packet_of_the_client_ends_the_get_with_a_noop() {
    let mut host = Host::polling();
    host.get();
    host.post(b"4a\x1e1\x1e4late");
    assert_eq!(
        host.lines(),
        ["message a", "r2 200 6", "r3 200 ok", "transport close"]
    );
}

#[test]
fn a_close_packet_on_the_websocket_closes_it() {
    let (mut host, websocket) = Host::websocket();
    host.text(websocket, "1");
    assert_eq!(host.lines(), ["w1 closed", "transport close"]);
}

#[test]
fn an_abort_ends_it_at_once() {
    let mut host = Host::polling();
    host.send("lost");
    host.session.abort(CloseReason::ServerShuttingDown);
    assert_eq!(host.lines(), ["server shutting down"]);
    host.get();
    let post = host.session.post_opened(None, host.now);
    let unknown = r#"400 {"code":1,"message":"Session ID unknown"}"#;
    assert_eq!(
        host.lines(),
        [format!("r2 {unknown}"), format!("r{} {unknown}", post.0)]
    );
    let second = host.candidate();
    assert_eq!(host.lines(), [format!("w{} closed", second.0)]);
    assert_eq!(host.session.poll_timeout(), None);
}

#[test]
fn an_aborted_get_while_closing_ends_the_session() {
    let mut host = Host::polling();
    let get = host.get();
    host.session.close(CloseReason::ForcedClose, host.now);
    // The driver has not pulled the answer yet when the connection breaks.
    host.session.request_aborted(get, host.now);
    assert_eq!(host.lines(), ["transport error: a request was aborted"]);
}

#[test]
fn reasons_are_the_strings_of_javascript() {
    let reasons = [
        (CloseReason::TransportError, "transport error"),
        (CloseReason::TransportClose, "transport close"),
        (CloseReason::PingTimeout, "ping timeout"),
        (CloseReason::ParseError, "parse error"),
        (CloseReason::ForcedClose, "forced close"),
        (CloseReason::ServerShuttingDown, "server shutting down"),
    ];
    for (reason, text) in reasons {
        assert_eq!(reason.to_string(), text);
    }
}
