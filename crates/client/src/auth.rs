//! What the server is told of who we are, whenever a namespace is joined.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use songi_socketio::handler::BoxFuture;
use songi_socketio::{EncodeError, RawJson};

/// What can be given as `auth`: anything that serialises to a JSON object, or a function, plain or
/// async, that makes such a thing. A function is called at each connect, so that it can give a
/// fresh token. `M` only tells them apart and is inferred.
///
/// ```no_run
/// use serde_json::json;
/// use songi_client::Client;
///
/// # async fn fetch_token() -> String { String::new() }
/// let value = Client::new("http://localhost:3000").auth(json!({ "token": "x" }));
/// let function = Client::new("http://localhost:3000").auth(|| json!({ "token": "x" }));
/// let future = Client::new("http://localhost:3000")
///     .auth(|| async { json!({ "token": fetch_token().await }) });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an auth payload",
    note = "it must be `Serialize`, or a function that returns a `Serialize` value or a `Send` future of one"
)]
pub trait Auth<M>: Send + Sync + 'static {
    /// The payload of this connect.
    fn payload(&self) -> Payload;
}

/// An auth payload, now or later.
pub struct Payload(pub(crate) State);

pub(crate) enum State {
    Now(Result<RawJson, EncodeError>),
    Later(BoxFuture<Result<RawJson, EncodeError>>),
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It may be a secret.
        f.write_str("Payload")
    }
}

/// Marks a value.
#[derive(Debug)]
pub enum Value {}

/// Marks a function that returns `T`.
#[derive(Debug)]
pub struct Function<T>(T);

/// Marks a function that returns the future `F`.
#[derive(Debug)]
pub struct Later<F>(F);

impl<T: Serialize + Send + Sync + 'static> Auth<Value> for T {
    fn payload(&self) -> Payload {
        Payload(State::Now(RawJson::of(self)))
    }
}

impl<F, T> Auth<Function<T>> for F
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Serialize,
{
    fn payload(&self) -> Payload {
        Payload(State::Now(RawJson::of(&self())))
    }
}

impl<F, T> Auth<Later<T>> for F
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output: Serialize> + Send + 'static,
{
    fn payload(&self) -> Payload {
        let future = self();
        Payload(State::Later(Box::pin(
            async move { RawJson::of(&future.await) },
        )))
    }
}

/// With its type erased.
pub(crate) type AuthFn = Arc<dyn Fn() -> Payload + Send + Sync>;

pub(crate) fn erase<M>(auth: impl Auth<M>) -> AuthFn {
    Arc::new(move || auth.payload())
}
