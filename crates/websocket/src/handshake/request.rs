//! A client's request, as a server reads it.

use alloc::vec;

use bytes::BytesMut;
use faststr::FastStr;

use super::{
    HeadLimits, Headers, Rejection,
    head::{HeadError, HeadScan},
    policy::RequestLine,
};

/// Why a request does not open a WebSocket. Each variant has its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// 431: the head is above [`HeadLimits::bytes`].
    #[error("the request head is larger than the limit of {limit} bytes")]
    HeadTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// 431: there are more headers than [`HeadLimits::headers`].
    #[error("the request has more headers than the limit of {limit}")]
    TooManyHeaders {
        /// The limit, in header lines.
        limit: usize,
    },
    /// 400: the head is not HTTP/1.1 (RFC 9112 §2.1).
    #[error("the request is malformed")]
    Malformed,
    /// 405: the method is not GET (RFC 6455 §4.2.1, item 1).
    #[error("the method must be GET")]
    Method,
    /// 505: the version is not HTTP/1.1 (RFC 6455 §4.2.1, item 1).
    #[error("the version must be HTTP/1.1")]
    HttpVersion,
    /// 400: the target is neither a path nor an HTTP URL (RFC 6455 §4.2.1, item 1).
    #[error("the target must be a path or an HTTP URL")]
    Target,
    /// 400: `Host` is missing or repeated (RFC 9112 §3.2).
    #[error("there must be one Host header")]
    Host,
    /// 400: the request has a body, or claims to.
    #[error("an upgrade request must have no body")]
    Body,
    /// 426: `Upgrade` does not name `websocket` (RFC 6455 §4.2.1, item 3).
    #[error("the Upgrade header must name websocket")]
    Upgrade,
    /// 426: `Connection` does not name `Upgrade` (RFC 6455 §4.2.1, item 4).
    #[error("the Connection header must name Upgrade")]
    Connection,
    /// 400: `Sec-WebSocket-Version` is missing (RFC 6455 §4.2.1, item 6).
    #[error("the Sec-WebSocket-Version header is missing")]
    MissingVersion,
    /// 426: `Sec-WebSocket-Version` is not 13 (RFC 6455 §4.4).
    #[error("the WebSocket version must be 13")]
    UnsupportedVersion,
    /// 400: `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes in base64 (RFC 6455
    /// §4.2.1, item 5).
    #[error("there must be one Sec-WebSocket-Key header, of 16 bytes in base64")]
    Key,
    /// 405: the method of an extended CONNECT is another (RFC 8441 §4).
    #[error("the method must be CONNECT")]
    ConnectMethod,
    /// 501: the `:protocol` of an extended CONNECT is not `websocket` (RFC 9220 §3).
    #[error("the protocol must be websocket")]
    ConnectProtocol,
    /// 400: an extended CONNECT without `:scheme`, `:authority` or `:path` (RFC 8441 §4).
    #[error("an extended CONNECT needs a scheme, an authority and a path")]
    ConnectTarget,
    /// 400: an extended CONNECT with a field that belongs to a connection of HTTP/1.1 (RFC 9113
    /// §8.2.2).
    #[error("an extended CONNECT has no Connection, Upgrade or Transfer-Encoding")]
    ConnectHeader,
    /// 400: `Origin` is repeated.
    #[error("there must be at most one Origin header")]
    DuplicateOrigin,
    /// 403: the [`Origin`](super::Origin) policy does not allow the page.
    #[error("the origin is not allowed")]
    Origin,
    /// 400: `Sec-WebSocket-Protocol` is not a list of different tokens (RFC 6455 §4.1, item 10).
    #[error("the Sec-WebSocket-Protocol header is malformed")]
    Protocols,
    /// 400: `Sec-WebSocket-Extensions` does not follow its grammar (RFC 6455 §9.1).
    #[error("the Sec-WebSocket-Extensions header is malformed")]
    Extensions,
}

