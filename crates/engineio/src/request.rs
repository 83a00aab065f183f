//! Requests: which operation an HTTP request is, or which numbered error it deserves.
//!
//! The checks and their order are those of the JavaScript server, so that a client sees the same
//! error whichever server answers. The path, CORS, and the application's own admission check
//! ("allowRequest", [`RequestError::Forbidden`]) are the driver's.

use alloc::string::String;

use bytes::Bytes;
use faststr::FastStr;
use thiserror::Error;

use crate::{
    config::ServerConfig,
    transport::{Revision, Transport},
};

pub(crate) mod query;
pub use query::Query;

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`, and the extended `CONNECT` that opens a WebSocket over HTTP/2.
    Get,
    /// `POST`.
    Post,
    /// Any other.
    Other,
}

/// What of a request decides where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The parsed query string.
    pub query: &'a Query,
    /// Whether the request asks to open a WebSocket.
    pub upgrade: bool,
    /// The `Origin` header, if there is one.
    pub origin: Option<&'a [u8]>,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// Open a session. With [`Transport::WebSocket`] the request is a WebSocket handshake.
    Open(Transport, Revision),
    /// The GET of a long-polling session:
    /// [`ServerSession::poll_opened`](crate::ServerSession::poll_opened).
    Poll(FastStr),
    /// The POST of a long-polling session:
    /// [`ServerSession::post_opened`](crate::ServerSession::post_opened).
    Post(FastStr),
    /// A WebSocket handshake for a session that exists:
    /// [`ServerSession::websocket_opened`](crate::ServerSession::websocket_opened).
    Upgrade(FastStr),
}

/// Finds the route of a request. `lookup` tells the transport and revision of the session that a
/// sid names.
///
/// # Errors
/// The first rule that the request breaks, in the order: transport known and enabled, `Origin`
/// free of control characters, sid known, transport and revision those of the session; without a
/// sid: method GET, `websocket` only as a WebSocket handshake, revision supported.
///
/// ```
/// use songi_engineio::{request::{self, Method, Request}, Query, Revision, Route, ServerConfig, Transport};
/// let query = Query::parse("EIO=4&transport=polling&sid=abc");
/// let request = Request { method: Method::Get, query: &query, upgrade: false, origin: None };
/// let config = ServerConfig::default();
/// let route = request::route(request, &config, |_| Some((Transport::Polling, Revision::V4)));
/// assert_eq!(route, Ok(Route::Poll("abc".into())));
/// let error = request::route(request, &config, |_| None).unwrap_err();
/// assert_eq!(error.body(), r#"{"code":1,"message":"Session ID unknown"}"#);
/// ```
pub fn route(
    request: Request<'_>,
    config: &ServerConfig,
    lookup: impl FnOnce(&str) -> Option<(Transport, Revision)>,
) -> Result<Route, RequestError> {
    let Request {
        method,
        query,
        upgrade,
        origin,
    } = request;
    let transport = query
        .transport
        .filter(|&transport| config.transports.contains(transport))
        .ok_or(RequestError::UnknownTransport)?;
    if !origin.is_none_or(is_header_value) {
        return Err(RequestError::BadRequest);
    }
    // Only a WebSocket handshake opens a WebSocket, and it opens nothing else.
    let fits = upgrade == (transport == Transport::WebSocket);

    let Some(sid) = &query.sid else {
        if method != Method::Get {
            return Err(RequestError::BadHandshakeMethod);
        }
        if !fits {
            return Err(RequestError::BadRequest);
        }
        let revision = query
            .revision
            .filter(|&revision| revision == Revision::V4 || config.allow_eio3)
            .ok_or(RequestError::UnsupportedRevision)?;
        return Ok(Route::Open(transport, revision));
    };
    let (current, revision) = Some(sid.as_str())
        .filter(|sid| !sid.is_empty())
        .and_then(lookup)
        .ok_or(RequestError::UnknownSid)?;
    if !fits || query.revision != Some(revision) || (!upgrade && current != transport) {
        return Err(RequestError::BadRequest);
    }
    match method {
        Method::Get if upgrade && !config.allow_upgrades => Err(RequestError::BadRequest),
        Method::Get if upgrade => Ok(Route::Upgrade(sid.clone())),
        Method::Get => Ok(Route::Poll(sid.clone())),
        Method::Post if !upgrade => Ok(Route::Post(sid.clone())),
        Method::Post | Method::Other => Err(RequestError::BadRequest),
    }
}

