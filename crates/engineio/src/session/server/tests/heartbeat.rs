use super::*;

/// socketioxide sent it at once, and issue 390 twice.
#[test]
fn the_first_ping_comes_after_one_interval() {
    let (mut host, _) = Host::websocket();
    assert_eq!(host.pass(ms(24_999)), [""; 0]);
    assert_eq!(host.pass(ms(1)), ["w1 2"]);
    assert_eq!(host.pass(ms(19_999)), [""; 0]);
    assert_eq!(host.pass(ms(1)), ["w1 closed", "ping timeout"]);
}

#[test]
fn a_pong_starts_the_next_interval() {
    let (mut host, websocket) = Host::websocket();
    assert_eq!(host.pass(s(25)), ["w1 2"]);
    host.pass(s(7));
    host.text(websocket, "3");
    assert_eq!(host.pass(ms(24_999)), [""; 0]);
    assert_eq!(host.pass(ms(1)), ["w1 2"]);
    host.text(websocket, "3with data");
    assert_eq!(host.pass(s(25)), ["w1 2"]);
}

/// socketioxide issue 817: an extra pong led to a ping timeout.
#[test]
fn an_unsolicited_pong_is_fine() {
    let (mut host, websocket) = Host::websocket();
    host.text(websocket, "3");
    host.text(websocket, "3");
    assert_eq!(host.pass(s(25)), ["w1 2"]);
    host.text(websocket, "3");
    host.text(websocket, "3");
    assert_eq!(host.pass(s(25)), ["w1 2"]);
}

#[test]
fn messages_do_not_replace_a_pong() {
    let (mut host, websocket) = Host::websocket();
    host.pass(s(25));
    host.text(websocket, "4a");
    assert_eq!(host.pass(s(20)), ["message a", "w1 closed", "ping timeout"]);
}

#[test]
fn a_ping_answers_the_get_that_waits() {
    let mut host = Host::polling();
    host.get();
    assert_eq!(host.pass(s(25)), ["r2 200 2", "drained"]);
    host.post(b"3");
    assert_eq!(host.lines(), ["r3 200 ok"]);
    host.get();
    assert_eq!(host.pass(s(25)), ["r4 200 2", "drained"]);
    host.get();
    assert_eq!(host.pass(s(20)), ["r5 200 1", "ping timeout"]);
}

#[test]
fn an_early_or_late_timeout_is_harmless() {
    let (mut host, websocket) = Host::websocket();
    host.session.handle_timeout(host.now);
    host.session.handle_timeout(Duration::ZERO);
    assert_eq!(host.lines(), [""; 0]);
    // A driver that slept too long pings first, rather than end the session.
    host.now += s(3600);
    host.session.handle_timeout(host.now);
    assert_eq!(host.lines(), ["w1 2"]);
    host.text(websocket, "3");
    assert_eq!(host.session.poll_timeout(), Some(host.now + s(25)));
}

#[test]
fn the_end_of_time_does_not_overflow() {
    let config = ServerConfig {
        ping_interval: Duration::MAX,
        ping_timeout: Duration::MAX,
        ..ServerConfig::default()
    };
    let mut session = ServerSession::polling(Arc::new(config), "s".into(), Duration::MAX);
    session.websocket_opened(Duration::MAX);
    session.close(CloseReason::ForcedClose, Duration::MAX);
    session.handle_timeout(Duration::MAX);
}
