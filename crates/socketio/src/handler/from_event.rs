//! Handler parameters.

use faststr::FastStr;
use serde::de::DeserializeOwned;

use super::{HandlerSocket, Responder};
use crate::{ArgumentError, ArgumentReader, Arguments};

/// A type that a handler can take as a parameter: every `DeserializeOwned` type takes the event's
/// next argument; what implements this by itself takes none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler's parameter",
    note = "a parameter must be `DeserializeOwned` or one of Songi's own, such as `Socket` and `Ack`"
)]
pub trait FromEvent<S>: Sized {
    /// Takes the parameter from the event.
    ///
    /// # Errors
    ///
    /// When the argument is absent or does not fit.
    fn from_event(event: &mut EventContext<'_, S>) -> Result<Self, ArgumentError>;
}

/// An event on its way into a handler's parameters.
#[derive(Debug)]
pub struct EventContext<'a, S> {
    socket: &'a S,
    name: &'a FastStr,
    arguments: &'a Arguments,
    reader: ArgumentReader<'a>,
    ack: Option<u64>,
}

impl<'a, S> EventContext<'a, S> {
    /// An event that came to this socket, with its ack id if it asks for an ack.
    pub fn new(
        socket: &'a S,
        name: &'a FastStr,
        arguments: &'a Arguments,
        ack: Option<u64>,
    ) -> Self {
        Self {
            socket,
            name,
            arguments,
            reader: arguments.reader(),
            ack,
        }
    }

    /// The socket that the event came to.
    pub fn socket(&self) -> &'a S {
        self.socket
    }

    /// The name of the event.
    pub fn name(&self) -> &'a FastStr {
        self.name
    }

    /// All arguments of the event.
    pub fn arguments(&self) -> &'a Arguments {
        self.arguments
    }

    /// The event's next argument, as any type that serde can read.
    ///
    /// # Errors
    ///
    /// When there is none left or it does not fit.
    pub fn next_argument<T: DeserializeOwned + 'static>(&mut self) -> Result<T, ArgumentError> {
        self.reader.next()
    }

    /// Takes the ack away from the handler's return value: the id to answer, if an ack was asked
    /// for.
    pub fn take_ack(&mut self) -> Option<u64> {
        self.ack.take()
    }
}

impl<'a, S: HandlerSocket> EventContext<'a, S> {
    pub(super) fn responder(&mut self) -> Responder<'a, S> {
        Responder::new(self.socket, self.name, self.ack.take())
    }
}

impl<S, T: DeserializeOwned + 'static> FromEvent<S> for T {
    fn from_event(event: &mut EventContext<'_, S>) -> Result<Self, ArgumentError> {
        event.next_argument()
    }
}
