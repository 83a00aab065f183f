//! A client asks to join a namespace.

use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use faststr::FastStr;
use songi_socketio::handler::{
    BoxFuture, Contained, Decision, EventContext, Failure, MiddlewareFn, Panic, Rejection, contain,
};
use songi_socketio::recovery::Request;
use songi_socketio::{Arguments, RawJson};

use crate::connection::Connection;
use crate::failure::report;
use crate::handshake::Handshake;
use crate::metrics::count;
use crate::namespace::{Auth, Namespace};
use crate::recovery::Resumable;
use crate::sid::random_id;
use crate::socket::Socket;

/// What the failures of middlewares are reported for.
static CONNECT: FastStr = FastStr::from_static_str("connect");

/// Lets the client in, or not. Checks that do not wait are made right here; the first that does
/// goes into a task with the rest.
pub(crate) fn join(connection: &Arc<Connection>, name: &FastStr, auth: Option<RawJson>) {
    let shared = connection.shared();
    if let Some(namespace) = shared.fixed(name) {
        return join_namespace(connection, namespace, auth.as_ref());
    }
    if !shared.has_parents() {
        return connection.refuse(name, &Rejection::new("Invalid namespace"));
    }

    let (client, name, shared) = (Arc::downgrade(connection), name.clone(), shared.clone());
    run(async move {
        let found = shared.enter_dynamic(&name, &Auth::new(auth.as_ref())).await;
        // Meanwhile, the client may have gone.
        match (client.upgrade(), found) {
            (Some(connection), Ok(namespace)) => {
                join_namespace(&connection, namespace, auth.as_ref())
            }
            (Some(connection), Err(error)) => connection.refuse(&name, &error),
            (None, Ok(namespace)) => namespace.exit(),
            (None, Err(_)) => {}
        }
    });
}

/// Lets the client into a namespace, which it has entered if it is a dynamic one, or not.
fn join_namespace(connection: &Arc<Connection>, namespace: Namespace, auth: Option<&RawJson>) {
    let middlewares = namespace.inner().handlers().middlewares.clone();
    let client = Client {
        connection: Arc::downgrade(connection),
        handshake: connection
            .handshake()
            .with_auth(auth.map_or("", RawJson::as_str)),
        namespace,
    };
    let returning = client.returning(connection, auth);
    let auth = auth.map(Arguments::from).unwrap_or_default();
    let Some((request, mut socket)) = returning else {
        let socket = client.fresh(connection);
        if middlewares.is_empty() {
            return connection.accept(&socket, auth);
        }
        return run(client.admit(middlewares, socket, auth));
    };

    let recovery = connection.shared().config.recovery.as_ref();
    let skip = recovery.is_some_and(|recovery| recovery.skip_middlewares);
    run(async move {
        let checked = if skip {
            Ok(())
        } else {
            check(&middlewares, &socket, &auth).await
        };
        let Some(connection) = client.connection.upgrade() else {
            return socket.inner().keep_out();
        };
        if let Err(error) = checked {
            return client.refuse(&connection, &socket, &error);
        }
        if connection.readmit(&socket, &request, auth.clone()) {
            return;
        }
        count(&connection.shared().counters.not_recovered);
        // It was too late: a new client, which has to pass.
        client.namespace.enter();
        socket.inner().keep_out();
        socket = client.fresh(&connection);
        drop(connection);
        client.admit(middlewares, socket, auth).await;
    });
}

/// Who is about to join.
struct Client {
    connection: Weak<Connection>,
    handshake: Handshake,
    namespace: Namespace,
}

impl Client {
    /// The socket that the client was, if it asks for it and can have it.
    fn returning(
        &self,
        connection: &Arc<Connection>,
        auth: Option<&RawJson>,
    ) -> Option<(Request, Socket)> {
        let memory = self.namespace.inner().local.memory()?;
        let request = Request::from_auth(auth?)?;
        if !connection.may_recover() {
            return None;
        }
        let Some((sid, data)) = memory.find(&request) else {
            count(&connection.shared().counters.not_recovered);
            return None;
        };
        let resumable = Resumable::new(request.pid.clone(), true);
        let socket = self.socket(connection, sid, Some(resumable));
        socket.inner().share_data(data);
        Some((request, socket))
    }

    /// A new socket.
    fn fresh(&self, connection: &Arc<Connection>) -> Socket {
        let may_recover =
            self.namespace.inner().local.memory().is_some() && connection.may_recover();
        let resumable = may_recover.then(|| Resumable::new(random_id(), false));
        let id = connection.socket_id(self.namespace.name());
        self.socket(connection, id, resumable)
    }

    fn socket(&self, connection: &Connection, id: FastStr, resumable: Option<Resumable>) -> Socket {
        Socket::new(
            id,
            self.namespace.clone(),
            self.connection.clone(),
            self.handshake.clone(),
            connection.shared().config.max_pending_acks,
            resumable,
        )
    }

    /// Lets a new client in that passes.
    async fn admit(
        self,
        middlewares: Arc<Vec<MiddlewareFn<Socket>>>,
        socket: Socket,
        auth: Arguments,
    ) {
        let verdict = check(&middlewares, &socket, &auth).await;
        match (self.connection.upgrade(), verdict) {
            (Some(connection), Ok(())) => connection.accept(&socket, auth),
            (Some(connection), Err(error)) => self.refuse(&connection, &socket, &error),
            (None, _) => socket.inner().keep_out(),
        }
    }

    fn refuse(&self, connection: &Arc<Connection>, socket: &Socket, error: &Rejection) {
        connection.refuse(self.namespace.name(), error);
        socket.inner().keep_out();
    }
}

/// Does what can be done at once right here, and the rest in a task.
fn run(joining: impl Future<Output = ()> + Send + 'static) {
    let mut joining: BoxFuture<()> = Box::pin(joining);
    // The waker is not needed: if something waits, the task polls it again.
    let polled = joining
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    if polled == Poll::Pending {
        tokio::spawn(joining);
    }
}

async fn check(
    middlewares: &[MiddlewareFn<Socket>],
    socket: &Socket,
    auth: &Arguments,
) -> Result<(), Rejection> {
    for middleware in middlewares {
        let mut event = EventContext::new(socket, &CONNECT, auth, None);
        let decision = contain(|| middleware.call(&mut event));
        let verdict = match decision {
            // An auth payload that does not fit is the client's fault, and says nothing to it.
            Ok(Err(error)) => {
                report(socket, &CONNECT, Failure::Argument(&error));
                return Err(Rejection::new("invalid auth payload"));
            }
            Ok(Ok(Decision::Made(verdict))) => Ok(verdict),
            Ok(Ok(Decision::Awaited(future))) => Contained::new(future).await,
            Err(panic) => Err(panic),
        };
        verdict.map_err(|panic: Panic| {
            report(socket, &CONNECT, Failure::Panic(&panic));
            Rejection::new("internal error")
        })??;
    }
    Ok(())
}
