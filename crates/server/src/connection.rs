//! One client: its Engine.IO session, its namespaces, and who waits for what.
//!
//! All state is behind one lock, which is held while bytes go in and what comes out is handed to
//! its place, and never while a handler runs. Whoever brings an input (a request, a WebSocket
//! message, an emit, a timer) does the work that follows from it.

mod admit;
mod core;
mod drive;
mod pressure;
mod stream;
mod wire;
mod wires;
mod writing;

use std::collections::hash_map::Entry;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use faststr::FastStr;
use parking_lot::Mutex;
use smallvec::SmallVec;
use songi_emit::Outgoing;
use songi_engineio::{
    CloseReason, Dialect, Frame, Message, RequestId, Response, Revision, SendOptions,
    ServerSession, Transport, TransportEnd, TransportId,
};
use songi_socketio::handler::Rejection;
use songi_socketio::server as protocol;
use songi_socketio::server::StateError;
use songi_tokio::WebSocket;
use songi_websocket::Event;
use tokio::sync::{Notify, oneshot};

use self::core::{Core, Work, Works};
use self::drive::close_reason;
pub use self::pressure::SlowClient;
pub(crate) use self::stream::Stream;
pub(crate) use self::wire::Accepted;
use self::wire::{Received, Wire};
use self::wires::Wires;
use crate::handshake::Handshake;
use crate::metrics::{Observed, Traffic, count};
use crate::reason::DisconnectReason;
use crate::server::Shared;
use crate::sid::random_id;
use crate::socket::SocketInner;

/// Messages of one WebSocket that are handled before other tasks have their turn: with handlers that
/// do little, a fraction of a millisecond.
const AT_ONCE: usize = 256;

/// What each message touches comes first, here and in what it contains: where there are thousands
/// of connections, each line of memory is a miss of the caches.
#[repr(C)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    /// Events that wait for their handlers, of all sockets.
    backlog: AtomicUsize,
    core: Mutex<Core>,
    sid: FastStr,
    handshake: Handshake,
    caught_up: Notify,
    drained: Notify,
}

impl Connection {
    /// A client that begins with long-polling; `None` if the sid is taken.
    pub(crate) fn polling(
        shared: &Arc<Shared>,
        sid: FastStr,
        handshake: Handshake,
        dialect: Dialect,
    ) -> Option<Arc<Self>> {
        let engine = shared.engine.clone();
        let session = ServerSession::polling_in(dialect, engine, sid.clone(), shared.now());
        Self::new(shared, sid, handshake, session, Wires::default())
    }

    /// A client that begins with a WebSocket; `None` if the sid is taken.
    pub(crate) fn websocket(
        shared: &Arc<Shared>,
        sid: FastStr,
        handshake: Handshake,
        dialect: Dialect,
        websocket: Accepted,
    ) -> Option<(Arc<Self>, TransportId)> {
        let engine = shared.engine.clone();
        let (session, id) = ServerSession::websocket_in(dialect, engine, sid.clone(), shared.now());
        let wires = Wires::new(Wire::new(id, websocket));
        let connection = Self::new(shared, sid, handshake, session, wires)?;
        Some((connection, id))
    }

    fn new(
        shared: &Arc<Shared>,
        sid: FastStr,
        handshake: Handshake,
        session: ServerSession,
        wires: Wires,
    ) -> Option<Arc<Self>> {
        let revision = match session.revision() {
            Revision::V3 => protocol::Revision::V4,
            _ => protocol::Revision::V5,
        };
        let protocol = protocol::Connection::new(&shared.config.protocol(), shared.now());
        let core = Core {
            direct: None,
            awaits_drain: false,
            scheduled: None,
            traffic: Traffic::default(),
            wires,
            sockets: SmallVec::new(),
            session,
            protocol: protocol
                .with_parser(&shared.config.parser)
                .with_revision(revision),
            requests: Vec::new(),
            reason: None,
            description: None,
            drop_volatile_beyond: match shared.config.slow_client {
                SlowClient::Disconnect => None,
                SlowClient::DropVolatileFirst => Some(shared.config.max_buffered),
            },
        };
        let transport = core.session.transport();
        let connection = Arc::new(Self {
            shared: shared.clone(),
            sid: sid.clone(),
            handshake,
            backlog: AtomicUsize::new(0),
            core: Mutex::new(core),
            caught_up: Notify::new(),
            drained: Notify::new(),
        });
        match shared.connections.write().entry(sid) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(entry) => entry.insert(connection.clone()),
        };
        tracing::debug!(name: "songi.connection.opened", sid = %connection.sid, ?transport);
        let counters = &shared.counters;
        count(match transport {
            Some(Transport::Polling) => &counters.opened_polling,
            _ => &counters.opened_websocket,
        });
        // Schedules the first deadline, hands out the open packet, and lets a client of Socket.IO 2
        // into the main namespace.
        connection.drive(|core, now, work| {
            if let Some(message) = &shared.config.initial_packet {
                // One that does not fit the limits closes the session, as any other.
                let frame = Frame::message(message.clone());
                let _ = core.session.send(frame, SendOptions::default(), now);
            }
            if let Some(protocol::Incoming::Connect { namespace, auth }) = core.protocol.opened() {
                work.push(Work::Join { namespace, auth });
            }
        });
        if shared.closing.is_cancelled() {
            // It came too late to be told with the others.
            connection.close(DisconnectReason::ServerShuttingDown);
        }
        Some(connection)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// What carries the session, and its revision; `None` when it is closed.
    pub(crate) fn carrier(&self) -> Option<(Transport, Revision)> {
        let core = self.core.lock();
        Some((core.session.transport()?, core.session.revision()))
    }

