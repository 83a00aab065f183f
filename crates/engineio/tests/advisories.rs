//! One test for each advisory of the field that concerns this layer.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use songi_engineio::{
    Bytes, CloseReason, Dialect, Event, Frame, Jsonp, Message, Output, Query, RequestError,
    Revision, SendError, SendOptions, ServerConfig, ServerSession, Transport, Violation, payload,
    request,
    webtransport::{self, FrameError, Opening, OpeningError},
};

const NOW: Duration = Duration::ZERO;

fn session(config: ServerConfig) -> ServerSession {
    let mut session = ServerSession::polling(Arc::new(config), "s".into(), NOW);
    session.poll_opened(NOW);
    outputs(&mut session);
    session
}

fn session_v3() -> ServerSession {
    let dialect = Dialect {
        revision: Revision::V3,
        base64: false,
    };
    let config = Arc::new(ServerConfig::default());
    let mut session = ServerSession::polling_in(dialect, config, "s".into(), NOW);
    session.poll_opened(NOW);
    outputs(&mut session);
    session
}

fn outputs(session: &mut ServerSession) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn status(output: &Output) -> Option<u16> {
    match output {
        Output::Respond { response, .. } => Some(response.status),
        _ => None,
    }
}

/// engine.io: memory exhausted by a large POST.
#[test]
fn cve_2020_36048_a_body_over_the_limit_is_refused_before_it_is_parsed() {
    let mut session = session(ServerConfig {
        max_payload: 1000,
        ..ServerConfig::default()
    });
    let post = session.post_opened(None, NOW);
    // Not UTF-8 either: the length decides first.
    session.post_body(post, vec![0xff; 1001].into(), NOW);
    let outputs = outputs(&mut session);
    assert_eq!(outputs.iter().map(status).collect::<Vec<_>>(), [Some(413)]);
    assert!(!session.is_closed());
}

/// The parser of socket.io: quadratic decoding of a large packet. Here half a million packets
/// come out one by one, and none is made before it is pulled.
#[test]
fn cve_2020_36049_many_packets_cost_no_more_than_their_bytes() {
    let mut session = session(ServerConfig::default());
    let body = "4\x1e".repeat(499_999) + "4";
    let post = session.post_opened(None, NOW);
    session.post_body(post, body.into(), NOW);
    let mut messages = 0;
    while let Some(output) = session.poll_output() {
        match output {
            Output::Event(Event::Message(message)) => {
                assert!(message.is_empty());
                messages += 1;
            }
            output => assert_eq!(status(&output), Some(200)),
        }
    }
    assert_eq!(messages, 500_000);
}

/// engine.io: a crafted request crashed the process.
#[test]
fn cve_2022_41940_and_cve_2023_31125_odd_requests_get_an_error() {
    let config = ServerConfig::default();
    let queries = [
        "",
        "transport",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=constructor&sid=__proto__",
        "EIO=4&transport=websocket&sid=__proto__",
        "EIO=4&transport=polling&sid=%00%ff",
        "EIO[]=4&transport[]=polling",
        "EIO=4&transport=polling&transport=websocket",
        "%&%=%&=&&",
    ];
    for query in queries {
        for upgrade in [false, true] {
            let query = Query::parse(query);
            let request = request::Request {
                method: request::Method::Get,
                query: &query,
                upgrade,
                origin: Some(b"null"),
            };
            assert!(
                request::route(request, &config, |_| None).is_err(),
                "{query:?}"
            );
        }
    }
}

/// engine.io: garbage on the WebSocket of an upgrade crashed the process.
#[test]
fn cve_2022_21676_garbage_on_the_candidate_closes_the_candidate() {
    for garbage in ["", "\0", "2probe2probe", "5", "€"] {
        let mut session = session(ServerConfig::default());
        let candidate = session.websocket_opened(NOW);
        session.frame(candidate, Frame::Text(garbage.into()), NOW);
        assert_eq!(outputs(&mut session), [Output::CloseTransport(candidate)]);
        assert_eq!(session.transport(), Some(Transport::Polling));
    }
}

/// A WebSocket that is opened for a session that has just ended.
#[test]
fn cve_2022_41940_an_upgrade_of_a_closed_session_is_closed() {
    let mut session = session(ServerConfig::default());
    session.abort(CloseReason::ForcedClose);
    outputs(&mut session);
    let candidate = session.websocket_opened(NOW);
    session.frame(candidate, Frame::Text("2probe".into()), NOW);
    assert_eq!(outputs(&mut session), [Output::CloseTransport(candidate)]);
}

