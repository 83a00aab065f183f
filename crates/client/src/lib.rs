//! A Socket.IO client for tokio.
//!
//! It speaks to every server of socket.io 3 and 4 over WebSocket, with namespaces, binary data and
//! acks in both directions.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let socket = songi_client::connect("http://localhost:3000").await?;
//! socket.on("news", |text: String| println!("{text}"));
//! socket.emit("greet", ("Hello!", 42))?;
//! let sum: i64 = socket.emit_with_ack("add", (1, 2)).await?;
//! # let _ = sum;
//! println!("disconnected: {}", socket.closed().await);
//! # Ok(())
//! # }
//! ```
//!
//! - [`connect`] joins a namespace of a server; [`Client`] does it with handlers that miss no
//!   event, an auth payload, headers and limits.
//! - [`Socket`] is what was joined. [`Socket::of`] joins more namespaces on the same connection.
//! - [`handler`] says what a closure must look like to be a handler.
//! - [`Config`] has every setting and limit, with its default.
//!
//! # Connections
//! Each connection is one task of the runtime. It lives as long as one of its sockets is wanted:
//! dropping the last handle of a [`Socket`] leaves its namespace, and leaving the last namespace
//! closes the connection. When a connection has ended, its sockets have ended with it; to connect
//! again is up to the caller.

#![forbid(unsafe_code)]

mod ack;
mod auth;
mod client;
mod clock;
mod config;
mod driver;
mod error;
mod events;
mod inbox;
mod joining;
mod manager;
mod offline;
mod reason;
mod reconnection;
mod retries;
mod settings;
mod socket;
mod target;
mod transport;
mod wires;

pub use ack::EmitWithAck;
pub use auth::{Auth, Payload};
pub use bytes::Bytes;
pub use client::{Client, connect};
pub use config::Config;
pub use error::{ConnectError, ConnectFailure, InvalidUrl};
pub use events::{Events, SocketEvent};
pub use faststr::FastStr;
pub use joining::Namespace;
pub use reason::DisconnectReason;
pub use socket::{HandlerId, Socket, ToServer};
pub use songi_emit::{AckError, EmitError, EncodeError};
pub use songi_engineio::Transport;
pub use songi_socketio::Parser;
pub use songi_socketio::handler::{self, Event, Handler};
#[cfg(feature = "deflate")]
pub use songi_tokio::DeflateConfig;
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
