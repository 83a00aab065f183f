//! One client in one namespace.

mod data;
mod handlers;
mod operator;
mod outgoing;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use faststr::FastStr;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use songi_emit::{AckReply, EmitError, Emitter, EncodeError, Encoded, Outgoing, encode_for_one};
use songi_engineio::SendOptions;
use songi_socketio::handler::{EventContext, Failure, FromEvent, HandlerSocket};
use songi_socketio::{AckRegistry, ArgumentError, Parser};

pub(crate) use self::data::DataCell;
use self::data::Extra;
pub use self::handlers::HandlerId;
use self::handlers::Own;
pub use self::operator::ToSocket;
use crate::EmitWithAck;
use crate::adapter::Local;
use crate::broadcast::Broadcast;
use crate::connection::Connection;
use crate::delivery::ForMany;
use crate::handshake::Handshake;
use crate::inbox::Inbox;
use crate::namespace::Namespace;
use crate::reason::DisconnectReason;
use crate::recovery::Resumable;

/// One client in one namespace. Cloning is cheap, and a clone does not keep the connection open
/// or its buffers alive.
///
/// As a handler's parameter it is the socket that the event came from, and takes no argument.
///
/// ```
/// use songi_server::{Server, Socket};
///
/// let io = Server::new();
/// io.on_connection(|socket: Socket| {
///     socket.join("lobby");
///     socket.to("lobby").emit("joined", socket.id())?; // everybody else in the room
///     socket.emit("welcome", ("Hello!", 42)) // this client
/// });
/// ```
#[derive(Clone)]
pub struct Socket(Arc<SocketInner>);

/// What each message touches comes first.
#[repr(C)]
pub(crate) struct SocketInner {
    connected: AtomicBool,
    connection: Weak<Connection>,
    namespace: Namespace,
    /// Handlers of its own; most sockets have none.
    own: OnceLock<Box<Own>>,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) acks: Mutex<AckRegistry<AckReply>>,
    id: FastStr,
    handshake: Handshake,
    /// What it has if it may recover.
    resumable: Option<Box<Resumable>>,
    /// What few sockets have, or only at their end.
    extra: OnceLock<Box<Extra>>,
}

impl SocketInner {
    pub(crate) fn id(&self) -> &FastStr {
        &self.id
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.connection.upgrade()
    }

    /// Queues a packet that was encoded before.
    pub(crate) fn send(&self, packet: &Outgoing, options: SendOptions) -> Result<(), EmitError> {
        self.connected_connection()?.send(packet, options)
    }

    /// Queues a packet for this client alone, of this parser.
    fn send_encoded(
        &self,
        packet: Encoded<'_>,
        parser: &Parser,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        let connection = self.connected_connection()?;
        if let Encoded::Text(text) = packet
            && connection.send_text(text, options)
        {
            return Ok(());
        }
        connection.send(&packet.into_packet(parser), options)
    }

    /// Queues a packet that others get too. Gives the connection if the caller has to see to it
    /// that what is queued is written.
    pub(crate) fn send_shared(
        &self,
        packet: &ForMany<'_>,
        options: SendOptions,
    ) -> Result<Option<Arc<Connection>>, EmitError> {
        let connection = self.connected_connection()?;
        let unwritten = connection.send_shared(packet, options)?;
        Ok(unwritten.then_some(connection))
    }

    fn connected_connection(&self) -> Result<Arc<Connection>, EmitError> {
        if !self.connected.load(Ordering::Acquire) {
            return Err(EmitError::Disconnected);
        }
        self.connection().ok_or(EmitError::Disconnected)
    }

    /// Queues an event, and tells those who listen to what is sent.
    pub(crate) fn send_event(
        self: &Arc<Self>,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        self.tell_watchers(packet);
        self.send(packet, options)
    }

    /// Tells those who listen to what is sent.
    pub(crate) fn tell_watchers(self: &Arc<Self>, packet: &Outgoing) {
        if self.is_watched() {
            self.tell_outgoing(packet);
        }
    }

    pub(crate) fn resumable(&self) -> Option<&Resumable> {
        self.resumable.as_deref()
    }

