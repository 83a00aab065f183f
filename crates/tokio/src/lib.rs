//! A WebSocket over any tokio stream, driven by songi-websocket.
//!
//! ```no_run
//! use songi_tokio::{Event, Message, connect};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut socket, _response) = connect("wss://example.com/chat").await?;
//! socket.send(Message::text("hello"))?;
//! while let Some(event) = socket.recv().await {
//!     match event? {
//!         Event::Text(text) => println!("{text}"),
//!         Event::Binary(payload) => println!("{} bytes", payload.len()),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | answer a client | [`accept`], or [`Incoming`] to see the request first |
//! | call a server | [`connect`], or [`Connect`] for headers and subprotocols |
//! | wrap a stream that some HTTP library upgraded | [`WebSocket::server`], [`WebSocket::client`] |
//! | see the bytes on the wire | [`Tapped`] around a stream |
//! | read and write in two tasks | [`WebSocket::split`], [`WebSocket::into_split`] |
//!
//! # Compression
//! With the feature `deflate`: a server gives a `Deflate` to its [`handshake::Policy`], a client to
//! [`Connect`].
//!
//! # Cancelling
//! Every async method here may be dropped at any await point and called again: what was received
//! is not lost, and what was queued is sent. The exceptions are [`accept`], [`connect`] and their
//! builders, which own the stream: dropping them drops the connection.
//!
//! # Memory
//! An idle [`WebSocket`] holds no buffer. All sockets of a thread read into one buffer of 80 KiB, of
//! which a read takes up to 64 and the rest of a message that it cuts may take the others; what is
//! left unfinished moves to the socket.

mod accept;
mod connect;
mod error;
mod options;
mod random;
mod scratch;
mod split;
mod stream;
mod tap;
mod timer;
mod websocket;
mod write;

pub use songi_websocket::{
    Bytes, CloseCode, CloseFrame, Config, Connection, ControlPayload, Event, FastStr, Message,
    Prepared, SendError, ShortMessage, Violation, handshake,
};
#[cfg(feature = "deflate")]
pub use songi_websocket::{Deflate, DeflateConfig, deflate};

#[cfg(feature = "tls")]
pub use self::connect::default_tls;
pub use self::{
    accept::{AcceptError, Incoming, accept},
    connect::{Connect, ConnectError, connect},
    error::Error,
    options::Options,
    split::{Reader, Writer},
    stream::Stream,
    tap::{Direction, Tapped},
    websocket::WebSocket,
};