/// engine.io: a binary POST was never answered, and held its connection.
#[test]
fn cve_2026_59725_a_binary_post_is_answered_at_once() {
    let mut session = session(ServerConfig::default());
    let post = session.post_opened(Some(b"application/octet-stream"), NOW);
    let outputs = outputs(&mut session);
    let [
        Output::Respond { request, response },
        Output::Event(Event::Closed { violation, .. }),
    ] = &outputs[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!((*request, response.status), (post, 400));
    assert_eq!(*violation, Some(Violation::BinaryPost));
}

/// GHSA-gr94-w7qr-f4j3 and the prototype keys before it: a sid is only ever looked up as text.
#[test]
fn ghsa_gr94_w7qr_f4j3_prototype_names_are_unknown_sids() {
    for sid in ["__proto__", "constructor", "hasOwnProperty", "toString"] {
        let query = Query::parse(&format!("EIO=4&transport=polling&sid={sid}"));
        let request = request::Request {
            method: request::Method::Get,
            query: &query,
            upgrade: false,
            origin: None,
        };
        let error = request::route(request, &ServerConfig::default(), |asked| {
            assert_eq!(asked, sid);
            None
        });
        assert_eq!(error, Err(RequestError::UnknownSid));
    }
}

/// The same over WebTransport: the sid of the first packet, and a handshake that never comes.
#[test]
fn ghsa_gr94_w7qr_f4j3_the_first_packet_of_webtransport_is_data() {
    let parse = |text: &'static str| Opening::parse(Frame::Text(text.into()));
    assert_eq!(
        parse(r#"0{"sid":"__proto__"}"#),
        Ok(Opening::Upgrade("__proto__".into()))
    );
    for text in [
        r#"0{"sid":{}}"#,
        r#"0{"sid":["a"]}"#,
        r#"0{"__proto__":{"sid":"a"}}"#,
    ] {
        assert_eq!(parse(text), Err(OpeningError::Sid), "{text}");
    }
    let mut input = BytesMut::from(&b"\x80"[..]);
    assert_eq!(
        webtransport::decode(&mut input, 100),
        Err(FrameError::Empty)
    );
}

/// The `j` of JSONP is put into a script that the browser runs.
#[test]
fn jsonp_reflects_nothing_but_digits() {
    let query = Query::parse("EIO=4&transport=polling&j=1](alert(document.domain))%3b%2f%2f2");
    let script = query
        .jsonp
        .expect("it is there")
        .script("</script>\u{2028}");
    assert_eq!(script, "___eio[12](\"</script>\\u2028\");");
    assert_eq!(Query::parse("j=a&j=b").jsonp, None);
}

/// JSONP forms: one field, in one pass, no longer than the body.
#[test]
fn a_form_of_many_fields_is_read_in_one_pass() {
    let many = "d=4a&".repeat(200_000);
    assert_eq!(Jsonp::form(many.as_bytes()), "");
    let escapes = format!("d={}", "%5C".repeat(300_000) + "n");
    assert_eq!(Jsonp::form(escapes.as_bytes()).len(), 300_000);
}

/// engine.io issue 420: a client that does not read made the server's buffer grow for ever.
#[test]
fn a_slow_reader_does_not_grow_the_queue() {
    let mut session = session(ServerConfig {
        max_buffered: 10_000,
        ..ServerConfig::default()
    });
    let frame = Frame::message(Message::text("x".repeat(100)));
    let full = (0..1_000_000).find_map(|_| {
        session
            .send(frame.clone(), SendOptions::default(), NOW)
            .err()
    });
    assert!(matches!(full, Some(SendError::Full(_))));
    assert!(session.buffered() <= 10_000);
}

/// socketioxide 0.17.4 and issue 794: panics on truncated and multibyte packets.
#[test]
fn truncated_and_multibyte_payloads_are_errors() {
    let whole = "4€\x1ebAQIDBA==\x1e4\u{1F600}\x1e2probe".as_bytes();
    for end in 0..whole.len() {
        let body = Bytes::copy_from_slice(&whole[..end]);
        if let Ok(packets) = payload::decode(body, 100) {
            packets.for_each(drop);
        }
    }
}

/// socketioxide 0.17.4: bodies of revision 3 that were decoded for ever, and a panic in debug
/// builds; engine.io-parser 2 takes 310 digits.
#[test]
fn bodies_of_revision_3_are_read_in_one_pass() {
    for body in [
        "9".repeat(1_000_000),
        "9".repeat(310) + ":4a",
        "18446744073709551616:4a".into(),
        "0:".repeat(500_000),
        "1:4".repeat(333_333) + "1",
        // Each length is that of the rest, so that its end is looked for in all of it.
        (1..2000).map(|n| format!("{}:", 3 * n)).collect(),
        format!("999999:{}", "€".repeat(300_000)),
    ] {
        let mut packets = payload::decode_v3_text(body.into(), 1_000_000).expect("text");
        assert!(packets.any(|packet| packet.is_err()));
    }
    for body in [
        vec![0; 1_000_000],
        vec![255; 1_000_000],
        vec![1; 1_000_000],
        [&[1][..], &[9; 310], &[255, 4]].concat(),
    ] {
        let mut packets = payload::decode_v3_binary(body.into(), 1_000_000).expect("its size");
        assert!(packets.any(|packet| packet.is_err()));
    }
}

/// socketioxide 0.17.5 and issue 794, for revision 3.
#[test]
fn truncated_and_multibyte_bodies_of_revision_3_are_errors() {
    let text = "2:4€3:4\u{1F600}10:b4AQIDBA==6:2probe".as_bytes();
    let binary = b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04".as_slice();
    for body in [text, binary] {
        for end in 0..body.len() {
            let body = Bytes::copy_from_slice(&body[..end]);
            payload::decode_v3_binary(body.clone(), 100)
                .expect("its size")
                .for_each(drop);
            if let Ok(packets) = payload::decode_v3_text(body, 100) {
                packets.for_each(drop);
            }
        }
    }
}

/// Pings of revision 3 are answered: a client that reads no answers must not make them pile up.
#[test]
fn a_flood_of_pings_has_one_answer() {
    let mut session = session_v3();
    let post = session.post_opened(None, NOW);
    session.post_body(post, "1:2".repeat(300_000).into(), NOW);
    assert_eq!(outputs(&mut session).len(), 1);
    let get = session.poll_opened(NOW);
    let answer = outputs(&mut session);
    let [Output::Respond { request, response }] = &answer[..] else {
        panic!("{answer:?}");
    };
    assert_eq!((*request, &response.body[..]), (get, &b"1:3"[..]));
}

/// A POST of revision 3 that is binary is held to the same limit.
#[test]
fn cve_2020_36048_a_binary_body_over_the_limit_is_refused() {
    let mut session = session_v3();
    let post = session.post_opened(Some(b"application/octet-stream"), NOW);
    session.post_body(post, vec![0; 1_000_001].into(), NOW);
    let outputs = outputs(&mut session);
    assert_eq!(outputs.iter().map(status).collect::<Vec<_>>(), [Some(413)]);
}

/// Old clients are served only where the application says so.
#[test]
fn revision_3_is_off_by_default() {
    let query = Query::parse("EIO=3&transport=polling");
    let request = request::Request {
        method: request::Method::Get,
        query: &query,
        upgrade: false,
        origin: None,
    };
    let route = request::route(request, &ServerConfig::default(), |_| None);
    assert_eq!(route, Err(RequestError::UnsupportedRevision));
}

/// socketioxide issue 731: an upgrade that is begun and never finished.
#[test]
fn an_unfinished_upgrade_is_freed_by_its_timer() {
    let mut session = session(ServerConfig::default());
    let candidate = session.websocket_opened(NOW);
    let deadline = session.poll_timeout().expect("an open session");
    assert_eq!(deadline, Duration::from_secs(10));
    session.handle_timeout(deadline);
    assert_eq!(outputs(&mut session), [Output::CloseTransport(candidate)]);
}

/// Polling sessions that are opened and never polled.
#[test]
fn hoarded_sessions_are_freed_by_the_ping_timeout() {
    let config = Arc::new(ServerConfig::default());
    let mut session = ServerSession::polling(config, "s".into(), NOW);
    while let Some(at) = session.poll_timeout() {
        assert!(at <= Duration::from_secs(45));
        session.handle_timeout(at);
    }
    let last = outputs(&mut session).pop();
    assert_eq!(
        last,
        Some(Output::Event(Event::Closed {
            reason: CloseReason::PingTimeout,
            violation: None
        }))
    );
}
