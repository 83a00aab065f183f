//! A namespace: its handlers and its sockets.

use std::fmt;
use std::sync::Arc;

use faststr::FastStr;
use parking_lot::RwLock;
use serde::Serialize;
use songi_emit::EncodeError;
use songi_socketio::handler::{Handler, HandlerFn, HandlerTable};

use crate::authorize::{AuthorizeFn, Authorizer, authorize_fn};
use crate::broadcast::Broadcast;
use crate::rooms::Rooms;
use crate::socket::Socket;

/// A namespace of the server: its handlers, which all its sockets share, and its rooms. Cloning
/// is cheap.
///
/// ```
/// use songi_server::{Server, Socket};
///
/// let io = Server::new();
/// let chat = io.of("/chat");
/// chat.on("say", |socket: Socket, text: String| socket.broadcast().emit("said", text));
/// chat.emit("notice", "The chat is open")?;
/// # Ok::<(), songi_server::EncodeError>(())
/// ```
#[derive(Clone)]
pub struct Namespace(Arc<NamespaceInner>);

pub(crate) struct NamespaceInner {
    name: FastStr,
    handlers: RwLock<Arc<Handlers>>,
    pub(crate) rooms: Rooms,
}

/// What a namespace does with what comes from its sockets. Replaced as a whole when something is
/// registered, so that dispatching takes no lock for longer than a clone.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) authorizers: Vec<AuthorizeFn>,
    pub(crate) table: Arc<HandlerTable<Socket>>,
}

impl Namespace {
    pub(crate) fn new(name: FastStr) -> Self {
        Self(Arc::new(NamespaceInner {
            name,
            handlers: RwLock::default(),
            rooms: Rooms::default(),
        }))
    }

    pub(crate) fn inner(&self) -> &NamespaceInner {
        &self.0
    }

    pub(crate) fn handlers(&self) -> Arc<Handlers> {
        self.0.handlers.read().clone()
    }

    /// The name, with its slash.
    pub fn name(&self) -> &FastStr {
        &self.0.name
    }

    /// Adds a handler for an event. Handlers of the same event run in the order in which they
    /// were added; each gets the arguments anew. The names that JavaScript gives to the life of a
    /// socket work too: `connection` and `connect` are [`on_connection`](Self::on_connection),
    /// `disconnect` is [`on_disconnect`](Self::on_disconnect).
    ///
    /// The parameters and the return value are described in [`handler`](crate::handler).
    pub fn on<M>(&self, event: impl Into<FastStr>, handler: impl Handler<Socket, M>) -> &Self {
        let event = event.into();
        match event.as_str() {
            "connection" | "connect" => self.on_connection(handler),
            "disconnect" => self.on_disconnect(handler),
            _ => {
                let handler = HandlerFn::new(handler);
                self.register(|table| table.on(event, handler))
            }
        }
    }

    /// Adds a handler for every event that has none of its own.
    pub fn on_fallback<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_fallback(handler))
    }

    /// Adds a handler that is called when a client has joined the namespace, before any of its
    /// events. Its only argument, if it takes one, is the client's `auth` payload. The events of
    /// the socket wait until it has finished: what is to run beside them is to be spawned.
    pub fn on_connection<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_connection(handler))
    }

    /// Adds a handler that is called when a socket has left the namespace, after all its events.
    /// Its only argument, if it takes one, is the [`DisconnectReason`](crate::DisconnectReason).
    pub fn on_disconnect<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_disconnect(handler))
    }

    /// Adds a check that every client must pass to join the namespace. Checks run in the order in
    /// which they were added, and the first that refuses ends it: the client gets a
    /// `connect_error` event. The first argument, if one is taken, is the client's `auth` payload.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use songi_server::Server;
    ///
    /// #[derive(Deserialize)]
    /// struct Auth {
    ///     token: String,
    /// }
    ///
    /// let io = Server::new();
    /// io.of("/admin").authorize(async |auth: Auth| {
    ///     if auth.token == "secret" { Ok(()) } else { Err("not authorized") }
    /// });
    /// ```
    pub fn authorize<M>(&self, authorizer: impl Authorizer<M>) -> &Self {
        let authorizer = authorize_fn(authorizer);
        Arc::make_mut(&mut *self.0.handlers.write())
            .authorizers
            .push(authorizer);
        self
    }

    /// Members of a room.
    pub fn to(&self, room: impl AsRef<str>) -> Broadcast {
        Broadcast::new(self.clone()).to(room)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, room: impl AsRef<str>) -> Broadcast {
        self.to(room)
    }

    /// Everybody but the members of a room.
    pub fn except(&self, room: impl AsRef<str>) -> Broadcast {
        Broadcast::new(self.clone()).except(room)
    }

    /// Everybody: to be narrowed down step by step.
    pub fn everybody(&self) -> Broadcast {
        Broadcast::new(self.clone())
    }

    /// Sends an event to everybody in the namespace.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be encoded: then nobody gets anything.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EncodeError> {
        self.everybody().emit(event, args)
    }

    /// Sends a `message` event to everybody: `emit("message", args)`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EncodeError> {
        self.emit("message", args)
    }

    /// The sockets that are in the namespace now.
    pub fn sockets(&self) -> Vec<Socket> {
        self.everybody().sockets()
    }

    /// The socket with this id, if it is in the namespace.
    pub fn socket(&self, id: &str) -> Option<Socket> {
        self.0
            .rooms
            .socket(&FastStr::new(id))
            .map(Socket::from_inner)
    }

    fn register(&self, change: impl FnOnce(&mut HandlerTable<Socket>)) -> &Self {
        let mut handlers = self.0.handlers.write();
        change(Arc::make_mut(&mut Arc::make_mut(&mut *handlers).table));
        self
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Namespace").field(&self.0.name).finish()
    }
}
