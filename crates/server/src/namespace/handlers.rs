//! What a namespace does with what comes from its sockets.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use faststr::FastStr;
use songi_socketio::handler::{Handler, HandlerFn, HandlerTable, Middleware, MiddlewareFn, Place};

use super::{Namespace, ServerSide};
use crate::socket::Socket;

/// What was registered. It is replaced as a whole, so that dispatching takes no lock.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) middlewares: Arc<Vec<MiddlewareFn<Socket>>>,
    pub(crate) table: Arc<HandlerTable<Socket>>,
    pub(crate) server_side: Arc<HandlerTable<ServerSide>>,
}

impl Namespace {
    /// Adds a handler for an event. Handlers of the same event run in the order in which they
    /// were added; each gets the arguments anew. The names that JavaScript gives to the life of a
    /// socket work too: `connection` and `connect` are [`on_connection`](Self::on_connection),
    /// `disconnecting` is [`on_disconnecting`](Self::on_disconnecting) and `disconnect` is
    /// [`on_disconnect`](Self::on_disconnect).
    ///
    /// The parameters and the return value are described in [`handler`](crate::handler).
    pub fn on<M>(&self, event: impl Into<FastStr>, handler: impl Handler<Socket, M>) -> &Self {
        let event = event.into();
        match event.as_str() {
            "connection" | "connect" => self.on_connection(handler),
            "disconnecting" => self.on_disconnecting(handler),
            "disconnect" => self.on_disconnect(handler),
            _ => {
                let handler = HandlerFn::new(handler);
                self.register(|table| table.on(event.clone(), handler.clone()))
            }
        }
    }

    /// Removes all handlers of an event, but not those that single sockets have.
    pub fn off(&self, event: &str) -> &Self {
        self.register(|table| table.off(event))
    }

    /// Adds a handler for every event that has none of its own.
    pub fn on_fallback<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_fallback(handler.clone()))
    }

    /// Adds a handler that is called for every event before the middlewares and the event's own
    /// handlers, whether it has any or not. It answers no acks.
    ///
    /// ```
    /// use songi_server::{Event, Server, Socket};
    ///
    /// let io = Server::new();
    /// io.on_any(|socket: Socket, event: Event| println!("{}: {}", socket.id(), event.name()));
    /// ```
    pub fn on_any<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_any(Place::Back, handler.clone()))
    }

    /// As [`on_any`](Self::on_any), but before those that are there already.
    pub fn prepend_any<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_any(Place::Front, handler.clone()))
    }

    /// Removes all handlers of [`on_any`](Self::on_any).
    pub fn off_any(&self) -> &Self {
        self.register(HandlerTable::off_any)
    }

    /// Adds a handler that is called for every event that is sent to a socket of this server, by
    /// the thread that sends it. What is sent is read again for it: it costs what receiving costs,
    /// for each receiver.
    pub fn on_any_outgoing<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_any_outgoing(Place::Back, handler.clone()))
    }

    /// As [`on_any_outgoing`](Self::on_any_outgoing), but before those that are there already.
    pub fn prepend_any_outgoing<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_any_outgoing(Place::Front, handler.clone()))
    }

    /// Removes all handlers of [`on_any_outgoing`](Self::on_any_outgoing).
    pub fn off_any_outgoing(&self) -> &Self {
        self.register(HandlerTable::off_any_outgoing)
    }

    /// Adds a handler that is called when a client has joined the namespace, before any of its
    /// events. Its only argument, if it takes one, is the client's `auth` payload. The events of
    /// the socket wait until it has finished: what is to run beside them is to be spawned.
    pub fn on_connection<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_connection(handler.clone()))
    }

    /// Adds a handler that is called when a socket has left the namespace, after all its events
    /// and before those of [`on_disconnect`](Self::on_disconnect). It still sees the socket's
    /// [`rooms`](Socket::rooms); nobody else does. The arguments are the same.
    pub fn on_disconnecting<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_disconnecting(handler.clone()))
    }

    /// Adds a handler that is called when a socket has left the namespace, after all its events.
    /// The first argument, if it takes any, is the
    /// [`DisconnectReason`](crate::DisconnectReason); the second, an `Option<String>`, says more
    /// where more is known.
    pub fn on_disconnect<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_disconnect(handler.clone()))
    }

    /// Adds a check that every client must pass to join the namespace. Checks run in the order in
    /// which they were added, and the first that refuses ends it: the client gets a
    /// `connect_error` event with the message and the data of the
    /// [`Rejection`](crate::Rejection). The first argument, if one is taken, is the client's
    /// `auth` payload.
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
    #[doc(alias = "use")]
    pub fn authorize<M>(&self, middleware: impl Middleware<Socket, M>) -> &Self {
        let middleware = MiddlewareFn::new(middleware);
        self.change(|handlers| {
            Arc::make_mut(&mut handlers.middlewares).push(middleware.clone());
        })
    }

    /// The same as [`authorize`](Self::authorize), under the name that it has in JavaScript.
    pub fn use_<M>(&self, middleware: impl Middleware<Socket, M>) -> &Self {
        self.authorize(middleware)
    }

    /// Adds a check that every event of every socket must pass before its handlers are called. The
    /// parameters are those of a handler of the event. Checks run in the order in which they were
    /// added; the first that refuses ends it, which is reported to
    /// [`Server::on_error`](crate::Server::on_error). The client is told nothing, and gets no ack.
    ///
    /// ```
    /// use songi_server::{Event, Server, Socket};
    ///
    /// let io = Server::new();
    /// io.use_event(|socket: Socket, event: Event| {
    ///     if event.name() != "kick" || socket.rooms().iter().any(|room| room == "admins") {
    ///         Ok(())
    ///     } else {
    ///         Err("not an admin")
    ///     }
    /// });
    /// ```
    pub fn use_event<M>(&self, middleware: impl Middleware<Socket, M>) -> &Self {
        let middleware = MiddlewareFn::new(middleware);
        self.register(|table| table.use_event(middleware.clone()))
    }

    fn register(&self, change: impl Fn(&mut HandlerTable<Socket>)) -> &Self {
        self.change(|handlers| change(Arc::make_mut(&mut handlers.table)))
    }

    /// Changes the handlers, and those of the children where this is the parent of dynamic
    /// namespaces.
    pub(super) fn change(&self, change: impl Fn(&mut Handlers)) -> &Self {
        let apply = |namespace: &Self| {
            let inner = &namespace.0;
            let _registering = inner.registering.lock();
            let mut handlers = Handlers::clone(&inner.handlers());
            change(&mut handlers);
            let watched = !handlers.table.outgoing().is_empty();
            let before = inner.handlers.swap(Arc::new(handlers));
            inner.watched.store(watched, Ordering::Relaxed);
            before
        };
        // What the handlers hold may do anything when it is dropped, which is after the locks.
        let _before: Vec<_> = match self.0.family.children() {
            None => vec![apply(self)],
            Some(children) => {
                // No child may be made meanwhile, with the handlers of before.
                let children = children.read();
                iter::once(self)
                    .chain(children.values())
                    .map(apply)
                    .collect()
            }
        };
        self
    }
}
