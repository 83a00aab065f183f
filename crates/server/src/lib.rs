//! A Socket.IO server for tokio.
//!
//! It speaks to every official client over HTTP long-polling and WebSocket, with namespaces,
//! rooms, broadcasting, binary data and acks in both directions.
//!
//! ```no_run
//! use songi_server::{Server, Socket};
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let io = Server::new();
//!
//!     io.on_connection(|socket: Socket| socket.emit("welcome", "Hello!"));
//!     io.on("join", |socket: Socket, room: String| {
//!         socket.join(&room);
//!         socket.to(&room).emit("joined", socket.id())
//!     });
//!     io.on("add", |a: i64, b: i64| a + b); // what a handler returns answers the ack
//!
//!     io.listen("127.0.0.1:3000").await
//! }
//! ```
//!
//! # A chat
//!
//! With a name that each client has to give, rooms, and acks both ways:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use serde::{Deserialize, Serialize};
//! use songi_server::{DisconnectReason, Rejection, Server, Socket};
//!
//! /// What a client sends as `auth`: `io(url, { auth: { name: "Ada" } })`.
//! #[derive(Serialize, Deserialize)]
//! struct User {
//!     name: String,
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let io = Server::new();
//!
//!     // Who may come in. The error is the client's `connect_error`.
//!     io.authorize(|socket: Socket, user: User| {
//!         if user.name.is_empty() {
//!             return Err(Rejection::new("who are you?"));
//!         }
//!         socket.set_data(user);
//!         Ok(())
//!     });
//!
//!     // `socket.emit("join", "kitchen", (count) => …)`: what is returned answers the ack.
//!     io.on("join", |socket: Socket, room: String| {
//!         socket.join(&room);
//!         let _ = socket.to(&room).emit("joined", name(&socket));
//!         socket.namespace().in_(&room).sockets().len()
//!     });
//!
//!     // Who is in the room gets it. A text that does not come answers with an error.
//!     io.on("say", |socket: Socket, room: String, text: String| {
//!         socket.to(room).emit("said", (name(&socket), text))
//!     });
//!
//!     // An ack from the client, waited for by a task of its own.
//!     io.on_connection(async |socket: Socket| {
//!         let question = socket.emit_with_ack::<String>("how are you?", ());
//!         match question.timeout(Duration::from_secs(5)).await {
//!             Ok(answer) => println!("{}: {answer}", name(&socket)),
//!             Err(error) => println!("{}: {error}", name(&socket)),
//!         }
//!     });
//!     io.on_disconnect(|socket: Socket, reason: DisconnectReason| {
//!         println!("{} has gone: {reason}", name(&socket));
//!     });
//!
//!     io.listen("127.0.0.1:3000").await
//! }
//!
//! fn name(socket: &Socket) -> String {
//!     socket.data::<User>().map_or_else(String::new, |user| user.name.clone())
//! }
//! ```
//!
//! # What is where
//!
//! - [`Server`] holds the namespaces; it listens by itself or is mounted in axum or any other
//!   tower stack ([`Server::layer`]).
//! - [`Namespace`] has the handlers, which all its sockets share, and the rooms.
//! - [`Socket`] is one client in one namespace.
//! - [`Broadcast`] is whom an event goes to, built step by step.
//! - [`handler`] says what a closure must look like to be a handler.
//! - [`Config`] has every setting and limit, with its default.

#![forbid(unsafe_code)]

pub mod adapter;
mod broadcast;
mod closing;
mod config;
mod connection;
mod delivery;
mod failure;
mod flusher;
mod handshake;
pub mod http;
mod inbox;
mod joining;
mod metrics;
mod namespace;
mod namespaces;
mod origins;
mod reason;
mod recovery;
mod remote;
mod rooms;
mod server;
mod sid;
mod socket;
mod state;
mod tables;
mod timers;

pub use adapter::Adapter;
pub use broadcast::{Broadcast, BroadcastAckError, BroadcastAckReason, BroadcastAcks};
pub use bytes::Bytes;
pub use config::Config;
pub use connection::SlowClient;
pub use failure::HandlerError;
pub use faststr::FastStr;
pub use handshake::Handshake;
pub use http::{ConnectionError, Cors, RefusalCause};
pub use metrics::{HandlerFailures, Metrics};
pub use namespace::{Auth, Match, Namespace, NamespaceMatcher, ServerSide};
pub use origins::Origins;
pub use reason::DisconnectReason;
pub use recovery::Recovery;
pub use remote::{HandshakeDetails, RemoteSocket, SocketDetails};
pub use server::Server;
pub use socket::{HandlerId, Socket, ToSocket};
pub use songi_emit::{AckError, EmitError, EncodeError, Outgoing, PacketKind};
pub use songi_engineio::cookie::{Cookie, CookieError, SameSite};
pub use songi_engineio::{Message, Transports};
pub use songi_socketio::handler::{self, Event, Failure, Handler, Middleware, Rejection, Verdict};
pub use songi_socketio::{
    ArgumentError, Arguments, CustomDecoder, CustomParser, DecodeError, Format, Limits, Packet,
    Parser, RawJson,
};
pub use songi_websocket::deflate::DeflateConfig;
pub use state::State;

/// The ack that a client asked for, as a handler's parameter: see [`handler::Ack`].
///
/// ```
/// use songi_server::{Ack, Server};
///
/// let io = Server::new();
/// io.on("add", |a: i64, b: i64, ack: Ack| ack.send(a + b));
/// ```
pub type Ack = handler::Ack<Socket>;

/// An event on its way to a client that is to answer it: see [`Socket::emit_with_ack`].
pub type EmitWithAck<T> = songi_emit::EmitWithAck<Socket, T>;
