//! Checks that a connection or an event has to pass.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;

use serde::Serialize;
use serde_json::Value;

use super::{Async, BoxFuture, EventContext, FromEvent, Plain};
use crate::ArgumentError;

/// Why a middleware does not let something pass: a message, and data where there is any. For a
/// connection, the client finds both in its `connect_error`.
///
/// ```
/// use serde_json::json;
/// use songi_socketio::handler::Rejection;
///
/// let error = Rejection::new("not authorized").with_data(json!({ "content": "Please retry later" }));
/// assert_eq!(error.message(), "not authorized");
/// assert_eq!(error.to_string(), "not authorized");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    message: String,
    data: Option<Value>,
}

impl Rejection {
    /// A message and no data.
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

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for Rejection {}

impl From<&str> for Rejection {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Rejection {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// What a middleware has decided, or will have.
pub enum Decision {
    /// It passes, or not.
    Made(Result<(), Rejection>),
    /// That is not known yet.
    Awaited(BoxFuture<Result<(), Rejection>>),
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made(verdict) => f.debug_tuple("Made").field(verdict).finish(),
            Self::Awaited(_) => f.write_str("Awaited"),
        }
    }
}

/// What a middleware may return: a `Result<(), E>` whose error becomes a [`Rejection`], or a
/// future of one. `M` is inferred.
#[diagnostic::on_unimplemented(
    message = "a middleware cannot return `{Self}`",
    note = "return `Result<(), E>` with `E: Into<Rejection>` (`&str`, `String`, `Rejection`), or a `Send` future of one"
)]
pub trait Verdict<M> {
    /// Decides now, or gives the future that will.
    #[doc(hidden)]
    fn decide(self) -> Decision;
}

impl<E: Into<Rejection>> Verdict<Plain> for Result<(), E> {
    fn decide(self) -> Decision {
        Decision::Made(self.map_err(Into::into))
    }
}

impl<F, E> Verdict<Async<E>> for F
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Rejection>,
{
    fn decide(self) -> Decision {
        Decision::Awaited(Box::pin(async move { self.await.map_err(Into::into) }))
    }
}

/// A closure that lets a connection or an event pass, or not. Its parameters are those of a
/// [`Handler`](super::Handler).
#[diagnostic::on_unimplemented(
    message = "this closure cannot be a middleware",
    label = "not a middleware",
    note = "every parameter must be `DeserializeOwned` or one of Songi's own, such as `Socket`, `Event` and `Handshake`",
    note = "it must return `Result<(), E>` with `E: Into<Rejection>`, or a `Send` future of one"
)]
pub trait Middleware<S, M>: Send + Sync + 'static {
    /// Takes the parameters from the event and calls the closure.
    ///
    /// # Errors
    ///
    /// When an argument is absent or does not fit its parameter.
    #[doc(hidden)]
    fn call(&self, event: &mut EventContext<'_, S>) -> Result<Decision, ArgumentError>;
}

/// A [`Middleware`] with its types erased.
pub struct MiddlewareFn<S>(Arc<Erased<S>>);

type Erased<S> = dyn Fn(&mut EventContext<'_, S>) -> Result<Decision, ArgumentError> + Send + Sync;

impl<S> MiddlewareFn<S> {
    /// Erases the types of a middleware.
    pub fn new<M, W: Middleware<S, M>>(middleware: W) -> Self {
        Self(Arc::new(move |event| middleware.call(event)))
    }

    /// Calls the middleware.
    ///
    /// # Errors
    ///
    /// When an argument is absent or does not fit its parameter.
    pub fn call(&self, event: &mut EventContext<'_, S>) -> Result<Decision, ArgumentError> {
        (self.0)(event)
    }
}

impl<S> Clone for MiddlewareFn<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> fmt::Debug for MiddlewareFn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MiddlewareFn")
    }
}

macro_rules! impl_middleware {
    ($($param:ident),*) => {
        impl<S, Func, Return, M, $($param),*> Middleware<S, (M, Return, $($param,)*)> for Func
        where
            Func: Fn($($param),*) -> Return + Send + Sync + 'static,
            Return: Verdict<M>,
            $($param: FromEvent<S>,)*
        {
            #[allow(non_snake_case, reason = "a parameter is named as its type")]
            #[allow(unused_variables, reason = "a closure without parameters")]
            fn call(&self, event: &mut EventContext<'_, S>) -> Result<Decision, ArgumentError> {
                $(let $param = $param::from_event(event)?;)*
                Ok(self($($param),*).decide())
            }
        }
    };
}

crate::for_each_arity!(impl_middleware);
