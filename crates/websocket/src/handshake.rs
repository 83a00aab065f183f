//! The opening handshake of both roles (RFC 6455 §4), as data.
//!
//! A server reads a request and lets a [`Policy`] judge it; a client writes a request and judges
//! the response. Each side is fed from a buffer of the caller's, in pieces of any size, at a cost
//! linear in what arrived; the bytes behind the head stay in the buffer for the
//! [`Connection`](crate::Connection).
//!
//! ```
//! use bytes::BytesMut;
//! use songi_websocket::handshake::{Client, Policy, RequestReader, Url};
//!
//! let policy = Policy::default().protocols(["chat"])?;
//! let url: Url = "ws://example.com/room".parse()?;
//! // Sixteen bytes from a secure generator, for each handshake anew.
//! let mut client = Client::new(&url, [7; 16]).protocol("chat")?.protocol("superchat")?;
//!
//! let mut input = BytesMut::from(&client.request()[..]);
//! let request = RequestReader::default().read(&mut input)?.expect("a whole request");
//! let accepted = policy.accept(&request)?;
//!
//! let mut input = BytesMut::from(&accepted.to_bytes()[..]);
//! let response = client.read(&mut input)?.expect("a whole response");
//! assert_eq!(response.protocol(), Some("chat"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `http`, `handshake::accept` judges an `http::Request` of any web framework by the same
//! rules. Over HTTP/2 and HTTP/3 the handshake is a [`ConnectRequest`].

mod client;
mod connect;
#[cfg_attr(
    not(feature = "deflate"),
    allow(dead_code, reason = "only compression looks into an extension")
)]
pub(crate) mod extensions;
mod fields;
mod head;
#[cfg(feature = "http")]
mod http;
mod key;
mod list;
mod origin;
mod policy;
mod request;
mod response;
mod url;

#[cfg(feature = "http")]
pub use self::http::{accept, accept_connect};
pub use self::{
    client::{Client, Response, ResponseError},
    connect::{ConnectRequest, Established, SETTINGS_ENABLE_CONNECT_PROTOCOL},
    fields::InvalidHeader,
    head::{HeadLimits, Headers},
    origin::Origin,
    policy::{InvalidProtocol, Policy},
    request::{Request, RequestError, RequestReader},
    response::{Accepted, InvalidStatus, Rejection},
    url::{InvalidUrl, Url},
};

#[cfg(test)]
mod tests;
