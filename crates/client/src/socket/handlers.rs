//! Adding handlers and taking them away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use faststr::FastStr;
use songi_socketio::handler::{EventContext, Handler, HandlerFn, HandlerTable, Place};

use super::{Socket, SocketInner};
use crate::joining::register;

/// A handler that was added, to be taken away with [`Socket::remove`].
#[derive(Debug, Clone)]
pub struct HandlerId(pub(crate) HandlerFn<Socket>);

/// A handler that is called once.
pub(super) struct Once {
    /// Whether it has been.
    over: Arc<AtomicBool>,
    event: FastStr,
    id: HandlerId,
}

impl Socket {
    /// Adds a handler for an event. Handlers of the same event run in the order in which they were
    /// added; each gets the arguments anew. Handlers of one socket run one after another: what is
    /// to run beside them is to be spawned. Events that came before are not handled again: to miss
    /// none, register with the [`Client`](crate::Client).
    ///
    /// The names `connect`, `disconnect` and `connect_error` mean the life of the socket, as there.
    /// The parameters and the return value are described in [`handler`](crate::handler).
    pub fn on<M>(&self, event: impl Into<FastStr>, handler: impl Handler<Socket, M>) -> HandlerId {
        let event = event.into();
        self.add(HandlerFn::new(handler), |handlers, life, handler| {
            register(handlers, life, event, handler);
        })
    }

    /// As [`on`](Self::on), but the handler is called once at most, and then removed.
    pub fn once<M>(
        &self,
        event: impl Into<FastStr>,
        handler: impl Handler<Socket, M>,
    ) -> HandlerId {
        let (event, handler) = (event.into(), HandlerFn::new(handler));
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        let once = HandlerFn::from_fn(move |event: &mut EventContext<'_, Socket>| {
            if flag.swap(true, Ordering::AcqRel) {
                return Ok(None);
            }
            event.socket().sweep();
            handler.call(event)
        });
        // Before it can be called.
        self.inner().once.lock().push(Once {
            over,
            event: event.clone(),
            id: HandlerId(once.clone()),
        });
        self.add(once, |handlers, life, handler| {
            register(handlers, life, event, handler);
        })
    }

    /// Removes all handlers of an event.
    pub fn off(&self, event: &str) {
        self.inner().change(|handlers, life| {
            handlers.off(event);
            if event == "connect_error" {
                life.off(event);
            }
        });
        // To the life of a socket, `connection` is another name of `connect`.
        drop(self.inner().take_once(|once| {
            once.event == event || (once.event == "connect" && event == "connection")
        }));
    }

    /// Removes one handler.
    pub fn remove(&self, id: &HandlerId) {
        let inner = self.inner();
        inner.change(|handlers, life| {
            handlers.remove(&id.0);
            life.remove(&id.0);
        });
        drop(inner.take_once(|once| once.id.0.is(&id.0)));
    }

    /// Adds a handler for every event that has none of its own.
    pub fn on_fallback<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |handlers, _, handler| {
            handlers.on_fallback(handler);
        })
    }

    /// Adds a handler for every event, called before the event's own. It answers no ack.
    pub fn on_any<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |handlers, _, handler| {
            handlers.on_any(Place::Back, handler);
        })
    }

    /// As [`on_any`](Self::on_any), before those that are there.
    pub fn prepend_any<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |handlers, _, handler| {
            handlers.on_any(Place::Front, handler);
        })
    }

    /// Removes the handlers of every event.
    pub fn off_any(&self) {
        self.inner().change(|handlers, _| handlers.off_any());
    }

    /// Adds a handler for every event that is sent, or is to be when the connection is there,
    /// called when it was emitted. One that [`emit`](Self::emit) refuses is none.
    pub fn on_any_outgoing<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |handlers, _, handler| {
            handlers.on_any_outgoing(Place::Back, handler);
        })
    }

    /// As [`on_any_outgoing`](Self::on_any_outgoing), before those that are there.
    pub fn prepend_any_outgoing<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |handlers, _, handler| {
            handlers.on_any_outgoing(Place::Front, handler);
        })
    }

    /// Removes the handlers of every event that is sent.
    pub fn off_any_outgoing(&self) {
        self.inner()
            .change(|handlers, _| handlers.off_any_outgoing());
    }

    /// Adds a handler that is called each time that the namespace is joined.
    pub fn on_connect<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.on("connect", handler)
    }

    /// Adds a handler that is called each time that the socket has left its namespace, after all
    /// its events. Its only argument, if it takes one, is the
    /// [`DisconnectReason`](crate::DisconnectReason).
    pub fn on_disconnect<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.on("disconnect", handler)
    }

    /// Adds a handler that is called when the server cannot be reached or refuses the namespace.
    /// Its argument is a [`ConnectFailure`](crate::ConnectFailure).
    pub fn on_connect_error<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.on("connect_error", handler)
    }

    /// Adds a handler that is called when the connection is there again after it was lost. Its
    /// argument is the number of the attempt that succeeded.
    pub fn on_reconnect<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.on_life("reconnect", handler)
    }

    /// Adds a handler that is called when an attempt to connect again begins. Its argument is the
    /// number of the attempt, from 1.
    pub fn on_reconnect_attempt<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.on_life("reconnect_attempt", handler)
    }

    /// Adds a handler that is called when an attempt to connect again has failed. Its argument is
    /// a [`ConnectFailure`](crate::ConnectFailure).
    pub fn on_reconnect_error<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.on_life("reconnect_error", handler)
    }

    /// Adds a handler that is called when the last attempt has failed
    /// ([`Config::reconnection_attempts`](crate::Config::reconnection_attempts)).
    pub fn on_reconnect_failed<M>(&self, handler: impl Handler<Socket, M>) -> HandlerId {
        self.on_life("reconnect_failed", handler)
    }

    fn on_life<M>(&self, event: &'static str, handler: impl Handler<Socket, M>) -> HandlerId {
        self.add(HandlerFn::new(handler), |_, life, handler| {
            life.on(event.into(), handler);
        })
    }

    /// Removes the handlers that have been called once.
    fn sweep(&self) {
        let called = |once: &Once| once.over.load(Ordering::Acquire);
        for Once { id, .. } in self.inner().take_once(called) {
            self.remove(&id);
        }
    }

    fn add(
        &self,
        handler: HandlerFn<Socket>,
        add: impl FnOnce(&mut HandlerTable<Socket>, &mut HandlerTable<Socket>, HandlerFn<Socket>),
    ) -> HandlerId {
        let id = HandlerId(handler.clone());
        self.inner()
            .change(|handlers, life| add(handlers, life, handler));
        id
    }
}

impl SocketInner {
    /// Takes some of those that are called once out of their list. They are to be dropped without
    /// the lock: what they hold may use the socket then.
    fn take_once(&self, which: impl Fn(&Once) -> bool) -> Vec<Once> {
        let mut once = self.once.lock();
        once.extract_if(.., |once| which(once)).collect()
    }

    /// Changes the handlers of events and those of the connection's life. Who runs now goes on
    /// with those of before.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut HandlerTable<Socket>, &mut HandlerTable<Socket>),
    ) {
        let mut tables = self.tables.lock();
        let before = tables.clone();
        let (handlers, life) = &mut *tables;
        change(Arc::make_mut(handlers), Arc::make_mut(life));
        let watched = !handlers.outgoing().is_empty();
        self.watched.store(watched, Ordering::Relaxed);
        drop(tables);
        // Without the lock: a handler that is dropped may hold sockets.
        drop(before);
    }
}
