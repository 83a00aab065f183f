use super::*;

/// A session whose candidate has been probed.
fn probed() -> (Host, TransportId) {
    let mut host = Host::polling();
    let candidate = host.candidate();
    host.text(candidate, "2probe");
    assert_eq!(host.lines(), [format!("w{} 3probe", candidate.0)]);
    (host, candidate)
}

#[test]
fn the_whole_dance() {
    let mut host = Host::polling();
    let get = host.get();
    let candidate = host.candidate();
    host.text(candidate, "2probe");
    assert_eq!(host.lines(), ["w3 3probe"]);
    assert_eq!(host.session.transport(), Some(Transport::Polling));
    assert_eq!(host.pass(ms(100)), [format!("r{} 200 6", get.0)]);
    host.text(candidate, "5");
    assert_eq!(host.lines(), ["upgraded"]);
    assert_eq!(host.session.transport(), Some(Transport::WebSocket));
    host.send("a");
    host.text(candidate, "4b");
    assert_eq!(host.lines(), ["w3 4a", "message b"]);
    // Long-polling is over.
    host.get();
    assert_eq!(
        host.lines(),
        [r#"r4 400 {"code":3,"message":"Bad request"}"#]
    );
    // The heartbeat went on by itself.
    assert_eq!(host.pass(ms(24_900)), ["w3 2"]);
}

/// engine.io-client 18, python-engineio 76 and 161, socketioxide 479 and 497: one noop is not
/// enough, since the client may start another GET before it sees `3probe`. It then stalled until
/// the next ping.
#[test]
fn each_get_ends_with_a_noop_until_the_upgrade_is_done() {
    let (mut host, candidate) = probed();
    for _ in 0..5 {
        let get = host.get();
        assert_eq!(host.pass(ms(99)), [""; 0]);
        assert_eq!(host.pass(ms(1)), [format!("r{} 200 6", get.0)]);
        assert_eq!(host.pass(ms(300)), [""; 0]);
    }
    host.text(candidate, "5");
    assert_eq!(host.lines(), ["upgraded"]);
}

#[test]
fn no_noop_before_the_probe() {
    let mut host = Host::polling();
    host.get();
    host.candidate();
    assert_eq!(host.pass(s(9)), [""; 0]);
}

#[test]
fn messages_use_long_polling_until_the_upgrade_packet() {
    let (mut host, candidate) = probed();
    host.send("a");
    host.get();
    assert_eq!(host.lines(), ["r3 200 4a", "drained"]);
    host.post(b"4b");
    assert_eq!(host.lines(), ["message b", "r4 200 ok"]);
    host.send("c");
    host.send("d");
    assert_eq!(host.lines(), [""; 0]);
    host.text(candidate, "5");
    assert_eq!(host.lines(), ["upgraded", "w2 4c", "w2 4d", "drained"]);
    assert_eq!(host.session.buffered(), 0);
}

#[test]
fn requests_that_are_still_in_flight_are_answered() {
    let (mut host, candidate) = probed();
    host.get();
    let post = host.session.post_opened(None, host.now);
    host.text(candidate, "5");
    assert_eq!(host.lines(), ["r3 200 6", "r4 400", "upgraded"]);
    host.session
        .post_body(post, Bytes::from_static(b"4a"), host.now);
    assert_eq!(host.lines(), [""; 0]);
}

#[test]
fn a_driver_that_has_not_pulled_a_post_loses_nothing() {
    let (mut host, candidate) = probed();
    host.post(b"4a\x1e4b");
    host.text(candidate, "5");
    host.text(candidate, "4c");
    assert_eq!(
        host.lines(),
        [
            "message a",
            "message b",
            "r3 200 ok",
            "upgraded",
            "message c"
        ]
    );
}

/// socketioxide issue 731: an upgrade that was begun and not finished leaked.
#[test]
fn an_upgrade_that_does_not_finish_frees_the_candidate_and_polling_goes_on() {
    for probe in [false, true] {
        let mut host = Host::polling();
        let candidate = host.candidate();
        if probe {
            host.text(candidate, "2probe");
            host.lines();
        }
        assert_eq!(host.pass(ms(9_999)), [""; 0]);
        assert_eq!(host.pass(ms(1)), ["w2 closed"]);
        host.text(candidate, "5");
        host.end(candidate, TransportEnd::Closed);
        assert_eq!(host.lines(), [""; 0]);
        host.get();
        host.send("a");
        assert_eq!(host.lines(), ["r3 200 4a", "drained"]);
        // And another upgrade may be tried.
        let candidate = host.candidate();
        host.text(candidate, "2probe");
        host.text(candidate, "5");
        assert_eq!(host.lines(), ["w4 3probe", "upgraded"]);
    }
}

#[test]
fn the_end_of_the_candidate_leaves_polling() {
    for end in [TransportEnd::Closed, TransportEnd::Failed] {
        let (mut host, candidate) = probed();
        host.get();
        host.end(candidate, end);
        assert_eq!(host.pass(s(20)), [""; 0]);
        host.send("a");
        assert_eq!(host.lines(), ["r3 200 4a", "drained"]);
    }
}

#[test]
fn any_other_packet_closes_the_candidate() {
    for text in [
        "", "0", "1", "2", "2probex", "3probe", "4a", "5", "6", "7", "abc",
    ] {
        let mut host = Host::polling();
        let candidate = host.candidate();
        host.text(candidate, text);
        host.text(candidate, "2probe");
        assert_eq!(host.lines(), ["w2 closed"], "{text:?} before the probe");
        assert!(!host.session.is_closed());
        if text != "5" {
            let (mut host, candidate) = probed();
            host.text(candidate, text);
            assert_eq!(host.lines(), ["w2 closed"], "{text:?} after the probe");
            assert!(!host.session.is_closed());
        }
    }
    let (mut host, candidate) = probed();
    host.session
        .frame(candidate, Frame::Binary(Bytes::from_static(b"5")), host.now);
    assert_eq!(host.lines(), ["w2 closed"]);
}

#[test]
fn a_second_candidate_is_closed_and_the_first_goes_on() {
    let (mut host, candidate) = probed();
    let second = host.candidate();
    assert_eq!(host.lines(), ["w3 closed"]);
    host.text(second, "5");
    assert_eq!(host.lines(), [""; 0]);
    host.text(candidate, "5");
    assert_eq!(host.lines(), ["upgraded"]);
    host.candidate();
    assert_eq!(host.lines(), ["w4 closed"]);
}

#[test]
fn a_server_without_upgrades_closes_candidates() {
    let mut host = Host::with(ServerConfig {
        allow_upgrades: false,
        ..ServerConfig::default()
    });
    host.candidate();
    assert_eq!(host.lines(), ["w1 closed"]);
}

#[test]
fn the_end_of_the_session_closes_the_candidate() {
    let (mut host, _) = probed();
    host.post(b"1");
    assert_eq!(host.lines(), ["r3 200 ok", "w2 closed", "transport close"]);

    let mut host = Host::polling();
    host.candidate();
    host.session.close(CloseReason::ForcedClose, host.now);
    assert_eq!(host.lines(), ["w2 closed"]);
    host.candidate();
    assert_eq!(host.lines(), ["w3 closed"]);
    host.get();
    assert_eq!(host.lines(), ["r4 200 1", "forced close"]);
}

/// The client may have sent the upgrade packet already, and make no GET any more.
#[test]
fn a_close_after_the_probe_takes_the_way_that_the_client_takes() {
    let (mut host, candidate) = probed();
    host.send("a");
    host.session.close(CloseReason::ForcedClose, host.now);
    assert_eq!(host.lines(), [""; 0]);
    host.text(candidate, "5");
    assert_eq!(
        host.lines(),
        ["upgraded", "w2 4a", "drained", "w2 closed", "forced close"]
    );

    let (mut host, _) = probed();
    host.send("a");
    host.session.close(CloseReason::ForcedClose, host.now);
    host.get();
    assert_eq!(
        host.lines(),
        ["r3 200 4a\u{1e}1", "drained", "w2 closed", "forced close"]
    );

    let (mut host, _) = probed();
    host.session.close(CloseReason::ForcedClose, host.now);
    assert_eq!(host.pass(s(30)), ["w2 closed", "forced close"]);
}
