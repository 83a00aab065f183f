//! What goes wrong in handlers.

use std::fmt;
use std::sync::Arc;

use faststr::FastStr;
use songi_socketio::handler::{Failure, contain};

use crate::server::Server;
use crate::socket::Socket;

/// A handler or a middleware failed: see [`Server::on_error`].
#[derive(Debug)]
#[non_exhaustive]
pub struct HandlerError<'a> {
    /// The socket whose handler it is.
    pub socket: &'a Socket,
    /// The event; `connect` for a middleware of a connection.
    pub event: &'a str,
    /// What went wrong.
    pub failure: Failure<'a>,
}

/// Who wants to know.
pub(crate) type ErrorHook = Arc<dyn Fn(&HandlerError<'_>) + Send + Sync>;

impl Server {
    /// Hears of all that goes wrong in the handlers of all namespaces: one returned an error or
    /// panicked, an argument did not fit its parameter, a middleware refused an event. In place of
    /// what was there before.
    ///
    /// Errors are also logged by `tracing`: panics as errors, what a client can cause (arguments
    /// that do not fit, refusals) at `debug`, and the rest as warnings.
    ///
    /// ```
    /// use songi_server::{Failure, Server};
    ///
    /// let io = Server::new();
    /// io.on_error(|error| match error.failure {
    ///     Failure::Argument(_) | Failure::Rejected(_) => {}
    ///     _ => eprintln!("{error}"),
    /// });
    /// ```
    pub fn on_error(&self, hook: impl Fn(&HandlerError<'_>) + Send + Sync + 'static) {
        *self.shared.error_hook.write() = Some(Arc::new(hook));
    }
}

/// Logs it, and tells who wants to know.
pub(crate) fn report(socket: &Socket, event: &FastStr, failure: Failure<'_>) {
    let (id, namespace) = (socket.id(), socket.namespace().name());
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(name: "songi.handler.failed", socket = %id, %namespace, %event, %failure)
        };
    }
    match failure {
        Failure::Panic(_) => log!(error),
        Failure::Argument(_) | Failure::Rejected(_) => log!(debug),
        _ => log!(warn),
    }
    let server = socket.namespace().server();
    if let Some(server) = &server {
        server.counters.failed(failure);
    }
    let hook = server.and_then(|server| server.error_hook.read().clone());
    if let Some(hook) = hook {
        let error = HandlerError {
            socket,
            event,
            failure,
        };
        if let Err(panic) = contain(|| hook(&error)) {
            tracing::error!(%panic, "the error hook panicked");
        }
    }
}

impl fmt::Display for HandlerError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, namespace) = (self.socket.id(), self.socket.namespace().name());
        write!(f, "{} of {id} in {namespace}: {}", self.event, self.failure)
    }
}
