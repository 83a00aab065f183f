//! A client asks to join a namespace.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use faststr::FastStr;
use songi_socketio::handler::{BoxFuture, Contained, EventContext, contain};
use songi_socketio::{Arguments, RawJson};

use crate::authorize::{AuthorizeFn, ConnectError};
use crate::connection::Connection;
use crate::socket::Socket;

/// Lets the client in, or not. Checks that do not wait are made right here; the first that does
/// goes into a task with the rest.
pub(crate) fn join(connection: &Arc<Connection>, name: &FastStr, auth: Option<&RawJson>) {
    let Some(namespace) = connection.shared().namespace(name) else {
        connection.refuse(name, &ConnectError::new("Invalid namespace"));
        return;
    };
    let handlers = namespace.handlers();
    let socket = Socket::new(
        connection.socket_id(name),
        namespace,
        Arc::downgrade(connection),
        connection
            .handshake()
            .with_auth(auth.map_or("", RawJson::as_str)),
        connection.shared().config.max_pending_acks,
    );
    let auth = auth.map(Arguments::from).unwrap_or_default();
    if handlers.authorizers.is_empty() {
        return connection.accept(&socket, auth);
    }

    let connection = Arc::downgrade(connection);
    let mut joining: BoxFuture<()> = Box::pin(async move {
        let verdict = check(&handlers.authorizers, &socket, &auth).await;
        // While it was checked, the client may have gone.
        let Some(connection) = connection.upgrade() else {
            return;
        };
        match verdict {
            Ok(()) => connection.accept(&socket, auth),
            Err(error) => connection.refuse(socket.namespace().name(), &error),
        }
    });
    // The waker is not needed: if a check waits, the task polls it again.
    let polled = joining
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    if polled == Poll::Pending {
        tokio::spawn(joining);
    }
}

async fn check(
    authorizers: &[AuthorizeFn],
    socket: &Socket,
    auth: &Arguments,
) -> Result<(), ConnectError> {
    for authorizer in authorizers {
        let started = contain(|| authorizer(&mut EventContext::new(socket, auth, None)));
        let verdict = match started {
            // An auth payload that does not fit is the client's fault, and says nothing to it.
            Ok(Err(error)) => {
                tracing::debug!(namespace = %socket.namespace().name(), %error, "auth payload");
                return Err(ConnectError::new("invalid auth payload"));
            }
            Ok(Ok(verdict)) => Contained::new(verdict).await,
            Err(panic) => Err(panic),
        };
        match verdict {
            Ok(verdict) => verdict?,
            Err(panic) => {
                tracing::error!(namespace = %socket.namespace().name(), %panic, "authorizer panicked");
                return Err(ConnectError::new("internal error"));
            }
        }
    }
    Ok(())
}
