use super::*;
use crate::request::ContentType;

#[test]
fn the_first_answer_carries_the_open_packet_and_what_was_sent_until_then() {
    let mut host = Host::with(ServerConfig::default());
    host.send("a");
    assert_eq!(host.lines(), [""; 0]);
    host.get();
    assert_eq!(
        host.lines(),
        [format!("r1 200 {OPEN_POLLING}\x1e4a"), "drained".into()]
    );
}

#[test]
fn a_get_waits_until_there_is_something_to_say() {
    let mut host = Host::polling();
    let get = host.get();
    assert_eq!(host.lines(), [""; 0]);
    host.send("a");
    host.send("€");
    host.session
        .send(
            Frame::Binary(Bytes::from_static(&[1, 2, 3, 4])),
            SendOptions::default(),
            host.now,
        )
        .unwrap();
    let Some(Output::Respond { request, response }) = host.session.poll_output() else {
        panic!("an answer");
    };
    assert_eq!(request, get);
    assert_eq!(response.body, "4a\x1e4€\x1ebAQIDBA==");
    assert_eq!(response.content_type, Some(ContentType::Text));
    assert_eq!(ContentType::Text.as_str(), "text/plain; charset=UTF-8");
    assert!(response.compress);
    assert_eq!(host.lines(), ["drained"]);
}

#[test]
fn an_answer_is_compressed_only_if_a_packet_may_be() {
    let mut host = Host::polling();
    host.get();
    let plain = SendOptions {
        compress: false,
        ..SendOptions::default()
    };
    host.session
        .send(Frame::Text("4a".into()), plain, host.now)
        .unwrap();
    host.session
        .send(Frame::Text("4b".into()), plain, host.now)
        .unwrap();
    let Some(Output::Respond { response, .. }) = host.session.poll_output() else {
        panic!("an answer");
    };
    assert!(!response.compress);
}

#[test]
fn a_post_is_answered_ok_after_its_packets() {
    let mut host = Host::polling();
    let post = host.session.post_opened(None, host.now);
    host.session.post_body(
        post,
        Bytes::from_static(b"4hello\x1ebAQIDBA==\x1e4"),
        host.now,
    );
    let mut outputs: Vec<_> = core::iter::from_fn(|| host.session.poll_output()).collect();
    let Some(Output::Respond { request, response }) = outputs.pop() else {
        panic!("an answer")
    };
    assert_eq!(
        (request, response.status, &response.body[..]),
        (post, 200, &b"ok"[..])
    );
    assert_eq!(response.content_type, Some(ContentType::Html));
    let lines: Vec<_> = outputs.iter().map(line).collect();
    assert_eq!(lines, ["message hello", "message [1, 2, 3, 4]", "message "]);
    // The next one is taken.
    host.post(b"4again");
    assert_eq!(host.lines(), ["message again", "r3 200 ok"]);
}

#[test]
fn a_post_and_a_get_do_not_overlap_each_other() {
    let mut host = Host::polling();
    host.get();
    host.post(b"4a");
    assert_eq!(host.lines(), ["message a", "r3 200 ok"]);
    host.send("b");
    assert_eq!(host.lines(), ["r2 200 4b", "drained"]);
}

