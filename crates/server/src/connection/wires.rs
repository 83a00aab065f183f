//! The WebSockets of a session.

use std::mem;

use songi_engineio::TransportId;

use super::wire::Wire;

/// One WebSocket, as nearly every session has it, and those that a client opens to upgrade.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Wires {
    /// Empty where there is no first.
    more: Vec<Wire>,
    first: Option<Wire>,
}

impl Wires {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            more: Vec::new(),
            first: Some(wire),
        }
    }

    pub(super) fn push(&mut self, wire: Wire) {
        match &mut self.first {
            None => self.first = Some(wire),
            Some(_) => self.more.push(wire),
        }
    }

    pub(super) fn find(&mut self, id: TransportId) -> Option<&mut Wire> {
        self.iter_mut().find(|wire| wire.id == id)
    }

    pub(super) fn remove(&mut self, id: TransportId) -> Option<Wire> {
        if self.first.as_ref().is_some_and(|wire| wire.id == id) {
            let next = self.more.pop();
            self.shrink();
            return mem::replace(&mut self.first, next);
        }
        let position = self.more.iter().position(|wire| wire.id == id)?;
        let removed = self.more.swap_remove(position);
        self.shrink();
        Some(removed)
    }

    /// An upgrade that is over leaves no room behind.
    fn shrink(&mut self) {
        if self.more.is_empty() {
            self.more = Vec::new();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Wire> {
        self.first.iter().chain(&self.more)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Wire> {
        self.first.iter_mut().chain(&mut self.more)
    }
}
