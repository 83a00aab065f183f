//! A namespace of a server that was joined.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use faststr::FastStr;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use songi_emit::{AckReply, EmitError, Emitter, Outgoing};
use songi_engineio::SendOptions;
use songi_socketio::handler::{
    EventContext, Failure, FromEvent, Handler, HandlerFn, HandlerSocket, HandlerTable,
};
use songi_socketio::{AckRegistry, ArgumentError};
use tokio::sync::watch;

use crate::EmitWithAck;
use crate::connection::Connection;
use crate::inbox::Inbox;
use crate::joining::{Answer, Namespace, register};
use crate::reason::DisconnectReason;

/// A namespace of a server that was joined. Clones are handles of the same socket: when the last
/// one is dropped, the namespace is left, and the connection is closed when it was the last
/// namespace.
///
/// As a handler's parameter it is the socket that the event came to, and takes no argument. (A
/// handler that captures a handle of its own socket keeps it until the connection ends.)
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
pub struct Socket(Arc<SocketInner>);

pub(crate) struct SocketInner {
    namespace: FastStr,
    connection: Weak<Connection>,
    /// How many [`Socket`]s there are.
    handles: AtomicUsize,
    id: OnceLock<FastStr>,
    connected: AtomicBool,
    /// None when nothing will be handled any more. Without them, what they hold is free.
    handlers: Mutex<Option<Arc<HandlerTable<Socket>>>>,
    /// Who waits for the namespace to be joined.
    answer: Mutex<Option<Answer>>,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) acks: Mutex<AckRegistry<AckReply>>,
    closed: watch::Sender<Option<DisconnectReason>>,
    /// Whose sender lives as long as the connection's task.
    task: watch::Receiver<()>,
}

impl SocketInner {
    pub(crate) fn new(
        namespace: FastStr,
        connection: &Arc<Connection>,
        handlers: HandlerTable<Socket>,
        answer: Answer,
    ) -> Self {
        Self {
            namespace,
            connection: Arc::downgrade(connection),
            handles: AtomicUsize::new(0),
            id: OnceLock::new(),
            connected: AtomicBool::new(false),
            handlers: Mutex::new(Some(Arc::new(handlers))),
            answer: Mutex::new(Some(answer)),
            inbox: Mutex::new(Inbox::default()),
            acks: Mutex::new(AckRegistry::new(connection.config().max_pending_acks)),
            closed: watch::Sender::new(None),
            task: connection.task(),
        }
    }

    pub(crate) fn namespace(&self) -> &FastStr {
        &self.namespace
    }

    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.connection.upgrade()
    }

    pub(crate) fn handlers(&self) -> Option<Arc<HandlerTable<Socket>>> {
        self.handlers.lock().clone()
    }

    /// Nothing will be handled any more.
    pub(crate) fn drop_handlers(&self) {
        let handlers = self.handlers.lock().take();
        // Without the lock: a handler may hold sockets.
        drop(handlers);
    }

    /// The server has let the socket into its namespace.
    pub(crate) fn mark_connected(&self, id: FastStr) {
        // It is let in once.
        let _ = self.id.set(id);
        self.connected.store(true, Ordering::Release);
        self.answer(Ok(()));
    }

    /// Tells who waits for the namespace to be joined, once.
    pub(crate) fn answer(&self, result: Result<(), songi_socketio::client::ConnectError>) {
        if let Some(answer) = self.answer.lock().take() {
            // Whoever does not wait any more has dropped the socket.
            let _ = answer.send(result);
        }
    }

    /// Marks the socket as disconnected, and says whether it was connected.
    pub(crate) fn mark_disconnected(&self, reason: DisconnectReason) -> bool {
        let connected = self.connected.swap(false, Ordering::AcqRel);
        self.closed.send_if_modified(|closed| {
            let open = closed.is_none();
            closed.get_or_insert(reason);
            open
        });
        // Who waits is told by the end of the channel.
        self.answer.lock().take();
        self.acks.lock().drain().for_each(drop);
        connected
    }

    /// Why the socket is disconnected, if it is.
    pub(crate) fn reason(&self) -> Option<DisconnectReason> {
        *self.closed.borrow()
    }

    /// Queues a packet.
    pub(crate) fn send(&self, packet: &Outgoing, options: SendOptions) -> Result<(), EmitError> {
        if !self.connected.load(Ordering::Acquire) {
            return Err(EmitError::Disconnected);
        }
        let connection = self.connection().ok_or(EmitError::Disconnected)?;
        connection.send(packet, options)
    }
}

impl fmt::Debug for SocketInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id.get())
            .field("namespace", &self.namespace)
            .field("connected", &self.connected)
            .finish()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Clone for Socket {
    fn clone(&self) -> Self {
        Self::from_inner(self.0.clone())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.disconnect();
        }
    }
}

impl Socket {
    pub(crate) fn from_inner(inner: Arc<SocketInner>) -> Self {
        inner.handles.fetch_add(1, Ordering::Relaxed);
        Self(inner)
    }

    pub(crate) fn inner(&self) -> &Arc<SocketInner> {
        &self.0
    }

    /// The id that the server gave this socket; the server's own socket has the same.
    pub fn id(&self) -> FastStr {
        self.0.id.get().cloned().unwrap_or_default()
    }

    /// The name of the namespace that was joined.
    pub fn namespace(&self) -> &FastStr {
        &self.0.namespace
    }

