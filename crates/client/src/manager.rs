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
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::{ClientEvent, ClientOutput, SendOptions, Transport};
use songi_socketio::Parser;
use songi_socketio::client::StateError;
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::core::Core;
pub(crate) use self::link::Command;
use crate::config::Config;
use crate::driver;
use crate::error::ConnectError;
use crate::reason::DisconnectReason;
use crate::settings::Settings;
use crate::socket::SocketInner;

pub(crate) struct Manager {
    settings: Arc<Settings>,
    runtime: Handle,
    core: Mutex<Core>,
    /// Events that wait for their handlers, of all sockets.
    backlog: AtomicUsize,
    /// Whether there is a task.
    running: watch::Sender<bool>,
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

    /// What carries the connection now.
    pub(crate) fn transport(&self) -> Option<Transport> {
        self.core.lock().link.as_ref()?.session.transport()
    }

    pub(crate) fn is_used(&self) -> bool {
        !self.core.lock().sockets.is_empty()
    }

    // Users

    /// Joins a socket's namespace, now and whenever there is a new connection.
    pub(crate) fn activate(
        self: &Arc<Self>,
        socket: &Arc<SocketInner>,
    ) -> Result<(), ConnectError> {
        let start = self.drive(|core, _| {
            if core.abandoned {
                return Err(ConnectError::Disconnected(DisconnectReason::TransportClose));
            }
            let limit = self.config().max_namespaces;
            if core
                .sockets
                .iter()
                .any(|joined| Arc::ptr_eq(joined, socket))
            {
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
            socket
                .offline
                .lock()
                .push(packet, options, ack, self.config())
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

    /// A machine that slept hears of the silence only now.
    fn check_heartbeat(&self, core: &mut Core, now: Duration) {
        let Some(link) = &mut core.link else {
            return;
        };
        if link
            .session
            .poll_timeout()
            .is_some_and(|deadline| now >= deadline)
        {
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

/// What a clock of this process says.
fn wall() -> SystemTime {
    SystemTime::now()
}
