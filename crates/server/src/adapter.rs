//! What carries broadcasts to the other servers of a cluster.

mod answers;
mod local;

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use faststr::FastStr;
use serde_json::Value;
use songi_emit::Outgoing;
use songi_engineio::SendOptions;
use songi_socketio::Arguments;
use songi_socketio::handler::BoxFuture;
use thiserror::Error;

pub use self::answers::{Answers, Collected};
pub use self::local::Local;
use crate::remote::SocketDetails;

/// What an operation on many sockets goes through: one adapter per namespace.
///
/// What an adapter leaves as it is here is done with the sockets of this process alone, which are
/// its [`Local`]; that is all that [`InMemoryAdapter`] does. An adapter of a cluster does the same,
/// and tells the other servers; what it hears from them it does with its [`Local`] too.
///
/// Nothing here may block. What waits for other servers gives a future; what is only sent is put
/// into a queue, so that the order of calls is kept and local clients wait for nobody. An operation
/// that is [`local`](BroadcastFlags::local) does not come here.
///
/// The rooms of a process are its own business. Who needs to know which there are hears of it by
/// [`Local::on_room_event`].
///
/// ```
/// use songi_server::adapter::{Adapter, AdapterFactory, BroadcastOptions, Local};
/// use songi_server::{Config, Outgoing, Server};
///
/// struct Logged(Local);
///
/// impl Adapter for Logged {
///     fn local(&self) -> &Local {
///         &self.0
///     }
///
///     fn broadcast(&self, packet: &Outgoing, options: &BroadcastOptions) {
///         println!("{}: to {:?}", self.0.name(), options.rooms);
///         self.0.broadcast(packet, options);
///     }
/// }
///
/// let io = Server::with_config(Config {
///     adapter: AdapterFactory::new(Logged),
///     ..Config::default()
/// });
/// io.to("room").emit("news", "Hello!")?;
/// # Ok::<(), songi_server::EncodeError>(())
/// ```
pub trait Adapter: Send + Sync + 'static {
    /// The sockets of this process.
    fn local(&self) -> &Local;

    /// Called once, in the server's tokio runtime, when its first client has come (or at once,
    /// when clients came before the namespace).
    fn start(&self) {}

    /// Called when the server closes or the namespace is cleaned up.
    fn close(&self) -> BoxFuture<()> {
        Box::pin(ready(()))
    }

    /// How many servers there are, this one among them.
    fn server_count(&self) -> BoxFuture<Result<usize, AdapterError>> {
        Box::pin(ready(Ok(1)))
    }

    /// Sends an event.
    fn broadcast(&self, packet: &Outgoing, options: &BroadcastOptions) {
        self.local().broadcast(packet, options);
    }

    /// Sends an event that asks for an ack by this id. Another server takes an id of its own
    /// ([`Local::next_ack_id`]).
    ///
    /// The answers are complete when all clones of `answers` are gone, so an adapter keeps one
    /// until the other servers have said how many clients got the event and what they answered,
    /// or until [`Answers::on_end`].
    fn broadcast_with_ack(
        &self,
        packet: &Outgoing,
        id: u64,
        options: &BroadcastOptions,
        answers: Answers,
    ) {
        self.local()
            .broadcast_with_ack(packet, id, options, &answers);
    }

    /// The sockets that are meant.
    fn fetch_sockets(
        &self,
        options: &BroadcastOptions,
    ) -> BoxFuture<Result<Vec<SocketDetails>, AdapterError>> {
        Box::pin(ready(Ok(self.local().fetch_sockets(options))))
    }

    /// Puts the sockets that are meant into rooms.
    fn add_sockets(&self, options: &BroadcastOptions, rooms: &[FastStr]) {
        self.local().add_sockets(options, rooms);
    }

    /// Takes the sockets that are meant out of rooms.
    fn del_sockets(&self, options: &BroadcastOptions, rooms: &[FastStr]) {
        self.local().del_sockets(options, rooms);
    }

    /// Disconnects the sockets that are meant; with `close`, their connections.
    fn disconnect_sockets(&self, options: &BroadcastOptions, close: bool) {
        self.local().disconnect_sockets(options, close);
    }

    /// Sends an event to the other servers, never to this one. Each gives at most one answer
    /// where answers are wanted; [`Answers::expect`] says how many there will be.
    fn server_side_emit(&self, event: &FastStr, args: &Arguments, answers: Option<Answers>) {
        // There are no other servers.
        let _ = (event, args, answers);
    }

    /// Keeps what a client needs that comes back after its connection was lost. By default it is
    /// forgotten: clients that come back are new ones.
    fn persist_session(&self, session: Session) {
        drop(session);
    }

    /// Finds the session of a client that comes back, with what it has missed since `offset`.
    fn restore_session(&self, pid: &str, offset: &str) -> BoxFuture<Option<Session>> {
        let _ = (pid, offset);
        Box::pin(ready(None))
    }
}

