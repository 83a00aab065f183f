//! The server's handshake over the types of the crate `http`.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};

use super::{
    Accepted, ConnectRequest, Policy, Rejection, connect, head::Fields, policy::RequestLine,
};
use crate::{Bytes, FastStr};

impl Fields for HeaderMap {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

/// Judges a request of any web framework, and makes the response that upgrades the connection.
///
/// ```
/// use songi_websocket::handshake::{self, Policy};
///
/// let request = http::Request::get("/chat")
///     .header("Host", "example.com")
///     .header("Upgrade", "websocket")
///     .header("Connection", "keep-alive, Upgrade")
///     .header("Sec-WebSocket-Version", "13")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let response = handshake::accept(&request, &Policy::default())?;
/// assert_eq!(response.status(), 101);
/// assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Where compression was agreed on, the response's extensions hold the `Agreed`.
///
/// # Errors
/// The refusal, which [`Response::from`] turns into a response.
pub fn accept<T>(request: &http::Request<T>, policy: &Policy) -> Result<Response<()>, Rejection> {
    let target = request.uri().path_and_query();
    let line = RequestLine {
        method: request.method().as_str(),
        is_http_1_1: request.version() == Version::HTTP_11,
        has_valid_target: target.is_some_and(|target| target.path() != "*"),
    };
    let accepted = policy.check(&line, request.headers())?;
    Ok(accepted.into())
}

/// Judges an extended CONNECT (RFC 8441, RFC 9220) of any web framework, and makes the response
/// that turns its stream into a WebSocket. The crate `http` has no place for `:protocol`: frameworks
/// keep it among the request's extensions.
///
/// ```
/// use songi_websocket::handshake::{self, Policy};
///
/// let request = http::Request::connect("https://example.com/chat")
///     .version(http::Version::HTTP_2)
///     .header("sec-websocket-version", "13")
///     .body(())?;
/// let response = handshake::accept_connect(&request, Some("websocket"), &Policy::default())?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The refusal.
pub fn accept_connect<T>(
    request: &http::Request<T>,
    protocol: Option<&str>,
    policy: &Policy,
) -> Result<Response<()>, Rejection> {
    let uri = request.uri();
    let authority = uri.authority().map(|it| FastStr::new(it.as_str()));
    let fields = request.headers().iter();
    let request = ConnectRequest {
        method: FastStr::new(request.method().as_str()),
        protocol: protocol.map(FastStr::new),
        scheme: uri.scheme_str().map(FastStr::new),
        authority: authority.or_else(|| connect::host(request.headers())),
        path: uri.path_and_query().map(|it| FastStr::new(it.as_str())),
        headers: fields
            .map(|(name, value)| {
                let value = Bytes::copy_from_slice(value.as_bytes());
                (FastStr::new(name.as_str()), value)
            })
            .collect(),
    };
    let established = policy.accept_connect(&request)?;
    let mut response = Response::new(());
    #[cfg(feature = "deflate")]
    if let Some(agreed) = established.deflate() {
        response.extensions_mut().insert(agreed.clone());
    }
    append(response.headers_mut(), established.headers());
    Ok(response)
}

impl From<Accepted> for Response<()> {
    fn from(accepted: Accepted) -> Self {
        let mut response = Response::new(());
        #[cfg(feature = "deflate")]
        if let Some(agreed) = accepted.deflate() {
            response.extensions_mut().insert(agreed.clone());
        }
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        append(response.headers_mut(), accepted.headers());
        response
    }
}

/// The body is [`Rejection::text`]; its length is for the web framework to write.
impl From<&Rejection> for Response<()> {
    fn from(rejection: &Rejection) -> Self {
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::BAD_REQUEST);
        append(response.headers_mut(), rejection.headers());
        let connection = HeaderValue::from_static(
            core::str::from_utf8(rejection.connection()).unwrap_or("close"),
        );
        response
            .headers_mut()
            .insert(header::CONNECTION, connection);
        response
    }
}

fn append<'a>(map: &mut HeaderMap, fields: impl Iterator<Item = (&'a str, &'a [u8])>) {
    for (name, value) in fields {
        // Both have been checked by the same rules.
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value),
        ) {
            map.append(name, value);
        }
    }
}
