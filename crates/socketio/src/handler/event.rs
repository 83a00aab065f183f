//! An event as it came, for handlers that read their arguments themselves.

use faststr::FastStr;

use super::{EventContext, FromEvent};
use crate::{ArgumentError, Arguments};

/// The name of an event and all its arguments, unread. As a handler's parameter it takes no
/// argument.
#[derive(Debug, Clone)]
pub struct Event {
    name: FastStr,
    arguments: Arguments,
}

impl Event {
    /// The name of the event.
    pub fn name(&self) -> &FastStr {
        &self.name
    }

    /// The arguments, to be read as any types.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }
}

impl<S> FromEvent<S> for Event {
    fn from_event(event: &mut EventContext<'_, S>) -> Result<Self, ArgumentError> {
        Ok(Self {
            name: event.name().clone(),
            arguments: event.arguments().clone(),
        })
    }
}
