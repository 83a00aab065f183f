//! Which handlers there are.

use alloc::vec::Vec;
use std::collections::HashMap;

use faststr::FastStr;

use super::{HandlerFn, Job};

/// What is to be called when a socket connects, gets an event, and disconnects. Handlers of the
/// same thing stand in the order in which they were added.
#[derive(Debug)]
pub struct HandlerTable<S> {
    connection: Vec<HandlerFn<S>>,
    disconnect: Vec<HandlerFn<S>>,
    events: HashMap<FastStr, Vec<HandlerFn<S>>>,
    fallback: Vec<HandlerFn<S>>,
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

    /// Adds a handler for the beginning of a socket.
    pub fn on_connection(&mut self, handler: HandlerFn<S>) {
        self.connection.push(handler);
    }

    /// Adds a handler for the end of a socket.
    pub fn on_disconnect(&mut self, handler: HandlerFn<S>) {
        self.disconnect.push(handler);
    }

    pub(super) fn of(&self, job: &Job) -> &[HandlerFn<S>] {
        match job {
            Job::Connected(_) => &self.connection,
            Job::Event { name, .. } => self.events.get(name).unwrap_or(&self.fallback),
            Job::Disconnected(_) => &self.disconnect,
        }
    }
}

impl<S> Default for HandlerTable<S> {
    fn default() -> Self {
        Self {
            connection: Vec::new(),
            disconnect: Vec::new(),
            events: HashMap::new(),
            fallback: Vec::new(),
        }
    }
}

impl<S> Clone for HandlerTable<S> {
    fn clone(&self) -> Self {
        Self {
            connection: self.connection.clone(),
            disconnect: self.disconnect.clone(),
            events: self.events.clone(),
            fallback: self.fallback.clone(),
        }
    }
}
