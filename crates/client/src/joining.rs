//! Joining a namespace: what is asked for, and with which handlers.

use std::fmt;
use std::time::Duration;

use faststr::FastStr;
use serde::Serialize;
use songi_socketio::client::{self as protocol, StateError};
use songi_socketio::handler::{HandlerFn, HandlerTable};
use tokio::sync::oneshot;

use crate::error::ConnectError;
use crate::socket::Socket;

/// Tells whether the server let us in.
pub(crate) type Answer = oneshot::Sender<Result<(), protocol::ConnectError>>;

/// Writes the CONNECT packet, with the auth payload that it holds.
type Connect =
    dyn Fn(&mut protocol::Connection, &str, &mut Vec<u8>) -> Result<(), StateError> + Send + Sync;

/// What a namespace is joined with.
pub(crate) struct Joining {
    connect: Box<Connect>,
    pub(crate) handlers: HandlerTable<Socket>,
}

impl Joining {
    pub(crate) fn auth(&mut self, auth: impl Serialize + Send + Sync + 'static) {
        self.connect =
            Box::new(move |connection, namespace, wire| connection.connect(namespace, &auth, wire));
    }

    pub(crate) fn connect(
        &self,
        connection: &mut protocol::Connection,
        namespace: &str,
        wire: &mut Vec<u8>,
    ) -> Result<(), StateError> {
        (self.connect)(connection, namespace, wire)
    }
}

impl Default for Joining {
    fn default() -> Self {
        Self {
            connect: Box::new(|connection, namespace, wire| {
                connection.connect(namespace, &(), wire)
            }),
            handlers: HandlerTable::default(),
        }
    }
}

/// Adds a handler under its name. Those that JavaScript gives to the life of a socket work too.
pub(crate) fn register(
    table: &mut HandlerTable<Socket>,
    event: FastStr,
    handler: HandlerFn<Socket>,
) {
    match event.as_str() {
        "connect" => table.on_connection(handler),
        "disconnect" => table.on_disconnect(handler),
        _ => table.on(event, handler),
    }
}

/// The methods of who has a field `joining: Joining`.
macro_rules! joining_methods {
    () => {
        /// What the server is told of who we are: anything that serialises to a JSON object.
        #[must_use]
        pub fn auth(mut self, auth: impl serde::Serialize + Send + Sync + 'static) -> Self {
            self.joining.auth(auth);
            self
        }

        /// Adds a handler for an event. No event is missed, as the handler is there before the
        /// namespace is joined. Handlers of the same event run in the order in which they were
        /// added; each gets the arguments anew. The names that JavaScript gives to the life of a
        /// socket work too: `connect` is [`on_connect`](Self::on_connect), `disconnect` is
        /// [`on_disconnect`](Self::on_disconnect).
        ///
        /// The parameters and the return value are described in [`handler`](crate::handler).
        #[must_use]
        pub fn on<M>(
            mut self,
            event: impl Into<faststr::FastStr>,
            handler: impl crate::Handler<crate::Socket, M>,
        ) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            crate::joining::register(&mut self.joining.handlers, event.into(), handler);
            self
        }

        /// Adds a handler for every event that has none of its own.
        #[must_use]
        pub fn on_fallback<M>(mut self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            self.joining.handlers.on_fallback(handler);
            self
        }

        /// Adds a handler that is called when the namespace is joined, before any of its events.
        /// They wait until it has finished.
        #[must_use]
        pub fn on_connect<M>(mut self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            self.joining.handlers.on_connection(handler);
            self
        }

        /// Adds a handler that is called when the socket has left its namespace, after all its
        /// events. Its only argument, if it takes one, is the
        /// [`DisconnectReason`](crate::DisconnectReason).
        #[must_use]
        pub fn on_disconnect<M>(mut self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            self.joining.handlers.on_disconnect(handler);
            self
        }
    };
}
pub(crate) use joining_methods;

/// A namespace to be joined on a connection that is there: see [`Socket::of`].
pub struct Namespace {
    /// Keeps the connection until then.
    socket: Socket,
    name: FastStr,
    joining: Joining,
}

impl Namespace {
    pub(crate) fn new(socket: &Socket, name: &str) -> Self {
        let name = if name.starts_with('/') {
            FastStr::new(name)
        } else {
            format!("/{name}").into()
        };
        Self {
            socket: socket.clone(),
            name,
            joining: Joining::default(),
        }
    }

    joining_methods!();

    /// Joins the namespace, within [`Config::connect_timeout`](crate::Config::connect_timeout).
    ///
    /// Cancel safe: dropped, it leaves the namespace again.
    ///
    /// # Errors
    ///
    /// When the connection has ended or has joined this namespace already, or the server refuses
    /// it or does not answer in time.
    pub async fn connect(self) -> Result<Socket, ConnectError> {
        let gone = || {
            let reason = self.socket.inner().reason();
            ConnectError::Disconnected(reason.unwrap_or(crate::DisconnectReason::TransportClose))
        };
        let connection = self.socket.inner().connection().ok_or_else(gone)?;
        let timeout = connection.config().connect_timeout;
        let join = connection.join(self.name.clone(), self.joining);
        // The connection is its task's.
        drop(connection);
        within(timeout, join).await
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Gives up after a while.
pub(crate) async fn within<T>(
    timeout: Duration,
    connecting: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    tokio::time::timeout(timeout, connecting)
        .await
        .map_err(|_| ConnectError::Timeout(timeout))?
}
