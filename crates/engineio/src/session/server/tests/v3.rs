//! What protocol revision 3 does in another way.

use alloc::vec;

use super::*;
use crate::ContentType;

fn websocket(base64: bool) -> (Host, TransportId) {
    let now = s(1000);
    let dialect = Dialect {
        revision: Revision::V3,
        base64,
    };
    let config = Arc::new(ServerConfig::default());
    let (session, transport) = ServerSession::websocket_in(dialect, config, "s".into(), now);
    let mut host = Host { session, now };
    assert_eq!(host.lines(), [format!("w1 {OPEN_WEBSOCKET}")]);
    assert_eq!(host.session.revision(), Revision::V3);
    (host, transport)
}

#[test]
fn payloads_have_lengths() {
    let mut host = Host::v3(false);
    host.get();
    host.send("hello");
    assert_eq!(host.lines(), ["r2 200 6:4hello", "drained"]);
    host.send("€");
    host.send("0");
    host.get();
    assert_eq!(host.lines(), ["r3 200 2:4€2:40", "drained"]);
    host.post(b"6:4hello2:40");
    assert_eq!(host.lines(), ["message hello", "message 0", "r4 200 ok"]);
}

/// In revision 4 it would separate two packets.
#[test]
fn a_text_may_have_the_separator_of_revision_4() {
    let mut host = Host::v3(false);
    host.send("a\u{1e}b");
    host.get();
    assert_eq!(host.lines(), ["r2 200 4:4a\u{1e}b", "drained"]);
    host.post(b"4:4a\x1eb");
    assert_eq!(host.lines(), ["message a\u{1e}b", "r3 200 ok"]);
}

#[test]
fn an_answer_with_a_binary_message_is_binary() {
    let mut host = Host::v3(false);
    host.send("€");
    host.send_bytes(&[1, 2, 3, 4]);
    let get = host.get();
    let Some(Output::Respond { request, response }) = host.session.poll_output() else {
        panic!("an answer");
    };
    assert_eq!(request, get);
    assert_eq!(response.content_type, Some(ContentType::Binary));
    assert_eq!(
        response.body,
        &b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04"[..]
    );
}

#[test]
fn a_client_of_text_only_gets_base64() {
    let mut host = Host::v3(true);
    host.send_bytes(&[1, 2, 3, 4]);
    host.get();
    assert_eq!(host.lines(), ["r2 200 10:b4AQIDBA==", "drained"]);
    let (mut host, _) = websocket(true);
    host.send_bytes(&[1, 2, 3, 4]);
    assert_eq!(host.lines(), ["w1 b4AQIDBA=="]);
}

#[test]
fn a_binary_post_is_allowed() {
    let mut host = Host::v3(false);
    host.post_bytes(b"\x00\x06\xff4hello\x01\x03\xff\x04\x01\x02");
    assert_eq!(
        host.lines(),
        ["message hello", "message [1, 2]", "r2 200 ok"]
    );
    host.post(b"10:b4AQIDBA==");
    assert_eq!(host.lines(), ["message [1, 2, 3, 4]", "r3 200 ok"]);
}

#[test]
fn malformed_posts_end_the_session() {
    for (body, reason) in [
        (&b""[..], "empty packet"),
        (b"4hello", "packet length is not a decimal number"),
        (b"7:4hello", "packet length does not fit the body"),
        (b"1:7", "unknown packet type (first byte 0x37)"),
        (b"2:4\xff", "payload is not UTF-8"),
    ] {
        let mut host = Host::v3(false);
        host.post(body);
        assert_eq!(
            host.lines(),
            ["r2 400".into(), format!("parse error: {reason}")]
        );
    }
    let mut host = Host::v3(false);
    host.post_bytes(b"\x02\x01\xff4");
    assert_eq!(
        host.lines(),
        [
            "r2 400",
            "parse error: unknown packet type (first byte 0x02)"
        ]
    );
}

#[test]
fn a_post_over_the_limit_is_refused_and_the_session_goes_on() {
    let mut host = Host::v3(false);
    let content_type = Some(&b"application/octet-stream"[..]);
    let post = host.session.post_opened(content_type, host.now);
    host.session
        .post_body(post, vec![0; 1_000_001].into(), host.now);
    assert_eq!(host.lines(), ["r2 413"]);
    host.post(b"2:4a");
    assert_eq!(host.lines(), ["message a", "r3 200 ok"]);
}

