//! Any query, method and `Origin` finds a route or a numbered error, and the route fits the query;
//! of `j` only digits come back, and any form is a payload no longer than itself.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use songi_engineio::{
    Jsonp, Query, RequestError, Revision, Route, ServerConfig, Transport,
    handshake::MAX_SID,
    request::{self, Method, Request},
};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    method: u8,
    upgrade: bool,
    origin: Option<&'a [u8]>,
    session: Option<bool>,
    v3: bool,
    allow_eio3: bool,
    query: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let query = Query::parse(input.query);
    assert!(query.sid.as_ref().is_none_or(|sid| sid.len() <= MAX_SID));
    if let Some(jsonp) = &query.jsonp {
        let script = jsonp.script("\u{2028}</script>\"");
        let index = script
            .strip_prefix("___eio[")
            .and_then(|rest| rest.split_once(']'));
        let (digits, _) = index.expect("its beginning");
        assert!(digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    }
    assert!(Jsonp::form(input.query.as_bytes()).len() <= input.query.len());
    let method = match input.method % 3 {
        0 => Method::Get,
        1 => Method::Post,
        _ => Method::Other,
    };
    let request = Request {
        method,
        query: &query,
        upgrade: input.upgrade,
        origin: input.origin,
    };
    let session = input.session.map(|websocket| {
        let transport = if websocket {
            Transport::WebSocket
        } else {
            Transport::Polling
        };
        let revision = if input.v3 { Revision::V3 } else { Revision::V4 };
        (transport, revision)
    });
    let config = ServerConfig {
        allow_eio3: input.allow_eio3,
        ..ServerConfig::default()
    };
    match request::route(request, &config, |_| session) {
        Ok(Route::Open(transport, revision)) => {
            assert!(revision == Revision::V4 || input.allow_eio3);
            assert_eq!(
                (query.sid, input.upgrade),
                (None, transport == Transport::WebSocket)
            );
        }
        Ok(Route::Poll(sid) | Route::Post(sid)) => {
            assert_eq!((query.sid, input.upgrade), (Some(sid), false));
        }
        Ok(Route::Upgrade(sid)) => assert_eq!((query.sid, input.upgrade), (Some(sid), true)),
        Ok(route) => panic!("{route:?}"),
        Err(error) => {
            assert!(error.code() <= 5 && error != RequestError::Forbidden("".into()));
            assert!(!error.response(input.upgrade).body.is_empty());
        }
    }
});
