//! An event to one client, with its options.

use std::time::Duration;

use serde::Serialize;
use songi_emit::EmitError;

use super::Socket;
use crate::EmitWithAck;
use crate::adapter::BroadcastFlags;
use crate::broadcast::Broadcast;

/// One client, and how an event is sent to it. With [`to`](Self::to), [`except`](Self::except) or
/// [`broadcast`](Self::broadcast) it becomes everybody else that is meant.
///
/// ```
/// use songi_server::{Server, Socket};
///
/// let io = Server::new();
/// io.on("move", |socket: Socket, x: i32, y: i32| {
///     socket.compress(false).emit("moved", (x, y))?;
///     socket.volatile().to("players").emit("moved", (x, y))?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// });
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `emit`"]
pub struct ToSocket {
    socket: Socket,
    flags: BroadcastFlags,
}

impl ToSocket {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket,
            flags: BroadcastFlags::default(),
        }
    }

    /// The event may be dropped when the client cannot take it at once.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether the transport may compress the event. Default: yes, where it can.
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = compress;
        self
    }

    /// How long to wait for an ack. Default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.flags.timeout = Some(timeout);
        self
    }

    /// Sends an event.
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`]; a volatile event that is dropped is no error.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EmitError> {
        let options = self.flags.send_options();
        self.socket.emit_with_options(event, &args, options)
    }

    /// Sends a `message` event: `emit("message", args)`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", args)
    }

    /// Sends an event and asks for an ack: see [`Socket::emit_with_ack`].
    pub fn emit_with_ack<T>(&self, event: &str, args: impl Serialize) -> EmitWithAck<T> {
        let options = self.flags.send_options();
        let emitted = EmitWithAck::start(self.socket.clone(), event, &args, options);
        match self.flags.timeout {
            Some(timeout) => emitted.timeout(timeout),
            None => emitted,
        }
    }

    /// Everybody in the namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        self.socket.broadcast().with_flags(self.flags)
    }

    /// Everybody in a room but this socket.
    pub fn to(&self, room: impl AsRef<str>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, room: impl AsRef<str>) -> Broadcast {
        self.to(room)
    }

    /// Everybody in the namespace but this socket and the members of a room.
    pub fn except(&self, room: impl AsRef<str>) -> Broadcast {
        self.broadcast().except(room)
    }
}
