//! A client enters a namespace.

use std::sync::Arc;
use std::time::Duration;

use songi_emit::Outgoing;
use songi_engineio::SendOptions;
use songi_socketio::Arguments;
use songi_socketio::handler::Job;
use songi_socketio::recovery::Request;

use super::Connection;
use super::core::{Core, Work, Works, post};
use crate::metrics::count;
use crate::recovery::Memory;
use crate::socket::{Socket, SocketInner};

impl Connection {
    /// Lets a client into a namespace; the socket's connection handlers run next.
    pub(crate) fn accept(self: &Arc<Self>, socket: &Socket, auth: Arguments) {
        let socket = socket.inner();
        let (Some(memory), Some(resumable)) = (memory(socket), socket.resumable()) else {
            return self.drive(|core, now, work| {
                if !self.admit(core, socket, auth, &[], now, work) {
                    socket.keep_out();
                }
            });
        };
        let mut work = Works::new();
        let admitted = {
            let mut kept = memory.lock();
            kept.open(resumable.pid(), socket);
            let admitted = self.step(&mut work, |core, now, work| {
                self.admit(core, socket, auth, &[], now, work)
            });
            if !admitted {
                kept.close(resumable.pid());
            }
            admitted
        };
        if !admitted {
            socket.keep_out();
        }
        self.perform_all(&mut work);
    }

    /// Lets a client in that comes back, after what it has missed. `false` when that is not there
    /// any more: it is a new client.
    pub(crate) fn readmit(
        self: &Arc<Self>,
        socket: &Socket,
        request: &Request,
        auth: Arguments,
    ) -> bool {
        let socket = socket.inner();
        let Some(memory) = memory(socket) else {
            return false;
        };
        let mut work = Works::new();
        let back = {
            let mut kept = memory.lock();
            let max_bytes = self.shared.config.max_buffered;
            let restored = kept.restore(request, socket, max_bytes, memory.now());
            let back = match restored {
                Ok(back) => back,
                Err(absent) => {
                    // It has data of the application, which may do anything when it is dropped.
                    drop(kept);
                    drop(absent);
                    return false;
                }
            };
            let admitted = self.step(&mut work, |core, now, work| {
                // Its handlers run after those of the socket that it was.
                socket.follow(back.previous());
                let admitted = self.admit(core, socket, auth, &back.missed, now, work);
                if admitted {
                    let local = &socket.namespace().inner().local;
                    let joined = local.rejoin(socket.id(), &back.rooms);
                    if local.is_observed() {
                        work.push(Work::Rejoined(socket.clone(), joined));
                    }
                }
                admitted
            });
            if admitted {
                Some(back)
            } else {
                kept.put_back(request, back, memory.now());
                None
            }
        };
        match back {
            Some(_) => count(&self.shared.counters.recovered),
            None => socket.keep_out(),
        }
        self.perform_all(&mut work);
        true
    }

    /// `false`: the client has gone while it was being checked.
    fn admit(
        &self,
        core: &mut Core,
        socket: &Arc<SocketInner>,
        auth: Arguments,
        missed: &[Outgoing],
        now: Duration,
        work: &mut Works,
    ) -> bool {
        let namespace = socket.namespace();
        let pid = socket.resumable().map(|resumable| resumable.pid().as_str());
        let packet = self.encode(|wire| {
            core.protocol
                .accept(namespace.name(), socket.id(), pid, wire)
        });
        let (Ok(packet), false) = (packet, core.session.is_closed()) else {
            return false;
        };
        tracing::debug!(
            name: "songi.socket.connected",
            socket = %socket.id(),
            namespace = %namespace.name(),
            sid = %self.sid,
            recovered = socket.resumable().is_some_and(|it| it.has_recovered()),
        );
        core.sockets.push(socket.clone());
        namespace.inner().local.insert(socket.clone());
        if namespace.inner().local.is_observed() {
            work.push(Work::Entered(socket.clone()));
        }
        post(socket, Job::Connected(auth), work);
        for packet in missed.iter().chain([&packet]) {
            // A client that cannot be told is being closed: its socket is disconnected then.
            if core.send(packet, SendOptions::default(), now).is_err() {
                break;
            }
        }
        true
    }
}

fn memory(socket: &SocketInner) -> Option<&Memory> {
    socket.namespace().inner().local.memory()
}
