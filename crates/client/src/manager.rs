//! One connection to a server, again and again: its Engine.IO session while there is one, its
//! namespaces, and what waits to be written.
//!
//! All state is behind one lock, which is held while something goes in, and never while a handler
//! runs. Who emits or leaves only puts something down and wakes the connection's task, which
//! connects, writes, reads and calls the handlers. The task lives as long as a namespace is wanted.

mod core;
mod incoming;
mod link;
mod outcome;
pub(crate) mod sharing;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::{ClientEvent, ClientOutput, Frame, RequestId, SendOptions, TransportEnd, TransportId};
use songi_socketio::client::StateError;
use songi_socketio::{EncodeError, Parser, RawJson};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use self::core::Core;
pub(crate) use self::link::Command;
use crate::config::Config;
use crate::driver;
use crate::error::ConnectError;
use crate::reason::DisconnectReason;
use crate::settings::Settings;
use crate::socket::SocketInner;
use crate::transport::http::Reply;

pub(crate) struct Manager {
    settings: Arc<Settings>,
    runtime: Handle,
    core: Mutex<Core>,
    /// Events that wait for their handlers, of all sockets.
    backlog: AtomicUsize,
    /// Whether there is a task.
    running: watch::Sender<bool>,
}

/// What the task has to do next.
pub(crate) struct Turn {
    pub(crate) work: Vec<Arc<SocketInner>>,
    /// Sockets that are to ask for their namespace on the link.
    pub(crate) joins: Vec<Arc<SocketInner>>,
    /// Which link the commands are for: each session has another number.
    pub(crate) link: u64,
    pub(crate) commands: Vec<Command>,
    /// More waits than there was room for.
    pub(crate) congested: bool,
    /// The session has ended: what carries it is to be closed after these commands.
    pub(crate) ended: bool,
    /// Nobody wants the connection.
    pub(crate) idle: bool,
    pub(crate) deadline: Option<Instant>,
}

