//! An event as it came, for handlers that read their arguments themselves.

use super::{EventContext, FromEvent};
use crate::{ArgumentError, Arguments};

/// All arguments of an event, unread. As a handler's parameter it takes no argument.
#[derive(Debug, Clone)]
pub struct Event {
    arguments: Arguments,
}

impl Event {
    /// The arguments, to be read as any types.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }
}

impl<S> FromEvent<S> for Event {
    fn from_event(event: &mut EventContext<'_, S>) -> Result<Self, ArgumentError> {
        Ok(Self {
            arguments: event.arguments().clone(),
        })
    }
}
