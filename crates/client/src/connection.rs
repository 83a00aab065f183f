//! One connection to a server: its Engine.IO session, its namespaces, and what waits to be
//! written.
//!
//! All state is behind one lock, which is held while something goes in, and never while a handler
//! runs. Who emits or leaves only puts something down and wakes the connection's task, which
//! writes, reads and calls the handlers.

mod core;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use faststr::FastStr;
use parking_lot::Mutex;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::{
    ClientEvent, ClientOutput, ClientSession, Frame, Message, SendOptions, TransportEnd,
    TransportId,
};
use songi_socketio::client::{self as protocol, Incoming};
use songi_socketio::encode;
use songi_socketio::handler::Job;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use self::core::{Core, weight};
use crate::config::Config;
use crate::error::ConnectError;
use crate::joining::Joining;
use crate::reason::DisconnectReason;
use crate::socket::{Socket, SocketInner};

pub(crate) struct Connection {
    config: Config,
    origin: Instant,
    core: Mutex<Core>,
    /// Events that wait for their handlers, of all sockets.
    backlog: AtomicUsize,
    /// Whose sender the task has.
    task: watch::Receiver<()>,
}

/// What the task has to do next.
pub(crate) struct Turn {
    pub(crate) work: Vec<Arc<SocketInner>>,
    pub(crate) frames: Vec<Frame>,
    /// Frames wait for which there was no room.
    pub(crate) congested: bool,
    /// The session has ended, and the WebSocket is to be closed after these frames.
    pub(crate) closed: bool,
    pub(crate) deadline: Option<Instant>,
}

impl Connection {
    /// A session that has been opened over a WebSocket. The task holds the sender until it ends.
    pub(crate) fn new(
        config: Config,
        origin: Instant,
        session: ClientSession,
        transport: TransportId,
    ) -> (Arc<Self>, watch::Sender<()>) {
        let (sender, task) = watch::channel(());
        let protocol = protocol::Connection::new(&config.protocol());
        let connection = Self {
            config,
            origin,
            core: Mutex::new(Core::new(session, transport, protocol)),
            backlog: AtomicUsize::new(0),
            task,
        };
        (Arc::new(connection), sender)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn task(&self) -> watch::Receiver<()> {
        self.task.clone()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.core.lock().session.is_closed()
    }

    // Users

    /// Asks to join a namespace. The future ends with the server's answer; dropped, it leaves.
    pub(crate) fn join(
        self: &Arc<Self>,
        namespace: FastStr,
        joining: Joining,
    ) -> impl Future<Output = Result<Socket, ConnectError>> + use<> {
        let started = self.start_joining(namespace, joining);
        async move {
            let (socket, answered) = started?;
            match answered.await {
                Ok(Ok(())) => Ok(socket),
                Ok(Err(refused)) => Err(ConnectError::Refused {
                    message: refused.message,
                    data: refused.data,
                }),
                Err(_) => {
                    let reason = socket.inner().reason();
                    Err(ConnectError::Disconnected(
                        reason.unwrap_or(DisconnectReason::TransportClose),
                    ))
                }
            }
        }
    }

    fn start_joining(
        self: &Arc<Self>,
        namespace: FastStr,
        mut joining: Joining,
    ) -> Result<(Socket, oneshot::Receiver<Answered>), ConnectError> {
        let (answer, answered) = oneshot::channel();
        let handlers = mem::take(&mut joining.handlers);
        let inner = SocketInner::new(namespace, self, handlers, answer);
        let socket = Socket::from_inner(Arc::new(inner));
        self.drive(|core, now| {
            let started = self.ask_to_join(core, &socket, &joining, now);
            if started.is_err() {
                core.close_if_unused(now);
            }
            started
        })?;
        Ok((socket, answered))
    }

    fn ask_to_join(
        &self,
        core: &mut Core,
        socket: &Socket,
        joining: &Joining,
        now: Duration,
    ) -> Result<(), ConnectError> {
        if core.session.is_closed() {
            let reason = core.reason.unwrap_or(DisconnectReason::TransportClose);
            return Err(ConnectError::Disconnected(reason));
        }
        let limit = self.config.max_namespaces;
        if core.sockets.len() >= limit {
            return Err(ConnectError::TooManyNamespaces { limit });
        }
        let packet =
            Outgoing::encode(|wire| joining.connect(&mut core.protocol, socket.namespace(), wire))?;
        core.sockets.push(socket.inner().clone());
        core.send(&packet, now);
        Ok(())
    }

    /// Leaves a socket's namespace, and closes the connection when it was the last.
    pub(crate) fn leave(&self, socket: &Arc<SocketInner>) {
        self.drive(|core, now| {
            if !core.remove(socket) {
                return;
            }
            let name = socket.namespace();
            let tell = core.protocol.is_connected(name);
            let packet = Outgoing::encode(|wire| core.protocol.disconnect(name, wire));
            if let (true, Ok(packet)) = (tell, packet) {
                core.send(&packet, now);
            }
            self.disconnected(core, socket, DisconnectReason::ClientDisconnect);
            core.close_if_unused(now);
        });
    }

    /// Queues a packet with its attachments, next to each other.
    pub(crate) fn send(&self, packet: &Outgoing, options: SendOptions) -> Result<(), EmitError> {
        self.drive(|core, now| {
            if core.session.is_closed() {
                return Err(EmitError::Disconnected);
            }
            if options.volatile && core.congested {
                return Ok(());
            }
            let weight: usize = packet.frames().map(|frame| weight(&frame)).sum();
            let fits = core.queued.saturating_add(weight) <= self.config.max_buffered;
            if !fits && core.queued > 0 {
                return Err(EmitError::QueueFull);
            }
            core.send(packet, now);
            Ok(())
        })
    }

    // The task

    /// What there is to do. Frames are given up to `room` bytes, and all when the WebSocket is to
    /// be closed.
    pub(crate) fn turn(&self, waker: &Waker, room: usize) -> Turn {
        let mut core = self.core.lock();
        match &mut core.waker {
            Some(known) => known.clone_from(waker),
            None => core.waker = Some(waker.clone()),
        }
        let mut turn = Turn {
            work: mem::take(&mut core.work),
            frames: Vec::new(),
            congested: false,
            closed: core.session.is_closed(),
            deadline: core.deadline().map(|deadline| self.origin + deadline),
        };
        let mut taken = 0;
        while turn.closed || taken < room {
            let Some(frame) = core.frames.pop_front() else {
                break;
            };
            taken += frame.len();
            core.queued -= weight(&frame);
            turn.frames.push(frame);
        }
        core.congested = !core.frames.is_empty();
        turn.congested = core.congested;
        if core.frames.is_empty() {
            // A burst leaves no buffer behind.
            core.frames.shrink_to(4);
        }
        turn
    }

    /// A message came.
    pub(crate) fn frame(&self, frame: Frame) {
        self.drive(|core, now| core.session.frame(core.transport, frame, now));
    }

    /// The WebSocket has ended.
    pub(crate) fn transport_closed(&self, end: TransportEnd) {
        self.drive(|core, now| {
            core.session.transport_closed(core.transport, end, now);
        });
    }

    pub(crate) fn handle_timeout(&self) {
        self.drive(|core, now| {
            core.session.handle_timeout(now);
            if let Err(violation) = core.protocol.handle_timeout(now) {
                core.fail(&violation, now);
            }
        });
    }

    /// Whether so many events wait for their handlers that no more should be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Acquire) >= self.config.max_pending_events
    }

