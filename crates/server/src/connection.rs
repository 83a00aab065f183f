//! One client: its Engine.IO session, its namespaces, and who waits for what.
//!
//! All state is behind one lock, which is held while bytes go in and what comes out is handed to
//! its place, and never while a handler runs. Whoever brings an input (a request, a WebSocket
//! message, an emit, a timer) does the work that follows from it.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use faststr::FastStr;
use parking_lot::Mutex;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::{
    CloseReason, Event, Frame, Message, Output, RequestId, Response, SendError, SendOptions,
    ServerSession, Transport, TransportEnd, TransportId,
};
use songi_socketio::handler::Job;
use songi_socketio::{Arguments, RawJson, server as protocol};
use tokio::sync::{Notify, oneshot};

use crate::authorize::ConnectError;
use crate::handshake::Handshake;
use crate::joining;
use crate::reason::DisconnectReason;
use crate::server::Shared;
use crate::socket::{Socket, SocketInner};
use crate::timers::{Tick, Timed};

pub(crate) struct Connection {
    shared: Arc<Shared>,
    sid: FastStr,
    handshake: Handshake,
    core: Mutex<Core>,
    /// Events that wait for their handlers, of all sockets.
    backlog: AtomicUsize,
    caught_up: Notify,
}

struct Core {
    session: ServerSession,
    protocol: protocol::Connection,
    sockets: Vec<Arc<SocketInner>>,
    requests: Vec<(RequestId, oneshot::Sender<Response>)>,
    websockets: Vec<WebSocketQueue>,
    /// The tick for which this connection is in the timers.
    scheduled: Option<Tick>,
    /// Why the sockets are being disconnected, where the session's own reason says less.
    reason: Option<DisconnectReason>,
}

/// What waits to be written to one WebSocket of the session: there are two during an upgrade.
struct WebSocketQueue {
    id: TransportId,
    frames: VecDeque<Frame>,
    bytes: usize,
    /// The client reads more slowly than is written: volatile packets are dropped.
    congested: bool,
    /// Close it after the frames.
    closing: bool,
    task: Option<Waker>,
}

/// What the task of a WebSocket takes from its queue.
pub(crate) struct ToWrite {
    pub(crate) frames: VecDeque<Frame>,
    pub(crate) closing: bool,
}

/// What is done after the lock is released, because it runs handlers.
enum Work {
    Join {
        namespace: FastStr,
        auth: Option<RawJson>,
    },
    Handle(Arc<SocketInner>),
}

impl Connection {
    /// A client that begins with long-polling.
    pub(crate) fn polling(shared: &Arc<Shared>, sid: FastStr, handshake: Handshake) -> Arc<Self> {
        let session = ServerSession::polling(shared.engine.clone(), sid.clone(), shared.now());
        Self::new(shared, sid, handshake, session, Vec::new())
    }

    /// A client that begins with a WebSocket.
    pub(crate) fn websocket(
        shared: &Arc<Shared>,
        sid: FastStr,
        handshake: Handshake,
    ) -> (Arc<Self>, TransportId) {
        let (session, id) =
            ServerSession::websocket(shared.engine.clone(), sid.clone(), shared.now());
        let connection = Self::new(
            shared,
            sid,
            handshake,
            session,
            vec![WebSocketQueue::new(id)],
        );
        (connection, id)
    }