impl RequestError {
    /// The status to answer with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::HeadTooLarge { .. } | Self::TooManyHeaders { .. } => 431,
            Self::Method | Self::ConnectMethod => 405,
            Self::ConnectProtocol => 501,
            Self::HttpVersion => 505,
            Self::Upgrade | Self::Connection | Self::UnsupportedVersion => 426,
            Self::Origin => 403,
            _ => 400,
        }
    }
}

/// A request whose head has arrived and is well-formed HTTP/1.x; what it asks for is for a
/// [`Policy`](super::Policy) to judge.
#[derive(Debug, Clone)]
pub struct Request {
    method: FastStr,
    target: FastStr,
    is_http_1_1: bool,
    headers: Headers,
}

impl Request {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The target as it stands in the request line: a path with its query, or a whole URL.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The target's path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.target.split_once("://") {
            Some((_, rest)) if !self.target.starts_with('/') => rest
                .find(['/', '?'])
                .and_then(|path| rest.get(path..))
                .unwrap_or("/"),
            _ => &self.target,
        }
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    pub(crate) fn line(&self) -> RequestLine<'_> {
        RequestLine {
            method: &self.method,
            is_http_1_1: self.is_http_1_1,
            has_valid_target: is_path_or_url(&self.target),
        }
    }
}

/// Origin form or absolute form (RFC 9112 §3.2); neither authority form nor `*`.
fn is_path_or_url(target: &str) -> bool {
    target.starts_with('/')
        || target.split_once("://").is_some_and(|(scheme, rest)| {
            ["http", "https", "ws", "wss"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
                && !rest.is_empty()
        })
}

/// Reads a request in pieces of any size.
///
/// ```
/// use bytes::BytesMut;
/// use songi_websocket::handshake::RequestReader;
///
/// let mut reader = RequestReader::default();
/// let mut input = BytesMut::from(&b"GET /chat HTTP/1.1\r\nHost: exam"[..]);
/// assert!(reader.read(&mut input)?.is_none());
/// input.extend_from_slice(b"ple.com\r\n\r\nfirst frame");
/// let request = reader.read(&mut input)?.expect("a whole request");
/// assert_eq!(request.target(), "/chat");
/// assert_eq!(&input[..], b"first frame");
/// # Ok::<(), songi_websocket::handshake::Rejection>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RequestReader {
    scan: HeadScan,
    limits: HeadLimits,
}

impl RequestReader {
    /// A reader with these limits.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            scan: HeadScan::default(),
            limits,
        }
    }

    /// Takes the request from the start of `input`; `Ok(None)` if it has not arrived whole: then
    /// append what arrives next, and leave in `input` what is there.
    ///
    /// # Errors
    /// The response to send, after which the transport is to be closed.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Option<Request>, Rejection> {
        Ok(self.read_head(input)?)
    }

    fn read_head(&mut self, input: &mut BytesMut) -> Result<Option<Request>, RequestError> {
        let end = match self.scan.scan(input, &self.limits) {
            Ok(Some(end)) => end,
            Ok(None) => return Ok(None),
            Err(HeadError::Malformed) => return Err(RequestError::Malformed),
            Err(HeadError::TooLarge) => {
                return Err(RequestError::HeadTooLarge {
                    limit: self.limits.bytes,
                });
            }
            Err(HeadError::TooManyHeaders) => {
                return Err(RequestError::TooManyHeaders {
                    limit: self.limits.headers,
                });
            }
        };
        let head = input.split_to(end.size).freeze();
        self.scan = HeadScan::default();

        let mut headers = vec![httparse::EMPTY_HEADER; end.headers];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&head) {
            Ok(httparse::Status::Complete(size)) if size == end.size => {}
            _ => return Err(RequestError::Malformed),
        }
        let (Some(method), Some(target), Some(version)) =
            (parsed.method, parsed.path, parsed.version)
        else {
            return Err(RequestError::Malformed);
        };
        Ok(Some(Request {
            method: FastStr::new(method),
            target: FastStr::new(target),
            is_http_1_1: version == 1,
            headers: Headers::new(&head, parsed.headers),
        }))
    }
}