    /// The handlers of some events have finished, or will not be called.
    pub(crate) fn events_handled(&self, count: usize) {
        let before = self.backlog.fetch_sub(count, Ordering::AcqRel);
        if before >= self.config.max_pending_events {
            self.core.lock().wake();
        }
    }

    // Within

    /// The time since the connection began.
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Puts something in, and what comes out of it where it belongs.
    fn drive<T>(&self, input: impl FnOnce(&mut Core, Duration) -> T) -> T {
        let now = self.now();
        let mut core = self.core.lock();
        let result = input(&mut core, now);
        while let Some(output) = core.session.poll_output() {
            match output {
                ClientOutput::Frame { frame, .. } => core.queue(frame),
                ClientOutput::Event(ClientEvent::Message(message)) => {
                    self.receive(&mut core, message, now);
                }
                ClientOutput::Event(ClientEvent::Closed { reason, violation }) => {
                    tracing::debug!(%reason, ?violation, "connection closed");
                    let reason = *core.reason.get_or_insert(reason.into());
                    core.wake();
                    for socket in mem::take(&mut core.sockets) {
                        self.disconnected(&mut core, &socket, reason);
                    }
                }
                // The end of the session is also that of its WebSocket, and nothing else is asked
                // for without long-polling.
                _ => {}
            }
        }
        result
    }

    /// A Socket.IO packet, or one attachment of it.
    fn receive(&self, core: &mut Core, message: Message, now: Duration) {
        let received = match message {
            Message::Text(text) => core.protocol.receive_text(text, now),
            Message::Binary(bytes) => core.protocol.receive_binary(bytes, now),
        };
        match received {
            Ok(Some(incoming)) => self.incoming(core, incoming, now),
            Ok(None) => {}
            Err(violation) => core.fail(&violation, now),
        }
    }

    fn incoming(&self, core: &mut Core, incoming: Incoming, now: Duration) {
        match incoming {
            Incoming::Connected { namespace, sid, .. } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                socket.mark_connected(sid);
                socket.begin();
                core.work(socket);
            }
            Incoming::Refused { namespace, error } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                core.remove(&socket);
                socket.answer(Err(error));
                self.disconnected(core, &socket, DisconnectReason::ServerDisconnect);
                core.close_if_unused(now);
            }
            Incoming::Event {
                namespace,
                id,
                name,
                args,
                ..
            } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                self.backlog.fetch_add(1, Ordering::AcqRel);
                socket.push_event(Job::Event { name, id, args });
                core.work(socket);
            }
            Incoming::Ack {
                namespace,
                id,
                args,
            } => {
                let waiting = core.socket(&namespace);
                if let Some(reply) = waiting.and_then(|socket| socket.acks.lock().take(id)) {
                    reply.send(args);
                }
            }
            Incoming::Disconnect { namespace } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                core.remove(&socket);
                self.disconnected(core, &socket, DisconnectReason::ServerDisconnect);
                core.close_if_unused(now);
            }
            Incoming::Unwanted { namespace } => {
                let packet = Outgoing::encode(|wire| encode::disconnect(wire, &namespace));
                if let Ok(packet) = packet {
                    core.send(&packet, now);
                }
            }
        }
    }

    /// Ends a socket that was taken out.
    fn disconnected(&self, core: &mut Core, socket: &Arc<SocketInner>, reason: DisconnectReason) {
        if socket.mark_disconnected(reason) {
            socket.push_disconnected(reason.as_arguments());
        } else {
            self.backlog.fetch_sub(socket.forget(), Ordering::AcqRel);
        }
        core.work(socket.clone());
    }
}

/// The server's answer to a CONNECT.
type Answered = Result<(), protocol::ConnectError>;