/// `field-value` of RFC 9110 §5.5: visible characters, space, tab and bytes above 0x7f.
fn is_header_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|&byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
}

/// Why a request is refused, with the numbers of the JavaScript server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Code 0: the transport is missing, unknown or disabled.
    #[error("Transport unknown")]
    UnknownTransport,
    /// Code 1: no session has this sid.
    #[error("Session ID unknown")]
    UnknownSid,
    /// Code 2: a session opens with GET only.
    #[error("Bad handshake method")]
    BadHandshakeMethod,
    /// Code 3: anything else that does not fit the session or the protocol.
    #[error("Bad request")]
    BadRequest,
    /// Code 4: the application refused, with its own words ("Forbidden" if it has none).
    #[error("{0}")]
    Forbidden(FastStr),
    /// Code 5: `EIO` is missing or not a revision that is supported and allowed.
    #[error("Unsupported protocol version")]
    UnsupportedRevision,
}

impl RequestError {
    /// The number, 0 to 5.
    pub const fn code(&self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSid => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden(_) => 4,
            Self::UnsupportedRevision => 5,
        }
    }

    /// The words that go with the number.
    pub fn message(&self) -> &str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden(message) => message,
            Self::UnsupportedRevision => "Unsupported protocol version",
        }
    }

    /// The HTTP status: 403 for [`Forbidden`](Self::Forbidden), else 400.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Forbidden(_) => 403,
            _ => 400,
        }
    }

    /// The JSON body; the code is a number.
    pub fn body(&self) -> String {
        let message = serde_json::Value::from(self.message());
        alloc::format!(r#"{{"code":{},"message":{message}}}"#, self.code())
    }

    /// The whole answer. A WebSocket handshake is always refused with 400 and the plain message.
    pub fn response(&self, upgrade: bool) -> Response {
        if upgrade {
            let body = Bytes::copy_from_slice(self.message().as_bytes());
            return Response::new(400, Some(ContentType::Html), body);
        }
        Response::new(self.status(), Some(ContentType::Json), self.body().into())
    }
}

/// The type of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentType {
    /// `text/plain; charset=UTF-8`: a payload.
    Text,
    /// `application/octet-stream`: a binary payload of protocol revision 3.
    Binary,
    /// `text/javascript; charset=UTF-8`: a payload as [`Jsonp`](crate::Jsonp).
    JavaScript,
    /// `text/html`: the `ok` of a POST.
    Html,
    /// `application/json`: a numbered error.
    Json,
}

impl ContentType {
    /// The value of the `Content-Type` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=UTF-8",
            Self::Binary => "application/octet-stream",
            Self::JavaScript => "text/javascript; charset=UTF-8",
            Self::Html => "text/html",
            Self::Json => "application/json",
        }
    }
}

/// The answer to a long-polling request. The driver adds `Cache-Control: no-store` and
/// `Content-Length`.
///
/// ```
/// use songi_engineio::RequestError;
/// let response = RequestError::UnknownSid.response(false);
/// assert_eq!(response.status, 400);
/// assert_eq!(response.content_type.map(|t| t.as_str()), Some("application/json"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The type of the body, if there is one.
    pub content_type: Option<ContentType>,
    /// Whether the body may be compressed: some packet in it was sent with
    /// [`SendOptions::compress`](crate::SendOptions::compress).
    pub compress: bool,
    /// The body.
    pub body: Bytes,
}

impl Response {
    pub(crate) const fn new(status: u16, content_type: Option<ContentType>, body: Bytes) -> Self {
        Self {
            status,
            content_type,
            compress: false,
            body,
        }
    }

    pub(crate) const fn empty(status: u16) -> Self {
        Self::new(status, None, Bytes::new())
    }

    /// The answer to a POST that was taken.
    pub(crate) const fn ok() -> Self {
        Self::new(200, Some(ContentType::Html), Bytes::from_static(b"ok"))
    }

    pub(crate) fn payload((content_type, body): (ContentType, Bytes), compress: bool) -> Self {
        Self {
            compress,
            ..Self::new(200, Some(content_type), body)
        }
    }
}

#[cfg(test)]
mod tests;
