//! Compression of messages: permessage-deflate (RFC 7692).
//!
//! A [`Deflate`] holds the settings and the idle compressors; it is cheap to clone, and meant to
//! be one for all connections. A handshake that offers it, or accepts an offer, comes to an
//! [`Agreed`], which a [`Connection`](crate::Connection) takes.
//!
//! ```
//! use bytes::BytesMut;
//! use songi_websocket::{
//!     Config, Connection, Deflate, Event, Message,
//!     handshake::{Client, Policy, RequestReader, Url},
//! };
//!
//! let deflate = Deflate::default();
//! let policy = Policy::default().deflate(&deflate);
//! let url: Url = "ws://example.com/".parse()?;
//! let mut handshake = Client::new(&url, [7; 16]).deflate(&deflate);
//!
//! let mut input = BytesMut::from(&handshake.request()[..]);
//! let request = RequestReader::default().read(&mut input)?.expect("a whole request");
//! let accepted = policy.accept(&request)?;
//! let mut server = Connection::server(Config::default());
//! server.set_deflate(accepted.deflate());
//!
//! let mut input = BytesMut::from(&accepted.to_bytes()[..]);
//! let response = handshake.read(&mut input)?.expect("a whole response");
//! let mut client = Connection::client(Config::default(), || [1, 2, 3, 4]);
//! client.set_deflate(response.deflate());
//!
//! client.send(Message::text("song ".repeat(1000)))?;
//! assert!(client.queued() < 100);
//! let mut input = BytesMut::new();
//! client.slices().for_each(|bytes| input.extend_from_slice(bytes));
//! assert_eq!(server.receive(&mut input)?, Some(Event::Text("song ".repeat(1000).into())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Memory
//! Unless told otherwise neither side keeps its window from one message to the next (context
//! takeover is off), so that an idle connection holds nothing: a compressor, of about 330 KiB,
//! and an inflater, of about 50 KiB, are taken from the pool for one message and given back. With
//! takeover they stay with the connection for its life.
//!
//! # Secrets
//! The length of what is compressed tells what it repeats. Where a message holds both a secret and
//! what an attacker chose, send it with
//! [`send_uncompressed`](crate::Connection::send_uncompressed).

mod compress;
mod inflate;
mod negotiate;
mod pool;

pub(crate) use self::{compress::Compressor, inflate::Inflater};
pub use self::{
    negotiate::Agreed,
    pool::{Deflate, DeflateConfig},
};

/// What ends the output of a flush, and is left out on the wire (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Data that is no deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidDeflate;

#[cfg(test)]
mod tests;