    /// The id of a new socket. Clients of Socket.IO 2 are told none: they make it of the id of
    /// their session, and so does the server.
    pub(crate) fn socket_id(&self, namespace: &str) -> FastStr {
        match (self.core.lock().session.revision(), namespace) {
            (Revision::V3, "/") => self.sid.clone(),
            (Revision::V3, _) => format!("{namespace}#{}", self.sid).into(),
            _ => random_id(),
        }
    }

    /// What is counted of it, and what waits.
    pub(crate) fn observe(&self) -> Observed {
        let core = self.core.lock();
        Observed {
            transport: core.session.transport(),
            traffic: core.traffic,
            buffered: core.buffered(),
            pending: self.backlog.load(Ordering::Relaxed),
        }
    }

    /// Whether the client can recover: those of Socket.IO 2 know nothing of it.
    pub(crate) fn may_recover(&self) -> bool {
        self.core.lock().session.revision() != Revision::V3
    }

    // Requests

    pub(crate) fn poll_opened(self: &Arc<Self>) -> (RequestId, oneshot::Receiver<Response>) {
        self.request(ServerSession::poll_opened)
    }

    pub(crate) fn post_opened(
        self: &Arc<Self>,
        content_type: Option<&[u8]>,
    ) -> (RequestId, oneshot::Receiver<Response>) {
        self.request(|session, now| session.post_opened(content_type, now))
    }

    pub(crate) fn post_body(self: &Arc<Self>, request: RequestId, body: bytes::Bytes) {
        self.drive(|core, now, _| core.session.post_body(request, body, now));
    }

    pub(crate) fn post_too_large(self: &Arc<Self>, request: RequestId) {
        self.drive(|core, _, _| core.session.post_too_large(request));
    }

    /// The request will not be answered: its client has gone.
    pub(crate) fn request_aborted(self: &Arc<Self>, request: RequestId) {
        self.drive(|core, now, _| {
            core.requests.retain(|(waiting, _)| *waiting != request);
            core.session.request_aborted(request, now);
        });
    }

    fn request(
        self: &Arc<Self>,
        open: impl FnOnce(&mut ServerSession, Duration) -> RequestId,
    ) -> (RequestId, oneshot::Receiver<Response>) {
        let (sender, answer) = oneshot::channel();
        let request = self.drive(|core, now, _| {
            let request = open(&mut core.session, now);
            core.requests.push((request, sender));
            request
        });
        (request, answer)
    }

    // WebSockets

    /// A WebSocket was opened for this session, to upgrade it.
    pub(crate) fn websocket_opened(self: &Arc<Self>, websocket: Accepted) -> TransportId {
        self.drive(|core, now, _| {
            let id = core.session.websocket_opened(now);
            core.wires.push(Wire::new(id, websocket));
            id
        })
    }

    /// Carries messages both ways until either side ends it: what the task of a WebSocket does.
    pub(crate) fn poll_websocket(
        self: &Arc<Self>,
        id: TransportId,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEnd> {
        let now = self.shared.now();
        let mut work = Works::new();
        for _ in 0..AT_ONCE {
            {
                let core = &mut *self.core.lock();
                let Some(wire) = core.wires.find(id) else {
                    return Poll::Ready(TransportEnd::Closed);
                };
                let session = &core.session;
                let polled = wire.poll(self.is_behind(), cx, |text| {
                    session.receive_text(id, text).map(text_of)
                });
                if polled.is_pending() {
                    self.tell_drained(core);
                }
                let message = match ready!(polled) {
                    Ok(Received::Message(text)) => Some(Message::Text(text)),
                    Ok(Received::Event(Event::Text(text))) => {
                        core.session.receive(id, Frame::Text(text), now)
                    }
                    Ok(Received::Event(Event::Binary(bytes))) => {
                        core.session.receive(id, Frame::Binary(bytes), now)
                    }
                    Ok(Received::Event(Event::Close(_))) => {
                        return Poll::Ready(TransportEnd::Closed);
                    }
                    Ok(Received::Event(_)) => continue,
                    Err(end) => return Poll::Ready(end),
                };
                let settled = match message {
                    Some(message) => self.receive(core, message, now, &mut work),
                    None => false,
                };
                if !settled {
                    self.settle(core, now, &mut work);
                }
            }
            // Handlers run, and what they send waits for the next round.
            self.perform_all(&mut work);
        }
        // It goes on when the others have had their turn, and the network has been looked at.
        let _ = pin!(tokio::task::yield_now()).poll(cx);
        Poll::Pending
    }

    /// The task of a WebSocket has nothing more to carry: it gets the WebSocket, to close it.
    pub(crate) fn websocket_closed(
        self: &Arc<Self>,
        id: TransportId,
        end: TransportEnd,
    ) -> Option<WebSocket<Stream>> {
        self.drive(|core, now, _| {
            let wire = core.wires.remove(id);
            core.session.transport_closed(id, end, now);
            wire.map(Wire::into_socket)
        })
    }

    // Emitting

    /// A packet that the protocol's state writes.
    fn encode(
        &self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), StateError>,
    ) -> Result<Outgoing, StateError> {
        let parser = &self.shared.config.parser;
        Outgoing::with_parser(parser, |wire| write(wire).map(|()| Vec::new()))
    }

