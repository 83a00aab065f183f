//! Joining a namespace: what is asked for, and with which handlers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use faststr::FastStr;
use songi_socketio::handler::{HandlerFn, HandlerTable};
use tokio::sync::oneshot;

use crate::auth::{self, AuthFn};
use crate::error::ConnectError;
use crate::manager::Manager;
use crate::socket::{Socket, SocketInner};

/// Tells whether the server let us in.
pub(crate) type Answer = oneshot::Sender<Result<(), ConnectError>>;

/// What a namespace is joined with.
pub(crate) struct Joining {
    pub(crate) auth: AuthFn,
    pub(crate) handlers: HandlerTable<Socket>,
    /// Of what happens to the connection. The server cannot send such events.
    pub(crate) life: HandlerTable<Socket>,
}

impl Default for Joining {
    fn default() -> Self {
        Self {
            auth: auth::erase(()),
            handlers: HandlerTable::default(),
            life: HandlerTable::default(),
        }
    }
}

/// Adds a handler under its name. Those that JavaScript gives to the life of a socket work too.
pub(crate) fn register(
    handlers: &mut HandlerTable<Socket>,
    life: &mut HandlerTable<Socket>,
    event: FastStr,
    handler: HandlerFn<Socket>,
) {
    match event.as_str() {
        "connect" => handlers.on_connection(handler),
        "disconnect" => handlers.on_disconnect(handler),
        "connect_error" => life.on(event, handler),
        _ => handlers.on(event, handler),
    }
}

/// The methods of who has a field `joining: Joining`.
macro_rules! joining_methods {
    () => {
        /// What the server is told of who we are: anything that serialises to a JSON object, or a
        /// function, plain or async, that is called for it at each connect: see
        /// [`Auth`](crate::Auth).
        #[must_use]
        pub fn auth<M>(mut self, auth: impl crate::Auth<M>) -> Self {
            self.joining.auth = crate::auth::erase(auth);
            self
        }

        /// Adds a handler for an event. No event is missed, as the handler is there before the
        /// namespace is joined. Handlers of the same event run in the order in which they were
        /// added; each gets the arguments anew. The names that JavaScript gives to the life of a
        /// socket work too: `connect` is [`on_connect`](Self::on_connect), `disconnect` is
        /// [`on_disconnect`](Self::on_disconnect), `connect_error` is
        /// [`on_connect_error`](Self::on_connect_error).
        ///
        /// The parameters and the return value are described in [`handler`](crate::handler).
        #[must_use]
        pub fn on<M>(
            mut self,
            event: impl Into<faststr::FastStr>,
            handler: impl crate::Handler<crate::Socket, M>,
        ) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            let crate::joining::Joining { handlers, life, .. } = &mut self.joining;
            crate::joining::register(handlers, life, event.into(), handler);
            self
        }

        /// Adds a handler for every event that has none of its own.
        #[must_use]
        pub fn on_fallback<M>(mut self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            self.joining.handlers.on_fallback(handler);
            self
        }

        /// Adds a handler for every event, called before the event's own. It answers no ack.
        #[must_use]
        pub fn on_any<M>(mut self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            use songi_socketio::handler::{HandlerFn, Place};
            let handler = HandlerFn::new(handler);
            self.joining.handlers.on_any(Place::Back, handler);
            self
        }

        /// Adds a handler that is called when the namespace is joined, and each time that it is
        /// joined again, before any of its events. They wait until it has finished.
        #[must_use]
        pub fn on_connect<M>(mut self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            self.joining.handlers.on_connection(handler);
            self
        }

        /// Adds a handler that is called each time that the socket has left its namespace, after
        /// all its events. Its only argument, if it takes one, is the
        /// [`DisconnectReason`](crate::DisconnectReason).
        #[must_use]
        pub fn on_disconnect<M>(mut self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            self.joining.handlers.on_disconnect(handler);
            self
        }

        /// Adds a handler that is called when the server cannot be reached or refuses the
        /// namespace. Its argument is a [`ConnectFailure`](crate::ConnectFailure).
        #[must_use]
        pub fn on_connect_error<M>(self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            self.on_life("connect_error", handler)
        }

        /// Adds a handler that is called when the connection is there again after it was lost. Its
        /// argument is the number of the attempt that succeeded.
        #[must_use]
        pub fn on_reconnect<M>(self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            self.on_life("reconnect", handler)
        }

        /// Adds a handler that is called when an attempt to connect again begins. Its argument is
        /// the number of the attempt, from 1.
        #[must_use]
        pub fn on_reconnect_attempt<M>(
            self,
            handler: impl crate::Handler<crate::Socket, M>,
        ) -> Self {
            self.on_life("reconnect_attempt", handler)
        }

        /// Adds a handler that is called when an attempt to connect again has failed. Its argument
        /// is a [`ConnectFailure`](crate::ConnectFailure).
        #[must_use]
        pub fn on_reconnect_error<M>(self, handler: impl crate::Handler<crate::Socket, M>) -> Self {
            self.on_life("reconnect_error", handler)
        }

        /// Adds a handler that is called when the last attempt has failed
        /// ([`Config::reconnection_attempts`](crate::Config::reconnection_attempts)).
        #[must_use]
        pub fn on_reconnect_failed<M>(
            self,
            handler: impl crate::Handler<crate::Socket, M>,
        ) -> Self {
            self.on_life("reconnect_failed", handler)
        }

        fn on_life<M>(
            mut self,
            event: &'static str,
            handler: impl crate::Handler<crate::Socket, M>,
        ) -> Self {
            let handler = songi_socketio::handler::HandlerFn::new(handler);
            self.joining.life.on(event.into(), handler);
            self
        }
    };
}
pub(crate) use joining_methods;

