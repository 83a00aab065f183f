//! Whom an event goes to, built step by step.

use faststr::FastStr;
use serde::Serialize;
use songi_emit::{EncodeError, Outgoing};
use songi_engineio::SendOptions;

use crate::namespace::Namespace;
use crate::reason::DisconnectReason;
use crate::rooms::Target;
use crate::socket::Socket;

/// The sockets of a namespace that an operation means. By default all of them; rooms add up, and
/// what is excepted is left out.
///
/// ```
/// use songi_server::Server;
///
/// let io = Server::new();
/// io.to("room 1").to("room 2").except("muted").emit("news", "Hello!")?;
/// # Ok::<(), songi_server::EncodeError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `emit`"]
pub struct Broadcast {
    namespace: Namespace,
    target: Target,
    options: SendOptions,
}

impl Broadcast {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            target: Target::default(),
            options: SendOptions::default(),
        }
    }

    /// Members of this room, too. The id of a socket is a room of its own.
    pub fn to(mut self, room: impl AsRef<str>) -> Self {
        self.target.rooms.push(FastStr::new(room));
        self
    }

    /// The same as [`to`](Self::to).
    pub fn in_(self, room: impl AsRef<str>) -> Self {
        self.to(room)
    }

    /// Nobody who is in this room.
    pub fn except(mut self, room: impl AsRef<str>) -> Self {
        self.target.except.push(FastStr::new(room));
        self
    }

    /// The event may be dropped for a client that cannot take it at once.
    pub fn volatile(mut self) -> Self {
        self.options.volatile = true;
        self
    }

    /// Sends an event to all of them. It is encoded once, and the bytes are shared. A client for
    /// which too much waits already is disconnected; the others notice nothing.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be encoded: then nobody gets anything.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EncodeError> {
        let packet = Outgoing::event(self.namespace.name(), None, event, &args)?;
        for socket in self.namespace.inner().rooms.select(&self.target) {
            if let Err(error) = socket.send(&packet, self.options) {
                tracing::debug!(socket = %socket.id(), %error, "broadcast not sent");
            }
        }
        Ok(())
    }

    /// Sends a `message` event: `emit("message", args)`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EncodeError> {
        self.emit("message", args)
    }

    /// The sockets themselves.
    pub fn sockets(&self) -> Vec<Socket> {
        let selected = self.namespace.inner().rooms.select(&self.target);
        selected.into_iter().map(Socket::from_inner).collect()
    }

    /// Puts all of them into a room.
    pub fn sockets_join(&self, room: impl AsRef<str>) {
        let room = FastStr::new(room);
        for socket in self.namespace.inner().rooms.select(&self.target) {
            self.namespace.inner().rooms.join(socket.id(), room.clone());
        }
    }

    /// Takes all of them out of a room.
    pub fn sockets_leave(&self, room: impl AsRef<str>) {
        let room = FastStr::new(room);
        for socket in self.namespace.inner().rooms.select(&self.target) {
            self.namespace.inner().rooms.leave(socket.id(), &room);
        }
    }

    /// Takes all of them out of the namespace.
    pub fn disconnect_sockets(&self) {
        for socket in self.namespace.inner().rooms.select(&self.target) {
            if let Some(connection) = socket.connection() {
                connection.disconnect_socket(&socket, DisconnectReason::ServerNamespaceDisconnect);
            }
        }
    }
}
