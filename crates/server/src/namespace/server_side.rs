//! Events that servers of a cluster send to each other.

use std::fmt;
use std::sync::Arc;

use faststr::FastStr;
use parking_lot::Mutex;
use serde::Serialize;
use songi_emit::EncodeError;
use songi_socketio::handler::{
    EventContext, Failure, FromEvent, Handler, HandlerFn, HandlerSocket, Job, Run,
};
use songi_socketio::{ArgumentError, Arguments};

use super::Namespace;
use crate::adapter::Answers;
use crate::broadcast::BroadcastAcks;

/// The names that JavaScript servers do not let through.
const RESERVED: [&str; 3] = ["connect", "connection", "new_namespace"];

/// Where an event of another server has come to: what handlers of [`Namespace::on_server_side`]
/// have in place of a socket. As their parameter it takes no argument.
#[derive(Clone)]
pub struct ServerSide {
    namespace: Namespace,
    answers: Arc<Mutex<Option<Answers>>>,
}

impl ServerSide {
    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

impl Namespace {
    /// Sends an event to the other servers of the cluster, not to clients and not to this server.
    /// There it is heard by [`on_server_side`](Self::on_server_side).
    ///
    /// # Errors
    ///
    /// When the name is reserved or the arguments cannot be encoded.
    pub fn server_side_emit(&self, event: &str, args: impl Serialize) -> Result<(), EncodeError> {
        self.everybody().server_side_emit(event, args)
    }

    /// Sends an event to the other servers of the cluster and asks each for an answer.
    pub fn server_side_emit_with_ack<T>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> BroadcastAcks<T> {
        self.everybody().server_side_emit_with_ack(event, args)
    }

    /// Adds a handler for an event that another server of the cluster sends by
    /// [`server_side_emit`](Self::server_side_emit). What it returns answers. It can take
    /// [`ServerSide`], but no socket.
    ///
    /// ```
    /// use songi_server::{Server, ServerSide};
    ///
    /// let io = Server::new();
    /// io.on_server_side("how many", |server: ServerSide| server.namespace().sockets().len());
    /// ```
    pub fn on_server_side<M>(
        &self,
        event: impl Into<FastStr>,
        handler: impl Handler<ServerSide, M>,
    ) -> &Self {
        let (event, handler) = (event.into(), HandlerFn::new(handler));
        self.change(|handlers| {
            Arc::make_mut(&mut handlers.server_side).on(event.clone(), handler.clone());
        })
    }

    pub(crate) fn server_side_event(
        &self,
        name: FastStr,
        args: Arguments,
        answers: Option<Answers>,
    ) {
        let id = answers.is_some().then_some(0);
        let place = ServerSide {
            namespace: self.clone(),
            answers: Arc::new(Mutex::new(answers)),
        };
        let handlers = self.0.handlers();
        let job = Job::Event { name, id, args };
        if let Some(rest) = Run::start(&place, &handlers.server_side, None, job) {
            tokio::spawn(rest);
        }
    }
}

/// The name must not be one that servers keep for themselves.
pub(crate) fn check_server_side(event: &str) -> Result<(), EncodeError> {
    match RESERVED.iter().find(|reserved| event == **reserved) {
        Some(reserved) => Err(EncodeError::ReservedEventName(reserved)),
        None => Ok(()),
    }
}

impl HandlerSocket for ServerSide {
    fn acknowledge<T: Serialize>(&self, _id: u64, value: &T) {
        // Each server answers once.
        let Some(answers) = self.answers.lock().take() else {
            return;
        };
        match Arguments::of(value) {
            Ok(args) => answers.answer(args),
            Err(error) => {
                tracing::warn!(namespace = %self.namespace.name(), %error, "server-side ack not sent");
            }
        }
    }

    fn handler_failed(&self, _id: Option<u64>, event: &FastStr, failure: Failure<'_>) {
        tracing::warn!(
            namespace = %self.namespace.name(), %event, %failure, "server-side handler failed"
        );
    }
}

impl FromEvent<ServerSide> for ServerSide {
    fn from_event(event: &mut EventContext<'_, ServerSide>) -> Result<Self, ArgumentError> {
        Ok(event.socket().clone())
    }
}

impl fmt::Debug for ServerSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerSide")
            .field(self.namespace.name())
            .finish()
    }
}
