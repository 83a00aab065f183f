//! The state of a socket.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use faststr::FastStr;
use parking_lot::Mutex;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;
use songi_socketio::handler::{HandlerTable, contain};
use songi_socketio::{AckRegistry, Arguments, EncodeError, RawJson};
use tokio::sync::{mpsc, watch};

use super::{HandlerId, Socket};
use crate::ack::AckReply;
use crate::auth::{AuthFn, State};
use crate::error::ConnectError;
use crate::events::SocketEvent;
use crate::inbox::Inbox;
use crate::joining::{Answer, Joining};
use crate::manager::Manager;
use crate::offline::Offline;
use crate::reason::DisconnectReason;
use crate::retries::Retries;

/// Handlers of events, and of the connection's life.
type Tables = (Arc<HandlerTable<Socket>>, Arc<HandlerTable<Socket>>);

pub(crate) struct SocketInner {
    namespace: FastStr,
    manager: Arc<Manager>,
    auth: AuthFn,
    /// How many [`Socket`]s there are.
    pub(super) handles: AtomicUsize,
    /// Whether it is in its namespace or tries to come there.
    active: AtomicBool,
    connected: watch::Sender<bool>,
    identity: Mutex<Identity>,
    pub(super) tables: Mutex<Tables>,
    /// Those that are called once, and whether they have been.
    pub(super) once: Mutex<Vec<(Arc<AtomicBool>, HandlerId)>>,
    /// Those who read what happens as a stream.
    pub(crate) streams: Mutex<Vec<mpsc::Sender<SocketEvent>>>,
    /// Whether there are handlers of all that is sent.
    pub(super) watched: AtomicBool,
    /// Who waits for the namespace to be joined.
    answer: Mutex<Option<Answer>>,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) offline: Mutex<Offline>,
    pub(crate) acks: Mutex<AckRegistry<AckReply>>,
    pub(super) retries: Option<Retries>,
    /// Why it is disconnected for good.
    closed: watch::Sender<Option<DisconnectReason>>,
}

/// Who the socket is to the server.
#[derive(Debug, Default)]
struct Identity {
    id: FastStr,
    /// The secret with which the server recovers the state.
    pid: Option<FastStr>,
    /// The last event that came.
    offset: Option<String>,
    recovered: bool,
}

impl SocketInner {
    pub(crate) fn new(
        namespace: FastStr,
        manager: Arc<Manager>,
        joining: Joining,
        answer: Option<Answer>,
    ) -> Arc<Self> {
        let config = manager.config().clone();
        let runtime = manager.runtime().clone();
        let (retries, queue) = (config.retries > 0).then(Retries::new).unzip();
        let inner = Arc::new(Self {
            namespace,
            auth: joining.auth,
            handles: AtomicUsize::new(0),
            active: AtomicBool::new(false),
            connected: watch::Sender::new(false),
            identity: Mutex::default(),
            tables: Mutex::new((Arc::new(joining.handlers), Arc::new(joining.life))),
            once: Mutex::default(),
            streams: Mutex::default(),
            watched: AtomicBool::new(false),
            answer: Mutex::new(answer),
            inbox: Mutex::default(),
            offline: Mutex::default(),
            acks: Mutex::new(AckRegistry::new(config.max_pending_acks)),
            retries,
            closed: watch::Sender::new(None),
            manager,
        });
        if let Some(queue) = queue {
            let connected = inner.connected.subscribe();
            runtime.spawn(queue.run(Arc::downgrade(&inner), connected, config));
        }
        inner
    }

    pub(crate) fn namespace(&self) -> &FastStr {
        &self.namespace
    }

    pub(crate) fn manager(&self) -> &Arc<Manager> {
        &self.manager
    }

    pub(crate) fn handlers(&self) -> Arc<HandlerTable<Socket>> {
        self.tables.lock().0.clone()
    }

    /// The handlers of the connection's life.
    pub(crate) fn life(&self) -> Arc<HandlerTable<Socket>> {
        self.tables.lock().1.clone()
    }

    pub(crate) fn id(&self) -> FastStr {
        self.identity.lock().id.clone()
    }

    pub(crate) fn recovered(&self) -> bool {
        self.identity.lock().recovered
    }

    pub(crate) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Why the socket is disconnected for good, if it is.
    pub(crate) fn reason(&self) -> Option<DisconnectReason> {
        *self.closed.borrow()
    }

    pub(crate) fn subscribe_closed(&self) -> watch::Receiver<Option<DisconnectReason>> {
        self.closed.subscribe()
    }

    /// Joins the namespace, now and whenever the connection was lost.
    pub(crate) fn activate(self: &Arc<Self>) -> Result<(), ConnectError> {
        self.manager.clone().activate(self)
    }

    /// The auth payload of the next connect.
    pub(crate) fn payload(&self) -> Result<State, EncodeError> {
        contain(|| (self.auth)())
            .map(|payload| payload.0)
            .map_err(|panic| EncodeError::Serialize(panic.to_string()))
    }

