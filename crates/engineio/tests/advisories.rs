//! One test for each advisory of the field that concerns this layer.

use std::{sync::Arc, time::Duration};

use songi_engineio::{
    Bytes, CloseReason, Event, Frame, Message, Output, Query, RequestError, SendError, SendOptions,
    ServerConfig, ServerSession, Transport, Violation, payload, request,
};

const NOW: Duration = Duration::ZERO;

fn session(config: ServerConfig) -> ServerSession {
    let mut session = ServerSession::polling(Arc::new(config), "s".into(), NOW);
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