/// The adapter of a single server: all sockets are in this process. The default.
#[derive(Debug)]
pub struct InMemoryAdapter(Local);

impl InMemoryAdapter {
    /// For the sockets of a namespace.
    pub fn new(local: Local) -> Self {
        Self(local)
    }
}

impl Adapter for InMemoryAdapter {
    fn local(&self) -> &Local {
        &self.0
    }
}

/// Makes the adapter of each namespace: see [`Config::adapter`](crate::Config::adapter).
#[derive(Clone)]
pub struct AdapterFactory(Arc<Make>);

type Make = dyn Fn(Local) -> Arc<dyn Adapter> + Send + Sync;

impl AdapterFactory {
    /// Adapters that `make` makes, one for each namespace.
    pub fn new<A: Adapter>(make: impl Fn(Local) -> A + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |local| Arc::new(make(local))))
    }

    pub(crate) fn make(&self, local: Local) -> Arc<dyn Adapter> {
        (self.0)(local)
    }
}

/// [`InMemoryAdapter`].
impl Default for AdapterFactory {
    fn default() -> Self {
        Self::new(InMemoryAdapter::new)
    }
}

impl fmt::Debug for AdapterFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdapterFactory")
    }
}

/// Why other servers could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// Some servers did not answer in time.
    #[error("{missing} servers did not answer in time")]
    Timeout {
        /// How many.
        missing: usize,
    },
    /// What connects the servers fails.
    #[error("the cluster cannot be reached: {0}")]
    Unavailable(String),
}

/// Which sockets an operation means, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BroadcastOptions {
    /// Members of any of these rooms; everybody when empty.
    pub rooms: Vec<FastStr>,
    /// But nobody who is in any of these.
    pub except: Vec<FastStr>,
    /// How.
    pub flags: BroadcastFlags,
}

/// How an event is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastFlags {
    /// To the sockets of this process only. Default: no.
    pub local: bool,
    /// It may be dropped for a client that cannot take it at once. Default: no.
    pub volatile: bool,
    /// The transport may compress it. Default: yes.
    pub compress: bool,
    /// How long to wait for acks, or for the answers of other servers. `None`: as long as is usual.
    pub timeout: Option<Duration>,
}

impl Default for BroadcastFlags {
    fn default() -> Self {
        Self {
            local: false,
            volatile: false,
            compress: true,
            timeout: None,
        }
    }
}

impl BroadcastFlags {
    pub(crate) fn send_options(self) -> SendOptions {
        SendOptions {
            volatile: self.volatile,
            compress: self.compress,
        }
    }
}

/// What is kept of a client that lost its connection and may come back.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Session {
    /// The id of its socket, which it keeps.
    pub sid: FastStr,
    /// The secret by which it comes back.
    pub pid: FastStr,
    /// The rooms that it was in.
    pub rooms: Vec<FastStr>,
    /// What the application had put into the socket's data.
    pub data: Value,
    /// What was sent to it while it was away, in order. Empty when it leaves.
    pub missed: Vec<Outgoing>,
}

impl Session {
    /// What is kept of a socket when it leaves.
    pub fn new(sid: FastStr, pid: FastStr, rooms: Vec<FastStr>, data: Value) -> Self {
        Self {
            sid,
            pid,
            rooms,
            data,
            missed: Vec::new(),
        }
    }
}

/// Something happened to a room of this process. The id of a socket is a room, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RoomEvent {
    /// It has its first member.
    Create {
        /// The room.
        room: FastStr,
    },
    /// A socket has joined it.
    Join {
        /// The room.
        room: FastStr,
        /// The socket.
        sid: FastStr,
    },
    /// A socket has left it.
    Leave {
        /// The room.
        room: FastStr,
        /// The socket.
        sid: FastStr,
    },
    /// Its last member has left.
    Delete {
        /// The room.
        room: FastStr,
    },
}
