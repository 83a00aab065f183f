//! A client asks to join a namespace.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use faststr::FastStr;
use songi_socketio::handler::{
    BoxFuture, Contained, Decision, EventContext, Failure, MiddlewareFn, Panic, Rejection, contain,
};
use songi_socketio::{Arguments, RawJson};

use crate::connection::Connection;
use crate::failure::report;
use crate::namespace::{Auth, Namespace};
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
    let middlewares = namespace.inner().handlers().middlewares;
    let socket = Socket::new(
        connection.socket_id(namespace.name()),
        namespace,
        Arc::downgrade(connection),
        connection
            .handshake()
            .with_auth(auth.map_or("", RawJson::as_str)),
        connection.shared().config.max_pending_acks,
    );
    let auth = auth.map(Arguments::from).unwrap_or_default();
    if middlewares.is_empty() {
        return connection.accept(&socket, auth);
    }

    let connection = Arc::downgrade(connection);
    run(async move {
        let verdict = check(&middlewares, &socket, &auth).await;
        match (connection.upgrade(), verdict) {
            (Some(connection), Ok(())) => connection.accept(&socket, auth),
            (connection, verdict) => {
                if let (Some(connection), Err(error)) = (connection, verdict) {
                    connection.refuse(socket.namespace().name(), &error);
                }
                socket.inner().keep_out();
            }
        }
    });
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
