//! An event as it came, for handlers that read their arguments themselves.

use songi_socketio::handler::{EventContext, FromEvent};
use songi_socketio::{ArgumentError, Arguments};

use crate::socket::Socket;

/// All arguments of an event, unread. As a handler's parameter it takes no argument.
///
/// ```
/// use songi_server::{Event, Server};
///
/// let io = Server::new();
/// io.on("log", |event: Event| println!("{} arguments", event.arguments().len()));
/// ```
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

impl FromEvent<Socket> for Event {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(Self {
            arguments: event.arguments().clone(),
        })
    }
}