    fn new(
        shared: &Arc<Shared>,
        sid: FastStr,
        handshake: Handshake,
        session: ServerSession,
        websockets: Vec<WebSocketQueue>,
    ) -> Arc<Self> {
        let core = Core {
            session,
            protocol: protocol::Connection::new(&shared.config.protocol(), shared.now()),
            sockets: Vec::new(),
            requests: Vec::new(),
            websockets,
            scheduled: None,
            reason: None,
        };
        let connection = Arc::new(Self {
            shared: shared.clone(),
            sid: sid.clone(),
            handshake,
            core: Mutex::new(core),
            backlog: AtomicUsize::new(0),
            caught_up: Notify::new(),
        });
        shared.connections.write().insert(sid, connection.clone());
        // Schedules the first deadline, and hands out the open packet.
        connection.drive(|_, _, _| ());
        connection
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// What carries the session; `None` when it is closed.
    pub(crate) fn transport(&self) -> Option<Transport> {
        self.core.lock().session.transport()
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
    pub(crate) fn websocket_opened(self: &Arc<Self>) -> TransportId {
        self.drive(|core, now, _| {
            let id = core.session.websocket_opened(now);
            core.websockets.push(WebSocketQueue::new(id));
            id
        })
    }

    /// A message came by a WebSocket.
    pub(crate) fn frame(self: &Arc<Self>, id: TransportId, frame: Frame) {
        self.drive(|core, now, _| core.session.frame(id, frame, now));
    }

    /// The task of a WebSocket has ended.
    pub(crate) fn websocket_closed(self: &Arc<Self>, id: TransportId, end: TransportEnd) {
        self.drive(|core, now, _| {
            core.websockets.retain(|queue| queue.id != id);
            core.session.transport_closed(id, end, now);
        });
    }

    /// Takes what waits for a WebSocket, and wakes its task when there is more.
    pub(crate) fn take_frames(&self, id: TransportId, task: &Waker) -> ToWrite {
        let mut core = self.core.lock();
        let Some(queue) = core.websockets.iter_mut().find(|queue| queue.id == id) else {
            return ToWrite {
                frames: VecDeque::new(),
                closing: true,
            };
        };
        match &mut queue.task {
            Some(known) => known.clone_from(task),
            None => queue.task = Some(task.clone()),
        }
        queue.bytes = 0;
        queue.congested = false;
        ToWrite {
            frames: mem::take(&mut queue.frames),
            closing: queue.closing,
        }
    }

    /// So much waits to be written to a WebSocket that nothing more is taken for now.
    pub(crate) fn congested(&self, id: TransportId) {
        let mut core = self.core.lock();
        if let Some(queue) = core.websockets.iter_mut().find(|queue| queue.id == id) {
            queue.congested = true;
        }
    }

    // Emitting

    /// Queues a packet with its attachments, next to each other.
    pub(crate) fn send(
        self: &Arc<Self>,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        self.command(|core, now, _| core.send(packet, options, now))
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
            let packet = Outgoing::encode(|wire| core.protocol.disconnect(name, wire));
            if let Ok(packet) = packet {
                // A client that cannot be told is being closed anyway.
                let _ = core.send(&packet, SendOptions::default(), now);
            }
        });
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

    /// Lets a client into a namespace; the socket's connection handlers run next.
    pub(crate) fn accept(self: &Arc<Self>, socket: &Socket, auth: Arguments) {
        let socket = socket.inner();
        let namespace = socket.namespace();
        self.drive(|core, now, work| {
            let packet = Outgoing::encode(|wire| {
                core.protocol
                    .accept(namespace.name(), socket.id(), None, wire)
            });
            // The client may have gone while it was being checked.
            let (Ok(packet), false) = (packet, core.session.is_closed()) else {
                socket.mark_disconnected();
                return;
            };
            core.sockets.push(socket.clone());
            namespace.inner().rooms.insert(socket.clone());
            socket.push(Job::Connected(auth));
            work.push(Work::Handle(socket.clone()));
            // A client that cannot be told is being closed: its socket is disconnected then.
            let _ = core.send(&packet, SendOptions::default(), now);
        });
    }

    /// Keeps a client out of a namespace.
    pub(crate) fn refuse(self: &Arc<Self>, namespace: &FastStr, error: &ConnectError) {
        self.drive(|core, now, _| {
            let packet = Outgoing::encode(|wire| {
                core.protocol
                    .reject(namespace, error.message(), error.data(), wire)
            });
            if let Ok(packet) = packet {
                // A client that cannot be told is being closed anyway.
                let _ = core.send(&packet, SendOptions::default(), now);
            }
        });
    }

    // Back-pressure

    /// The handlers of an event have finished.
    pub(crate) fn event_handled(&self) {
        let before = self.backlog.fetch_sub(1, Ordering::Relaxed);
        if before == self.shared.config.max_pending_events {
            self.caught_up.notify_waiters();
            for queue in &self.core.lock().websockets {
                queue.wake();
            }
        }
    }

    /// Whether so many events wait for their handlers that no more should be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) >= self.shared.config.max_pending_events
    }

    /// Waits until [`is_behind`](Self::is_behind) is false.
    pub(crate) async fn caught_up(&self) {
        loop {
            let caught_up = self.caught_up.notified();
            if !self.is_behind() {
                return;
            }
            caught_up.await;
        }
    }

    // Driving

    /// Gives an input from the client to the state, hands out what comes of it, and calls the
    /// handlers that it is for.
    fn drive<T>(
        self: &Arc<Self>,
        input: impl FnOnce(&mut Core, Duration, &mut Vec<Work>) -> T,
    ) -> T {
        let mut work = Vec::new();
        let result = self.step(&mut work, input);
        for work in work {
            self.perform(work);
        }
        result
    }

