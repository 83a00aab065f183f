//! A namespace: its handlers and its sockets.

mod dynamic;
mod handlers;
mod server_side;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use faststr::FastStr;
use parking_lot::Mutex;
use serde::Serialize;
use songi_emit::EncodeError;

pub use self::dynamic::{Auth, Match, NamespaceMatcher};
pub(crate) use self::dynamic::{Matched, MatcherFn, Stay, matcher_fn};
pub(crate) use self::handlers::Handlers;
pub use self::server_side::ServerSide;
pub(crate) use self::server_side::check_server_side;

use self::dynamic::Family;
use crate::adapter::{Adapter, AdapterError, Local, RoomEvent};
use crate::broadcast::{Broadcast, BroadcastAcks};
use crate::config::Config;
use crate::remote::RemoteSocket;
use crate::server::Shared;
use crate::socket::Socket;

/// A namespace of the server: its handlers, which all its sockets share, and its rooms. Cloning
/// is cheap.
///
/// ```
/// use songi_server::{Server, Socket};
///
/// let io = Server::new();
/// let chat = io.of("/chat");
/// chat.on("say", |socket: Socket, text: String| socket.broadcast().emit("said", text));
/// chat.emit("notice", "The chat is open")?;
/// # Ok::<(), songi_server::EncodeError>(())
/// ```
#[derive(Clone)]
pub struct Namespace(Arc<NamespaceInner>);

pub(crate) struct NamespaceInner {
    name: FastStr,
    server: Weak<Shared>,
    handlers: ArcSwap<Handlers>,
    /// Held by who replaces the handlers.
    registering: Mutex<()>,
    /// How many handlers of one socket may run at the same time.
    concurrency: AtomicUsize,
    /// Whether somebody listens to what is sent.
    watched: AtomicBool,
    /// Whether one of its sockets has ever had such a listener of its own.
    sockets_watched: AtomicBool,
    pub(crate) local: Local,
    pub(crate) adapter: Arc<dyn Adapter>,
    started: Once,
    family: Family,
}

impl Namespace {
    pub(crate) fn new(name: FastStr, server: &Weak<Shared>, config: &Config) -> Self {
        Self::with_family(name, server, config, Family::None)
    }

    fn with_family(name: FastStr, server: &Weak<Shared>, config: &Config, family: Family) -> Self {
        Self(Arc::new_cyclic(|inner| {
            let local = Local::new(name.clone(), inner.clone(), config);
            NamespaceInner {
                name,
                server: server.clone(),
                handlers: ArcSwap::default(),
                registering: Mutex::new(()),
                concurrency: AtomicUsize::new(1),
                watched: AtomicBool::new(false),
                sockets_watched: AtomicBool::new(false),
                adapter: config.adapter.make(local.clone()),
                started: Once::new(),
                local,
                family,
            }
        }))
    }

    pub(crate) fn from_inner(inner: Arc<NamespaceInner>) -> Self {
        Self(inner)
    }

    pub(crate) fn inner(&self) -> &NamespaceInner {
        &self.0
    }

    pub(crate) fn server(&self) -> Option<Arc<Shared>> {
        self.0.server.upgrade()
    }

    /// Whether this is a clone of the other.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Starts the adapter, the first time that it is called.
    pub(crate) fn start_adapter(&self) {
        self.0.started.call_once(|| self.0.adapter.start());
    }

    /// The name, with its slash.
    pub fn name(&self) -> &FastStr {
        &self.0.name
    }

    /// Lets the handlers of one socket overlap, up to `count` of them. They still start in the
    /// order of the events; those that do not wait never overlap. Without it, each starts when the
    /// one before it has finished. The connection and the disconnection of a socket overlap with
    /// nothing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use songi_server::Server;
    ///
    /// let io = Server::new();
    /// io.of("/reports").concurrent(8).on("report", async |year: u32| {
    ///     tokio::time::sleep(Duration::from_secs(1)).await;
    ///     format!("All about {year}")
    /// });
    /// ```
    pub fn concurrent(&self, count: usize) -> &Self {
        self.0.concurrency.store(count.max(1), Ordering::Relaxed);
        for child in self.children().unwrap_or_default() {
            child.concurrent(count);
        }
        self
    }

    /// Members of a room.
    pub fn to(&self, room: impl AsRef<str>) -> Broadcast {
        self.everybody().to(room)
    }

    /// The same as [`to`](Self::to).
    pub fn in_(&self, room: impl AsRef<str>) -> Broadcast {
        self.to(room)
    }

