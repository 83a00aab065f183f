//! Handlers of a single socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use faststr::FastStr;
use parking_lot::{Mutex, RwLock};
use songi_socketio::handler::{
    EventContext, Handler, HandlerFn, HandlerTable, Middleware, MiddlewareFn, Place,
};

use super::{Socket, SocketInner};

/// The handlers that only this socket has.
#[derive(Default)]
pub(super) struct Own {
    table: RwLock<Arc<HandlerTable<Socket>>>,
    /// Whether some of them listen to what is sent.
    watched: AtomicBool,
    once: Mutex<Vec<Once>>,
}

/// A handler that is called once.
struct Once {
    /// Whether it has been.
    over: Arc<AtomicBool>,
    event: FastStr,
    id: HandlerId,
}

/// A handler of a single socket, to be [removed](Socket::remove).
#[derive(Debug, Clone)]
pub struct HandlerId(HandlerFn<Socket>);

/// Handlers of this socket alone. They cost memory for each socket: those that all sockets have are
/// registered with the [`Namespace`](crate::Namespace), and are called before these. They are
/// dropped when the socket is disconnected, so that one may hold the socket itself.
impl Socket {
    /// Adds a handler for an event of this socket, as
    /// [`Namespace::on`](crate::Namespace::on) does for all. `disconnecting` and `disconnect` work
    /// too.
    ///
    /// ```
    /// use songi_server::{Server, Socket};
    ///
    /// let io = Server::new();
    /// io.on_connection(|socket: Socket| {
    ///     let hello = socket.on("hello", |name: String| format!("Hello, {name}!"));
    ///     socket.once("enough", move |socket: Socket| socket.remove(&hello));
    /// });
    /// ```
    pub fn on<M>(&self, event: impl Into<FastStr>, handler: impl Handler<Socket, M>) -> HandlerId {
        let event = event.into();
        self.add(HandlerFn::new(handler), |table, handler| {
            register(table, event, handler);
        })
    }

