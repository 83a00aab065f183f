//! The opening handshake over HTTP/2 and HTTP/3: an extended CONNECT (RFC 8441, RFC 9220).
//!
//! An HTTP library carries it; here are its rules. The stream that it opens carries frames as TCP
//! would: those of the client are masked (RFC 8441 §5), the end of the stream is the end of the
//! transport, and its reset (`CANCEL`) is that of TCP.

use bytes::Bytes;
use faststr::FastStr;

use super::{
    Client, Headers, InvalidHeader, Policy, Rejection, RequestError, Response, ResponseError,
    fields::Fields as Extra, head::Fields, policy::Terms,
};

/// The setting by which a server allows extended CONNECT, in HTTP/2 and HTTP/3 alike (RFC 8441
/// §3, RFC 9220 §3). A server sends it with the value 1; a client waits for it.
pub const SETTINGS_ENABLE_CONNECT_PROTOCOL: u16 = 0x08;

/// An extended CONNECT request: its pseudo-header fields and its header fields.
///
/// ```
/// use songi_websocket::handshake::{Client, Policy, Url};
///
/// let url: Url = "wss://example.com/chat".parse()?;
/// let client = Client::new(&url, [7; 16]).protocol("chat")?;
/// // Once the server's settings allowed it:
/// let request = client.connect();
/// assert_eq!((&*request.method, request.protocol.as_deref()), ("CONNECT", Some("websocket")));
/// assert_eq!(request.path.as_deref(), Some("/chat"));
///
/// let policy = Policy::default().protocols(["chat"])?;
/// let established = policy.accept_connect(&request)?;
/// let owned = |(name, value): (&str, &[u8])| (name.to_owned().into(), value.to_vec().into());
/// let headers = established.headers().map(owned);
/// let response = client.check_connect(established.status(), headers.collect())?;
/// assert_eq!(response.protocol(), Some("chat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ConnectRequest {
    /// `:method`, which is `CONNECT`.
    pub method: FastStr,
    /// `:protocol`, which is `websocket`.
    pub protocol: Option<FastStr>,
    /// `:scheme`: `https`, or `http` for a `ws` URL.
    pub scheme: Option<FastStr>,
    /// `:authority`: host and port.
    pub authority: Option<FastStr>,
    /// `:path`: path and query.
    pub path: Option<FastStr>,
    /// All other fields.
    pub headers: Headers,
}

/// The answer to an extended CONNECT that was accepted; then the stream carries frames.
#[derive(Debug, Clone)]
pub struct Established {
    terms: Terms,
    extra: Extra,
}

impl Policy {
    /// Judges an extended CONNECT request by the same rules as [`accept`](Self::accept), less
    /// those of HTTP/1.1.
    ///
    /// # Errors
    /// The response to send instead. Of a [`Rejection`] it takes status, headers and body, not
    /// [`Rejection::to_bytes`], which is HTTP/1.1.
    pub fn accept_connect(&self, request: &ConnectRequest) -> Result<Established, Rejection> {
        let terms = self
            .check_connect(request)
            .map_err(Rejection::over_connect)?;
        Ok(Established {
            terms,
            extra: Extra::default(),
        })
    }

    fn check_connect(&self, request: &ConnectRequest) -> Result<Terms, RequestError> {
        if &*request.method != "CONNECT" {
            return Err(RequestError::ConnectMethod);
        }
        if request.protocol.as_deref() != Some("websocket") {
            return Err(RequestError::ConnectProtocol);
        }
        let is_set = |field: &Option<FastStr>| field.as_ref().is_some_and(|it| !it.is_empty());
        let host = request
            .authority
            .as_ref()
            .filter(|authority| !authority.is_empty())
            .ok_or(RequestError::ConnectTarget)?;
        let has_path = request
            .path
            .as_ref()
            .is_some_and(|path| path.starts_with('/'));
        if !is_set(&request.scheme) || !has_path {
            return Err(RequestError::ConnectTarget);
        }
        let headers = &request.headers;
        // Fields of a connection have no place here (RFC 9113 §8.2.2).
        for name in ["connection", "upgrade", "transfer-encoding"] {
            if headers.values(name).next().is_some() {
                return Err(RequestError::ConnectHeader);
            }
        }
        self.check_version(headers)?;
        self.check_terms(headers, host.as_bytes())
    }
}

impl Client {
    /// The request as an extended CONNECT, for a connection on which the server has sent
    /// [`SETTINGS_ENABLE_CONNECT_PROTOCOL`] with the value 1: without it none may be sent (RFC
    /// 8441 §3).
    #[must_use]
    pub fn connect(&self) -> ConnectRequest {
        let (scheme, authority, path) = self.target();
        let mut headers = Headers::default();
        headers.push("sec-websocket-version".into(), Bytes::from_static(b"13"));
        self.for_each_field(|name, value| {
            headers.push(
                name.to_ascii_lowercase().into(),
                Bytes::copy_from_slice(value),
            );
        });
        ConnectRequest {
            method: "CONNECT".into(),
            protocol: Some("websocket".into()),
            scheme: Some(scheme.into()),
            authority: Some(authority),
            path: Some(path),
            headers,
        }
    }

    /// Judges the response to [`connect`](Self::connect): any status of success opens the
    /// WebSocket (RFC 8441 §5).
    ///
    /// # Errors
    /// Why there is no WebSocket; the stream is to be reset.
    pub fn check_connect(&self, status: u16, headers: Headers) -> Result<Response, ResponseError> {
        self.check_established(status, headers)
    }
}

impl Established {
    /// The status: 200.
    #[must_use]
    pub const fn status(&self) -> u16 {
        200
    }

    /// The subprotocol that was chosen.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.terms.protocol.as_deref()
    }

    /// The compression that was agreed on.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<&crate::deflate::Agreed> {
        self.terms.agreed()
    }

    /// Adds a header, such as `set-cookie`.
    ///
    /// # Errors
    /// [`InvalidHeader`] if it is malformed, or belongs to the handshake.
    pub fn header(
        mut self,
        name: impl Into<FastStr>,
        value: impl Into<Bytes>,
    ) -> Result<Self, InvalidHeader> {
        self.extra.push(name.into(), value.into())?;
        Ok(self)
    }

    /// The header fields of the response, in order, with names in lower case where they are ours.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let protocol = self.terms.protocol.as_ref();
        let protocol = protocol.map(|name| ("sec-websocket-protocol", name.as_bytes()));
        let answer = self.terms.answer();
        let answer = answer.map(|answer| ("sec-websocket-extensions", answer));
        protocol
            .into_iter()
            .chain(answer)
            .chain(self.extra.iter().map(|(name, value)| (name, &value[..])))
    }
}

/// The value of `host`, where an HTTP library tells the authority by it.
#[cfg(feature = "http")]
pub(crate) fn host(headers: &impl Fields) -> Option<FastStr> {
    let host = super::head::single(headers, "host").ok()??;
    FastStr::new_u8_slice(host).ok()
}
