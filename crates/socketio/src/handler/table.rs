//! Which handlers there are.

use alloc::vec::Vec;
use std::collections::HashMap;

use faststr::FastStr;
use foldhash::fast::RandomState;

use super::{HandlerFn, Job, MiddlewareFn};

/// What is to be called when a socket connects, gets or sends an event, and disconnects. Handlers
/// of the same thing stand in the order in which they were added, unless put at the front.
#[derive(Debug)]
pub struct HandlerTable<S> {
    connection: Vec<HandlerFn<S>>,
    disconnecting: Vec<HandlerFn<S>>,
    disconnect: Vec<HandlerFn<S>>,
    /// The application gives the names, so that nobody can make them collide.
    events: HashMap<FastStr, Vec<HandlerFn<S>>, RandomState>,
    fallback: Vec<HandlerFn<S>>,
    any: Vec<HandlerFn<S>>,
    any_outgoing: Vec<HandlerFn<S>>,
    middlewares: Vec<MiddlewareFn<S>>,
}

/// Where a handler is put among those that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is called first.
    Front,
    /// It is called last.
    Back,
}

impl<S> HandlerTable<S> {
    /// Adds a handler for the events of this name.
    pub fn on(&mut self, event: FastStr, handler: HandlerFn<S>) {
        self.events.entry(event).or_default().push(handler);
    }

    /// Adds a handler for events that have none of their own.
    pub fn on_fallback(&mut self, handler: HandlerFn<S>) {
        self.fallback.push(handler);
    }

    /// Adds a handler for all events, called before the middlewares.
    pub fn on_any(&mut self, place: Place, handler: HandlerFn<S>) {
        place.put(&mut self.any, handler);
    }

    /// Adds a handler for all events that are sent.
    pub fn on_any_outgoing(&mut self, place: Place, handler: HandlerFn<S>) {
        place.put(&mut self.any_outgoing, handler);
    }

    /// Adds a check that an event has to pass before its handlers are called.
    pub fn use_event(&mut self, middleware: MiddlewareFn<S>) {
        self.middlewares.push(middleware);
    }

    /// Adds a handler for the beginning of a socket.
    pub fn on_connection(&mut self, handler: HandlerFn<S>) {
        self.connection.push(handler);
    }

    /// Adds a handler for the end of a socket that still knows its rooms.
    pub fn on_disconnecting(&mut self, handler: HandlerFn<S>) {
        self.disconnecting.push(handler);
    }

    /// Adds a handler for the end of a socket.
    pub fn on_disconnect(&mut self, handler: HandlerFn<S>) {
        self.disconnect.push(handler);
    }

    /// Removes all handlers for the events of this name. Those of a socket's life go by the names
    /// that they have in JavaScript: `connect` or `connection`, `disconnecting`, `disconnect`.
    pub fn off(&mut self, event: &str) {
        self.events.remove(event);
        match event {
            "connect" | "connection" => self.connection.clear(),
            "disconnecting" => self.disconnecting.clear(),
            "disconnect" => self.disconnect.clear(),
            _ => {}
        }
    }

    /// Removes all handlers of [`on_any`](Self::on_any).
    pub fn off_any(&mut self) {
        self.any.clear();
    }

    /// Removes all handlers of [`on_any_outgoing`](Self::on_any_outgoing).
    pub fn off_any_outgoing(&mut self) {
        self.any_outgoing.clear();
    }

    /// Removes one handler, wherever it is.
    pub fn remove(&mut self, handler: &HandlerFn<S>) {
        let lists = [
            &mut self.connection,
            &mut self.disconnecting,
            &mut self.disconnect,
            &mut self.fallback,
            &mut self.any,
            &mut self.any_outgoing,
        ];
        for list in lists.into_iter().chain(self.events.values_mut()) {
            list.retain(|there| !there.is(handler));
        }
        self.events.retain(|_, handlers| !handlers.is_empty());
    }

    /// What is called for every event that is sent.
    pub fn outgoing(&self) -> &[HandlerFn<S>] {
        &self.any_outgoing
    }

    /// Whether the end of a socket has handlers that want to know its rooms.
    pub fn has_disconnecting(&self) -> bool {
        !self.disconnecting.is_empty()
    }

    /// What is called for every event before its own handlers.
    pub(super) fn any(&self) -> &[HandlerFn<S>] {
        &self.any
    }

    /// What an event has to pass.
    pub(super) fn middlewares(&self) -> &[MiddlewareFn<S>] {
        &self.middlewares
    }

    /// The handlers of a job; `None` for an event that has none.
    pub(super) fn of(&self, job: &Job) -> Option<&[HandlerFn<S>]> {
        match job {
            Job::Connected(_) => Some(&self.connection),
            Job::Event { name, .. } => self.events.get(name).map(Vec::as_slice),
            Job::Disconnecting(_) => Some(&self.disconnecting),
            Job::Disconnected(_) => Some(&self.disconnect),
        }
    }

    pub(super) fn fallback(&self) -> &[HandlerFn<S>] {
        &self.fallback
    }
}

impl Place {
    fn put<T>(self, list: &mut Vec<T>, item: T) {
        match self {
            Self::Front => list.insert(0, item),
            Self::Back => list.push(item),
        }
    }
}

impl<S> Default for HandlerTable<S> {
    fn default() -> Self {
        Self {
            connection: Vec::new(),
            disconnecting: Vec::new(),
            disconnect: Vec::new(),
            events: HashMap::default(),
            fallback: Vec::new(),
            any: Vec::new(),
            any_outgoing: Vec::new(),
            middlewares: Vec::new(),
        }
    }
}

impl<S> Clone for HandlerTable<S> {
    fn clone(&self) -> Self {
        Self {
            connection: self.connection.clone(),
            disconnecting: self.disconnecting.clone(),
            disconnect: self.disconnect.clone(),
            events: self.events.clone(),
            fallback: self.fallback.clone(),
            any: self.any.clone(),
            any_outgoing: self.any_outgoing.clone(),
            middlewares: self.middlewares.clone(),
        }
    }
}