/// A namespace to be joined on a connection that is there: see [`Socket::of`].
pub struct Namespace {
    manager: Arc<Manager>,
    name: FastStr,
    joining: Joining,
}

impl Namespace {
    pub(crate) fn new(manager: &Arc<Manager>, name: &str) -> Self {
        let name = if name.starts_with('/') {
            FastStr::new(name)
        } else {
            format!("/{name}").into()
        };
        Self {
            manager: manager.clone(),
            name,
            joining: Joining::default(),
        }
    }

    joining_methods!();

    /// Joins the namespace, within [`Config::connect_timeout`](crate::Config::connect_timeout).
    /// From then on it is joined again whenever the connection was lost.
    ///
    /// Cancel safe: dropped, it leaves the namespace again.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses the namespace, does not answer in time, or the
    /// connection is in this namespace already.
    pub async fn connect(self) -> Result<Socket, ConnectError> {
        let timeout = self.manager.config().connect_timeout;
        let (answer, answered) = oneshot::channel();
        let inner = SocketInner::new(self.name, self.manager, self.joining, Some(answer));
        let socket = Socket::from_inner(inner);
        socket.inner().activate()?;
        joined(socket, answered, timeout).await
    }

    /// Begins to join the namespace and does not wait for it: see
    /// [`Client::start`](crate::Client::start).
    ///
    /// # Errors
    ///
    /// When the connection is in this namespace already, or in too many.
    pub fn start(self) -> Result<Socket, ConnectError> {
        let inner = SocketInner::new(self.name, self.manager, self.joining, None);
        let socket = Socket::from_inner(inner);
        socket.inner().activate()?;
        Ok(socket)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Waits until a socket has joined its namespace. A socket that has not is dropped.
pub(crate) async fn joined(
    socket: Socket,
    answered: oneshot::Receiver<Result<(), ConnectError>>,
    timeout: Duration,
) -> Result<Socket, ConnectError> {
    match tokio::time::timeout(timeout, answered).await {
        Ok(Ok(Ok(()))) => Ok(socket),
        Ok(Ok(Err(error))) => Err(error),
        Ok(Err(_)) => {
            let reason = socket.inner().reason();
            Err(ConnectError::Disconnected(
                reason.unwrap_or(crate::DisconnectReason::TransportClose),
            ))
        }
        Err(_) => Err(ConnectError::Timeout(timeout)),
    }
}
