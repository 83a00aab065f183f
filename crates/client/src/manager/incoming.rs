//! What a server sends, to the sockets that it is for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use songi_emit::Outgoing;
use songi_engineio::{Message, SendOptions};
use songi_socketio::client::{self as protocol, Incoming};
use songi_socketio::handler::Job;

use super::Manager;
use super::core::Core;
use crate::error::ConnectError;
use crate::reason::DisconnectReason;

impl Manager {
    /// A Socket.IO packet, or one attachment of it.
    pub(super) fn receive(&self, core: &mut Core, message: Message, now: Duration) {
        let Some(link) = core.link.as_mut().filter(|link| link.is_usable()) else {
            return;
        };
        let received = match message {
            Message::Text(text) => link.protocol.receive_text(text, now),
            Message::Binary(bytes) => link.protocol.receive_binary(bytes, now),
        };
        match received {
            Ok(Some(incoming)) => self.incoming(core, incoming, now),
            Ok(None) => {}
            Err(violation) => self.broken(core, &violation, now),
        }
        if !core.blocked.is_empty() {
            core.joins.append(&mut core.blocked);
            core.wake();
        }
    }

    /// The server broke the protocol.
    pub(super) fn broken(&self, core: &mut Core, violation: &protocol::Error, now: Duration) {
        tracing::debug!(%violation, "the server broke the protocol");
        let Some(link) = core.link.as_mut().filter(|link| !link.leaving) else {
            return;
        };
        // The session may need a moment for its last words; the sockets do not wait for them.
        link.leaving = true;
        link.session.close(now);
        self.lost(core, DisconnectReason::ParseError, now);
    }

    fn incoming(&self, core: &mut Core, incoming: Incoming, now: Duration) {
        match incoming {
            Incoming::Connected {
                namespace,
                sid,
                pid,
            } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                socket.mark_connected(sid, pid);
                if let Some(link) = &mut core.link {
                    socket.flush_offline(|packet, options| {
                        // The order of what waited counts more than the limit of what waits.
                        link.try_send(packet, options, usize::MAX, now)
                    });
                }
                socket.begin();
                core.work(socket);
            }
            Incoming::Refused { namespace, error } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                core.remove(&socket);
                let protocol::ConnectError { message, data } = error;
                self.refused(core, &socket, ConnectError::Refused { message, data });
                self.close_if_unused(core, now);
            }
            Incoming::Event {
                namespace,
                early,
                id,
                name,
                args,
            } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                self.backlog.fetch_add(1, Ordering::AcqRel);
                socket.note_offset(&args);
                socket.push_event(Job::Event { name, id, args }, early);
                core.work(socket);
            }
            Incoming::Ack {
                namespace,
                id,
                args,
            } => {
                let waiting = core.socket(&namespace);
                if let Some(reply) = waiting.and_then(|socket| socket.acks.lock().take(id)) {
                    // Nobody waits any more: the ack came too late.
                    let _ = reply.send(args);
                }
            }
            Incoming::Disconnect { namespace } => {
                let Some(socket) = core.socket(&namespace) else {
                    return;
                };
                core.remove(&socket);
                self.deactivate(core, &socket, DisconnectReason::ServerDisconnect);
                self.close_if_unused(core, now);
            }
            Incoming::Unwanted { namespace } => {
                let parser = self.parser();
                let packet = Outgoing::with_parser(parser, |wire| {
                    parser.disconnect(wire, &namespace).map(|()| Vec::new())
                });
                if let (Some(link), Ok(packet)) = (&mut core.link, packet) {
                    link.send(&packet, SendOptions::default(), now);
                }
            }
        }
    }
}
