//! From a request to what it means for which session.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ORIGIN, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use songi_engineio::{Query, RequestError, Revision, Route, Transport, request};

use super::{answer, polling, websocket};
use crate::connection::Connection;
use crate::handshake::Handshake;
use crate::server::Shared;
use crate::sid::random_id;

/// Answers a request to the server's path.
pub(super) async fn answer<B>(shared: Arc<Shared>, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let upgrade = request.headers().contains_key(UPGRADE);
    let route = match route(&shared, &request, upgrade) {
        Ok(route) => route,
        Err(error) => return answer::refusal(&error, upgrade),
    };
    let opens = matches!(route, Route::Open(..));
    if opens && shared.closing.is_cancelled() {
        return answer::empty(StatusCode::SERVICE_UNAVAILABLE);
    }

    let sid = match route {
        Route::Open(Transport::Polling, _) => {
            shared.start();
            let connection = Connection::polling(&shared, random_id(), handshake(&request));
            return polling::get(connection).await;
        }
        Route::Open(Transport::WebSocket, _) => {
            shared.start();
            return websocket::open(shared, request);
        }
        Route::Poll(ref sid) | Route::Post(ref sid) | Route::Upgrade(ref sid) => sid,
        _ => return answer::refusal(&RequestError::BadRequest, upgrade),
    };
    // It was there when the route was found, and may have closed since.
    let Some(connection) = shared.connection(sid) else {
        return answer::refusal(&RequestError::UnknownSid, upgrade);
    };
    match route {
        Route::Poll(_) => polling::get(connection).await,
        Route::Post(_) => polling::post(connection, request).await,
        _ => websocket::upgrade(connection, request),
    }
}

fn route<B>(shared: &Shared, request: &Request<B>, upgrade: bool) -> Result<Route, RequestError> {
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let request = request::Request {
        method: match *request.method() {
            Method::GET => request::Method::Get,
            Method::POST => request::Method::Post,
            _ => request::Method::Other,
        },
        query: &query,
        upgrade,
        origin: request
            .headers()
            .get(ORIGIN)
            .map(|origin| origin.as_bytes()),
    };
    request::route(request, &shared.engine, |sid| {
        let transport = shared.connection(sid)?.transport()?;
        Some((transport, Revision::V4))
    })
}

pub(super) fn handshake<B>(request: &Request<B>) -> Handshake {
    Handshake::new(request.headers().clone(), request.uri().clone())
}