    /// The same for what the application does. Handlers are called later, in a task: the caller
    /// may hold locks that they want.
    fn command<T>(
        self: &Arc<Self>,
        input: impl FnOnce(&mut Core, Duration, &mut Vec<Work>) -> T,
    ) -> T {
        let mut work = Vec::new();
        let result = self.step(&mut work, input);
        if !work.is_empty() {
            let connection = self.clone();
            self.shared.spawn(async move {
                for work in work {
                    connection.perform(work);
                }
            });
        }
        result
    }

    fn step<T>(
        self: &Arc<Self>,
        work: &mut Vec<Work>,
        input: impl FnOnce(&mut Core, Duration, &mut Vec<Work>) -> T,
    ) -> T {
        let now = self.shared.now();
        let mut core = self.core.lock();
        let result = input(&mut core, now, work);
        while let Some(output) = core.session.poll_output() {
            self.hand_out(&mut core, output, now, work);
        }
        self.schedule(&mut core);
        result
    }

    fn perform(self: &Arc<Self>, work: Work) {
        match work {
            Work::Join { namespace, auth } => joining::join(self, &namespace, auth.as_ref()),
            Work::Handle(socket) => socket.work(),
        }
    }

    fn hand_out(&self, core: &mut Core, output: Output, now: Duration, work: &mut Vec<Work>) {
        match output {
            Output::Respond { request, response } => core.respond(request, response),
            Output::Frame {
                transport,
                frame,
                options,
            } => {
                let limit = self.shared.config.max_buffered;
                if !core.queue(transport, frame, options, limit) {
                    tracing::debug!(sid = %self.sid, "the client reads too slowly");
                    core.reason = Some(DisconnectReason::ForcedClose);
                    core.session.abort(CloseReason::ForcedClose);
                }
            }
            Output::CloseTransport(transport) => core.close_websocket(transport),
            Output::Event(Event::Message(message)) => self.receive(core, message, now, work),
            Output::Event(Event::Closed { reason, violation }) => {
                tracing::debug!(sid = %self.sid, %reason, ?violation, "connection closed");
                self.shared.connections.write().remove(&self.sid);
                let reason = core.reason.unwrap_or_else(|| disconnect_reason(reason));
                for socket in mem::take(&mut core.sockets) {
                    core.disconnected(&socket, reason, work);
                }
            }
            _ => {}
        }
    }

    /// A Socket.IO packet, or one attachment of it.
    fn receive(&self, core: &mut Core, message: Message, now: Duration, work: &mut Vec<Work>) {
        let received = match message {
            Message::Text(text) => core.protocol.receive_text(text, now),
            Message::Binary(bytes) => core.protocol.receive_binary(bytes, now),
        };
        match received {
            Ok(Some(incoming)) => self.incoming(core, incoming, work),
            Ok(None) => {}
            Err(violation) => {
                tracing::debug!(sid = %self.sid, %violation, "the client broke the protocol");
                core.reason = Some(DisconnectReason::ParseError);
                core.session.abort(CloseReason::ParseError);
            }
        }
    }

    fn incoming(&self, core: &mut Core, incoming: protocol::Incoming, work: &mut Vec<Work>) {
        use protocol::Incoming;
        match incoming {
            Incoming::Connect { namespace, auth } => work.push(Work::Join { namespace, auth }),
            Incoming::Event {
                namespace,
                id,
                name,
                args,
            } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                socket.push(Job::Event { name, id, args });
                self.backlog.fetch_add(1, Ordering::Relaxed);
                work.push(Work::Handle(socket.clone()));
            }
            Incoming::Ack {
                namespace,
                id,
                args,
            } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                if let Some(reply) = socket.acks.lock().take(id) {
                    // Nobody waits any more: the ack came too late.
                    let _ = reply.send(args);
                }
            }
            Incoming::Disconnect { namespace } => {
                let Some(socket) = core.socket(&namespace).cloned() else {
                    return;
                };
                core.leave(&socket, DisconnectReason::ClientNamespaceDisconnect, work);
            }
        }
    }

    /// Keeps the earliest deadline in the timers.
    fn schedule(self: &Arc<Self>, core: &mut Core) {
        let deadlines = [core.session.poll_timeout(), core.protocol.poll_timeout()];
        let Some(next) = deadlines.into_iter().flatten().min() else {
            return;
        };
        let tick = Tick::at(next);
        if core.scheduled.is_none_or(|scheduled| tick < scheduled) {
            core.scheduled = Some(tick);
            self.shared.timers.schedule(tick, Arc::downgrade(self));
        }
    }
}