    /// Whether the socket is still in its namespace.
    pub fn connected(&self) -> bool {
        self.0.connected.load(Ordering::Acquire)
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
        Namespace::new(self, name)
    }

    /// Adds a handler for an event. Handlers of the same event run in the order in which they were
    /// added; each gets the arguments anew. Handlers of one socket run one after another: what is
    /// to run beside them is to be spawned. Events that came before are not handled again: to miss
    /// none, register with the [`Client`](crate::Client).
    ///
    /// The name `disconnect` is [`on_disconnect`](Self::on_disconnect). The parameters and the
    /// return value are described in [`handler`](crate::handler).
    pub fn on<M>(&self, event: impl Into<FastStr>, handler: impl Handler<Socket, M>) -> &Self {
        let (event, handler) = (event.into(), HandlerFn::new(handler));
        self.register(|table| register(table, event, handler))
    }

    /// Adds a handler for every event that has none of its own.
    pub fn on_fallback<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_fallback(handler))
    }

    /// Adds a handler that is called when the socket has left its namespace, after all its events.
    /// Its only argument, if it takes one, is the [`DisconnectReason`].
    pub fn on_disconnect<M>(&self, handler: impl Handler<Socket, M>) -> &Self {
        let handler = HandlerFn::new(handler);
        self.register(|table| table.on_disconnect(handler))
    }

    /// Sends an event. A tuple is several arguments, `()` none, anything else one; `Bytes` anywhere
    /// within becomes a binary attachment.
    ///
    /// # Errors
    ///
    /// When the socket is disconnected, the arguments cannot be encoded, or too many bytes wait to
    /// be written.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EmitError> {
        self.emit_with_options(event, &args, SendOptions::default())
    }

    /// Sends a `message` event: `emit("message", args)`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", args)
    }

    /// Sends an event that may be dropped when it cannot be written at once.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit); a dropped event is no error.
    pub fn emit_volatile(&self, event: &str, args: impl Serialize) -> Result<(), EmitError> {
        let options = SendOptions {
            volatile: true,
            ..SendOptions::default()
        };
        self.emit_with_options(event, &args, options)
    }

    /// Sends an event and asks for an ack; await the result for what the server answers.
    ///
    /// ```no_run
    /// # async fn example(socket: songi_client::Socket) -> Result<(), songi_client::AckError> {
    /// use std::time::Duration;
    ///
    /// let sum: i64 = socket.emit_with_ack("add", (1, 2)).timeout(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_with_ack<T>(&self, event: &str, args: impl Serialize) -> EmitWithAck<T> {
        EmitWithAck::start(self.clone(), event, &args, SendOptions::default())
    }

    /// Leaves the namespace, and closes the connection when it was the last. What was sent before
    /// is still written: [`closed`](Self::closed) waits for it.
    pub fn disconnect(&self) {
        if let Some(connection) = self.0.connection() {
            connection.leave(&self.0);
        }
    }

    /// Waits until the socket is disconnected, and says why. When this side has closed the
    /// connection, all that was sent before has been written then.
    ///
    /// Cancel safe.
    pub async fn closed(&self) -> DisconnectReason {
        let mut closed = self.0.closed.subscribe();
        let closed = closed.wait_for(Option::is_some).await;
        let reason = closed.ok().and_then(|reason| *reason);
        // The socket itself keeps the sender.
        let reason = reason.unwrap_or(DisconnectReason::TransportClose);
        let goes_on = self.0.connection().is_some_and(|it| !it.is_closed());
        if reason == DisconnectReason::ClientDisconnect && !goes_on {
            // The task's end is an error here.
            let _ = self.0.task.clone().changed().await;
        }
        reason
    }

    fn emit_with_options(
        &self,
        event: &str,
        args: &impl Serialize,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        let packet = Outgoing::event(&self.0.namespace, None, event, args)?;
        self.0.send(&packet, options)
    }

    fn register(&self, change: impl FnOnce(&mut HandlerTable<Socket>)) -> &Self {
        if let Some(handlers) = &mut *self.0.handlers.lock() {
            change(Arc::make_mut(handlers));
        }
        self
    }
}

/// The socket that the event came to.
impl FromEvent<Socket> for Socket {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(event.socket().clone())
    }
}

impl Emitter for Socket {
    fn namespace(&self) -> &str {
        &self.0.namespace
    }

    fn acks(&self) -> &Mutex<AckRegistry<AckReply>> {
        &self.0.acks
    }

    fn send_packet(&self, packet: &Outgoing, options: SendOptions) -> Result<(), EmitError> {
        self.0.send(packet, options)
    }
}

impl HandlerSocket for Socket {
    fn acknowledge<T: Serialize>(&self, id: u64, value: &T) {
        let sent = Outgoing::ack(&self.0.namespace, id, value)
            .map_err(EmitError::from)
            .and_then(|packet| self.0.send(&packet, SendOptions::default()));
        if let Err(error) = sent {
            tracing::debug!(namespace = %self.0.namespace, %error, "ack not sent");
        }
    }

    fn handler_failed(&self, id: Option<u64>, event: &FastStr, failure: Failure<'_>) {
        let namespace = &self.0.namespace;
        match failure {
            Failure::Argument(_) => tracing::debug!(%namespace, %event, %failure, "handler failed"),
            _ => tracing::warn!(%namespace, %event, %failure, "handler failed"),
        }
        if let Some(id) = id {
            self.acknowledge(id, &json!({ "error": format!("{event}: {failure}") }));
        }
    }
}
