//! Who may connect to a namespace.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use songi_socketio::ArgumentError;
use songi_socketio::handler::{Async, BoxFuture, EventContext, FromEvent, Plain};

use crate::socket::Socket;

/// Why a client may not connect to a namespace: its `connect_error` event gets an `Error` with
/// this `message`, and `data` where there is any.
///
/// ```
/// use songi_server::ConnectError;
/// use serde_json::json;
///
/// let error = ConnectError::new("not authorized").with_data(json!({ "content": "Please retry later" }));
/// assert_eq!(error.message(), "not authorized");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectError {
    message: String,
    data: Option<Value>,
}

impl ConnectError {
    /// An error with a message and no data.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            data: None,
        }
    }

    /// Adds data that the client finds in `error.data`. Data that serde_json cannot express is
    /// left out.
    #[must_use]
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        self.data = serde_json::to_value(data).ok();
        self
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The data, if any.
    pub fn data(&self) -> Option<&Value> {
        self.data.as_ref()
    }
}

impl From<&str> for ConnectError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for ConnectError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// What an authorizer may return: a `Result<(), E>` whose error becomes a [`ConnectError`], or a
/// future of one. `M` is inferred.
#[diagnostic::on_unimplemented(
    message = "an authorizer cannot return `{Self}`",
    note = "return `Result<(), E>` with `E: Into<ConnectError>` (`&str`, `String`, `ConnectError`), or a `Send` future of one"
)]
pub trait Verdict<M> {
    /// Makes it a future.
    #[doc(hidden)]
    fn verdict(self) -> BoxFuture<Result<(), ConnectError>>;
}

impl<E: Into<ConnectError>> Verdict<Plain> for Result<(), E> {
    fn verdict(self) -> BoxFuture<Result<(), ConnectError>> {
        Box::pin(std::future::ready(self.map_err(Into::into)))
    }
}

impl<F, E> Verdict<Async<E>> for F
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<ConnectError>,
{
    fn verdict(self) -> BoxFuture<Result<(), ConnectError>> {
        Box::pin(async move { self.await.map_err(Into::into) })
    }
}

/// A closure that decides whether a client may connect to a namespace. Its parameters are those of
/// a [`Handler`](crate::Handler), with the client's `auth` payload as the only argument.
#[diagnostic::on_unimplemented(
    message = "this closure cannot authorize a connection",
    note = "its parameters are the `auth` payload (any `DeserializeOwned` type) and Songi's own, such as `Handshake`",
    note = "it must return `Result<(), E>` with `E: Into<ConnectError>`, or a `Send` future of one"
)]
pub trait Authorizer<M>: Send + Sync + 'static {
    /// Takes the parameters from the CONNECT packet and calls the closure.
    ///
    /// # Errors
    ///
    /// When the auth payload does not fit its parameter.
    #[doc(hidden)]
    fn call(
        &self,
        connect: &mut EventContext<'_, Socket>,
    ) -> Result<BoxFuture<Result<(), ConnectError>>, ArgumentError>;
}

/// An authorizer with its types erased.
pub(crate) type AuthorizeFn = Arc<
    dyn Fn(
            &mut EventContext<'_, Socket>,
        ) -> Result<BoxFuture<Result<(), ConnectError>>, ArgumentError>
        + Send
        + Sync,
>;

pub(crate) fn authorize_fn<M, A: Authorizer<M>>(authorizer: A) -> AuthorizeFn {
    Arc::new(move |connect| authorizer.call(connect))
}

macro_rules! impl_authorizer {
    ($($param:ident),*) => {
        impl<Func, Return, M, $($param),*> Authorizer<(M, Return, $($param,)*)> for Func
        where
            Func: Fn($($param),*) -> Return + Send + Sync + 'static,
            Return: Verdict<M>,
            $($param: FromEvent<Socket>,)*
        {
            #[allow(non_snake_case, reason = "a parameter is named as its type")]
            #[allow(unused_variables, reason = "a closure without parameters")]
            fn call(
                &self,
                connect: &mut EventContext<'_, Socket>,
            ) -> Result<BoxFuture<Result<(), ConnectError>>, ArgumentError> {
                $(let $param = $param::from_event(connect)?;)*
                Ok(self($($param),*).verdict())
            }
        }
    };
}

songi_socketio::for_each_arity!(impl_authorizer);