impl Timed for Connection {
    fn tick(self: Arc<Self>) {
        self.drive(|core, now, _| {
            core.scheduled = None;
            core.session.handle_timeout(now);
            if let Err(violation) = core.protocol.handle_timeout(now) {
                tracing::debug!(sid = %self.sid, %violation, "the client was too slow");
                core.reason = Some(DisconnectReason::ForcedServerClose);
                core.session.close(CloseReason::ForcedClose, now);
            }
        });
    }
}

impl Core {
    fn socket(&self, namespace: &str) -> Option<&Arc<SocketInner>> {
        self.sockets
            .iter()
            .find(|socket| socket.namespace().name() == namespace)
    }

    fn respond(&mut self, request: RequestId, response: Response) {
        let Some(position) = self
            .requests
            .iter()
            .position(|(waiting, _)| *waiting == request)
        else {
            return;
        };
        let (_, sender) = self.requests.swap_remove(position);
        // The client of the request has gone: its handler says so by itself.
        let _ = sender.send(response);
    }

    /// Puts a frame into the queue of a WebSocket; `false` when it is over its limit.
    fn queue(&mut self, id: TransportId, frame: Frame, options: SendOptions, limit: usize) -> bool {
        let Some(queue) = self.websockets.iter_mut().find(|queue| queue.id == id) else {
            return true;
        };
        if options.volatile && queue.congested {
            return true;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        queue.wake();
        queue.bytes <= limit
    }

    fn close_websocket(&mut self, id: TransportId) {
        if let Some(queue) = self.websockets.iter_mut().find(|queue| queue.id == id) {
            queue.closing = true;
            queue.wake();
        }
    }

    fn send(
        &mut self,
        packet: &Outgoing,
        options: SendOptions,
        now: Duration,
    ) -> Result<(), EmitError> {
        for frame in packet.frames() {
            self.session
                .send(frame, options, now)
                .map_err(|error| match error {
                    SendError::Full(_) => {
                        self.reason = Some(DisconnectReason::ForcedClose);
                        self.session.abort(CloseReason::ForcedClose);
                        EmitError::QueueFull
                    }
                    _ => EmitError::Disconnected,
                })?;
        }
        Ok(())
    }

    /// Takes a socket out; `false` when it was out already.
    fn leave(
        &mut self,
        socket: &Arc<SocketInner>,
        reason: DisconnectReason,
        work: &mut Vec<Work>,
    ) -> bool {
        let Some(position) = self
            .sockets
            .iter()
            .position(|joined| Arc::ptr_eq(joined, socket))
        else {
            return false;
        };
        let socket = self.sockets.swap_remove(position);
        self.disconnected(&socket, reason, work);
        true
    }

    fn disconnected(
        &mut self,
        socket: &Arc<SocketInner>,
        reason: DisconnectReason,
        work: &mut Vec<Work>,
    ) {
        if !socket.mark_disconnected() {
            return;
        }
        socket.namespace().inner().rooms.remove(socket.id());
        // Who waits for an ack is told by the end of its channel.
        socket.acks.lock().drain().for_each(drop);
        socket.push(Job::Disconnected(reason.as_arguments()));
        work.push(Work::Handle(socket.clone()));
    }
}

impl WebSocketQueue {
    fn new(id: TransportId) -> Self {
        Self {
            id,
            frames: VecDeque::new(),
            bytes: 0,
            congested: false,
            closing: false,
            task: None,
        }
    }

    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }
}

fn disconnect_reason(reason: CloseReason) -> DisconnectReason {
    match reason {
        CloseReason::TransportError => DisconnectReason::TransportError,
        CloseReason::TransportClose => DisconnectReason::TransportClose,
        CloseReason::PingTimeout => DisconnectReason::PingTimeout,
        CloseReason::ParseError => DisconnectReason::ParseError,
        CloseReason::ServerShuttingDown => DisconnectReason::ServerShuttingDown,
        _ => DisconnectReason::ForcedClose,
    }
}

fn close_reason(reason: DisconnectReason) -> CloseReason {
    match reason {
        DisconnectReason::ServerShuttingDown => CloseReason::ServerShuttingDown,
        _ => CloseReason::ForcedClose,
    }
}
