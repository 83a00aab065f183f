//! The sockets of this process in one namespace.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use faststr::FastStr;
use parking_lot::RwLock;
use serde::Serialize;
use songi_emit::{EmitError, EncodeError, Outgoing};
use songi_engineio::SendOptions;
use songi_socketio::handler::contain;
use songi_socketio::{Arguments, Parser};

use super::{Answers, BroadcastOptions, RoomEvent};
use crate::config::Config;
use crate::delivery::deliver;
use crate::namespace::{Namespace, NamespaceInner};
use crate::reason::DisconnectReason;
use crate::recovery::Memory;
use crate::remote::SocketDetails;
use crate::rooms::Rooms;
use crate::socket::{Socket, SocketInner};

/// The ids of broadcasts are apart from those of single events, which count from 0, and no larger
/// than what every client can read: 31 bits.
const FIRST_ACK_ID: u64 = 1 << 30;

/// The sockets of one namespace that are connected to this process, and their rooms. Cloning is
/// cheap. What is done here is done with them only.
#[derive(Clone)]
pub struct Local(Arc<LocalInner>);

struct LocalInner {
    name: FastStr,
    namespace: Weak<NamespaceInner>,
    rooms: Rooms,
    /// What clients that come back have missed, if they can recover.
    memory: Option<Memory>,
    parser: Parser,
    acks: AtomicU64,
    observed: AtomicBool,
    observers: RwLock<Vec<Arc<Observer>>>,
}

type Observer = dyn Fn(&RoomEvent) + Send + Sync;

impl Local {
    pub(crate) fn new(name: FastStr, namespace: Weak<NamespaceInner>, config: &Config) -> Self {
        Self(Arc::new(LocalInner {
            name,
            namespace,
            rooms: Rooms::default(),
            memory: config.recovery.as_ref().map(Memory::new),
            parser: config.parser.clone(),
            acks: AtomicU64::new(0),
            observed: AtomicBool::new(false),
            observers: RwLock::default(),
        }))
    }

    /// Whether this is a clone of the other.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The name of the namespace, with its slash.
    pub fn name(&self) -> &FastStr {
        &self.0.name
    }

    /// An event of this namespace, encoded as its clients read it: for one that came from another
    /// server.
    ///
    /// # Errors
    ///
    /// When the name is not allowed, or the arguments do not serialise.
    pub fn encode(
        &self,
        id: Option<u64>,
        event: &str,
        args: &impl Serialize,
    ) -> Result<Outgoing, EncodeError> {
        Outgoing::event_in(&self.0.parser, &self.0.name, id, event, args)
    }

    pub(crate) fn memory(&self) -> Option<&Memory> {
        self.0.memory.as_ref()
    }

    pub(crate) fn parser(&self) -> &Parser {
        &self.0.parser
    }

    /// Sends an event. A client for which too much waits already is disconnected; the others
    /// notice nothing. Where clients [recover](crate::Config::recovery), the event is kept for those
    /// who are away.
    pub fn broadcast(&self, packet: &Outgoing, options: &BroadcastOptions) {
        if let Some(memory) = self.memory() {
            for socket in self.0.rooms.select(options) {
                socket.tell_watchers(packet);
            }
            return memory.broadcast(&self.0.rooms, packet, options);
        }
        let sockets = self.0.rooms.select(options);
        let namespace = self.0.namespace.upgrade();
        if namespace.is_some_and(|namespace| namespace.may_be_watched()) {
            // Before anything is queued: they may send to the same sockets, and take their time.
            for socket in &sockets {
                socket.tell_watchers(packet);
            }
        }
        deliver(sockets, packet, options.flags.send_options());
    }

    /// An id for an event that many are to answer.
    pub fn next_ack_id(&self) -> u64 {
        FIRST_ACK_ID + self.0.acks.fetch_add(1, Ordering::Relaxed) % FIRST_ACK_ID
    }

    /// Sends an event that has this ack id, and says how many clients it is for: as many answers
    /// are expected. Who is disconnected gives none, and is not waited for.
    pub fn broadcast_with_ack(
        &self,
        packet: &Outgoing,
        id: u64,
        options: &BroadcastOptions,
        answers: &Answers,
    ) -> usize {
        let send = options.flags.send_options();
        let sockets = self.0.rooms.select(options);
        answers.expect(sockets.len());
        for socket in &sockets {
            let waits = socket.acks.lock().insert_with_id(id, answers.reply(), None);
            let sent = waits
                .map_err(Into::into)
                .and_then(|()| socket.send_event(packet, send));
            if let Err(error) = sent {
                tracing::debug!(name: "songi.emit.failed", socket = %socket.id(), %error);
                socket.acks.lock().take(id);
            }
        }
        let count = sockets.len();
        answers.on_end(move || {
            for socket in sockets {
                socket.acks.lock().take(id);
            }
        });
        count
    }

    /// The sockets that are meant.
    pub fn sockets(&self, options: &BroadcastOptions) -> Vec<Socket> {
        let selected = self.0.rooms.select(options);
        selected.into_iter().map(Socket::from_inner).collect()
    }

    /// The socket of this id.
    pub fn socket(&self, id: &FastStr) -> Option<Socket> {
        self.0.rooms.socket(id).map(Socket::from_inner)
    }

    /// The sockets that are meant, as other servers see them.
    pub fn fetch_sockets(&self, options: &BroadcastOptions) -> Vec<SocketDetails> {
        self.sockets(options)
            .iter()
            .map(SocketDetails::of)
            .collect()
    }

    /// Puts the sockets that are meant into rooms.
    pub fn add_sockets(&self, options: &BroadcastOptions, rooms: &[FastStr]) {
        for socket in self.0.rooms.select(options) {
            for room in rooms {
                self.join(socket.id(), room.clone());
            }
        }
    }

