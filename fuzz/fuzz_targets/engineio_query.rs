//! Any query, method and `Origin` finds a route or a numbered error, and the route fits the query.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use songi_engineio::{
    Query, RequestError, Revision, Route, ServerConfig, Transport,
    handshake::MAX_SID,
    request::{self, Method, Request},
};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    method: u8,
    upgrade: bool,
    origin: Option<&'a [u8]>,
    session: Option<bool>,
    query: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let query = Query::parse(input.query);
    assert!(query.sid.as_ref().is_none_or(|sid| sid.len() <= MAX_SID));
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
        (transport, Revision::V4)
    });
    match request::route(request, &ServerConfig::default(), |_| session) {
        Ok(Route::Open(transport, _)) => {
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
