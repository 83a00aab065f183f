//! From a request to what it means for which session.

use std::error::Error;
use std::sync::Arc;

use http::header::{ORIGIN, UPGRADE};
use http::{Method, Request, StatusCode};
use http_body::Body;
use hyper::ext::Protocol;
use songi_engineio::{Query, RequestError, Route, Transport, request};

use super::refused::{ConnectionError, RefusalCause};
use super::reply::Reply;
use super::{Answer, answer, cors, polling, upgrade};
use crate::connection::Connection;
use crate::handshake::Handshake;
use crate::server::Shared;

/// Answers a request to the server's path, of which `below` is what follows.
pub(super) async fn answer<B>(shared: Arc<Shared>, request: Request<B>, below: &str) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, ());
    let Some(cors) = &shared.config.cors else {
        return answer_to(shared, request, body, below).await;
    };
    let headers = cors.headers(&request);
    let mut answer = if request.method() == Method::OPTIONS {
        cors.preflight(&request)
    } else {
        answer_to(shared, request, body, below).await
    };
    cors::add(&mut answer, headers);
    answer
}

async fn answer_to<B>(shared: Arc<Shared>, request: Request<()>, body: B, below: &str) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if let Some(files) = &shared.client_files {
        let compress = shared.config.http_compression.is_some();
        if let Some(answer) = files.answer(below, &request, compress).await {
            return answer;
        }
    }
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let refused = |error: &RequestError, query: &Query, request: &Request<()>| {
        let cause = RefusalCause::of(error, query, request);
        refuse(&shared, error, &cause, request)
    };
    let route = match route(&shared, &query, &request) {
        Ok(route) => route,
        Err(error) => return refused(&error, &query, &request),
    };
    let sid = match &route {
        Route::Open(transport, _) => return open(shared, *transport, query, request).await,
        Route::Poll(sid) | Route::Post(sid) | Route::Upgrade(sid) => sid,
        _ => return refused(&RequestError::BadRequest, &query, &request),
    };
    // It was there when the route was found, and may have closed since.
    let Some(connection) = shared.connection(sid) else {
        return refused(&RequestError::UnknownSid, &query, &request);
    };
    match route {
        Route::Poll(_) => {
            let reply = Reply::new(&shared, query, request);
            polling::get(connection, reply).await
        }
        Route::Post(_) => polling::post(connection, query, request, body).await,
        _ => upgrade::upgrade(connection, request),
    }
}

/// Opens a session, if the application agrees.
async fn open(
    shared: Arc<Shared>,
    transport: Transport,
    query: Query,
    request: Request<()>,
) -> Answer {
    let handshake = Handshake::new(&request);
    let hooks = shared.hooks.table();
    if let Err(error) = hooks.allow(&handshake).await {
        let cause = RefusalCause::of(&error, &query, &request);
        return refuse(&shared, &error, &cause, &request);
    }
    let bad_id = |request| {
        refuse(
            &shared,
            &RequestError::BadRequest,
            &RefusalCause::Id,
            request,
        )
    };
    let Some(sid) = hooks.id(&handshake).await else {
        return bad_id(&request);
    };
    if shared.connection(&sid).is_some() {
        return bad_id(&request);
    }
    if shared.closing.is_cancelled() {
        return answer::empty(StatusCode::SERVICE_UNAVAILABLE);
    }

    shared.start();
    let dialect = query.dialect().unwrap_or_default();
    if transport == Transport::WebSocket {
        return upgrade::open(shared, sid, handshake, dialect, request);
    }
    let Some(connection) = Connection::polling(&shared, sid.clone(), handshake, dialect) else {
        return bad_id(&request);
    };
    let reply = Reply::new(&shared, query, request).first_of(&shared, &sid);
    polling::get(connection, reply).await
}

/// Refuses a request, and tells the application.
pub(super) fn refuse(
    shared: &Shared,
    error: &RequestError,
    cause: &RefusalCause,
    request: &Request<()>,
) -> Answer {
    report(shared, error, cause, request);
    answer::refusal(error, asks_for_websocket(request), request.version())
}

/// Tells the application of a request that is refused.
pub(super) fn report(
    shared: &Shared,
    error: &RequestError,
    cause: &RefusalCause,
    request: &Request<()>,
) {
    shared.counters.refused(error.code());
    shared.hooks.table().report(&ConnectionError {
        code: error.code(),
        message: error.message(),
        cause,
        request,
    });
}

/// Whether a request is to open a WebSocket: by an upgrade, or over HTTP/2 by an extended CONNECT
/// (RFC 8441).
pub(super) fn asks_for_websocket<B>(request: &Request<B>) -> bool {
    request.headers().contains_key(UPGRADE) || is_extended_connect(request)
}

pub(super) fn is_extended_connect<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

fn route(shared: &Shared, query: &Query, request: &Request<()>) -> Result<Route, RequestError> {
    let request = request::Request {
        method: match *request.method() {
            Method::GET => request::Method::Get,
            Method::CONNECT if is_extended_connect(request) => request::Method::Get,
            Method::POST => request::Method::Post,
            _ => request::Method::Other,
        },
        query,
        upgrade: asks_for_websocket(request),
        origin: request
            .headers()
            .get(ORIGIN)
            .map(|origin| origin.as_bytes()),
    };
    request::route(request, &shared.engine, |sid: &str| {
        shared.connection(sid)?.carrier()
    })
}
