//! Engine.IO without I/O: packets, payloads, the open handshake, request verification, and the
//! session state machines of both roles. It is protocol revision 4; a server speaks revision 3
//! too, with clients of Socket.IO 1 and 2, when [`ServerConfig::allow_eio3`] says so.
//!
//! Engine.IO keeps one session alive over HTTP long-polling, a WebSocket, or the first upgraded
//! to the second. This crate decides everything that such a session decides and performs nothing:
//! it has no sockets, no clock and no randomness. A driver feeds inputs ("this GET arrived", "this
//! WebSocket message arrived") and performs the outputs it pulls ("answer this request", "write
//! this frame"). Time is a [`Duration`](core::time::Duration) since an origin that the driver
//! fixes once, so that a test moves it by hand.
//!
//! | module | what it is |
//! |---|---|
//! | [`packet`] | [`Packet`], and [`Frame`]: a packet as it travels in one WebSocket message |
//! | [`payload`] | several packets in one long-polling body |
//! | [`handshake`] | the JSON of the open packet |
//! | [`request`] | which session operation an HTTP request is, or which numbered error it deserves |
//! | [`Dialect`] | how the packets of one client are written: revision, and base64 or not |
//! | [`Jsonp`] | long-polling by script elements and forms |
//! | [`webtransport`] | frames on the stream of a WebTransport session |
//! | [`cookie`] | the optional `Set-Cookie` of the first response |
//! | [`session`] | [`ServerSession`] and [`ClientSession`] |
//! | [`config`] | every limit and interval, with its default |
//!
//! # Limits
//! | what | default | setting |
//! |---|---|---|
//! | body of one POST, and of one GET's answer as the client sees it | 1 MB | [`ServerConfig::max_payload`], [`ClientConfig::max_payload`] |
//! | bytes waiting for a transport | 4 MiB | [`ServerConfig::max_buffered`], [`ClientConfig::max_buffered`] |
//! | digits of a packet's length in a payload of revision 3 | 15 | [`payload::MAX_LENGTH_DIGITS`] |
//! | a frame of WebTransport | the caller's | [`webtransport::decode`] |
//! | pongs that wait for a GET (revision 3) | 1 | fixed |
//! | requests in flight per session | one GET and one POST | fixed by the protocol |
//! | WebSockets per session | one, and one candidate of an upgrade | fixed |
//! | an upgrade that does not finish | 10 s | [`ServerConfig::upgrade_timeout`], [`ClientConfig::upgrade_timeout`] |
//! | a close that the peer does not fetch | 30 s | [`ServerConfig::close_timeout`], [`ClientConfig::close_timeout`] |
//! | length of a session id in a request or an open packet | 128 bytes | [`handshake::MAX_SID`] |
//!
//! # Example
//! ```
//! use std::{sync::Arc, time::Duration};
//! use songi_engineio::{Event, Frame, Message, Output, SendOptions, ServerConfig, ServerSession};
//!
//! let now = Duration::ZERO;
//! let config = Arc::new(ServerConfig::default());
//! let (mut session, websocket) = ServerSession::websocket(config, "sid0".into(), now);
//! session.send(Frame::message(Message::text("hi")), SendOptions::default(), now)?;
//! session.frame(websocket, Frame::Text("4hello".into()), now);
//!
//! let mut written = Vec::new();
//! while let Some(output) = session.poll_output() {
//!     match output {
//!         Output::Frame { frame: Frame::Text(text), .. } => written.push(text),
//!         Output::Event(Event::Message(message)) => assert_eq!(message, Message::text("hello")),
//!         other => unreachable!("{other:?}"),
//!     }
//! }
//! assert!(written[0].starts_with(r#"0{"sid":"sid0""#));
//! assert_eq!(written[1], "4hi");
//! # Ok::<(), songi_engineio::SendError>(())
//! ```
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
pub mod cookie;
mod dialect;
pub mod handshake;
mod jsonp;
pub mod packet;
pub mod payload;
pub mod request;
pub mod session;
mod transport;
pub mod webtransport;

pub use bytes::Bytes;
pub use faststr::FastStr;

pub use config::{ClientConfig, ServerConfig};
pub use dialect::Dialect;
pub use handshake::Handshake;
pub use jsonp::Jsonp;
pub use packet::{Frame, Message, Packet, PacketError};
pub use payload::PayloadError;
pub use request::{ContentType, Query, RequestError, Response, Route};
pub use session::{
    CloseReason, RequestId, SendError, SendOptions, TransportEnd, TransportId, Violation,
    client::{ClientEvent, ClientOutput, ClientSession},
    server::{Event, Output, ServerSession},
};
pub use transport::{Revision, Transport, Transports};
