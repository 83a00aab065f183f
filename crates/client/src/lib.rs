//! A Socket.IO client for tokio.
//!
//! ```sh
//! cargo add songi-client
//! cargo add tokio --features macros,rt-multi-thread
//! ```
//!
//! ```no_run
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let socket = songi_client::connect("http://localhost:3000").await?;
//!     socket.on("news", |text: String| println!("{text}"));
//!     socket.emit("greet", ("Hello!", 42))?;
//!     let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
//!     println!("{sum}, until {}", socket.closed().await);
//!     Ok(())
//! }
//! ```
//!
//! It speaks to every server of socket.io 3 and 4, over WebSocket and long-polling.
//!
//! | to | use |
//! |---|---|
//! | connect and join a namespace | [`connect`], or [`Client`] for handlers that miss no event, auth, headers, TLS, proxies |
//! | have the socket at once, as in JavaScript | [`Client::start`] |
//! | join more namespaces on the connection | [`Socket::of`], or another [`Client`] of the same server |
//! | send | [`Socket::emit`], [`Socket::volatile`], [`Socket::compress`] |
//! | ask | [`Socket::emit_with_ack`] |
//! | answer | what a handler returns: see [`handler`] |
//! | hear of the connection | [`Client::on_connect`] and its neighbours |
//! | read events in a loop | [`Socket::events`] |
//! | send until it is acknowledged | [`Config::retries`] |
//! | see what is on the wire | [`Client::tap`] |
//! | speak Engine.IO without Socket.IO | [`Client::connect_engine`] |
//! | change settings and limits | [`Config`] |
//!
//! # Connections
//! A connection is one task of the runtime, which lives as long as one of its sockets is wanted:
//! dropping the last handle of a [`Socket`] leaves its namespace, and leaving the last namespace
//! closes the connection. Clients of the same server with the same settings, in the same runtime,
//! share a connection, unless [`Config::force_new`] says otherwise or it is in their namespace
//! already.
//!
//! A connection that is lost is made again, as in JavaScript: after about one second, then two,
//! four, and at most five, each moved by a random part, without end. All of its namespaces are
//! joined again, with a fresh auth payload where that is a function. What was emitted meanwhile is
//! sent then; acks of what was sent before are errors. Where the server offers connection state
//! recovery, the events that were missed are handled too ([`Socket::recovered`]).
//!
//! A namespace that the server refused or closed, that this side left, or for which the last
//! attempt failed, is not joined again by itself: [`Socket::closed`] ends then, and
//! [`Socket::connect`] begins anew.
//!
//! # Limits
//! All that a server can make grow is bounded.
//!
//! | what | default | setting |
//! |---|---|---|
//! | one message, or the body of one response | 10 MB | [`Config::max_message_size`] |
//! | one packet with its attachments | 10 MB | [`Config::max_message_size`], where that is more |
//! | attachments of one packet | 10 | [`Config::max_attachments`] |
//! | events that wait for their handlers | 1024, then nothing more is read | [`Config::max_pending_events`] |
//! | what happened to the connection (`reconnect` and the like), of one socket | 64, then the oldest is forgotten | fixed |
//! | bytes that wait to be written | 4 MiB, then emitting is an error | [`Config::max_buffered`] |
//! | events of one namespace that wait for the connection | 1024, and 4 MiB, then emitting is an error | [`Config::max_offline_events`], [`Config::max_buffered`] |
//! | events of one namespace that wait for their turn, with [`Config::retries`] | 1024, and 4 MiB, then emitting is an error | the same |
//! | events that come before their namespace is joined | 10 000, and 16 MiB, then the connection is ended | [`Config::max_early_events`], [`Config::max_early_bytes`] |
//! | acks that are waited for, of one namespace | 1024 | [`Config::max_pending_acks`] |
//! | namespaces of one connection | 100 | [`Config::max_namespaces`] |
//! | cookies | 50 of 4 KiB | fixed |
//! | connecting | 20 s | [`Config::connect_timeout`] |
//!
//! # Features
//! - `deflate` (on by default): compression of WebSocket messages.
//! - `msgpack`: `Parser::Msgpack`.

#![forbid(unsafe_code)]

mod ack;
mod auth;
mod client;
mod clock;
mod config;
mod driver;
mod engine;
mod error;
mod events;
mod inbox;
mod joining;
mod manager;
mod reason;
mod settings;
mod socket;
mod tap;
mod target;
mod transport;
mod wires;

pub use ack::EmitWithAck;
pub use auth::{Auth, Payload};
pub use bytes::Bytes;
pub use client::{Client, connect};
pub use config::Config;
pub use engine::{EngineEvent, EngineSocket};
pub use error::{ConnectError, ConnectFailure, InvalidUrl};
pub use events::{Events, SocketEvent};
pub use faststr::FastStr;
pub use http;
pub use joining::Namespace;
pub use reason::DisconnectReason;
pub use socket::{HandlerId, Socket, ToServer};
pub use songi_emit::{AckError, EmitError, EncodeError};
pub use songi_engineio::{Frame, Message, Transport};
pub use songi_socketio::handler::{self, Event, Handler};
pub use songi_socketio::{Arguments, Parser};
#[cfg(feature = "deflate")]
pub use songi_tokio::DeflateConfig;
pub use songi_tokio::Direction;
pub use tap::Traffic;
pub use tokio_rustls::rustls;

/// The ack that the server asked for, as a handler's parameter: see [`handler::Ack`].
///
/// ```
/// use songi_client::{Ack, Client};
///
/// let client = Client::new("http://localhost:3000")
///     .on("add", |a: i64, b: i64, ack: Ack| ack.send(a + b));
/// ```
pub type Ack = handler::Ack<Socket>;
