//! One connection to a server, again and again: its Engine.IO session while there is one, its
//! namespaces, and what waits to be written.
//!
//! What is decided is decided by the protocol's [`manager`](songi_socketio::manager): when to
//! connect, which namespaces to ask for, what waits and what is sent again. Here it is joined to
//! a session of Engine.IO and to the sockets of the application.
//!
//! All state is behind one lock, which is held while something goes in, and never while a handler
//! runs. Who emits or leaves only puts something down and wakes the connection's task, which
//! connects, writes, reads and calls the handlers. The task lives as long as a namespace is wanted.

mod core;
mod link;
mod note;
mod perform;
mod session;
pub(crate) mod sharing;
mod task;
#[cfg(test)]
mod tests;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::{ClientOutput, SendOptions, Transport};
use songi_socketio::Parser;
use songi_socketio::manager::{self as protocol, LinkId, SocketId};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use self::core::Core;
pub(crate) use self::link::Command;
use self::note::Note;
use crate::ack::{AckKey, AckReply};
use crate::config::Config;
use crate::driver;
use crate::error::{self, ConnectError};
use crate::reason::DisconnectReason;
use crate::settings::Settings;
use crate::socket::SocketInner;

/// A packet and how it is sent.
type Packet = (Outgoing, SendOptions);

type Machine = protocol::Manager<Packet, AckReply>;

/// What a socket keeps while it is not wanted.
pub(crate) type Rest = protocol::Socket<Packet, AckReply>;

/// One stay of a socket in its namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    socket: SocketId,
    link: LinkId,
}

pub(crate) struct Manager {
    settings: Arc<Settings>,
    runtime: Handle,
    core: Mutex<Core>,
    /// Events, and beginnings and ends of stays, that wait for their handlers, of all sockets.
    backlog: AtomicUsize,
    progress: watch::Sender<Progress>,
    /// Nothing waits for the server any more, or a socket has ended.
    drained: Notify,
}

/// How far the task is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Whether there is one.
    running: bool,
    /// How many sessions are over, with all that they had to write.
    over: u64,
}

