//! What an application has a say in, of the HTTP side: who may connect, under what id, with what
//! headers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use faststr::FastStr;
use http::{HeaderMap, HeaderValue, Request, header};
use songi_engineio::RequestError;
use songi_socketio::handler::{Contained, Decision, Verdict, contain};

use super::refused::ConnectionError;
use crate::handshake::Handshake;
use crate::server::Server;
use crate::sid;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type AllowFn = Arc<dyn Fn(Handshake) -> Decision + Send + Sync>;
type IdFn = Arc<dyn Fn(Handshake) -> BoxFuture<FastStr> + Send + Sync>;
type HeadersFn = Arc<dyn Fn(&mut HeaderMap, &Request<()>) + Send + Sync>;
type ErrorFn = Arc<dyn Fn(&ConnectionError<'_>) + Send + Sync>;

/// All hooks of a server. Replaced as a whole when one is added, so that no lock is held while one
/// runs.
#[derive(Default)]
pub(crate) struct Hooks(ArcSwap<Table>);

#[derive(Clone, Default)]
pub(super) struct Table {
    allow: Vec<AllowFn>,
    id: Option<IdFn>,
    initial_headers: Vec<HeadersFn>,
    headers: Vec<HeadersFn>,
    errors: Vec<ErrorFn>,
}

/// The hooks of the HTTP side.
impl Server {
    /// Decides which clients may connect at all, before a session is opened for them: the closure
    /// gets the [`Handshake`] and gives a `Result<(), E>`, or a future of one. One that is refused
    /// gets the error's message, with the status 403 and the code 4 on long-polling, and with 400
    /// on a WebSocket, as from the JavaScript server. Data of a
    /// [`Rejection`](crate::Rejection) is not sent.
    ///
    /// Where there are several, all are asked in their order, until one refuses. A panic refuses,
    /// too. For what is known only when a client joins a namespace, such as its auth payload, see
    /// [`Namespace::authorize`](crate::Namespace::authorize).
    ///
    /// ```
    /// use songi_server::{Handshake, Server};
    ///
    /// let io = Server::new();
    /// io.allow_request(|request: Handshake| match request.header("user-agent") {
    ///     Some(_) => Ok(()),
    ///     None => Err("who are you?"),
    /// });
    /// io.allow_request(async |_| Ok::<(), String>(()));
    /// ```
    pub fn allow_request<M, R: Verdict<M>>(
        &self,
        allow: impl Fn(Handshake) -> R + Send + Sync + 'static,
    ) -> &Self {
        let allow: AllowFn = Arc::new(move |request| allow(request).decide());
        self.add_hook(|table| table.allow.push(allow.clone()))
    }

    /// Makes the ids of sessions, instead of the server's 120 random bits. They are secrets: who
    /// knows one can speak for its client. Ids must be of 1 to 128 characters out of letters,
    /// digits, `-`, `_`, `.` and `~`, and each must be new; for any other (the empty text, where
    /// none could be made) the request is refused with the code 3.
    ///
    /// ```
    /// use songi_server::{Handshake, Server};
    ///
    /// # fn random() -> u128 { 1 }
    /// let io = Server::new();
    /// io.generate_id(async |_: Handshake| format!("node7-{:032x}", random()));
    /// ```
    pub fn generate_id<F, Id>(
        &self,
        generate: impl Fn(Handshake) -> F + Send + Sync + 'static,
    ) -> &Self
    where
        F: Future<Output = Id> + Send + 'static,
        Id: Into<FastStr>,
    {
        let generate: IdFn = Arc::new(move |request| {
            let id = generate(request);
            Box::pin(async move { id.await.into() })
        });
        self.add_hook(|table| table.id = Some(generate.clone()))
    }

    /// Changes the headers of the first answer of each session ("Event: initial_headers").
    ///
    /// ```
    /// use songi_server::Server;
    ///
    /// let io = Server::new();
    /// io.on_initial_headers(|headers, _request| {
    ///     headers.insert("x-node", http::HeaderValue::from_static("7"));
    /// });
    /// ```
    pub fn on_initial_headers(
        &self,
        change: impl Fn(&mut HeaderMap, &Request<()>) + Send + Sync + 'static,
    ) -> &Self {
        let change: HeadersFn = Arc::new(change);
        self.add_hook(|table| table.initial_headers.push(change.clone()))
    }

    /// Changes the headers of each answer of a session, the first included ("Event: headers"):
    /// those of long-polling, and those that open a WebSocket. The request of a GET is kept as
    /// long as the GET waits, which it is not where there is no such hook.
    pub fn on_headers(
        &self,
        change: impl Fn(&mut HeaderMap, &Request<()>) + Send + Sync + 'static,
    ) -> &Self {
        let change: HeadersFn = Arc::new(change);
        self.add_hook(|table| table.headers.push(change.clone()))
    }

    /// Is told of each connection that did not come about, and of each request that fits no
    /// session ("Event: connection_error").
    ///
    /// ```
    /// use songi_server::Server;
    ///
    /// let io = Server::new();
    /// io.on_connection_error(|error| {
    ///     eprintln!("{} {}: {:?}", error.code, error.message, error.cause);
    /// });
    /// ```
    pub fn on_connection_error(
        &self,
        told: impl Fn(&ConnectionError<'_>) + Send + Sync + 'static,
    ) -> &Self {
        let told: ErrorFn = Arc::new(told);
        self.add_hook(|table| table.errors.push(told.clone()))
    }

    fn add_hook(&self, add: impl Fn(&mut Table)) -> &Self {
        self.shared.hooks.0.rcu(|table| {
            let mut table = Table::clone(table);
            add(&mut table);
            table
        });
        self
    }
}

impl Hooks {
    pub(super) fn table(&self) -> Arc<Table> {
        self.0.load_full()
    }

    /// Whether the headers hooks want the requests.
    pub(super) fn want_requests(&self) -> bool {
        let table = self.0.load();
        !table.initial_headers.is_empty() || !table.headers.is_empty()
    }
}

impl Table {
    /// Asks whether a session may be opened.
    pub(super) async fn allow(&self, request: &Handshake) -> Result<(), RequestError> {
        for allow in &self.allow {
            let verdict = match contain(|| allow(request.clone())) {
                Ok(Decision::Made(verdict)) => Ok(verdict),
                Ok(Decision::Awaited(verdict)) => Contained::new(verdict).await,
                Err(panic) => Err(panic),
            };
            let message = match verdict {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => FastStr::new(error.message()),
                Err(panic) => {
                    tracing::error!(%panic, "allow_request");
                    FastStr::empty()
                }
            };
            let forbidden = FastStr::from_static_str("Forbidden");
            let message = Some(message).filter(|message| !message.is_empty());
            return Err(RequestError::Forbidden(message.unwrap_or(forbidden)));
        }
        Ok(())
    }

    /// A new session's id; `None` if the application's is none.
    pub(super) async fn id(&self, request: &Handshake) -> Option<FastStr> {
        let Some(generate) = &self.id else {
            return Some(sid::random_id());
        };
        let generated = match contain(|| generate(request.clone())) {
            Ok(id) => Contained::new(id).await,
            Err(panic) => Err(panic),
        };
        match generated {
            Ok(id) => Some(id).filter(|id| sid::is_valid(id)),
            Err(panic) => {
                tracing::error!(%panic, "generate_id");
                None
            }
        }
    }

    /// Changes the headers of an answer; `set_cookie` is there at the first of a session.
    pub(super) fn change(
        &self,
        headers: &mut HeaderMap,
        first: Option<&Option<HeaderValue>>,
        request: Option<&Request<()>>,
    ) {
        if let Some(Some(cookie)) = first {
            headers.insert(header::SET_COOKIE, cookie.clone());
        }
        let Some(request) = request else {
            return;
        };
        let initial: &[HeadersFn] = match first {
            Some(_) => &self.initial_headers,
            None => &[],
        };
        for change in initial.iter().chain(&self.headers) {
            if let Err(panic) = contain(|| change(headers, request)) {
                tracing::error!(%panic, "headers hook");
            }
        }
    }

    /// Tells of a connection that did not come about.
    pub(super) fn report(&self, error: &ConnectionError<'_>) {
        tracing::debug!(name: "songi.request.refused", code = error.code, cause = ?error.cause);
        for told in &self.errors {
            if let Err(panic) = contain(|| told(error)) {
                tracing::error!(%panic, "on_connection_error");
            }
        }
    }
}