    /// An auth payload with what the server recovers the state by.
    pub(crate) fn with_recovery(&self, auth: RawJson) -> RawJson {
        let identity = self.identity.lock();
        let Some(pid) = &identity.pid else {
            return auth;
        };
        let own: Option<Map<String, Value>> = auth.deserialize().unwrap_or_default();
        let mut payload = Map::new();
        payload.insert("pid".to_owned(), pid.as_str().into());
        if let Some(offset) = &identity.offset {
            payload.insert("offset".to_owned(), offset.as_str().into());
        }
        // As in JavaScript, the application's have precedence.
        payload.extend(own.unwrap_or_default());
        RawJson::of(&payload).unwrap_or(auth)
    }

    /// An event came that the server may not have to send again.
    pub(crate) fn note_offset(&self, args: &Arguments) {
        let mut identity = self.identity.lock();
        if identity.pid.is_none() {
            return;
        }
        let mut reader = args.reader();
        while reader.len() > 1 {
            if reader.next::<IgnoredAny>().is_err() {
                return;
            }
        }
        if let Ok(offset) = reader.next::<String>() {
            identity.offset = Some(offset);
        }
    }

    pub(crate) fn mark_active(&self) {
        self.active.store(true, Ordering::Release);
        self.closed.send_replace(None);
    }

    /// The server has let the socket into its namespace.
    pub(crate) fn mark_connected(&self, id: FastStr, pid: Option<FastStr>) {
        let mut identity = self.identity.lock();
        identity.recovered = pid.is_some() && pid == identity.pid;
        if !identity.recovered {
            identity.offset = None;
        }
        identity.id = id;
        identity.pid = pid;
        drop(identity);
        self.connected.send_replace(true);
        self.answer(Ok(()));
    }

    /// Marks the socket as not in its namespace, and says whether it was. Acks of what was sent
    /// will not come any more.
    pub(crate) fn mark_disconnected(&self, reason: DisconnectReason) -> bool {
        let connected = self.connected.send_replace(false);
        let mut identity = self.identity.lock();
        // As on the server: who left or broke the rules is not recovered.
        if matches!(
            reason,
            DisconnectReason::ServerDisconnect | DisconnectReason::ClientDisconnect
        ) {
            (identity.pid, identity.offset) = (None, None);
        }
        drop(identity);
        let mut acks = self.acks.lock();
        if acks.is_empty() {
            return connected;
        }
        let offline = self.offline.lock();
        let (waiting, lost): (Vec<_>, Vec<_>) = acks.drain().partition(|&(id, _)| offline.has(id));
        for (id, reply) in waiting {
            // There is room for what was there.
            let _ = acks.insert_with_id(id, reply, None);
        }
        drop((offline, acks));
        drop(lost);
        connected
    }

    /// The socket does not come back by itself.
    pub(crate) fn mark_inactive(&self, reason: DisconnectReason) {
        self.active.store(false, Ordering::Release);
        self.offline.lock().clear();
        let lost: Vec<_> = self.acks.lock().drain().collect();
        drop(lost);
        self.closed.send_replace(Some(reason));
        // Who waits is told by the end of the channel.
        self.answer.lock().take();
    }

    /// Somebody waits for the namespace to be joined.
    pub(crate) fn expect_answer(&self, answer: Answer) {
        *self.answer.lock() = Some(answer);
    }

    /// Tells who waits for the namespace to be joined, once.
    pub(crate) fn answer(&self, result: Result<(), ConnectError>) {
        if let Some(answer) = self.answer.lock().take() {
            // Whoever does not wait any more has dropped the socket.
            let _ = answer.send(result);
        }
    }

    /// Sends what waited for the connection.
    pub(crate) fn flush_offline(
        &self,
        mut send: impl FnMut(&Outgoing, SendOptions) -> Result<(), EmitError>,
    ) {
        let mut offline = self.offline.lock();
        while let Some(waiting) = offline.pop() {
            if let Err(error) = send(&waiting.packet, waiting.options) {
                tracing::warn!(namespace = %self.namespace, %error, "event not sent");
                if let Some(id) = waiting.ack {
                    // Who waits for it is told by the end of the channel.
                    self.acks.lock().take(id);
                }
            }
        }
    }

    /// Sends an event of the queue of retries, and waits for its ack.
    pub(crate) fn try_again(
        self: &Arc<Self>,
        id: u64,
        reply: AckReply,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        let mut acks = self.acks.lock();
        acks.take(id);
        acks.insert_with_id(id, reply, None)?;
        drop(acks);
        // If the connection was lost just now, it is tried again, and not kept for later.
        self.manager
            .send_now(self, packet, options)
            .inspect_err(|_| {
                self.acks.lock().take(id);
            })
    }
}

impl fmt::Debug for SocketInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("namespace", &self.namespace)
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}
