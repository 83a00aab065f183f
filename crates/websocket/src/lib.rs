//! WebSocket (RFC 6455) without I/O: framing, messages, closing and the opening handshake of both roles.
//!
//! Nothing here opens a socket, reads a clock or draws a random number: bytes come in from a
//! buffer of the caller's, bytes go out as slices, time and masking keys are passed in. So it runs
//! on any runtime, on none, and in a test with a hand-moved clock; and dropping a future of the
//! driver loses nothing, for there are no futures.
//!
//! | layer | items |
//! |---|---|
//! | opening handshake, both roles | [`handshake`] |
//! | a connection | [`Connection`], or its halves [`Receiver`] and [`Sender`] joined by [`Reply`] |
//! | what passes over it | [`Message`] out, [`Event`] or [`EventRef`] in, [`Prepared`] out to many |
//! | its end | [`CloseFrame`], [`CloseCode`], [`Step`], [`Violation`], [`AbnormalClosure`] |
//!
//! ```
//! use bytes::BytesMut;
//! use songi_websocket::{Config, Connection, Event, Message};
//!
//! let mut connection = Connection::server(Config::default());
//! // "Hello" as a client sends it (RFC 6455 §5.7).
//! let mut input = BytesMut::from(&b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..]);
//! while let Some(event) = connection.receive(&mut input)? {
//!     if let Event::Text(text) = event {
//!         connection.send(Message::Text(text))?;
//!     }
//! }
//! assert_eq!(connection.slices().collect::<Vec<_>>().concat(), b"\x81\x05Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//! Whatever the peer does, a connection holds at most one message under way
//! ([`Config::message_limit`]; its buffer grows with the bytes that arrived, at most to twice
//! their number), and what it was given to send ([`Config::queue_limit`], plus at most 32 pongs
//! and a Close frame). An idle connection holds no heap memory at all, unless it keeps a window for
//! compression or has a heartbeat.
//!
//! # Features
//! `std` (default) adds [`Connection::transmit`]; without it the crate needs `alloc` only.
//! `http` adds the handshake over the types of the crate `http`. `deflate` adds compression (RFC
//! 7692), with the crate zlib-rs.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod close;
mod config;
mod connection;
#[cfg(feature = "deflate")]
pub mod deflate;
#[cfg(not(feature = "deflate"))]
#[path = "deflate/absent.rs"]
mod deflate;
mod error;
mod frame;
pub mod handshake;
mod heartbeat;
mod message;
mod prepared;
mod queue;
mod receiver;
mod reply;
mod sender;
mod utf8;

pub use bytes::Bytes;
#[cfg(feature = "deflate")]
pub use deflate::{Deflate, DeflateConfig};
pub use faststr::FastStr;

pub use self::{
    close::{CloseCode, CloseFrame},
    config::{Config, Role},
    connection::Connection,
    error::{AbnormalClosure, SendError, Violation},
    frame::mask::MaskSource,
    message::{ControlPayload, ControlPayloadTooLong, Event, EventRef, Message, ShortMessage},
    prepared::Prepared,
    receiver::Receiver,
    reply::Reply,
    sender::{Sender, Step, Timeout},
};
