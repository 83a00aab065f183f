//! Why a request is refused: for the client a number, for the application more.

use std::borrow::Cow;

use faststr::FastStr;
use http::Request;
use http::header::ORIGIN;
use songi_engineio::{Query, RequestError, Transport};

/// A connection that did not come about (Engine.IO documentation, "Event: connection_error"):
/// what [`Server::on_connection_error`](crate::Server::on_connection_error) is told.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectionError<'a> {
    /// The number that the client is told, 0 to 5: see [`RequestError`].
    pub code: u8,
    /// The words that the client is told.
    pub message: &'a str,
    /// What exactly was wrong.
    pub cause: &'a RefusalCause,
    /// The request. The address of its client is the [`Peer`](super::Peer) among its extensions.
    pub request: &'a Request<()>,
}

/// What exactly is wrong with a request that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalCause {
    /// Code 0: the transport of this name, or none, is not known or not enabled.
    Transport(Option<String>),
    /// Code 1: there is no session of this id.
    Sid(String),
    /// Code 2: the method with which a session was to be opened.
    Method(http::Method),
    /// Code 3: the `Origin` header cannot be one.
    Origin,
    /// Code 3: the request does not fit the session: another transport, revision or method.
    Mismatch,
    /// Code 3: the session was to be opened on a WebSocket, by a request that is not an upgrade, or
    /// the other way round.
    Upgrade,
    /// Code 3: the opening handshake of the WebSocket broke this rule.
    WebSocket(String),
    /// Code 3: [`Server::generate_id`](crate::Server::generate_id) gave an id that is in use or
    /// that cannot be one.
    Id,
    /// Code 4: [`Server::allow_request`](crate::Server::allow_request) said no, with these words.
    Forbidden(FastStr),
    /// Code 4: pages of this origin may not open a WebSocket.
    ForbiddenOrigin,
    /// Code 5: the revision of the protocol (`EIO`) that is not supported, or missing.
    Revision(Option<String>),
}

impl RefusalCause {
    /// What is wrong with a request that the Engine.IO layer has refused.
    pub(super) fn of<B>(error: &RequestError, query: &Query, request: &Request<B>) -> Self {
        let raw = |key: &str| {
            let query = request.uri().query().unwrap_or_default();
            form_urlencoded::parse(query.as_bytes())
                .find_map(|(name, value): (Cow<'_, str>, _)| (name == key).then_some(value))
                .map(Cow::into_owned)
        };
        match error {
            RequestError::UnknownTransport => Self::Transport(raw("transport")),
            RequestError::UnknownSid => Self::Sid(raw("sid").unwrap_or_default()),
            RequestError::BadHandshakeMethod => Self::Method(request.method().clone()),
            RequestError::Forbidden(message) => Self::Forbidden(message.clone()),
            RequestError::UnsupportedRevision => Self::Revision(raw("EIO")),
            _ if query.sid.is_some() => Self::Mismatch,
            _ if super::route::asks_for_websocket(request)
                == (query.transport == Some(Transport::WebSocket))
                && request.headers().contains_key(ORIGIN) =>
            {
                Self::Origin
            }
            _ => Self::Upgrade,
        }
    }
}