    /// Marks the socket as disconnected; `false` when it was already.
    pub(crate) fn mark_disconnected(&self) -> bool {
        let was_connected = self.connected.swap(false, Ordering::AcqRel);
        if was_connected {
            self.namespace.exit();
        }
        was_connected
    }

    fn local(&self) -> &Local {
        &self.namespace.inner().local
    }
}

impl fmt::Debug for SocketInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id)
            .field("namespace", &self.namespace.name())
            .field("connected", &self.connected)
            .finish()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Socket {
    /// A socket of a namespace that has been [entered](Namespace::enter).
    pub(crate) fn new(
        id: FastStr,
        namespace: Namespace,
        connection: Weak<Connection>,
        handshake: Handshake,
        max_acks: usize,
        resumable: Option<Resumable>,
    ) -> Self {
        Self(Arc::new(SocketInner {
            id,
            namespace,
            connection,
            handshake,
            connected: AtomicBool::new(true),
            own: OnceLock::new(),
            resumable: resumable.map(Box::new),
            extra: OnceLock::new(),
            inbox: Mutex::new(Inbox::default()),
            acks: Mutex::new(AckRegistry::new(max_acks)),
        }))
    }

    pub(crate) fn from_inner(inner: Arc<SocketInner>) -> Self {
        Self(inner)
    }

    pub(crate) fn inner(&self) -> &Arc<SocketInner> {
        &self.0
    }

    /// The id of the socket: 20 random characters of `A-Za-z0-9_-`. The client sees it as
    /// `socket.id`; it may be told to others, as nothing can be done with it alone.
    pub fn id(&self) -> &FastStr {
        &self.0.id
    }

    /// The namespace that the socket is in.
    pub fn namespace(&self) -> &Namespace {
        &self.0.namespace
    }

    /// The HTTP request that the client began with.
    pub fn handshake(&self) -> &Handshake {
        &self.0.handshake
    }

    /// Whether the socket is still in its namespace.
    pub fn connected(&self) -> bool {
        self.0.connected.load(Ordering::Acquire)
    }

    /// Whether the client has come back to what it was before its connection was lost, with its id,
    /// rooms and data: see [`Config::recovery`](crate::Config::recovery).
    pub fn recovered(&self) -> bool {
        self.0.resumable().is_some_and(Resumable::has_recovered)
    }

    /// Sends an event to this client. A tuple is several arguments, `()` none, anything else one;
    /// `Bytes` anywhere within becomes a binary attachment.
    ///
    /// # Errors
    ///
    /// When the socket is disconnected, the arguments cannot be encoded, or more bytes wait for
    /// the client than the limit allows (the client is then disconnected).
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

    /// This client, with an event that may be dropped when it cannot take it at once.
    pub fn volatile(&self) -> ToSocket {
        self.operator().volatile()
    }

    /// This client, with an event that the transport may compress, or not.
    pub fn compress(&self, compress: bool) -> ToSocket {
        self.operator().compress(compress)
    }

    /// This client, with so much time to answer.
    pub fn timeout(&self, timeout: Duration) -> ToSocket {
        self.operator().timeout(timeout)
    }

    /// Sends an event and asks for an ack; await the result for what the client answers.
    ///
    /// ```no_run
    /// # async fn example(socket: songi_server::Socket) -> Result<(), songi_server::AckError> {
    /// use std::time::Duration;
    ///
    /// let answer: String =
    ///     socket.emit_with_ack("question", "?").timeout(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_with_ack<T>(&self, event: &str, args: impl Serialize) -> EmitWithAck<T> {
        EmitWithAck::start(self.clone(), event, &args, SendOptions::default())
    }

    /// Bytes that wait for the client, of all its namespaces: what the network has not taken, or
    /// no request has fetched yet.
    pub fn buffered(&self) -> usize {
        let connection = self.0.connection();
        connection.map_or(0, |connection| connection.buffered())
    }

    /// Waits until nothing waits for the client any more, of all its namespaces: the way to send
    /// much without having it wait here.
    ///
    /// ```no_run
    /// # async fn example(socket: songi_server::Socket) -> Result<(), songi_server::EmitError> {
    /// for part in std::iter::repeat_n("x".repeat(100_000), 1000) {
    ///     socket.emit("part", part)?;
    ///     socket.drained().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the client is disconnected.
    pub async fn drained(&self) -> Result<(), EmitError> {
        let connection = self.0.connection().ok_or(EmitError::Disconnected)?;
        connection.drained().await
    }

    /// Puts the socket into a room.
    pub fn join(&self, room: impl AsRef<str>) {
        self.0.local().join(&self.0.id, FastStr::new(room));
    }

    /// Takes the socket out of a room. It never leaves the room of its own id.
    pub fn leave(&self, room: impl AsRef<str>) {
        self.0.local().leave(&self.0.id, &FastStr::new(room));
    }

    /// The rooms that the socket is in; the first is its own id. While it is disconnecting, those
    /// that it was in; none when it is disconnected.
    pub fn rooms(&self) -> Vec<FastStr> {
        let rooms = self.0.local().socket_rooms(&self.0.id);
        if rooms.is_empty() {
            return self.0.leaving_rooms();
        }
        rooms
    }

    /// Everybody in a room but this socket.
    pub fn to(&self, room: impl AsRef<str>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// Everybody in the namespace but this socket and the members of a room.
    pub fn except(&self, room: impl AsRef<str>) -> Broadcast {
        self.broadcast().except(room)
    }

    /// Everybody in a room but this socket: the same as [`to`](Self::to).
    pub fn in_(&self, room: impl AsRef<str>) -> Broadcast {
        self.to(room)
    }

    /// Everybody on this server and in the namespace but this socket.
    pub fn local(&self) -> Broadcast {
        self.broadcast().local()
    }

    /// Everybody in the namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::new(self.0.namespace.clone()).except(self.0.id.clone())
    }

    /// Takes the client out of the namespace; its connection and other namespaces stay.
    pub fn disconnect(&self) {
        if let Some(connection) = self.0.connection() {
            connection.disconnect_socket(&self.0, DisconnectReason::ServerNamespaceDisconnect);
        }
    }

    /// Takes the client out of all its namespaces and closes its connection.
    pub fn disconnect_connection(&self) {
        if let Some(connection) = self.0.connection() {
            connection.disconnect();
        }
    }

    fn operator(&self) -> ToSocket {
        ToSocket::new(self.clone())
    }

    fn emit_with_options(
        &self,
        event: &str,
        args: &impl Serialize,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        let local = self.0.local();
        if local.memory().is_none() && !self.0.is_watched() {
            let (parser, namespace) = (local.parser(), local.name());
            return encode_for_one(
                parser,
                |wire| parser.event(wire, namespace, None, event, args),
                |packet| self.0.send_encoded(packet, parser, options),
            )?;
        }
        let packet = local.encode(None, event, args)?;
        self.0.tell_watchers(&packet);
        local.emit(&self.0, &packet, options)
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
        self.0.namespace.name()
    }

    fn parser(&self) -> &Parser {
        self.0.local().parser()
    }

    fn acks(&self) -> &Mutex<AckRegistry<AckReply>> {
        &self.0.acks
    }

    fn send_packet(&self, packet: &Outgoing, options: SendOptions) -> Result<(), EmitError> {
        self.0.send_event(packet, options)
    }
}

impl HandlerSocket for Socket {
    fn acknowledge<T: Serialize>(&self, id: u64, value: &T) {
        let (parser, namespace) = (self.0.local().parser(), self.0.namespace.name());
        let sent: Result<Result<(), EmitError>, EncodeError> = encode_for_one(
            parser,
            |wire| parser.ack(wire, namespace, id, value),
            |packet| self.0.send_encoded(packet, parser, SendOptions::default()),
        );
        if let Err(error) = sent.map_err(EmitError::from).and_then(|sent| sent) {
            tracing::debug!(name: "songi.emit.failed", socket = %self.0.id, %error);
        }
    }

    fn handler_failed(&self, id: Option<u64>, event: &FastStr, failure: Failure<'_>) {
        crate::failure::report(self, event, failure);
        if let Some(id) = id {
            self.acknowledge(id, &json!({ "error": format!("{event}: {failure}") }));
        }
    }
}
