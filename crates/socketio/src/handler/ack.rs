//! The ack that a peer asked for, as a handler's parameter.

use serde::Serialize;

use super::{EventContext, FromEvent, HandlerSocket};
use crate::ArgumentError;

/// The ack that the peer asked for, as a handler's parameter: answer it when you like, once.
/// Dropped, it leaves the peer without an answer. A handler that takes it does not answer by what
/// it returns.
///
/// Servers and clients name it `Ack`, with their own socket as `S`.
#[derive(Debug)]
pub struct Ack<S> {
    socket: S,
    id: Option<u64>,
}

impl<S: HandlerSocket> Ack<S> {
    /// Whether the peer asked for an ack at all.
    pub fn is_expected(&self) -> bool {
        self.id.is_some()
    }

    /// Answers: a tuple is several arguments, `()` none, anything else one. Does nothing where no
    /// ack was asked for.
    pub fn send(self, args: impl Serialize) {
        if let Some(id) = self.id {
            self.socket.acknowledge(id, &args);
        }
    }
}

impl<S: HandlerSocket> FromEvent<S> for Ack<S> {
    fn from_event(event: &mut EventContext<'_, S>) -> Result<Self, ArgumentError> {
        Ok(Self {
            socket: event.socket().clone(),
            id: event.take_ack(),
        })
    }
}