impl Manager {
    fn new(settings: Settings) -> Arc<Self> {
        let backoff = settings.config.backoff();
        Arc::new(Self {
            settings: Arc::new(settings),
            runtime: Handle::current(),
            core: Mutex::new(Core::new(backoff)),
            backlog: AtomicUsize::new(0),
            running: watch::Sender::new(false),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.settings.config
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    pub(crate) fn parser(&self) -> &Parser {
        &self.settings.parser
    }

    /// The runtime that the task runs in.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Tells whether there is a task.
    pub(crate) fn running(&self) -> watch::Receiver<bool> {
        self.running.subscribe()
    }

    pub(crate) fn is_used(&self) -> bool {
        !self.core.lock().sockets.is_empty()
    }

    // Users

    /// Joins a socket's namespace, now and whenever there is a new connection.
    pub(crate) fn activate(self: &Arc<Self>, socket: &Arc<SocketInner>) -> Result<(), ConnectError> {
        let start = self.drive(|core, _| {
            if core.abandoned {
                return Err(ConnectError::Disconnected(DisconnectReason::TransportClose));
            }
            let limit = self.config().max_namespaces;
            if core.sockets.iter().any(|joined| Arc::ptr_eq(joined, socket)) {
                return Ok(false);
            }
            if core.socket(socket.namespace()).is_some() {
                return Err(ConnectError::InUse(socket.namespace().clone()));
            }
            if core.sockets.len() >= limit {
                return Err(ConnectError::TooManyNamespaces { limit });
            }
            core.sockets.push(socket.clone());
            socket.mark_active();
            core.reconnection.start();
            if core.link.as_ref().is_some_and(|link| link.is_usable()) {
                core.joins.push(socket.clone());
            }
            core.wake();
            Ok(!self.running.send_replace(true))
        })?;
        if start {
            self.runtime.spawn(driver::drive(self.clone()));
        }
        Ok(())
    }

    /// Leaves a socket's namespace, and closes the connection when it was the last.
    pub(crate) fn leave(&self, socket: &Arc<SocketInner>) {
        self.drive(|core, now| {
            if !core.remove(socket) {
                return;
            }
            let name = socket.namespace();
            let parser = self.parser();
            if let Some(link) = core.link.as_mut().filter(|link| link.is_usable()) {
                let tell = link.protocol.is_connected(name);
                let packet = Outgoing::with_parser(parser, |wire| {
                    link.protocol.disconnect(name, wire).map(|()| Vec::new())
                });
                if let (true, Ok(packet)) = (tell, packet.map_err(|_: StateError| ())) {
                    link.send(&packet, SendOptions::default(), now);
                }
            }
            self.deactivate(core, socket, DisconnectReason::ClientDisconnect);
            self.close_if_unused(core, now);
        });
    }

    /// Queues a packet with its attachments, next to each other; or keeps it until the namespace
    /// is joined.
    pub(crate) fn send(
        &self,
        socket: &SocketInner,
        packet: Outgoing,
        options: SendOptions,
        ack: Option<u64>,
    ) -> Result<(), EmitError> {
        self.drive(|core, now| {
            self.check_heartbeat(core, now);
            let joined = socket.is_connected();
            if let Some(link) = core.link.as_mut().filter(|link| joined && link.is_usable()) {
                return link.try_send(&packet, options, self.config().max_buffered, now);
            }
            if !socket.is_active() {
                return Err(EmitError::Disconnected);
            }
            if options.volatile {
                return Ok(());
            }
            socket.offline.lock().push(packet, options, ack, self.config())
        })
    }

    /// Queues a packet that does not wait for the namespace to be joined.
    pub(crate) fn send_now(
        &self,
        socket: &SocketInner,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        self.drive(|core, now| {
            self.check_heartbeat(core, now);
            let joined = socket.is_connected();
            match core.link.as_mut().filter(|link| joined && link.is_usable()) {
                Some(link) => link.try_send(packet, options, self.config().max_buffered, now),
                None => Err(EmitError::Disconnected),
            }
        })
    }

    // The task

    /// What there is to do. Frames are given up to `room` bytes, and all when the session has
    /// ended.
    pub(crate) fn turn(&self, waker: &Waker, room: usize) -> Turn {
        let mut core = self.core.lock();
        match &mut core.waker {
            Some(known) => known.clone_from(waker),
            None => core.waker = Some(waker.clone()),
        }
        if core.link.is_none() && core.reconnection.is_opening() && !core.sockets.is_empty() {
            let now = core.now();
            core.open(self.config(), self.parser(), now);
            self.pump(&mut core, now);
        }
        let mut turn = Turn {
            work: mem::take(&mut core.work),
            joins: mem::take(&mut core.joins),
            link: core.links,
            commands: Vec::new(),
            congested: false,
            ended: false,
            idle: false,
            deadline: core.deadline().and_then(|deadline| core.clock.instant(deadline)),
        };
        if let Some(link) = &mut core.link {
            link.take_commands(&mut turn.commands, room);
            turn.congested = link.congested;
            turn.ended = link.closed;
        }
        if turn.ended {
            core.link = None;
        }
        turn.idle = core.link.is_none() && core.sockets.is_empty();
        turn
    }

    /// Ends the task, unless it is wanted again.
    pub(crate) fn finish(&self) -> bool {
        let mut core = self.core.lock();
        if core.sockets.is_empty() && core.link.is_none() && core.work.is_empty() {
            core.reconnection.stop();
            core.waker = None;
            self.running.send_replace(false);
            return true;
        }
        false
    }

    /// The task has ended with its runtime.
    pub(crate) fn abandon(&self) {
        if !*self.running.borrow() {
            return;
        }
        self.drive(|core, _| {
            core.abandoned = true;
            core.reconnection.stop();
            core.link = None;
            for socket in mem::take(&mut core.sockets) {
                self.deactivate(core, &socket, DisconnectReason::TransportClose);
            }
        });
        let work = mem::take(&mut self.core.lock().work);
        drop(work);
        self.running.send_replace(false);
    }

    /// Asks for a namespace with this auth payload, if the link is still there.
    pub(crate) fn join(
        &self,
        link: u64,
        socket: &Arc<SocketInner>,
        auth: Result<RawJson, EncodeError>,
    ) {
        self.drive(|core, now| {
            let wanted = core.sockets.iter().any(|wanted| Arc::ptr_eq(wanted, socket));
            if !wanted || core.links != link {
                return;
            }
            let parser = self.parser();
            let Some(link) = core.link.as_mut().filter(|link| link.is_usable()) else {
                return;
            };
            let name = socket.namespace();
            let packet = auth.map_err(StateError::from).and_then(|auth| {
                let auth = socket.with_recovery(auth);
                Outgoing::with_parser(parser, |wire| {
                    link.protocol.connect(name, &auth, wire).map(|()| Vec::new())
                })
            });
            match packet {
                Ok(packet) => link.send(&packet, SendOptions::default(), now),
                // We have just left it, and the server has not answered to our coming yet.
                Err(StateError::InUse(_)) => core.blocked.push(socket.clone()),
                Err(error) => {
                    core.remove(socket);
                    self.refused(core, socket, error.into());
                    self.close_if_unused(core, now);
                }
            }
        });
    }

    /// A WebSocket that was asked for is open.
    pub(crate) fn websocket_opened(&self, link: u64, transport: TransportId) {
        self.input(link, |session, now| session.websocket_opened(transport, now));
    }

    /// A message came.
    pub(crate) fn frame(&self, link: u64, transport: TransportId, frame: Frame) {
        self.input(link, |session, now| session.frame(transport, frame, now));
    }

    /// A WebSocket has ended, or could not be opened.
    pub(crate) fn transport_closed(
        &self,
        link: u64,
        transport: TransportId,
        end: TransportEnd,
        error: Option<ConnectError>,
    ) {
        self.note(link, error);
        self.input(link, |session, now| session.transport_closed(transport, end, now));
    }

    /// A request was answered.
    pub(crate) fn response(
        &self,
        link: u64,
        request: RequestId,
        reply: Result<Reply, ConnectError>,
    ) {
        match reply {
            Ok(Reply { status, body }) => {
                if status != 200 {
                    let body = String::from_utf8_lossy(&body);
                    let body = body.chars().take(MAX_ERROR_BODY).collect();
                    self.note(link, Some(ConnectError::Status { status, body }));
                }
                self.input(link, |session, now| session.response(request, status, body, now));
            }
            Err(error) => {
                tracing::debug!(%error, "request");
                self.note(link, Some(error));
                self.input(link, |session, now| session.request_failed(request, now));
            }
        }
    }

    pub(crate) fn handle_timeout(&self) {
        self.drive(|core, now| {
            if let Some(attempt) = core.reconnection.handle_timeout(now) {
                self.tell_all(core, "reconnect_attempt", &attempt);
            }
            let timeout = self.config().connect_timeout;
            let Some(link) = &mut core.link else {
                return;
            };
            if link.deadline.is_some_and(|deadline| now >= deadline) {
                link.error = Some(ConnectError::Timeout(timeout));
                link.session.close(now);
                return;
            }
            link.session.handle_timeout(now);
            if let Err(violation) = link.protocol.handle_timeout(now) {
                self.broken(core, &violation, now);
            }
        });
    }

    /// Whether so many events wait for their handlers that no more should be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Acquire) >= self.config().max_pending_events
    }

    /// The handlers of some events have finished, or will not be called.
    pub(crate) fn events_handled(&self, count: usize) {
        let before = self.backlog.fetch_sub(count, Ordering::AcqRel);
        if before >= self.config().max_pending_events {
            self.core.lock().wake();
        }
    }

    // Within

    /// Puts something into the session of a link, if it is still there.
    fn input(
        &self,
        link: u64,
        input: impl FnOnce(&mut songi_engineio::ClientSession, Duration),
    ) {
        self.drive(|core, now| {
            if core.links != link {
                return;
            }
            if let Some(link) = &mut core.link {
                input(&mut link.session, now);
            }
        });
    }

    /// Notes why a link could not be opened.
    fn note(&self, link: u64, error: Option<ConnectError>) {
        let mut core = self.core.lock();
        if core.links != link {
            return;
        }
        if let (Some(link), Some(error)) = (&mut core.link, error) {
            link.error = Some(error);
        }
    }

    /// A machine that slept hears of the silence only now.
    fn check_heartbeat(&self, core: &mut Core, now: Duration) {
        let Some(link) = &mut core.link else {
            return;
        };
        if link.session.poll_timeout().is_some_and(|deadline| now >= deadline) {
            link.session.handle_timeout(now);
            self.pump(core, now);
        }
    }

    /// Puts something in, and what comes out of it where it belongs.
    fn drive<T>(&self, input: impl FnOnce(&mut Core, Duration) -> T) -> T {
        let mut core = self.core.lock();
        let now = core.now();
        let result = input(&mut core, now);
        self.pump(&mut core, now);
        result
    }

    fn pump(&self, core: &mut Core, now: Duration) {
        while let Some(link) = &mut core.link {
            let Some(output) = link.session.poll_output() else {
                return;
            };
            match output {
                ClientOutput::Event(ClientEvent::Opened) => self.opened(core, now),
                ClientOutput::Event(ClientEvent::Message(message)) => {
                    self.receive(core, message, now);
                }
                ClientOutput::Event(ClientEvent::Upgraded) => core.remembers_websocket = true,
                ClientOutput::Event(ClientEvent::Closed { reason, violation }) => {
                    tracing::debug!(%reason, ?violation, "connection closed");
                    self.closed(core, reason, violation, now);
                }
                ClientOutput::Event(_) => {}
                output => {
                    if link.queue(output) {
                        core.wake();
                    }
                }
            }
        }
    }
}

/// Characters that an error keeps of a response's body.
const MAX_ERROR_BODY: usize = 1000;

/// What a clock of this process says.
fn wall() -> SystemTime {
    SystemTime::now()
}
