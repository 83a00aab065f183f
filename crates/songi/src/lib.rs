//! Socket.IO for Rust: server and client, from the WebSocket up.
//!
//! This crate is a front door: it has no code of its own, and each of its modules is a crate that
//! can be depended on alone.
//!
//! | module | crate | feature | what it is |
//! |---|---|---|---|
//! | `server` | songi-server | `server`, on by default | a Socket.IO server for tokio |
//! | `client` | songi-client | `client`, on by default | a Socket.IO client for tokio |
//! | `tokio` | songi-tokio | `tokio` | a WebSocket over any tokio stream |
//! | `socketio` | songi-socketio | `socketio` | Socket.IO without I/O |
//! | `engineio` | songi-engineio | `engineio` | Engine.IO without I/O |
//! | `websocket` | songi-websocket | `websocket` | WebSocket (RFC 6455) without I/O |
//!
//! The last three know no runtime, no clock and no source of randomness, and do not know each
//! other. Limits are settings of each crate, all bounded by default: for the server see
//! `server::Config`.
#![cfg_attr(
    feature = "server",
    doc = r##"
```no_run
use songi::server::{Server, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Server::new();
    io.on("join", |socket: Socket, room: String| {
        socket.join(&room);
        socket.to(&room).emit("joined", socket.id())
    });
    io.listen("127.0.0.1:3000").await
}
```
"##
)]
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
#[doc(inline)]
pub use songi_client as client;
#[cfg(feature = "engineio")]
#[doc(inline)]
pub use songi_engineio as engineio;
#[cfg(feature = "server")]
#[doc(inline)]
pub use songi_server as server;
#[cfg(feature = "socketio")]
#[doc(inline)]
pub use songi_socketio as socketio;
#[cfg(feature = "tokio")]
#[doc(inline)]
pub use songi_tokio as tokio;
#[cfg(feature = "websocket")]
#[doc(inline)]
pub use songi_websocket as websocket;

/// The examples of the documents at the root compile.
#[cfg(all(doctest, feature = "server"))]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../../../docs/observability.md")]
    struct Observability;

    #[doc = include_str!("../../../docs/guide.md")]
    struct Guide;

    #[cfg(feature = "client")]
    #[doc = include_str!("../../../docs/emit-cheatsheet.md")]
    struct EmitCheatSheet;

    #[doc = include_str!("../../../docs/from-nodejs.md")]
    struct FromNodejs;
}