    /// As [`on`](Self::on), but the handler is called once at most, and then removed.
    pub fn once<M>(
        &self,
        event: impl Into<FastStr>,
        handler: impl Handler<Socket, M>,
    ) -> HandlerId {
        let (handler, event) = (HandlerFn::new(handler), event.into());
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        let once = HandlerFn::from_fn(move |event: &mut EventContext<'_, Socket>| {
            if flag.swap(true, Ordering::AcqRel) {
                return Ok(None);
            }
            event.socket().sweep();
            handler.call(event)
        });
        let id = HandlerId(once.clone());
        self.change(|table, list| {
            list.push(Once {
                over,
                event: event.clone(),
                id: id.clone(),
            });
            register(table, event, once);
        });
        id
    }

    /// Removes all handlers that this socket has for an event, but not those of its namespace.
    pub fn off(&self, event: &str) {
        self.take_away(|table| table.off(event), |once| once.event == event);
    }

    /// Removes one handler of this socket.
    pub fn remove(&self, id: &HandlerId) {
        self.take_away(|table| table.remove(&id.0), |once| once.id.0.is(&id.0));
    }

    /// Adds a handler for all events of this socket: see
    /// [`Namespace::on_any`](crate::Namespace::on_any).
    pub fn on_any<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |table, handler| {
            table.on_any(Place::Back, handler);
        })
    }

    /// As [`on_any`](Self::on_any), but before those that this socket has already.
    pub fn prepend_any<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |table, handler| {
            table.on_any(Place::Front, handler);
        })
    }

    /// Removes all handlers of [`on_any`](Self::on_any).
    pub fn off_any(&self) {
        self.take_away(HandlerTable::off_any, |_| false);
    }

    /// Adds a handler for all events that are sent to this socket: see
    /// [`Namespace::on_any_outgoing`](crate::Namespace::on_any_outgoing).
    pub fn on_any_outgoing<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |table, handler| {
            table.on_any_outgoing(Place::Back, handler);
        })
    }

    /// As [`on_any_outgoing`](Self::on_any_outgoing), but before those that this socket has
    /// already.
    pub fn prepend_any_outgoing<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |table, handler| {
            table.on_any_outgoing(Place::Front, handler);
        })
    }

    /// Removes all handlers of [`on_any_outgoing`](Self::on_any_outgoing).
    pub fn off_any_outgoing(&self) {
        self.take_away(HandlerTable::off_any_outgoing, |_| false);
    }

    /// Adds a handler for the end of this socket, which still sees its [`rooms`](Self::rooms): see
    /// [`Namespace::on_disconnecting`](crate::Namespace::on_disconnecting).
    pub fn on_disconnecting<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |table, handler| {
            table.on_disconnecting(handler);
        })
    }

    /// Adds a handler for the end of this socket: see
    /// [`Namespace::on_disconnect`](crate::Namespace::on_disconnect).
    pub fn on_disconnect<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |table, handler| {
            table.on_disconnect(handler);
        })
    }

    /// Adds a check that every event of this socket must pass: see
    /// [`Namespace::use_event`](crate::Namespace::use_event).
    pub fn use_<M>(&self, middleware: impl Middleware<Socket, M>) {
        let middleware = MiddlewareFn::new(middleware);
        self.change(|table, _| table.use_event(middleware));
    }

    /// Removes those that are called once and have been.
    fn sweep(&self) {
        let Some(own) = self.0.own.get() else {
            return;
        };
        let called = |once: &mut Once| once.over.load(Ordering::Acquire);
        let called: Vec<_> = own.once.lock().extract_if(.., called).collect();
        for Once { id, .. } in called {
            self.remove(&id);
        }
    }

    fn add(
        &self,
        handler: HandlerFn<Socket>,
        add: impl FnOnce(&mut HandlerTable<Socket>, HandlerFn<Socket>),
    ) -> HandlerId {
        let id = HandlerId(handler.clone());
        self.change(|table, _| add(table, handler));
        id
    }

    /// Takes handlers away, and those of them that are called once out of their list.
    fn take_away(
        &self,
        change: impl FnOnce(&mut HandlerTable<Socket>),
        which: impl Fn(&Once) -> bool,
    ) {
        let taken = self.change(|table, list| {
            let before = table.clone();
            change(table);
            let once: Vec<_> = list.extract_if(.., |once| which(once)).collect();
            (before, once)
        });
        // Without the locks: what they hold may use the socket when it is dropped.
        drop(taken);
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut HandlerTable<Socket>, &mut Vec<Once>) -> T,
    ) -> Option<T> {
        // Under this lock a socket that is over stays so: nobody would drop the handlers again.
        let inbox = self.0.inbox.lock();
        if inbox.is_over() {
            return None;
        }
        let own = self.0.own.get_or_init(Box::default);
        let mut table = own.table.write();
        let result = change(Arc::make_mut(&mut *table), &mut own.once.lock());
        let watched = !table.outgoing().is_empty();
        own.watched.store(watched, Ordering::Relaxed);
        if watched {
            self.0.namespace.inner().note_watched_socket();
        }
        Some(result)
    }
}

/// Adds a handler under its name; the end of a socket has two.
fn register(table: &mut HandlerTable<Socket>, event: FastStr, handler: HandlerFn<Socket>) {
    match event.as_str() {
        "disconnecting" => table.on_disconnecting(handler),
        "disconnect" => table.on_disconnect(handler),
        _ => table.on(event, handler),
    }
}

impl SocketInner {
    /// The handlers that only this socket has, if it has any.
    pub(crate) fn own_table(&self) -> Option<Arc<HandlerTable<Socket>>> {
        self.own.get().map(|own| own.table.read().clone())
    }

    /// Whether there are handlers that want to know the rooms of a socket that leaves.
    pub(crate) fn has_disconnecting(&self) -> bool {
        let own = self.own.get();
        self.namespace.inner().handlers().table.has_disconnecting()
            || own.is_some_and(|own| own.table.read().has_disconnecting())
    }

    /// Whether somebody listens to what is sent to this socket.
    pub(super) fn is_watched(&self) -> bool {
        let own = self.own.get();
        self.namespace.inner().is_watched()
            || own.is_some_and(|own| own.watched.load(Ordering::Relaxed))
    }

    /// The socket is over: its handlers may hold it, and are dropped.
    pub(crate) fn drop_handlers(&self) {
        if let Some(own) = self.own.get() {
            own.watched.store(false, Ordering::Relaxed);
            let dropped = std::mem::take(&mut *own.table.write());
            // What the handlers hold may use the socket when it is dropped.
            drop(dropped);
            drop(std::mem::take(&mut *own.once.lock()));
        }
    }
}
