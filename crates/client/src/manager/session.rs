//! What a session of Engine.IO has to say, for the machine.

use std::time::Duration;

use songi_engineio::{ClientEvent, CloseReason, Message, Transport, Violation};

use super::Manager;
use super::core::Core;
use super::note::Note;
use crate::error::ConnectError;
use crate::reason;

impl Manager {
    pub(super) fn session_event(&self, core: &mut Core, event: ClientEvent, now: Duration) {
        match event {
            ClientEvent::Opened => self.opened(core),
            ClientEvent::Message(message) => receive(core, message, now),
            ClientEvent::Upgraded => core.remembers_websocket = true,
            ClientEvent::Closed { reason, violation } => {
                core.notes.push(Note::Closed(reason, violation));
                self.closed(core, reason, violation, now);
            }
            _ => {}
        }
    }

    fn opened(&self, core: &mut Core) {
        let Some(link) = &mut core.link else {
            return;
        };
        link.opened = true;
        link.error = None;
        core.remembers_websocket = link.session.transport() == Some(Transport::WebSocket);
        core.machine.opened(link.id);
        core.wake();
    }

    /// The session has ended, or never opened.
    fn closed(
        &self,
        core: &mut Core,
        reason: CloseReason,
        violation: Option<Violation>,
        now: Duration,
    ) {
        let Some(link) = &mut core.link else {
            return;
        };
        link.closed = true;
        let (opened, leaving, id) = (link.opened, link.leaving, link.id);
        let error = link.error.take();
        core.wake();
        if leaving {
            // The machine hears of it when all is written.
            return;
        }
        let reason = reason::of(reason);
        if opened {
            return core.machine.closed(id, reason, now, rand::random);
        }
        core.remembers_websocket = false;
        if self.try_next_transport(core) {
            return;
        }
        core.failure = error.or(match violation {
            Some(Violation::Status(status)) => Some(ConnectError::Status {
                status,
                body: String::new(),
            }),
            Some(violation) => Some(ConnectError::Open(violation)),
            None => Some(ConnectError::Disconnected(reason)),
        });
        core.machine.not_opened(id, now, rand::random);
    }

    /// Begins another session for the same link, on another transport.
    fn try_next_transport(&self, core: &mut Core) -> bool {
        let Some(link) = &core.link else {
            return false;
        };
        let next = link.transport + 1;
        let exists = next < self.config().transports_in_order().len();
        if !self.config().try_all_transports || !exists {
            return false;
        }
        core.next = Some((link.id, next));
        true
    }
}

/// A Socket.IO packet, or one attachment of it.
fn receive(core: &mut Core, message: Message, now: Duration) {
    let Some(link) = core.link.as_ref().filter(|link| link.is_usable()) else {
        return;
    };
    let received = match message {
        Message::Text(text) => core.machine.receive_text(link.id, text, now, rand::random),
        Message::Binary(bytes) => core
            .machine
            .receive_binary(link.id, bytes, now, rand::random),
    };
    if let Err(violation) = received {
        core.notes.push(Note::Broken(violation));
    }
}
