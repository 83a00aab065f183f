//! Socket.IO without I/O: packets, binary attachments, event arguments to and from serde types, acks, namespaces.
//!
//! The crate speaks the [Socket.IO protocol], version 5 (socket.io 3 and 4), and as a server also
//! version 4 (clients of socket.io 2), with the default JSON parser, MessagePack or one of the
//! application's own. It opens no socket, reads no clock and draws no random number: text and binary messages
//! come in as values, packets go out into buffers of the caller, and time is a [`Duration`] since
//! an origin that the caller fixes once.
//!
//! | module | what it holds |
//! |---|---|
//! | [`Packet`], [`PacketKind`], [`RawJson`] | what was received |
//! | [`Decoder`], [`Limits`], [`DecodeError`] | messages to packets, attachments included |
//! | [`Arguments`], [`ArgumentReader`] | the arguments of an event or an ack, read into serde types |
//! | [`encode`] | packets to messages |
//! | [`Parser`] | how packets are written: JSON, MessagePack (feature `msgpack`) or the application's own way |
//! | [`AckRegistry`] | the acks that one side waits for |
//! | [`recovery`] | connection state recovery, as data |
//! | [`handler`] | closures whose parameters are an event's arguments |
//! | [`server`], [`client`] | the two sides of one connection: which namespaces are joined |
//! | [`manager`] | a client's connection again and again: when to connect, what waits, what is sent again |
//!
//! # Limits
//! Everything that a peer can make grow is bounded, with a setting and an error: see [`Limits`],
//! [`server::Config`], [`client::Config`], [`manager::Config`], [`recovery::Config`] and
//! [`AckRegistry::new`].
//!
//! # Example
//! ```
//! use bytes::Bytes;
//! use core::time::Duration;
//! use songi_socketio::{Decoder, Limits, PacketKind, encode};
//!
//! // One side writes an event with a binary argument …
//! let mut text = Vec::new();
//! let attachments = encode::event(&mut text, "/", None, "image", &("cat", Bytes::from_static(b"\x89PNG")))?;
//! assert_eq!(text, br#"51-["image","cat",{"_placeholder":true,"num":0}]"#);
//!
//! // … and the other reads it.
//! let now = Duration::ZERO;
//! let mut decoder = Decoder::new(Limits::default());
//! assert!(decoder.decode_text(String::from_utf8(text)?.into(), now)?.is_none());
//! let packet = decoder.decode_binary(attachments[0].clone(), now)?.expect("it was the last attachment");
//! let PacketKind::Event { name, args, .. } = packet.kind else { panic!("not an event") };
//! assert_eq!(name, "image");
//! assert_eq!(args.deserialize::<(String, Bytes)>()?, ("cat".into(), Bytes::from_static(b"\x89PNG")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [Socket.IO protocol]: https://socket.io/docs/v4/socket-io-protocol/
//! [`Duration`]: core::time::Duration
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod ack;
mod arguments;
pub mod client;
mod decoder;
pub mod encode;
pub mod handler;
mod limits;
pub mod manager;
#[cfg(feature = "msgpack")]
mod msgpack;
mod namespaces;
mod packet;
mod parser;
pub mod recovery;
mod scan;
pub mod server;

pub use ack::{AckError, AckRegistry};
pub use arguments::{ArgumentError, ArgumentReader, Arguments};
pub use decoder::{DecodeError, Decoder};
pub use encode::EncodeError;
pub use faststr::FastStr;
pub use limits::Limits;
#[cfg(feature = "msgpack")]
pub use msgpack::MsgpackError;
pub use packet::{Packet, PacketKind, RESERVED_EVENTS, RawJson};
pub use parser::{CustomDecoder, CustomParser, Format, Parser};
pub use scan::JsonError;
