//! What the machine asks for and tells, done with a session and told to sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;
use songi_socketio::handler::Job;
use songi_socketio::manager::{LinkId, NotSent, Output, Waited};
use songi_socketio::{Arguments, EncodeError};

use super::core::Core;
use super::note::Note;
use super::{Manager, Packet, Stay};
use crate::ack::AckReply;
use crate::error::{self, ConnectError, ConnectFailure};
use crate::reason::DisconnectReason;
use crate::socket::SocketInner;

impl Manager {
    pub(super) fn perform(&self, core: &mut Core, output: Output<Packet, AckReply>, now: Duration) {
        match output {
            Output::Open { link } => {
                core.next = Some((link, 0));
                core.wake();
            }
            Output::Close { link } => self.close(core, link, now),
            Output::Control(packet) => self.control(core, &packet, now),
            Output::Send { packet, waited } => self.send_waiting(core, &packet, waited, now),
            Output::Authenticate { socket, link } => {
                if let Some(asked) = core.socket(socket) {
                    core.joins.push((Stay { socket, link }, asked));
                    core.wake();
                }
            }
            Output::Joined {
                socket,
                link,
                sid,
                recovered,
            } => {
                if let Some(joined) = core.socket(socket) {
                    joined.mark_connected(sid, recovered, Stay { socket, link });
                    self.push(core, joined, Job::Connected(Arguments::default()));
                }
            }
            Output::Event {
                socket,
                id,
                name,
                args,
            } => {
                if let Some(socket) = core.socket(socket) {
                    self.push(core, socket, Job::Event { name, id, args });
                }
            }
            // Whoever does not wait any more has dropped the other end.
            Output::Answered { reply, args } => drop(reply.send(Ok(args))),
            Output::Unanswered { reply, why } => {
                drop(reply.send(Err(error::of_ack(why, self.config().ack_timeout))));
            }
            Output::Refused { socket, why } => {
                if let Some(socket) = core.socket(socket) {
                    let error = ConnectError::from(why);
                    socket.push_life("connect_error", &ConnectFailure::from(&error));
                    socket.answer(&Err(error));
                }
            }
            Output::Left { socket, reason } => {
                if let Some(left) = core.socket(socket) {
                    left.mark_disconnected();
                    // A string always serialises.
                    let reason = Arguments::of(reason.as_str()).unwrap_or_default();
                    self.push(core, left, Job::Disconnected(reason));
                }
            }
            Output::Ended {
                socket,
                rest,
                reason,
            } => {
                if let Some(ended) = core.remove(socket) {
                    ended.mark_inactive(reason, rest);
                    core.work(ended);
                }
            }
            Output::NotOpened { attempt, timed_out } => self.not_opened(core, attempt, timed_out),
            Output::Reconnecting { attempt } => tell_all(core, "reconnect_attempt", &attempt),
            Output::Reconnected { attempts } => tell_all(core, "reconnect", &attempts),
            Output::GaveUp => tell_all(core, "reconnect_failed", &()),
            // There are no others.
            _ => {}
        }
    }

    /// Something for a socket's handlers. It counts as waiting until they have finished.
    fn push(&self, core: &mut Core, socket: Arc<SocketInner>, job: Job) {
        self.backlog.fetch_add(1, Ordering::AcqRel);
        socket.push(job);
        core.work(socket);
    }

    fn control(&self, core: &mut Core, packet: &[u8], now: Duration) {
        let packet = Outgoing::with_parser(self.parser(), |wire| {
            wire.extend_from_slice(packet);
            Ok::<_, EncodeError>(Vec::new())
        });
        match (&mut core.link, packet) {
            (Some(link), Ok(packet)) => link.send(&packet, SendOptions::default(), now),
            (_, Err(error)) => core.notes.push(Note::PacketNotSent(error)),
            (None, _) => {}
        }
    }

    fn send_waiting(&self, core: &mut Core, packet: &Packet, waited: Waited, now: Duration) {
        let limit = match waited {
            // The order of what waited counts more than the limit of what waits.
            Waited::Joined { .. } => usize::MAX,
            _ => self.config().max_buffered,
        };
        if let Err(error) = core.send(packet, limit, now) {
            let why = match error {
                EmitError::Unsendable => NotSent::Unsendable,
                _ => NotSent::Full,
            };
            core.notes.push(Note::EventNotSent(error));
            core.machine.not_sent(waited, why, now);
            // It may have to be tried again.
            core.wake();
        }
    }

    /// Closes the session of a link, or does not begin it.
    fn close(&self, core: &mut Core, id: LinkId, now: Duration) {
        core.next.take_if(|(next, _)| *next == id);
        // On long-polling, what was sent goes out on its own: a JavaScript server that gets the
        // end of the session in the same request hears of nothing else.
        while self.pump_session(core, now) {}
        match &mut core.link {
            Some(link) if link.id == id => {
                link.leaving = true;
                link.session.close(now);
            }
            _ => {
                let reason = DisconnectReason::ClientDisconnect;
                core.machine.closed(id, reason, now, rand::random);
            }
        }
        core.wake();
    }

    /// A connection could not be opened.
    fn not_opened(&self, core: &mut Core, attempt: Option<u32>, timed_out: bool) {
        let known = core.failure.take();
        let error = if timed_out {
            ConnectError::Timeout(self.config().connect_timeout)
        } else {
            known.unwrap_or(ConnectError::Disconnected(DisconnectReason::TransportError))
        };
        core.notes.push(Note::NotConnected(error.clone()));
        let failure = ConnectFailure::from(&error);
        let answer = Err(error);
        for (_, socket) in core.sockets.clone() {
            socket.answer(&answer);
            socket.push_life("connect_error", &failure);
            if attempt.is_some() {
                socket.push_life("reconnect_error", &failure);
            }
            core.work(socket);
        }
    }
}

/// Tells all sockets what happens to the connection.
fn tell_all(core: &mut Core, event: &'static str, value: &impl Serialize) {
    for (_, socket) in core.sockets.clone() {
        socket.push_life(event, value);
        core.work(socket);
    }
}
