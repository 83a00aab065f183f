//! A namespace of a server.

mod emit;
mod handlers;
mod inner;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use faststr::FastStr;
use serde::Serialize;
use serde_json::json;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::Transport;
use songi_socketio::ArgumentError;
use songi_socketio::handler::{EventContext, Failure, FromEvent, HandlerSocket};
use tokio::sync::oneshot;

pub use self::emit::ToServer;
pub use self::handlers::HandlerId;
pub(crate) use self::inner::SocketInner;
use crate::error::ConnectError;
use crate::joining::{Namespace, joined};
use crate::manager::Stay;
use crate::reason::DisconnectReason;

/// A namespace of a server that was joined, and is joined again whenever the connection was lost.
/// Clones are handles of the same socket: when the last one is dropped, the namespace is left, and
/// the connection is closed when it was the last namespace.
///
/// As a handler's parameter it is the socket that the event came to, and takes no argument. (A
/// handler that captures a handle of its own socket keeps it for good: take it as a parameter.)
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use songi_client::Socket;
///
/// let socket = songi_client::connect("http://localhost:3000/chat").await?;
/// socket.on("question", |socket: Socket, text: String| socket.emit("answer", text));
/// socket.send("Hello!")?;
/// # Ok(())
/// # }
/// ```
pub struct Socket {
    inner: Arc<SocketInner>,
    /// The stay in its namespace in which the event came that this handle was made for.
    stay: Option<Stay>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Clone for Socket {
    fn clone(&self) -> Self {
        Self::from_inner(self.inner.clone()).within(self.stay)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.inner.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.disconnect();
        }
    }
}

impl Socket {
    pub(crate) fn from_inner(inner: Arc<SocketInner>) -> Self {
        inner.handles.fetch_add(1, Ordering::Relaxed);
        Self { inner, stay: None }
    }

    pub(crate) fn within(mut self, stay: Option<Stay>) -> Self {
        self.stay = stay;
        self
    }

    pub(crate) fn inner(&self) -> &Arc<SocketInner> {
        &self.inner
    }

    /// The id that the server gave this socket; the server's own socket has the same. It is empty
    /// until the socket is connected, and another one after each reconnection, unless the server
    /// [recovered](Self::recovered) it.
    pub fn id(&self) -> FastStr {
        self.inner.id()
    }

    /// The name of the namespace.
    pub fn namespace(&self) -> &FastStr {
        self.inner.namespace()
    }

    /// Whether the socket is in its namespace now.
    pub fn connected(&self) -> bool {
        self.inner.is_connected()
    }

    /// Whether the socket is in its namespace or tries to come there.
    pub fn active(&self) -> bool {
        self.inner.is_active()
    }

    /// Whether the server has recovered the socket's state in the last reconnection: its id, its
    /// rooms, and the events that it had missed (Socket.IO documentation, "Connection state
    /// recovery").
    pub fn recovered(&self) -> bool {
        self.inner.recovered()
    }

    /// What carries the connection now: long-polling or a WebSocket; `None` while there is none.
    pub fn transport(&self) -> Option<Transport> {
        self.inner.manager().transport()
    }

    /// Another namespace of the same server, to be joined on the same connection. A name without a
    /// slash gets one.
    ///
    /// ```no_run
    /// # async fn example(socket: songi_client::Socket) -> Result<(), songi_client::ConnectError> {
    /// let admin = socket.of("/admin").auth(serde_json::json!({ "token": "x" })).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn of(&self, name: &str) -> Namespace {
        Namespace::new(self.inner.manager(), name)
    }

    /// Joins the namespace again after the socket was disconnected for good: by the server, by
    /// [`disconnect`](Self::disconnect), or because the last attempt failed. Handlers stay as they
    /// were.
    ///
    /// Cancel safe: dropped, it goes on in the background.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`](crate::Client::connect).
    pub async fn connect(&self) -> Result<(), ConnectError> {
        if self.connected() {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        self.inner.expect_answer(answer);
        self.inner.activate()?;
        if self.connected() {
            return Ok(());
        }
        let timeout = self.inner.manager().config().connect_timeout;
        joined(self.clone(), answered, timeout).await.map(drop)
    }

    /// Waits until nothing waits for the server any more, of all namespaces of the connection: the
    /// way to send much without having it wait here, where there is
    /// [a limit](crate::Config::max_buffered). While the connection is lost it waits for the next
    /// one. What the server has not acknowledged of [`retries`](crate::Config::retries) waits too;
    /// what a request carries and the last 64 KiB that a WebSocket is writing do not.
    ///
    /// ```no_run
    /// # async fn example(socket: songi_client::Socket) -> Result<(), songi_client::EmitError> {
    /// for part in std::iter::repeat_n("x".repeat(100_000), 1000) {
    ///     socket.emit("part", part)?;
    ///     socket.drained().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// [`EmitError::Disconnected`] when the socket is not [active](Self::active) any more.
    pub async fn drained(&self) -> Result<(), EmitError> {
        self.inner.manager().drained(&self.inner).await
    }

    /// Leaves the namespace, and closes the connection when it was the last. What was sent before
    /// is still written: [`closed`](Self::closed) waits for it. The socket does not come back by
    /// itself.
    pub fn disconnect(&self) {
        self.inner.manager().leave(&self.inner);
    }

    /// Waits until the socket is disconnected for good, and says why: the server or this side
    /// ended it, or there are to be no more attempts to connect again. A connection that is lost
    /// and comes back is no end. When this side has closed the connection, all that was sent
    /// before has been written then.
    ///
    /// Cancel safe.
    pub async fn closed(&self) -> DisconnectReason {
        let mut closed = self.inner.subscribe_closed();
        let closed = closed.wait_for(Option::is_some).await;
        let reason = closed.ok().and_then(|reason| *reason);
        // The socket itself keeps the sender.
        let reason = reason.unwrap_or(DisconnectReason::TransportClose);
        if reason == DisconnectReason::ClientDisconnect {
            self.inner.manager().written().await;
        }
        reason
    }
}

/// The socket that the event came to.
impl FromEvent<Socket> for Socket {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(event.socket().clone())
    }
}

impl HandlerSocket for Socket {
    fn acknowledge<T: Serialize>(&self, id: u64, value: &T) {
        let parser = self.inner.manager().parser();
        let namespace = self.namespace();
        let sent = Outgoing::with_parser(parser, |wire| parser.ack(wire, namespace, id, value))
            .map_err(EmitError::from)
            .and_then(|packet| {
                let manager = self.inner.manager();
                let stay = self.stay.ok_or(EmitError::Disconnected)?;
                manager.answer(stay, packet)
            });
        if let Err(error) = sent {
            tracing::debug!(%namespace, %error, "ack not sent");
        }
    }

    fn handler_failed(&self, id: Option<u64>, event: &FastStr, failure: Failure<'_>) {
        let namespace = self.namespace();
        match failure {
            Failure::Argument(_) => tracing::debug!(%namespace, %event, %failure, "handler failed"),
            _ => tracing::warn!(%namespace, %event, %failure, "handler failed"),
        }
        if let Some(id) = id {
            self.acknowledge(id, &json!({ "error": format!("{event}: {failure}") }));
        }
    }
}
