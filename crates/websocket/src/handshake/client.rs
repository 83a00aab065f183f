//! The client's side: a request, and the judgement of its response (RFC 6455 §4.1).

use alloc::{boxed::Box, vec, vec::Vec};

use bytes::{Bytes, BytesMut};
use faststr::FastStr;

use super::{
    HeadLimits, Headers, InvalidHeader, Url, extensions,
    fields::{Fields as Extra, line},
    head::{Fields, HeadError, HeadScan, single},
    key::{self, Key},
    list::{self, is_token},
    policy::InvalidProtocol,
};
use crate::deflate::{Agreed, Deflate};

/// Interim responses that are skipped before the final one.
const INTERIM_MAX: u8 = 8;

/// The opening handshake of a client.
///
/// Write [`request`](Self::request), then feed [`read`](Self::read); no frame may be sent before
/// it returned a response. See the [module](super) for an example.
#[derive(Clone)]
pub struct Client {
    key: Key,
    tls: bool,
    authority: FastStr,
    target: FastStr,
    protocols: Vec<FastStr>,
    must_agree: bool,
    deflate: Option<Deflate>,
    extra: Extra,
    scan: HeadScan,
    limits: HeadLimits,
    interim: u8,
}

/// A response from a server.
#[derive(Debug, Clone)]
pub struct Response {
    status: u16,
    headers: Headers,
    protocol: Option<FastStr>,
    deflate: Option<Agreed>,
}

/// Why a response does not open a WebSocket (RFC 6455 §4.1).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The head is above [`HeadLimits::bytes`].
    #[error("the response head is larger than the limit of {limit} bytes")]
    HeadTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// There are more headers than [`HeadLimits::headers`].
    #[error("the response has more headers than the limit of {limit}")]
    TooManyHeaders {
        /// The limit, in header lines.
        limit: usize,
    },
    /// The head is not HTTP/1.1 (RFC 9112 §2.1).
    #[error("the response is malformed")]
    Malformed,
    /// More than eight interim responses.
    #[error("too many interim responses")]
    TooManyInterim,
    /// The server answered with another status than 101. Its body follows in the input.
    #[error("the server answered with status {}", .0.status)]
    Status(Box<Response>),
    /// `Upgrade` does not name `websocket` (item 2).
    #[error("the Upgrade header must name websocket")]
    Upgrade,
    /// `Connection` does not name `Upgrade` (item 3).
    #[error("the Connection header must name Upgrade")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, repeated, or not the answer to our key (item 4).
    #[error("the Sec-WebSocket-Accept header is not the answer to the key")]
    Accept,
    /// The server uses an extension that was not offered (item 5), or with parameters that do not
    /// answer the offer (RFC 7692 §5.1).
    #[error("the server uses an extension that was not offered so")]
    Extension,
    /// The server chose a subprotocol that was not offered, several, or none though
    /// [`Client::must_agree`] was asked for (item 6).
    #[error("the server did not choose one of the subprotocols offered")]
    Protocol,
}

impl Client {
    /// A handshake with a fresh nonce of 16 bytes from a secure generator (RFC 6455 §4.1, item 7).
    #[must_use]
    pub fn new(url: &Url, nonce: [u8; 16]) -> Self {
        Self {
            key: key::from_nonce(nonce),
            tls: url.is_tls(),
            authority: url.authority(),
            target: FastStr::new(url.target()),
            protocols: Vec::new(),
            must_agree: false,
            deflate: None,
            extra: Extra::default(),
            scan: HeadScan::default(),
            limits: HeadLimits::default(),
            interim: 0,
        }
    }

    /// Offers a subprotocol, after those offered before. One that is offered already stays as it is.
    ///
    /// # Errors
    /// [`InvalidProtocol`] if its name is not a token.
    pub fn protocol(mut self, name: impl Into<FastStr>) -> Result<Self, InvalidProtocol> {
        let name = name.into();
        if !is_token(name.as_bytes()) {
            return Err(InvalidProtocol(name));
        }
        if !self.protocols.contains(&name) {
            self.protocols.push(name);
        }
        Ok(self)
    }

    /// Refuses a server that chooses none of the subprotocols offered, as browsers do. Without
    /// it such a connection goes on with none (RFC 6455 §4.1).
    #[must_use]
    pub fn must_agree(mut self) -> Self {
        self.must_agree = true;
        self
    }