#[test]
fn a_second_get_ends_the_session() {
    let mut host = Host::polling();
    host.get();
    host.get();
    assert_eq!(
        host.lines(),
        [
            "r3 400",
            "r2 200 1",
            "transport error: a GET overlaps another one"
        ]
    );
    host.get();
    assert_eq!(
        host.lines(),
        [r#"r4 400 {"code":1,"message":"Session ID unknown"}"#]
    );
}

#[test]
fn a_second_post_ends_the_session() {
    let mut host = Host::polling();
    host.get();
    let first = host.session.post_opened(None, host.now);
    host.session.post_opened(None, host.now);
    assert_eq!(
        host.lines(),
        [
            "r4 400",
            "r2 200 1",
            "r3 400",
            "transport error: a POST overlaps another one"
        ]
    );
    // Its body comes too late, and it has its answer.
    host.session
        .post_body(first, Bytes::from_static(b"4a"), host.now);
    assert_eq!(host.lines(), [""; 0]);
}

/// CVE-2026-59725: such a POST was never answered.
#[test]
fn a_binary_post_is_answered_400_and_ends_the_session() {
    for content_type in [
        &b"application/octet-stream"[..],
        b"Application/Octet-Stream ; x=y",
        b" application/octet-stream",
    ] {
        let mut host = Host::polling();
        host.get();
        host.session.post_opened(Some(content_type), host.now);
        assert_eq!(
            host.lines(),
            [
                "r3 400",
                "r2 200 1",
                "transport error: a POST of binary data"
            ]
        );
    }
}

#[test]
fn a_malformed_post_is_answered_400_after_its_good_packets() {
    let cases = [
        (
            &b"4a\x1eabc\x1e4b"[..],
            "parse error: unknown packet type (first byte 0x61)",
        ),
        (b"4a\x1e", "parse error: empty packet"),
        (
            b"4a\x1eb===",
            "parse error: binary packet is not valid base64",
        ),
        (
            b"4a\x1e2",
            "transport error: a ping or pong in the wrong direction",
        ),
    ];
    for (body, reason) in cases {
        let mut host = Host::polling();
        host.post(body);
        assert_eq!(host.lines(), ["message a", "r2 400", reason], "{body:?}");
    }
    for (body, reason) in [
        (&b""[..], "parse error: empty packet"),
        (b"4\xff", "parse error: payload is not UTF-8"),
        (b"7", "parse error: unknown packet type (first byte 0x37)"),
    ] {
        let mut host = Host::polling();
        host.post(body);
        assert_eq!(host.lines(), ["r2 400", reason], "{body:?}");
    }
}

#[test]
fn packets_that_mean_nothing_from_a_client_are_ignored() {
    let mut host = Host::polling();
    host.post(b"0{}\x1e5\x1e6\x1e3\x1e4a");
    assert_eq!(host.lines(), ["message a", "r2 200 ok"]);
}

#[test]
fn a_body_over_the_limit_is_answered_413_and_the_session_goes_on() {
    let mut host = Host::with(ServerConfig {
        max_payload: 4,
        ..ServerConfig::default()
    });
    host.get();
    host.lines();
    let post = host.session.post_opened(None, host.now);
    host.session.post_too_large(post);
    assert_eq!(host.lines(), ["r2 413"]);
    host.post(b"45678");
    assert_eq!(host.lines(), ["r3 413"]);
    host.post(b"4567");
    assert_eq!(host.lines(), ["message 567", "r4 200 ok"]);
}

#[test]
fn an_aborted_request_ends_the_session() {
    let mut host = Host::polling();
    let get = host.get();
    let post = host.session.post_opened(None, host.now);
    host.session.request_aborted(get, host.now);
    assert_eq!(
        host.lines(),
        ["r3 400", "transport error: a request was aborted"]
    );
    host.session.request_aborted(post, host.now);
    assert_eq!(host.lines(), [""; 0]);

    let mut host = Host::polling();
    host.get();
    let post = host.session.post_opened(None, host.now);
    host.session.request_aborted(post, host.now);
    assert_eq!(
        host.lines(),
        ["r2 200 1", "transport error: a request was aborted"]
    );
}

#[test]
fn the_end_of_a_request_that_was_answered_means_nothing() {
    let mut host = Host::polling();
    let get = host.get();
    host.send("a");
    host.lines();
    host.session.request_aborted(get, host.now);
    host.get();
    assert_eq!(host.lines(), [""; 0]);
    assert!(!host.session.is_closed());
}

#[test]
fn a_volatile_message_is_dropped_when_no_get_waits() {
    let volatile = SendOptions {
        volatile: true,
        ..SendOptions::default()
    };
    let mut host = Host::polling();
    host.session
        .send(Frame::Text("4lost".into()), volatile, host.now)
        .unwrap();
    assert_eq!(host.session.buffered(), 0);
    host.get();
    assert_eq!(host.lines(), [""; 0]);
    host.session
        .send(Frame::Text("4a".into()), volatile, host.now)
        .unwrap();
    assert_eq!(host.lines(), ["r2 200 4a", "drained"]);
}

#[test]
fn what_waits_is_bounded_and_the_message_comes_back() {
    let mut host = Host::with(ServerConfig {
        max_buffered: 1000,
        ..ServerConfig::default()
    });
    host.get();
    host.lines();
    let frame = Frame::Text("4".repeat(400).into());
    let mut send = |frame: &Frame| {
        host.session
            .send(frame.clone(), SendOptions::default(), host.now)
    };
    assert_eq!(send(&frame), Ok(()));
    assert_eq!(send(&frame), Ok(()));
    assert_eq!(send(&frame), Err(SendError::Full(frame.clone())));
    assert!(host.session.buffered() <= 1000);
    // A GET makes room.
    host.get();
    host.lines();
    assert_eq!(host.session.buffered(), 0);
    assert_eq!(
        host.session.send(frame, SendOptions::default(), host.now),
        Ok(())
    );
}

#[test]
fn empty_messages_count_too() {
    let mut host = Host::with(ServerConfig {
        max_buffered: 10_000,
        ..ServerConfig::default()
    });
    let empty = Frame::Binary(Bytes::new());
    let taken = (0..10_000)
        .take_while(|_| {
            host.session
                .send(empty.clone(), SendOptions::default(), host.now)
                .is_ok()
        })
        .count();
    assert!((100..1000).contains(&taken), "{taken}");
}

/// Unlike the JavaScript server, which sends two packets: the second of a stranger's making.
#[test]
fn a_text_with_the_separator_is_refused() {
    let mut host = Host::polling();
    let frame = Frame::message(Message::text("a\x1e1"));
    let error = host
        .session
        .send(frame.clone(), SendOptions::default(), host.now)
        .unwrap_err();
    assert_eq!(error, SendError::Separator(frame.clone()));
    assert_eq!(error.into_frame(), frame);
}

#[test]
fn a_session_that_is_never_polled_ends_by_ping_timeout() {
    let mut host = Host::with(ServerConfig::default());
    assert_eq!(host.pass(ms(44_999)), [""; 0]);
    assert_eq!(host.pass(ms(1)), ["ping timeout"]);
    assert_eq!(host.session.poll_timeout(), None);
}
