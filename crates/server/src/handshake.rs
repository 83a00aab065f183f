//! The HTTP request that a client began with.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use faststr::FastStr;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use serde::de::DeserializeOwned;
use songi_socketio::ArgumentError;
use songi_socketio::handler::{EventContext, FromEvent};

use crate::http::Peer;
use crate::socket::Socket;

/// What is known of a client from its first HTTP request (Socket.IO documentation, "Server API:
/// socket.handshake"), and from its `auth` payload. Cloning is cheap.
///
/// As a handler's parameter it takes no argument.
///
/// ```
/// use songi_server::{Handshake, Server};
///
/// let io = Server::new();
/// io.of("/admin").authorize(|handshake: Handshake| {
///     match handshake.header("x-token") {
///         Some("secret") => Ok(()),
///         _ => Err("not authorized"),
///     }
/// });
/// ```
///
/// All sockets of a connection share one copy of the request, as the text that it came as.
#[derive(Clone)]
pub struct Handshake {
    opening: Arc<Opening>,
    auth: FastStr,
}

/// The request, in as little memory as it takes.
struct Opening {
    /// The URL, and then the headers, each a name and a value that follow each other.
    text: Bytes,
    url: u32,
    /// The lengths of the name and of the value.
    headers: Box<[(u16, u32)]>,
    peer: Option<Peer>,
    secure: bool,
    issued: SystemTime,
}

impl Handshake {
    pub(crate) fn new<B>(request: &Request<B>) -> Self {
        let url = request.uri().to_string();
        let headers = request.headers();
        let length = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        let mut text = Vec::with_capacity(url.len() + headers.iter().map(length).sum::<usize>());
        text.extend_from_slice(url.as_bytes());
        let mut lengths = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            // The `http` crate takes no name of more than 64 KiB.
            let (Ok(name_length), Ok(value_length)) =
                (name.as_str().len().try_into(), value.len().try_into())
            else {
                continue;
            };
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(value.as_bytes());
            lengths.push((name_length, value_length));
        }
        let peer = request.extensions().get::<Peer>().copied();
        let opening = Opening {
            url: u32::try_from(url.len()).unwrap_or(u32::MAX),
            text: text.into(),
            headers: lengths.into(),
            peer,
            secure: peer.is_some_and(|peer| peer.secure)
                || request.uri().scheme_str() == Some("https"),
            issued: SystemTime::now(),
        };
        Self {
            opening: Arc::new(opening),
            auth: FastStr::empty(),
        }
    }

    /// The same request, with what the client said when it joined a namespace.
    pub(crate) fn with_auth(&self, auth: &str) -> Self {
        Self {
            opening: self.opening.clone(),
            // A copy, or it would keep the whole message that it came in.
            auth: FastStr::new(auth),
        }
    }

    /// The headers of the request. They are kept as text: each call makes the map anew, so look
    /// for a single one by [`header`](Self::header).
    pub fn headers(&self) -> HeaderMap {
        self.fields()
            .filter_map(|(name, value)| {
                Some((
                    HeaderName::from_bytes(&name).ok()?,
                    HeaderValue::from_maybe_shared(value).ok()?,
                ))
            })
            .collect()
    }

    /// The first header of this name, in whatever case, if its value is ASCII.
    ///
    /// ```
    /// # use songi_server::Handshake;
    /// fn language(handshake: &Handshake) -> &str {
    ///     handshake.header("accept-language").unwrap_or("en")
    /// }
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.slices()
            .find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
            .filter(|value| value.is_ascii())
    }

    /// The target of the request with its query, such as `/socket.io/?EIO=4&transport=polling`.
    pub fn url(&self) -> &str {
        let url = self.opening.text.get(..self.opening.url as usize);
        // It was text when it came.
        std::str::from_utf8(url.unwrap_or_default()).unwrap_or_default()
    }

    /// The target of the request, parsed.
    pub fn uri(&self) -> Uri {
        // It was one when it came.
        self.url().parse().unwrap_or_default()
    }

    /// The value of a key in the query, if it has it; the first, if there are several.
    pub fn query(&self, key: &str) -> Option<Cow<'_, str>> {
        self.query_pairs()
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// All keys and values of the query in their order, among them those of Engine.IO (`EIO`,
    /// `transport` and so on).
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let query = self.url().split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes())
    }

    /// The address of the client, or of the proxy before it: see [`Peer`].
    pub fn address(&self) -> Option<SocketAddr> {
        self.opening.peer.map(|peer| peer.address)
    }

    /// Whether the request came from a web page of another origin: whether it has an `Origin`.
    pub fn xdomain(&self) -> bool {
        self.header(ORIGIN.as_str()).is_some()
    }

    /// Whether the request came over TLS: see [`Peer`].
    pub fn secure(&self) -> bool {
        self.opening.secure
    }

    /// The `Host` that the client asked for.
    pub fn host(&self) -> Option<&str> {
        self.header(HOST.as_str())
    }

    /// When the request came.
    pub fn issued(&self) -> SystemTime {
        self.opening.issued
    }

    /// What the client says to authenticate: its `auth` payload, which each namespace has its own
    /// of. An empty object if it said nothing, and where there is no namespace yet.
    ///
    /// ```
    /// # use songi_server::{Server, Socket};
    /// # use serde::Deserialize;
    /// #[derive(Deserialize)]
    /// struct Auth { token: String }
    ///
    /// # let io = Server::new();
    /// io.on("who am i", |socket: Socket| {
    ///     socket.handshake().auth().map(|auth: Auth| auth.token)
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        let auth: &str = if self.auth.is_empty() {
            "{}"
        } else {
            &self.auth
        };
        serde_json::from_str(auth)
    }

    fn fields(&self) -> impl Iterator<Item = (Bytes, Bytes)> {
        let text = &self.opening.text;
        self.slices()
            .map(|(name, value)| (text.slice_ref(name), text.slice_ref(value)))
    }

    fn slices(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let rest = self.opening.text.get(self.opening.url as usize..);
        let mut rest = rest.unwrap_or_default();
        self.opening.headers.iter().map_while(move |(name, value)| {
            let (name, after) = rest.split_at_checked(usize::from(*name))?;
            let (value, after) = after.split_at_checked(*value as usize)?;
            rest = after;
            Some((name, value))
        })
    }
}

/// Without the headers and the payload, which hold secrets.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url().split('?').next();
        f.debug_struct("Handshake")
            .field("path", &path.unwrap_or_default())
            .field("address", &self.address())
            .field("issued", &self.issued())
            .finish_non_exhaustive()
    }
}

impl FromEvent<Socket> for Handshake {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(event.socket().handshake().clone())
    }
}

#[cfg(test)]
mod tests;