    /// Offers compression (RFC 7692).
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: &Deflate) -> Self {
        self.deflate = Some(deflate.clone());
        self
    }

    /// Adds a header, such as `Origin`, `Cookie` or `Authorization`.
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

    /// Sets how large the head of the response may be.
    #[must_use]
    pub fn limits(mut self, limits: HeadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The request as it goes over the wire.
    #[must_use]
    pub fn request(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(512);
        for part in ["GET ", &self.target, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        line(&mut out, "Host", self.authority.as_bytes());
        line(&mut out, "Upgrade", b"websocket");
        line(&mut out, "Connection", b"Upgrade");
        line(&mut out, "Sec-WebSocket-Key", &self.key);
        line(&mut out, "Sec-WebSocket-Version", b"13");
        self.for_each_field(|name, value| line(&mut out, name, value));
        out.extend_from_slice(b"\r\n");
        out.freeze()
    }

    /// Takes the response from the start of `input`; `Ok(None)` if it has not arrived whole: then
    /// append what arrives next, and leave in `input` what is there. Interim responses (1xx other
    /// than 101) are skipped.
    ///
    /// # Errors
    /// Why there is no WebSocket; the transport is to be closed.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Option<Response>, ResponseError> {
        loop {
            let Some(mut response) = self.read_head(input)? else {
                return Ok(None);
            };
            match response.status {
                101 => {
                    response.protocol = self.check(&response.headers)?;
                    response.deflate = self.check_extensions(&response.headers)?;
                    return Ok(Some(response));
                }
                100..=199 if self.interim < INTERIM_MAX => self.interim += 1,
                100..=199 => return Err(ResponseError::TooManyInterim),
                _ => return Err(ResponseError::Status(Box::new(response))),
            }
        }
    }

    /// The parts of the URL: scheme, authority, and path with query.
    pub(crate) fn target(&self) -> (&'static str, FastStr, FastStr) {
        let scheme = if self.tls { "https" } else { "http" };
        (scheme, self.authority.clone(), self.target.clone())
    }

    /// The header fields that are the same over every version of HTTP.
    pub(crate) fn for_each_field(&self, mut each: impl FnMut(&str, &[u8])) {
        if !self.protocols.is_empty() {
            each(
                "Sec-WebSocket-Protocol",
                self.protocols.join(", ").as_bytes(),
            );
        }
        if let Some(deflate) = &self.deflate {
            let offer = Agreed::offer(deflate);
            each("Sec-WebSocket-Extensions", offer.as_bytes());
        }
        for (name, value) in self.extra.iter() {
            each(name, value);
        }
    }

    /// The client's rules for the response to an extended CONNECT.
    pub(crate) fn check_established(
        &self,
        status: u16,
        headers: Headers,
    ) -> Result<Response, ResponseError> {
        let mut response = Response {
            status,
            headers,
            protocol: None,
            deflate: None,
        };
        if !(200..300).contains(&status) {
            return Err(ResponseError::Status(Box::new(response)));
        }
        response.protocol = self.check_protocol(&response.headers)?;
        response.deflate = self.check_extensions(&response.headers)?;
        Ok(response)
    }

    fn read_head(&mut self, input: &mut BytesMut) -> Result<Option<Response>, ResponseError> {
        let end = match self.scan.scan(input, &self.limits) {
            Ok(Some(end)) => end,
            Ok(None) => return Ok(None),
            Err(HeadError::Malformed) => return Err(ResponseError::Malformed),
            Err(HeadError::TooLarge) => {
                return Err(ResponseError::HeadTooLarge {
                    limit: self.limits.bytes,
                });
            }
            Err(HeadError::TooManyHeaders) => {
                return Err(ResponseError::TooManyHeaders {
                    limit: self.limits.headers,
                });
            }
        };
        let head = input.split_to(end.size).freeze();
        self.scan = HeadScan::default();

        let mut headers = vec![httparse::EMPTY_HEADER; end.headers];
        let mut parsed = httparse::Response::new(&mut headers);
        match parsed.parse(&head) {
            Ok(httparse::Status::Complete(size)) if size == end.size => {}
            _ => return Err(ResponseError::Malformed),
        }
        let status = parsed.code.unwrap_or_default();
        // A response of HTTP/1.0 cannot upgrade (RFC 9110 §7.8).
        if status == 101 && parsed.version != Some(1) {
            return Err(ResponseError::Malformed);
        }
        let headers = Headers::new(&head, parsed.headers);
        Ok(Some(Response {
            status,
            headers,
            protocol: None,
            deflate: None,
        }))
    }

    /// The client's rules for a response with status 101; returns the subprotocol.
    fn check(&self, headers: &Headers) -> Result<Option<FastStr>, ResponseError> {
        if !list::contains(headers.values("upgrade"), "websocket") {
            return Err(ResponseError::Upgrade);
        }
        if !list::contains(headers.values("connection"), "upgrade") {
            return Err(ResponseError::Connection);
        }
        let accept = key::accept(&self.key);
        if single(headers, "sec-websocket-accept") != Ok(Some(&accept)) {
            return Err(ResponseError::Accept);
        }
        self.check_protocol(headers)
    }

    fn check_protocol(&self, headers: &Headers) -> Result<Option<FastStr>, ResponseError> {
        match single(headers, "sec-websocket-protocol") {
            Ok(None) if self.must_agree && !self.protocols.is_empty() => {
                Err(ResponseError::Protocol)
            }
            Ok(None) => Ok(None),
            Ok(Some(chosen)) => {
                let chosen = self.protocols.iter().find(|name| name.as_bytes() == chosen);
                chosen.cloned().map(Some).ok_or(ResponseError::Protocol)
            }
            Err(()) => Err(ResponseError::Protocol),
        }
    }

    /// At most the one extension that was offered, once.
    fn check_extensions(&self, headers: &Headers) -> Result<Option<Agreed>, ResponseError> {
        let lines = headers.values("sec-websocket-extensions");
        let mut answers = lines.flat_map(extensions::parse);
        match (answers.next(), answers.next(), &self.deflate) {
            (None, ..) if headers.first("sec-websocket-extensions").is_none() => Ok(None),
            (Some(Some(answer)), None, Some(deflate)) => Agreed::confirm(deflate, &answer)
                .map(Some)
                .ok_or(ResponseError::Extension),
            _ => Err(ResponseError::Extension),
        }
    }
}

impl Response {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The compression that was agreed on.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<&Agreed> {
        self.deflate.as_ref()
    }
}

/// Without the key and the headers, which may be secrets.
impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client")
            .field("authority", &self.authority)
            .field("protocols", &self.protocols)
            .finish_non_exhaustive()
    }
}
