//! Handlers: plain or async closures whose parameters are the event's arguments.
//!
//! This is the part of a server or client that turns a received event into a call and what the
//! closure returns into an ack. It does no I/O: [`Handler::call`] gives a future when the closure
//! was async, and the caller decides who polls it. `S` is the caller's own socket type, which its
//! handlers can take as a parameter.
//!
//! - **Parameters.** A type that implements [`FromEvent`] by itself takes no argument. Any other
//!   parameter is a [`serde::de::DeserializeOwned`] type and takes the event's next argument:
//!   `Bytes` takes a binary attachment, `Option<T>` accepts an absent argument. Arguments that
//!   are left over are ignored, as in JavaScript.
//! - **Async.** `async |…| …` where nothing is captured, and otherwise
//!   `move |…| { let state = state.clone(); async move { … } }`: a call's future must not borrow
//!   from the closure, as it may outlive it.
//! - **Answers.** What a handler returns is the [`Answer`] to an event that asks for an ack: `()`
//!   without arguments, a tuple with several, any other value with one. `Err` is reported to the
//!   socket, which may answer too. An error type must be `Display` and not `Serialize`
//!   (`Box<dyn Error + Send + Sync>`, `anyhow::Error`, an error enum of yours): a `Result` of two
//!   `Serialize` types could mean two things, and does not compile.
//!
//! - **Middlewares.** A [`Middleware`] has the same parameters and returns a `Result<(), E>`, or a
//!   future of one: it lets a connection or an event pass, or not.
//!
//! With the feature `std`, which containing panics needs, [`HandlerTable`] keeps the handlers and
//! [`Run`] calls those of one event.

mod ack;
mod answer;
#[cfg(feature = "std")]
mod contained;
mod event;
mod from_event;
mod middleware;
#[cfg(feature = "std")]
mod run;
#[cfg(feature = "std")]
mod table;

pub use ack::Ack;
pub use answer::{Answer, Async, Fallible, Plain, Responder};
#[cfg(feature = "std")]
pub use contained::{Contained, Panic, contain};
pub use event::Event;
pub use from_event::{EventContext, FromEvent};
pub use middleware::{Decision, Middleware, MiddlewareFn, Rejection, Verdict};
#[cfg(feature = "std")]
pub use run::{Job, Run};
#[cfg(feature = "std")]
pub use table::{HandlerTable, Place};

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::Display;
use core::future::Future;
use core::pin::Pin;

use faststr::FastStr;
use serde::Serialize;

use crate::ArgumentError;

/// A future on the heap, as an async handler leaves it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A socket that has handlers: where their answers go.
pub trait HandlerSocket: Clone + Send + Sync + 'static {
    /// Answers the event that came with this ack id.
    fn acknowledge<T: Serialize>(&self, id: u64, value: &T);

    /// Hears that a handler of an event failed, with the ack id if one is still to be answered.
    fn handler_failed(&self, id: Option<u64>, event: &FastStr, failure: Failure<'_>);
}

/// How a handler failed.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Failure<'a> {
    /// It returned an error.
    Error(&'a dyn Display),
    /// An argument did not fit its parameter, so that it was not called.
    Argument(&'a ArgumentError),
    /// It panicked.
    Panic(&'a dyn Display),
    /// A middleware did not let the event pass.
    Rejected(&'a Rejection),
}

impl Display for Failure<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Argument(error) => error.fmt(f),
            Self::Panic(panic) => write!(f, "panicked: {panic}"),
            Self::Rejected(rejection) => write!(f, "rejected: {rejection}"),
        }
    }
}

impl core::fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Failure({self})")
    }
}

/// A closure that handles an event. Implemented for every `Fn` of up to twelve parameters that
/// each implement [`FromEvent`], and that returns an [`Answer`]; `M` is inferred.
#[diagnostic::on_unimplemented(
    message = "this closure cannot handle an event",
    label = "not a handler",
    note = "every parameter must be `DeserializeOwned` or one of Songi's own, such as `Socket` and `Ack`",
    note = "it must return `()`, a `Serialize` value, a `Result` of these whose error is `Display`, or a `Send` future of any of them"
)]
pub trait Handler<S, M>: Send + Sync + 'static {
    /// Takes the parameters from the event and calls the closure. Gives a future when the handler
    /// is not done yet.
    ///
    /// # Errors
    ///
    /// When an argument is absent or does not fit its parameter.
    fn call(&self, event: &mut EventContext<'_, S>)
    -> Result<Option<BoxFuture<()>>, ArgumentError>;
}

/// A [`Handler`] with its types erased, as a table of handlers keeps it.
pub struct HandlerFn<S>(Arc<Erased<S>>);

type Erased<S> =
    dyn Fn(&mut EventContext<'_, S>) -> Result<Option<BoxFuture<()>>, ArgumentError> + Send + Sync;

impl<S> HandlerFn<S> {
    /// Erases the types of a handler.
    pub fn new<M, H: Handler<S, M>>(handler: H) -> Self {
        Self(Arc::new(move |event| handler.call(event)))
    }

    /// A handler that reads its parameters itself.
    pub fn from_fn(
        handler: impl Fn(&mut EventContext<'_, S>) -> Result<Option<BoxFuture<()>>, ArgumentError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(handler))
    }

    /// Whether this is a clone of the other.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Calls the handler: see [`Handler::call`].
    ///
    /// # Errors
    ///
    /// When an argument is absent or does not fit its parameter.
    pub fn call(
        &self,
        event: &mut EventContext<'_, S>,
    ) -> Result<Option<BoxFuture<()>>, ArgumentError> {
        (self.0)(event)
    }
}

impl<S> Clone for HandlerFn<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> core::fmt::Debug for HandlerFn<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HandlerFn")
    }
}

/// Calls a macro with a list of type parameters for each arity that a handler may have.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_arity {
    ($macro:ident) => {
        $macro!();
        $macro!(A);
        $macro!(A, B);
        $macro!(A, B, C);
        $macro!(A, B, C, D);
        $macro!(A, B, C, D, E);
        $macro!(A, B, C, D, E, F);
        $macro!(A, B, C, D, E, F, G);
        $macro!(A, B, C, D, E, F, G, H);
        $macro!(A, B, C, D, E, F, G, H, I);
        $macro!(A, B, C, D, E, F, G, H, I, J);
        $macro!(A, B, C, D, E, F, G, H, I, J, K);
        $macro!(A, B, C, D, E, F, G, H, I, J, K, L);
    };
}
macro_rules! impl_handler {
    ($($param:ident),*) => {
        impl<S, Func, Return, M, $($param),*> Handler<S, (M, Return, $($param,)*)> for Func
        where
            S: HandlerSocket,
            Func: Fn($($param),*) -> Return + Send + Sync + 'static,
            Return: Answer<M>,
            $($param: FromEvent<S>,)*
        {
            #[allow(non_snake_case, reason = "a parameter is named as its type")]
            fn call(
                &self,
                event: &mut EventContext<'_, S>,
            ) -> Result<Option<BoxFuture<()>>, ArgumentError> {
                $(let $param = $param::from_event(event)?;)*
                let responder = event.responder();
                Ok(self($($param),*).answer(responder))
            }
        }
    };
}

crate::for_each_arity!(impl_handler);

#[cfg(test)]
mod tests;