    // Closing

    /// Takes one socket out of its namespace and tells the client.
    pub(crate) fn disconnect_socket(
        self: &Arc<Self>,
        socket: &Arc<SocketInner>,
        reason: DisconnectReason,
    ) {
        let name = socket.namespace().name();
        self.command(|core, now, work| {
            if !core.leave(socket, reason, work) {
                return;
            }
            let packet = self.encode(|wire| core.protocol.disconnect(name, wire));
            if let Ok(packet) = packet {
                // A client that cannot be told is being closed anyway.
                let _ = core.send(&packet, SendOptions::default(), now);
            }
        });
    }

    /// Takes all sockets out of their namespaces and closes the connection. The client is told, and
    /// does not come back by itself.
    pub(crate) fn disconnect(self: &Arc<Self>) {
        let sockets = self.core.lock().sockets.clone();
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        for socket in &sockets {
            self.disconnect_socket(socket, reason);
        }
        self.close(reason);
    }

    /// The client has come back by another connection: this one is dead.
    pub(crate) fn take_over(self: &Arc<Self>) {
        self.command(|core, _, _| core.session.abort(CloseReason::TransportClose));
    }

    /// Closes the connection at once.
    pub(crate) fn abort(self: &Arc<Self>) {
        self.command(|core, _, _| core.session.abort(CloseReason::ForcedClose));
    }

    /// Closes the connection with all its sockets, in good order.
    pub(crate) fn close(self: &Arc<Self>, reason: DisconnectReason) {
        self.command(|core, now, work| {
            core.reason = Some(reason);
            for socket in mem::take(&mut core.sockets) {
                core.disconnected(&socket, reason, work);
            }
            core.session.close(close_reason(reason), now);
        });
    }

    // Joining

    /// Keeps a client out of a namespace.
    pub(crate) fn refuse(self: &Arc<Self>, namespace: &FastStr, error: &Rejection) {
        tracing::debug!(
            name: "songi.socket.refused",
            sid = %self.sid,
            %namespace,
            message = error.message(),
        );
        count(&self.shared.counters.refused_joins);
        self.drive(|core, now, _| {
            let packet = self.encode(|wire| {
                core.protocol
                    .reject(namespace, error.message(), error.data(), wire)
            });
            if let Ok(packet) = packet {
                // A client that cannot be told is being closed anyway.
                let _ = core.send(&packet, SendOptions::default(), now);
            }
        });
    }
}

/// A text of its own, in one allocation or none.
fn text_of(text: &str) -> FastStr {
    // As long as it may be to lie inline.
    const INLINE: usize = 30;
    if text.len() <= INLINE {
        return FastStr::new(text);
    }
    FastStr::from_arc_str(Arc::from(text))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Request, StatusCode};
    use http_body_util::Empty;
    use tower_service::Service as _;

    use crate::Server;

    /// Whatever a client leaves behind, a server that many visit does not grow by it.
    #[tokio::test]
    async fn who_has_gone_leaves_nothing_behind() {
        const CLIENTS: usize = 2000;
        let io = Server::new();
        let mut service = io.service();
        for _ in 0..CLIENTS {
            let request = Request::get("/socket.io/?EIO=4&transport=polling");
            let request = request.body(Empty::<Bytes>::new()).expect("a request");
            let answer = service.call(request).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
        }
        let shared = &io.shared;
        assert_eq!(shared.timers.len(), CLIENTS);
        let all: Vec<_> = shared.connections.read().values().cloned().collect();
        for connection in all {
            connection.abort();
            assert_eq!(std::sync::Arc::weak_count(&connection), 0);
        }
        assert_eq!(shared.timers.len(), 0);
        let left = shared.connections.read().capacity();
        assert!(left < CLIENTS / 2, "{left}");
    }
}