#[test]
fn binary_messages_of_a_websocket_have_a_type_byte() {
    let (mut host, websocket) = websocket(false);
    host.send("a");
    host.send_bytes(&[1, 2]);
    assert_eq!(host.lines(), ["w1 4a", "w1 [4, 1, 2]"]);
    let frame = |bytes| Frame::Binary(Bytes::from_static(bytes));
    host.session.frame(websocket, frame(&[4, 3]), host.now);
    host.text(websocket, "b4AQIDBA==");
    assert_eq!(host.lines(), ["message [3]", "message [1, 2, 3, 4]"]);
    host.session.frame(websocket, frame(&[5]), host.now);
    assert_eq!(
        host.lines(),
        [
            "w1 closed",
            "parse error: unknown packet type (first byte 0x05)"
        ]
    );
}

#[test]
fn the_client_pings_and_the_server_answers_with_the_data() {
    let (mut host, websocket) = websocket(false);
    host.text(websocket, "2");
    host.text(websocket, "2abc");
    assert_eq!(host.lines(), ["w1 3", "w1 3abc"]);

    let mut host = Host::v3(false);
    host.get();
    host.post(b"1:2");
    assert_eq!(host.lines(), ["r3 200 ok", "r2 200 1:3"]);
}

#[test]
fn a_pong_is_in_the_wrong_direction() {
    let (mut host, websocket) = websocket(false);
    host.text(websocket, "3");
    assert_eq!(
        host.lines(),
        [
            "w1 closed",
            "transport error: a ping or pong in the wrong direction"
        ]
    );
}

#[test]
fn each_ping_moves_the_deadline_and_nothing_else_does() {
    let (mut host, websocket) = websocket(false);
    assert_eq!(host.pass(ms(44_999)), [""; 0]);
    host.text(websocket, "2");
    assert_eq!(host.pass(ms(44_999)), ["w1 3"]);
    host.text(websocket, "4a");
    host.send("b");
    assert_eq!(
        host.pass(ms(1)),
        ["message a", "w1 4b", "w1 closed", "ping timeout"]
    );

    let mut host = Host::v3(false);
    host.get();
    assert_eq!(host.pass(s(45)), ["r2 200 1:1", "ping timeout"]);
}

/// A third of a million pings in one POST, and no GET.
#[test]
fn pings_without_a_get_wait_as_one_pong() {
    let mut host = Host::v3(false);
    for _ in 0..3 {
        let post = host.session.post_opened(None, host.now);
        let body = "1:2".repeat(333_000) + "2:2x";
        host.session.post_body(post, body.into(), host.now);
        assert_eq!(host.lines().len(), 1);
    }
    host.send("a");
    host.get();
    assert_eq!(host.lines(), ["r5 200 2:3x2:4a", "drained"]);
}

#[test]
fn the_upgrade() {
    let mut host = Host::v3(false);
    let get = host.get();
    let candidate = host.candidate();
    host.text(candidate, "2probe");
    assert_eq!(host.lines(), ["w3 3probe"]);
    assert_eq!(host.pass(ms(100)), [format!("r{} 200 1:6", get.0)]);
    host.post(b"1:2");
    host.send_bytes(&[1]);
    host.text(candidate, "5");
    assert_eq!(
        host.lines(),
        ["r4 200 ok", "upgraded", "w3 3", "w3 [4, 1]", "drained"]
    );
    assert_eq!(host.pass(s(45)), ["w3 closed", "ping timeout"]);
}

#[test]
fn closing() {
    let mut host = Host::v3(false);
    host.send("a");
    host.session.close(CloseReason::ForcedClose, host.now);
    host.get();
    assert_eq!(host.lines(), ["r2 200 2:4a1:1", "drained", "forced close"]);

    let mut host = Host::v3(false);
    host.get();
    host.post(b"1:1");
    assert_eq!(host.lines(), ["r2 200 1:6", "r3 200 ok", "transport close"]);
}

#[test]
fn a_candidate_of_revision_3_takes_no_other_packet() {
    let mut host = Host::v3(false);
    let candidate = host.candidate();
    let frame = Frame::Binary(Bytes::from_static(b"\x042probe"));
    host.session.frame(candidate, frame, host.now);
    assert_eq!(host.lines(), ["w2 closed"]);
}