    /// Takes the sockets that are meant out of rooms.
    pub fn del_sockets(&self, options: &BroadcastOptions, rooms: &[FastStr]) {
        for socket in self.0.rooms.select(options) {
            for room in rooms {
                self.leave(socket.id(), room);
            }
        }
    }

    /// Disconnects the sockets that are meant; with `close`, their connections.
    pub fn disconnect_sockets(&self, options: &BroadcastOptions, close: bool) {
        const REASON: DisconnectReason = DisconnectReason::ServerNamespaceDisconnect;
        for socket in self.0.rooms.select(options) {
            match socket.connection() {
                Some(connection) if close => connection.disconnect(),
                Some(connection) => connection.disconnect_socket(&socket, REASON),
                None => {}
            }
        }
    }

    /// An event came from another server, with where to answer if it wants answers: calls the
    /// handlers of [`Namespace::on_server_side`]. To be called in a tokio runtime.
    pub fn server_side_event(&self, event: FastStr, args: Arguments, answers: Option<Answers>) {
        if let Some(namespace) = self.0.namespace.upgrade() {
            Namespace::from_inner(namespace).server_side_event(event, args, answers);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.rooms.len()
    }

    /// All rooms that have members, those of the sockets' own ids not among them.
    pub fn rooms(&self) -> Vec<FastStr> {
        self.0.rooms.all()
    }

    /// Whether a room has members.
    pub fn has_room(&self, room: &FastStr) -> bool {
        self.0.rooms.has(room)
    }

    /// The rooms of a socket, its own id first; none when it is not in the namespace.
    pub fn socket_rooms(&self, id: &FastStr) -> Vec<FastStr> {
        self.0.rooms.of(id)
    }

    /// Hears of all that happens to the rooms of this process. It is called after it has
    /// happened; what happens on several threads at the same time may be told in any order.
    pub fn on_room_event(&self, observer: impl Fn(&RoomEvent) + Send + Sync + 'static) {
        self.0.observers.write().push(Arc::new(observer));
        self.0.observed.store(true, Ordering::Release);
    }

    pub(crate) fn join(&self, id: &FastStr, room: FastStr) {
        let observed = self.is_observed().then(|| room.clone());
        let joined = self.0.rooms.join(id, room);
        if let (Some(joined), Some(room)) = (joined, observed) {
            self.tell_joined(id, &room, joined.first);
        }
    }

    pub(crate) fn leave(&self, id: &FastStr, room: &FastStr) {
        let Some(left) = self.0.rooms.leave(id, room) else {
            return;
        };
        if self.is_observed() {
            self.tell_left(id, room, left.last);
        }
    }

    /// Puts a socket into the namespace. Who observes is told later, by
    /// [`tell_entered`](Self::tell_entered): the caller holds a lock.
    pub(crate) fn insert(&self, socket: Arc<SocketInner>) {
        self.0.rooms.insert(socket);
    }

    /// Puts a socket that is back into its rooms, which it gives with whether it is the first
    /// there. Who observes is told later, by [`tell_rejoined`](Self::tell_rejoined).
    pub(crate) fn rejoin(&self, id: &FastStr, rooms: &[FastStr]) -> Vec<(FastStr, bool)> {
        let joined = rooms.iter().filter_map(|room| {
            let joined = self.0.rooms.join(id, room.clone())?;
            Some((room.clone(), joined.first))
        });
        joined.collect()
    }

    /// Sends an event to one client, or keeps it for that one.
    pub(crate) fn emit(
        &self,
        socket: &SocketInner,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        match self.memory() {
            Some(memory) => memory.emit(&self.0.rooms, socket, packet, options),
            None => socket.send(packet, options),
        }
    }

    /// Takes a socket out of the namespace, and gives the rooms that it was in with whether it was
    /// the last there. Who observes is told later, by [`tell_gone`](Self::tell_gone).
    pub(crate) fn remove(&self, id: &FastStr) -> Vec<(FastStr, bool)> {
        self.0.rooms.remove(id)
    }

    pub(crate) fn is_observed(&self) -> bool {
        self.0.observed.load(Ordering::Acquire)
    }

    pub(crate) fn tell_entered(&self, id: &FastStr) {
        let (room, sid) = (id.clone(), id.clone());
        self.tell(&RoomEvent::Create { room: room.clone() });
        self.tell(&RoomEvent::Join { room, sid });
    }

    pub(crate) fn tell_gone(&self, id: &FastStr, rooms: &[(FastStr, bool)]) {
        for (room, last) in rooms {
            self.tell_left(id, room, *last);
        }
        self.tell_left(id, id, true);
    }

    pub(crate) fn tell_rejoined(&self, id: &FastStr, rooms: &[(FastStr, bool)]) {
        for (room, first) in rooms {
            self.tell_joined(id, room, *first);
        }
    }

    fn tell_joined(&self, id: &FastStr, room: &FastStr, first: bool) {
        let (room, sid) = (room.clone(), id.clone());
        if first {
            self.tell(&RoomEvent::Create { room: room.clone() });
        }
        self.tell(&RoomEvent::Join { room, sid });
    }

    fn tell_left(&self, id: &FastStr, room: &FastStr, last: bool) {
        let (room, sid) = (room.clone(), id.clone());
        self.tell(&RoomEvent::Leave {
            room: room.clone(),
            sid,
        });
        if last {
            self.tell(&RoomEvent::Delete { room });
        }
    }

    fn tell(&self, event: &RoomEvent) {
        let observers = self.0.observers.read().clone();
        for observer in observers {
            if let Err(panic) = contain(|| observer(event)) {
                tracing::error!(namespace = %self.0.name, %panic, "room observer panicked");
            }
        }
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Local").field(&self.0.name).finish()
    }
}
