//! The state of a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fmt, mem};

use faststr::FastStr;
use parking_lot::Mutex;
use songi_socketio::EncodeError;
use songi_socketio::handler::{HandlerTable, contain};
use songi_socketio::manager::SocketId;
use tokio::sync::{mpsc, watch};

use super::Socket;
use super::handlers::Once;
use crate::auth::{AuthFn, State};
use crate::error::ConnectError;
use crate::events::SocketEvent;
use crate::inbox::Inbox;
use crate::joining::{Answer, Joining};
use crate::manager::{Manager, Rest, Stay};
use crate::reason::DisconnectReason;

/// Handlers of events, and of the connection's life.
type Tables = (Arc<HandlerTable<Socket>>, Arc<HandlerTable<Socket>>);

pub(crate) struct SocketInner {
    namespace: FastStr,
    manager: Arc<Manager>,
    auth: AuthFn,
    /// How many [`Socket`]s there are.
    pub(super) handles: AtomicUsize,
    place: Mutex<Place>,
    connected: AtomicBool,
    identity: Mutex<Identity>,
    pub(super) tables: Mutex<Tables>,
    pub(super) once: Mutex<Vec<Once>>,
    /// Those who read what happens as a stream.
    pub(crate) streams: Mutex<Vec<mpsc::Sender<SocketEvent>>>,
    /// Whether there are handlers of all that is sent.
    pub(super) watched: AtomicBool,
    /// Who waits for the namespace to be joined.
    answers: Mutex<Vec<Answer>>,
    pub(crate) inbox: Mutex<Inbox>,
    /// Why it is disconnected for good.
    closed: watch::Sender<Option<DisconnectReason>>,
}

/// Who the socket is to the server.
#[derive(Debug, Default)]
struct Identity {
    id: FastStr,
    recovered: bool,
    stay: Option<Stay>,
}

/// Where the socket's state is that outlasts a connection.
struct Place {
    /// With the manager, under this name.
    key: Option<SocketId>,
    /// Here, until it is joined again.
    rest: Option<Box<Rest>>,
}

impl SocketInner {
    pub(crate) fn new(
        namespace: FastStr,
        manager: Arc<Manager>,
        joining: Joining,
        answer: Option<Answer>,
    ) -> Arc<Self> {
        let rest = Rest::new(namespace.clone(), &manager.config().manager());
        Arc::new(Self {
            namespace,
            auth: joining.auth,
            handles: AtomicUsize::new(0),
            place: Mutex::new(Place {
                key: None,
                rest: Some(Box::new(rest)),
            }),
            connected: AtomicBool::new(false),
            identity: Mutex::default(),
            tables: Mutex::new((Arc::new(joining.handlers), Arc::new(joining.life))),
            once: Mutex::default(),
            streams: Mutex::default(),
            watched: AtomicBool::new(false),
            answers: Mutex::new(answer.into_iter().collect()),
            inbox: Mutex::default(),
            closed: watch::Sender::new(None),
            manager,
        })
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
        self.connected.load(Ordering::Acquire)
    }

    /// Whether it is in its namespace or tries to come there.
    pub(crate) fn is_active(&self) -> bool {
        self.key().is_some()
    }

    /// How the manager calls it, while it is in its namespace or tries to come there.
    pub(crate) fn key(&self) -> Option<SocketId> {
        self.place.lock().key
    }

    /// The stay in its namespace of now, or the last one.
    pub(crate) fn stay(&self) -> Option<Stay> {
        self.identity.lock().stay
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

    /// Gives the socket's state to the manager by `join`, unless that has it already.
    pub(crate) fn activate_with<E>(
        &self,
        join: impl FnOnce(Box<Rest>) -> Result<SocketId, (E, Box<Rest>)>,
    ) -> Result<Option<SocketId>, E> {
        let mut place = self.place.lock();
        let Some(rest) = place.rest.take() else {
            return Ok(None);
        };
        match join(rest) {
            Ok(key) => {
                place.key = Some(key);
                self.closed.send_replace(None);
                Ok(Some(key))
            }
            Err((error, rest)) => {
                place.rest = Some(rest);
                Err(error)
            }
        }
    }

    /// The server has let the socket into its namespace.
    pub(crate) fn mark_connected(&self, id: FastStr, recovered: bool, stay: Stay) {
        *self.identity.lock() = Identity {
            id,
            recovered,
            stay: Some(stay),
        };
        self.connected.store(true, Ordering::Release);
        self.answer(&Ok(()));
    }

    pub(crate) fn mark_disconnected(&self) {
        self.connected.store(false, Ordering::Release);
    }

    /// The socket does not come back by itself.
    pub(crate) fn mark_inactive(&self, reason: DisconnectReason, rest: Box<Rest>) {
        *self.place.lock() = Place {
            key: None,
            rest: Some(rest),
        };
        self.closed.send_replace(Some(reason));
        // Who waits is told by the end of the channel.
        self.answers.lock().clear();
    }

    /// Somebody waits for the namespace to be joined.
    pub(crate) fn expect_answer(&self, answer: Answer) {
        let mut answers = self.answers.lock();
        // Who does not wait any more has dropped the other end.
        answers.retain(|answer| !answer.is_closed());
        answers.push(answer);
    }

    /// Tells those who wait for the namespace to be joined, once.
    pub(crate) fn answer(&self, result: &Result<(), ConnectError>) {
        for answer in mem::take(&mut *self.answers.lock()) {
            let _ = answer.send(result.clone());
        }
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
