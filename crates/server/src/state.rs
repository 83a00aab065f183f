//! What all handlers of an application share.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use songi_socketio::ArgumentError;
use songi_socketio::handler::{EventContext, FromEvent};

use crate::namespace::{Namespace, ServerSide};
use crate::server::Server;
use crate::socket::Socket;

/// The values that were given to [`Server::with_state`], by their types.
pub(crate) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// The application's state of this type, as a parameter of handlers and middlewares: it takes no
/// argument. The server must have been given one by [`Server::with_state`]; without it the handler
/// is not called, which is reported as an [error](Server::on_error).
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use songi_server::{Server, State};
///
/// struct Counter(AtomicU32);
///
/// let io = Server::new().with_state(Counter(AtomicU32::new(0)));
/// io.on("count", |counter: State<Counter>| counter.0.fetch_add(1, Ordering::Relaxed));
/// ```
#[derive(Debug)]
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// The state, to be kept for longer.
    pub fn into_inner(self) -> Arc<T> {
        self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Server {
    /// Gives the handlers of all namespaces a value that they can take as [`State<T>`](State):
    /// one of each type, the last one given.
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(self, state: T) -> Self {
        let state: Arc<dyn Any + Send + Sync> = Arc::new(state);
        Arc::make_mut(&mut *self.shared.states.write()).insert(TypeId::of::<T>(), state);
        self
    }
}

impl<T: Send + Sync + 'static> FromEvent<Socket> for State<T> {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        find(event.socket().namespace())
    }
}

impl<T: Send + Sync + 'static> FromEvent<ServerSide> for State<T> {
    fn from_event(event: &mut EventContext<'_, ServerSide>) -> Result<Self, ArgumentError> {
        find(event.socket().namespace())
    }
}

fn find<T: Send + Sync + 'static>(namespace: &Namespace) -> Result<State<T>, ArgumentError> {
    let states = namespace
        .server()
        .map(|server| server.states.read().clone());
    let state = states.and_then(|states| states.get(&TypeId::of::<T>()).cloned());
    let state = state.and_then(|state| state.downcast().ok());
    state.map(State).ok_or_else(|| ArgumentError::Unavailable {
        index: 0,
        what: format!("no State<{}>: see Server::with_state", type_name::<T>()),
    })
}
