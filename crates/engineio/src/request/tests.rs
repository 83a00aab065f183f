use super::*;

/// The session `p` polls, `w` is on a WebSocket.
fn lookup(sid: &str) -> Option<(Transport, Revision)> {
    match sid {
        "p" => Some((Transport::Polling, Revision::V4)),
        "w" => Some((Transport::WebSocket, Revision::V4)),
        _ => None,
    }
}

fn check(method: Method, query: &str, upgrade: bool) -> Result<Route, RequestError> {
    let query = Query::parse(query);
    let request = Request {
        method,
        query: &query,
        upgrade,
        origin: None,
    };
    route(request, &ServerConfig::default(), lookup)
}

fn get(query: &str) -> Result<Route, RequestError> {
    check(Method::Get, query, false)
}

fn upgrade(query: &str) -> Result<Route, RequestError> {
    check(Method::Get, query, true)
}

#[test]
fn requests_that_fit() {
    assert_eq!(
        get("EIO=4&transport=polling"),
        Ok(Route::Open(Transport::Polling, Revision::V4))
    );
    assert_eq!(
        upgrade("EIO=4&transport=websocket"),
        Ok(Route::Open(Transport::WebSocket, Revision::V4))
    );
    assert_eq!(
        get("EIO=4&transport=polling&sid=p"),
        Ok(Route::Poll("p".into()))
    );
    assert_eq!(
        check(Method::Post, "EIO=4&transport=polling&sid=p", false),
        Ok(Route::Post("p".into()))
    );
    assert_eq!(
        upgrade("EIO=4&transport=websocket&sid=p"),
        Ok(Route::Upgrade("p".into()))
    );
    // The session closes the second WebSocket by itself.
    assert_eq!(
        upgrade("EIO=4&transport=websocket&sid=w"),
        Ok(Route::Upgrade("w".into()))
    );
}

#[test]
fn code_0_unknown_transport() {
    for query in [
        "",
        "EIO=4",
        "EIO=4&transport=abc",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=webtransport",
        "EIO=4&transport=abc&sid=p",
    ] {
        assert_eq!(get(query), Err(RequestError::UnknownTransport), "{query}");
        assert_eq!(
            upgrade(query),
            Err(RequestError::UnknownTransport),
            "{query}"
        );
    }
    let query = Query::parse("EIO=4&transport=polling");
    let request = Request {
        method: Method::Get,
        query: &query,
        upgrade: false,
        origin: None,
    };
    let config = ServerConfig {
        transports: crate::Transports::WEBSOCKET,
        ..ServerConfig::default()
    };
    assert_eq!(
        route(request, &config, lookup),
        Err(RequestError::UnknownTransport)
    );
}

#[test]
fn code_1_unknown_sid() {
    for sid in ["x", "__proto__", "p&sid=p", "%ff"] {
        let query = alloc::format!("EIO=4&transport=polling&sid={sid}");
        assert_eq!(get(&query), Err(RequestError::UnknownSid), "{sid}");
        assert_eq!(
            check(Method::Post, &query, false),
            Err(RequestError::UnknownSid)
        );
    }
    assert_eq!(
        upgrade("EIO=4&transport=websocket&sid=x"),
        Err(RequestError::UnknownSid)
    );
}

#[test]
fn code_2_bad_handshake_method() {
    for method in [Method::Post, Method::Other] {
        assert_eq!(
            check(method, "EIO=4&transport=polling", false),
            Err(RequestError::BadHandshakeMethod)
        );
    }
}

#[test]
fn code_3_bad_request() {
    // A WebSocket without a handshake, and a handshake of something else.
    assert_eq!(
        get("EIO=4&transport=websocket"),
        Err(RequestError::BadRequest)
    );
    assert_eq!(
        get("EIO=4&transport=websocket&sid=w"),
        Err(RequestError::BadRequest)
    );
    assert_eq!(
        upgrade("EIO=4&transport=polling"),
        Err(RequestError::BadRequest)
    );
    assert_eq!(
        upgrade("EIO=4&transport=polling&sid=p"),
        Err(RequestError::BadRequest)
    );
    // Polling a session that moved to a WebSocket.
    assert_eq!(
        get("EIO=4&transport=polling&sid=w"),
        Err(RequestError::BadRequest)
    );
    // Another revision than the session's.
    assert_eq!(
        get("EIO=3&transport=polling&sid=p"),
        Err(RequestError::BadRequest)
    );
    assert_eq!(
        get("transport=polling&sid=p"),
        Err(RequestError::BadRequest)
    );
    assert_eq!(
        check(Method::Other, "EIO=4&transport=polling&sid=p", false),
        Err(RequestError::BadRequest)
    );
    assert_eq!(
        check(Method::Post, "EIO=4&transport=websocket&sid=p", true),
        Err(RequestError::BadRequest)
    );
}

