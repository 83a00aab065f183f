//! A server's response: the upgrade, or a refusal.

use alloc::string::ToString;
use core::fmt;

use bytes::{Bytes, BytesMut};
use faststr::FastStr;

use super::{
    InvalidHeader, RequestError,
    fields::{Fields, line},
    key::Accept,
    policy::Terms,
};

/// A request that was accepted: the response that upgrades the connection.
///
/// Once [`to_bytes`](Self::to_bytes) is written, the transport carries frames.
#[derive(Debug, Clone)]
pub struct Accepted {
    accept: Accept,
    terms: Terms,
    fields: Fields,
}

impl Accepted {
    pub(crate) fn new(accept: Accept, terms: Terms) -> Self {
        Self {
            accept,
            terms,
            fields: Fields::default(),
        }
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

    /// Adds a header, such as `Set-Cookie`.
    ///
    /// # Errors
    /// [`InvalidHeader`] if it is malformed, or belongs to the handshake.
    pub fn header(
        mut self,
        name: impl Into<FastStr>,
        value: impl Into<Bytes>,
    ) -> Result<Self, InvalidHeader> {
        self.fields.push(name.into(), value.into())?;
        Ok(self)
    }

    /// The response as it goes over the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        for (name, value) in self.headers() {
            line(&mut out, name, value);
        }
        out.extend_from_slice(b"\r\n");
        out.freeze()
    }

    /// The header fields of the response, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let protocol = self
            .terms
            .protocol
            .as_ref()
            .map(|name| ("Sec-WebSocket-Protocol", name.as_bytes()));
        let deflate = self
            .terms
            .answer()
            .map(|answer| ("Sec-WebSocket-Extensions", answer));
        [
            ("Upgrade", &b"websocket"[..]),
            ("Connection", b"Upgrade"),
            ("Sec-WebSocket-Accept", &self.accept),
        ]
        .into_iter()
        .chain(protocol)
        .chain(deflate)
        .chain(self.fields.iter().map(|(name, value)| (name, &value[..])))
    }
}

/// The response to a request that does not get a WebSocket. It ends the connection.
///
/// ```
/// use songi_websocket::handshake::Rejection;
///
/// let rejection = Rejection::new(401)?.header("WWW-Authenticate", "Basic")?.body("who are you?");
/// assert!(rejection.to_bytes().starts_with(b"HTTP/1.1 401 Unauthorized\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rejection {
    status: u16,
    error: Option<RequestError>,
    fields: Fields,
    body: FastStr,
}

/// A status that does not refuse a request: below 200 or above 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the status of a final response")]
pub struct InvalidStatus(pub u16);

impl Rejection {
    /// A refusal for the application's own reasons, with a status from 200 to 599.
    ///
    /// # Errors
    /// [`InvalidStatus`] for any other.
    pub fn new(status: u16) -> Result<Self, InvalidStatus> {
        if !(200..=599).contains(&status) {
            return Err(InvalidStatus(status));
        }
        Ok(Self {
            status,
            error: None,
            fields: Fields::default(),
            body: FastStr::empty(),
        })
    }

    /// A refusal over HTTP/2 or HTTP/3, which know nothing of upgrades.
    pub(crate) fn over_connect(error: RequestError) -> Self {
        let mut rejection = Self::from(error);
        if rejection.status == 426 {
            rejection.status = 400;
        }
        rejection
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`InvalidHeader`] if it is malformed, or belongs to the handshake.
    pub fn header(
        mut self,
        name: impl Into<FastStr>,
        value: impl Into<Bytes>,
    ) -> Result<Self, InvalidHeader> {
        self.fields.push(name.into(), value.into())?;
        Ok(self)
    }

    /// Sets the body, a plain text.
    #[must_use]
    pub fn body(mut self, body: impl Into<FastStr>) -> Self {
        self.body = body.into();
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The rule that the request broke, if it was not the application that refused it.
    #[must_use]
    pub const fn error(&self) -> Option<RequestError> {
        self.error
    }

    /// The text of the body.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.body
    }

    /// The response as it goes over the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        for part in [
            "HTTP/1.1 ",
            &self.status.to_string(),
            " ",
            reason(self.status),
            "\r\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        for (name, value) in self.headers() {
            line(&mut out, name, value);
        }
        line(&mut out, "Connection", self.connection());
        line(
            &mut out,
            "Content-Length",
            self.body.len().to_string().as_bytes(),
        );
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body.as_bytes());
        out.freeze()
    }

    /// The header fields that say why, without those that frame the message.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // What the client would have to change (RFC 9110 §15.5.6 and §15.5.22, RFC 6455 §4.4).
        let hint = match self.error {
            Some(RequestError::Method) => Some(("Allow", &b"GET"[..])),
            Some(RequestError::UnsupportedVersion | RequestError::MissingVersion) => {
                Some(("Sec-WebSocket-Version", &b"13"[..]))
            }
            _ => None,
        };
        let upgrade = (self.status == 426).then_some(("Upgrade", &b"websocket"[..]));
        let content =
            (!self.body.is_empty()).then_some(("Content-Type", &b"text/plain; charset=utf-8"[..]));
        hint.into_iter()
            .chain(upgrade)
            .chain(content)
            .chain(self.fields.iter().map(|(name, value)| (name, &value[..])))
    }

    /// `Upgrade` is a header of this hop, so `Connection` has to name it (RFC 9110 §7.8).
    pub(crate) fn connection(&self) -> &'static [u8] {
        if self.status == 426 {
            b"Upgrade, close"
        } else {
            b"close"
        }
    }
}

impl From<RequestError> for Rejection {
    fn from(error: RequestError) -> Self {
        let body = FastStr::from_string(error.to_string());
        Self {
            status: error.status(),
            error: Some(error),
            fields: Fields::default(),
            body,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error {
            Some(error) => error.fmt(f),
            None => write!(f, "the request was refused with status {}", self.status),
        }
    }
}

impl core::error::Error for Rejection {}

/// The reason phrase; a client ignores it (RFC 9112 §4).
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