impl Manager {
    fn new(settings: Settings) -> Arc<Self> {
        let core = Core::new(settings.config.manager(), settings.parser.clone());
        Arc::new(Self {
            settings: Arc::new(settings),
            runtime: Handle::current(),
            core: Mutex::new(core),
            backlog: AtomicUsize::new(0),
            progress: watch::Sender::default(),
            drained: Notify::new(),
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

    /// What carries the connection now.
    pub(crate) fn transport(&self) -> Option<Transport> {
        self.core.lock().link.as_ref()?.session.transport()
    }

    pub(crate) fn is_used(&self) -> bool {
        self.core.lock().machine.sockets() > 0
    }

    // Users

    /// Joins a socket's namespace, now and whenever there is a new connection.
    pub(crate) fn activate(
        self: &Arc<Self>,
        socket: &Arc<SocketInner>,
    ) -> Result<(), ConnectError> {
        let start = self.drive(|core, now| {
            if core.abandoned {
                return Err(ConnectError::Disconnected(DisconnectReason::TransportClose));
            }
            let machine = &mut core.machine;
            let Some(key) = socket.activate_with(|rest| machine.join(rest, now))? else {
                return Ok(false);
            };
            core.sockets.push((key, socket.clone()));
            core.wake();
            let mut start = false;
            self.progress.send_modify(|progress| {
                start = !progress.running;
                progress.running = true;
            });
            Ok(start)
        })?;
        if start {
            self.runtime.spawn(driver::drive(self.clone()));
        }
        Ok(())
    }

    /// Leaves a socket's namespace, and closes the connection when it was the last.
    pub(crate) fn leave(&self, socket: &SocketInner) {
        if let Some(key) = socket.key() {
            self.drive(|core, _| core.machine.leave(key));
        }
    }

    /// Waits until the last session has written all that it had to, if nobody uses it any more.
    /// There may be another one by then.
    pub(crate) async fn written(&self) {
        let session = {
            let core = self.core.lock();
            if core.machine.sockets() > 0 {
                return;
            }
            core.sessions
        };
        let mut progress = self.progress.subscribe();
        let is_over = |progress: &Progress| !progress.running || progress.over >= session;
        // The manager keeps the sender.
        let _ = progress.wait_for(is_over).await;
    }

    /// Waits until nothing waits for the server any more.
    pub(crate) async fn drained(&self, socket: &SocketInner) -> Result<(), EmitError> {
        loop {
            let drained = self.drained.notified();
            {
                let mut core = self.core.lock();
                let key = socket.key().ok_or(EmitError::Disconnected)?;
                if !core.machine.is_active(key) {
                    return Err(EmitError::Disconnected);
                }
                if core.is_drained() {
                    return Ok(());
                }
                core.awaits_drain = true;
            }
            drained.await;
        }
    }

    /// Wakes those who wait for it, to look again: one socket may have ended where another waits.
    fn tell_drained(&self, core: &mut Core) {
        if mem::take(&mut core.awaits_drain) {
            self.drained.notify_waiters();
        }
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
        let key = socket.key().ok_or(EmitError::Disconnected)?;
        self.drive(|core, now| {
            self.check_heartbeat(core, now);
            let bytes = packet.bytes();
            let packet = (packet, options);
            let emitted = core
                .machine
                .emit(key, packet, bytes, options.volatile, ack)
                .map_err(error::of_emit)?;
            match emitted {
                Some(packet) => core.send(&packet, self.config().max_buffered, now),
                None => Ok(()),
            }
        })
    }

    /// Queues the answer to an event, if that stay of the socket still lasts.
    pub(crate) fn answer(&self, stay: Stay, packet: Outgoing) -> Result<(), EmitError> {
        self.drive(|core, now| {
            self.check_heartbeat(core, now);
            if !core.machine.can_answer(stay.socket, stay.link) {
                return Err(EmitError::Disconnected);
            }
            let packet = (packet, SendOptions::default());
            core.send(&packet, self.config().max_buffered, now)
        })
    }

    /// Waits for an ack.
    pub(crate) fn expect(
        &self,
        socket: &SocketInner,
        reply: AckReply,
    ) -> Result<AckKey, EmitError> {
        let key = socket.key().ok_or(EmitError::Disconnected)?;
        let id = self.core.lock().machine.expect(key, reply);
        Ok((key, id.map_err(error::of_emit)?))
    }

    /// Nobody waits for an ack any more.
    pub(crate) fn forget(&self, (key, ack): AckKey) {
        let reply = self.core.lock().machine.forget(key, ack);
        drop(reply);
    }

    /// The id of an ack that [`repeat`](Self::repeat) waits for.
    pub(crate) fn reserve(&self, socket: &SocketInner) -> Result<AckKey, EmitError> {
        let key = socket.key().ok_or(EmitError::Disconnected)?;
        let id = self.core.lock().machine.reserve(key);
        Ok((key, id.map_err(error::of_emit)?))
    }

    /// Puts a packet behind the others that are sent until they are acknowledged.
    pub(crate) fn repeat(
        &self,
        (key, ack): AckKey,
        packet: Outgoing,
        options: SendOptions,
        reply: AckReply,
    ) -> Result<(), EmitError> {
        self.drive(|core, now| {
            self.check_heartbeat(core, now);
            let bytes = packet.bytes();
            let packet = (packet, options);
            core.machine
                .emit_until_answered(key, packet, bytes, ack, reply, now)
                .map_err(error::of_emit)?;
            core.wake();
            Ok(())
        })
    }

    /// Whether so many events wait for their handlers that no more should be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Acquire) >= self.config().pending_events()
    }

    /// The handlers of some events have finished, or will not be called.
    pub(crate) fn events_handled(&self, count: usize) {
        let before = self.backlog.fetch_sub(count, Ordering::AcqRel);
        if before >= self.config().pending_events() {
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
        let notes = mem::take(&mut core.notes);
        drop(core);
        notes.into_iter().for_each(Note::log);
        result
    }

    /// Puts what one machine has to say into the other, until neither has anything more.
    fn pump(&self, core: &mut Core, now: Duration) {
        loop {
            while let Some(output) = core.machine.poll_output() {
                self.perform(core, output, now);
            }
            if !self.pump_session(core, now) {
                return;
            }
        }
    }

    /// Takes one output of the session; `false` when there is none.
    fn pump_session(&self, core: &mut Core, now: Duration) -> bool {
        let Some(link) = &mut core.link else {
            return false;
        };
        // One response of long-polling may bring more than the handlers should have waiting.
        link.session.hold_back(self.is_behind());
        let Some(output) = link.session.poll_output() else {
            return false;
        };
        match output {
            ClientOutput::Event(event) => self.session_event(core, event, now),
            output => {
                if link.queue(output) {
                    core.wake();
                }
            }
        }
        true
    }
}

/// What a clock of this process says.
fn wall() -> SystemTime {
    SystemTime::now()
}