    /// Everybody but the members of a room.
    pub fn except(&self, room: impl AsRef<str>) -> Broadcast {
        self.everybody().except(room)
    }

    /// Everybody who is connected to this server, and not those of others in the cluster.
    pub fn local(&self) -> Broadcast {
        self.everybody().local()
    }

    /// Everybody, with an event that may be dropped for a client that cannot take it at once.
    pub fn volatile(&self) -> Broadcast {
        self.everybody().volatile()
    }

    /// Everybody, with an event that the transport may compress, or not.
    pub fn compress(&self, compress: bool) -> Broadcast {
        self.everybody().compress(compress)
    }

    /// Everybody, with so much time to answer.
    pub fn timeout(&self, timeout: Duration) -> Broadcast {
        self.everybody().timeout(timeout)
    }

    /// Everybody: to be narrowed down step by step.
    pub fn everybody(&self) -> Broadcast {
        Broadcast::new(self.clone())
    }

    /// Sends an event to everybody in the namespace.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be encoded: then nobody gets anything.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EncodeError> {
        self.everybody().emit(event, args)
    }

    /// Sends a `message` event to everybody: `emit("message", args)`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EncodeError> {
        self.emit("message", args)
    }

    /// Sends an event to everybody and asks each for an ack: see [`Broadcast::emit_with_ack`].
    pub fn emit_with_ack<T>(&self, event: &str, args: impl Serialize) -> BroadcastAcks<T> {
        self.everybody().emit_with_ack(event, args)
    }

    /// The sockets that are in the namespace now, of this server only.
    pub fn sockets(&self) -> Vec<Socket> {
        self.everybody().sockets()
    }

    /// The socket with this id, if it is in the namespace and connected to this server.
    pub fn socket(&self, id: &str) -> Option<Socket> {
        self.0.local.socket(&FastStr::new(id))
    }

    /// The sockets, those of other servers too: see [`Broadcast::fetch_sockets`].
    ///
    /// # Errors
    ///
    /// When the other servers cannot be asked or do not answer.
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, AdapterError> {
        self.everybody().fetch_sockets().await
    }

    /// Puts everybody into a room.
    pub fn sockets_join(&self, room: impl AsRef<str>) {
        self.everybody().sockets_join(room);
    }

    /// Takes everybody out of a room.
    pub fn sockets_leave(&self, room: impl AsRef<str>) {
        self.everybody().sockets_leave(room);
    }

    /// Takes everybody out of the namespace; with `close`, their connections are closed with all
    /// their namespaces.
    pub fn disconnect_sockets(&self, close: bool) {
        self.everybody().disconnect_sockets(close);
    }

    /// The rooms of this server that have members, without those that each socket has for itself.
    pub fn rooms(&self) -> Vec<FastStr> {
        self.0.local.rooms()
    }

    /// Hears of all that happens to the rooms of this server: see [`Local::on_room_event`]. With
    /// the children of [`Server::of_match`](crate::Server::of_match), it is to be registered in
    /// [`Server::on_new_namespace`](crate::Server::on_new_namespace).
    ///
    /// ```
    /// use songi_server::Server;
    /// use songi_server::adapter::RoomEvent;
    ///
    /// let io = Server::new();
    /// io.on_room_event(|event| match event {
    ///     RoomEvent::Create { room } => println!("{room} was created"),
    ///     RoomEvent::Join { room, sid } => println!("{sid} has joined {room}"),
    ///     RoomEvent::Leave { room, sid } => println!("{sid} has left {room}"),
    ///     RoomEvent::Delete { room } => println!("{room} was deleted"),
    /// });
    /// ```
    pub fn on_room_event(&self, observer: impl Fn(&RoomEvent) + Send + Sync + 'static) -> &Self {
        self.0.local.on_room_event(observer);
        self
    }

    /// What carries broadcasts to the other servers.
    pub fn adapter(&self) -> &dyn Adapter {
        &*self.0.adapter
    }
}

impl NamespaceInner {
    pub(crate) fn concurrency(&self) -> usize {
        self.concurrency.load(Ordering::Relaxed)
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Whether somebody may listen to what is sent to one of its sockets.
    pub(crate) fn may_be_watched(&self) -> bool {
        self.is_watched() || self.sockets_watched.load(Ordering::Relaxed)
    }

    /// A socket has a listener of its own.
    pub(crate) fn note_watched_socket(&self) {
        self.sockets_watched.store(true, Ordering::Relaxed);
    }

    /// What was registered until now.
    pub(crate) fn handlers(&self) -> Guard<Arc<Handlers>> {
        self.handlers.load()
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Namespace").field(&self.0.name).finish()
    }
}