#[test]
fn code_3_upgrades_that_are_not_allowed() {
    let query = Query::parse("EIO=4&transport=websocket&sid=p");
    let request = Request {
        method: Method::Get,
        query: &query,
        upgrade: true,
        origin: None,
    };
    let config = ServerConfig {
        allow_upgrades: false,
        ..ServerConfig::default()
    };
    assert_eq!(
        route(request, &config, lookup),
        Err(RequestError::BadRequest)
    );
}

#[test]
fn code_3_invalid_origin() {
    let query = Query::parse("EIO=4&transport=polling");
    let check = |origin: &[u8]| {
        let request = Request {
            method: Method::Get,
            query: &query,
            upgrade: false,
            origin: Some(origin),
        };
        route(request, &ServerConfig::default(), lookup)
    };
    for origin in [
        &b"https://example.com"[..],
        b"null",
        b"",
        b"a\tb",
        "http://é".as_bytes(),
    ] {
        assert!(check(origin).is_ok(), "{origin:?}");
    }
    for origin in [&b"http://a\0b"[..], b"\x7f", b"a\r\nb", b"\x1b"] {
        assert_eq!(check(origin), Err(RequestError::BadRequest), "{origin:?}");
    }
}

#[test]
fn code_5_unsupported_revision() {
    for query in [
        "transport=polling",
        "EIO=3&transport=polling",
        "EIO=abc&transport=polling",
        "EIO=4&EIO=4&transport=polling",
    ] {
        assert_eq!(
            get(query),
            Err(RequestError::UnsupportedRevision),
            "{query}"
        );
    }
}

#[test]
fn revision_3_opens_sessions_only_where_it_is_allowed() {
    let config = ServerConfig {
        allow_eio3: true,
        ..ServerConfig::default()
    };
    let lookup = |_: &str| Some((Transport::Polling, Revision::V3));
    let check = |query: &str, upgrade, config: &ServerConfig| {
        let query = Query::parse(query);
        let request = Request {
            method: Method::Get,
            query: &query,
            upgrade,
            origin: None,
        };
        route(request, config, lookup)
    };
    for (query, upgrade, transport) in [
        ("EIO=3&transport=polling&b64=1", false, Transport::Polling),
        ("EIO=3&transport=websocket", true, Transport::WebSocket),
    ] {
        assert_eq!(
            check(query, upgrade, &config),
            Ok(Route::Open(transport, Revision::V3))
        );
        assert_eq!(
            check(query, upgrade, &ServerConfig::default()),
            Err(RequestError::UnsupportedRevision)
        );
    }
    // A session keeps the revision that it began with.
    for revision in [3, 4, 5] {
        let query = alloc::format!("EIO={revision}&transport=polling&sid=p");
        let expected = if revision == 3 {
            Ok(Route::Poll("p".into()))
        } else {
            Err(RequestError::BadRequest)
        };
        assert_eq!(check(&query, false, &config), expected);
    }
}

#[test]
fn the_first_broken_rule_decides() {
    // Transport before sid, sid before everything of the session, method before revision.
    assert_eq!(
        get("EIO=9&transport=x&sid=x"),
        Err(RequestError::UnknownTransport)
    );
    assert_eq!(
        get("EIO=9&transport=polling&sid=x"),
        Err(RequestError::UnknownSid)
    );
    assert_eq!(
        check(Method::Post, "EIO=9&transport=websocket", false),
        Err(RequestError::BadHandshakeMethod)
    );
    assert_eq!(
        get("EIO=9&transport=websocket"),
        Err(RequestError::BadRequest)
    );
}

#[test]
fn answers_have_a_numeric_code() {
    let cases = [
        (
            RequestError::UnknownTransport,
            400,
            r#"{"code":0,"message":"Transport unknown"}"#,
        ),
        (
            RequestError::UnknownSid,
            400,
            r#"{"code":1,"message":"Session ID unknown"}"#,
        ),
        (
            RequestError::BadHandshakeMethod,
            400,
            r#"{"code":2,"message":"Bad handshake method"}"#,
        ),
        (
            RequestError::BadRequest,
            400,
            r#"{"code":3,"message":"Bad request"}"#,
        ),
        (
            RequestError::Forbidden("no \"you\"".into()),
            403,
            r#"{"code":4,"message":"no \"you\""}"#,
        ),
        (
            RequestError::UnsupportedRevision,
            400,
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
        ),
    ];
    for (error, status, body) in cases {
        let response = error.response(false);
        assert_eq!(
            (response.status, &*response.body),
            (status, body.as_bytes())
        );
        assert_eq!(response.content_type, Some(ContentType::Json));
        let response = error.response(true);
        assert_eq!(
            (response.status, &*response.body),
            (400, error.message().as_bytes())
        );
        assert_eq!(response.content_type, Some(ContentType::Html));
        assert_eq!(alloc::format!("{error}"), error.message());
    }
}
