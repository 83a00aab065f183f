//! What one namespace keeps for clients that come back.
//!
//! Its lock is taken before that of any connection, and no code of the application runs while it
//! is held. Events are recorded and sent under it: so every client gets them in the order of their
//! offsets, and one that comes back gets each either as missed or as new.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use faststr::FastStr;
use parking_lot::{Mutex, MutexGuard};
use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;
use songi_socketio::recovery::{Audience, Expired, Peeked, Request, Restored, Store};

use super::{Departed, Recovery};
use crate::adapter::BroadcastOptions;
use crate::delivery::deliver;
use crate::namespace::Stay;
use crate::rooms::Rooms;
use crate::sid::random_id;
use crate::socket::{DataCell, SocketInner};

pub(crate) struct Memory {
    origin: Instant,
    kept: Mutex<Kept>,
}

/// The recent events, and the clients that are there or may come back.
pub(crate) struct Kept {
    store: Store<Outgoing, Absent>,
    /// The sockets of the sessions that are live, by their secrets.
    live: HashMap<FastStr, Weak<SocketInner>>,
}

/// What is kept of a client that is away.
pub(crate) struct Absent {
    data: DataCell,
    /// How long that is as JSON.
    bytes: usize,
    /// The socket that it had, whose handlers may not have finished.
    previous: Weak<SocketInner>,
    /// Its namespace stays while it may come back.
    _stay: Stay,
}

/// A client that is back: see [`Memory::restore`].
pub(crate) struct Back {
    pub(crate) rooms: Vec<FastStr>,
    pub(crate) missed: Vec<Outgoing>,
    absent: Absent,
}

impl Memory {
    pub(crate) fn new(config: &Recovery) -> Self {
        // What an earlier run of the server gave out is none of its offsets.
        let tag = format!("{}-", random_id());
        Self {
            origin: Instant::now(),
            kept: Mutex::new(Kept {
                store: Store::new(config.protocol(), &tag),
                live: HashMap::new(),
            }),
        }
    }

    /// Held while a client is let in, so that it misses nothing.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }

    /// Sends an event to those of its receivers who are there, and keeps it for those who are away.
    pub(crate) fn broadcast(&self, rooms: &Rooms, packet: &Outgoing, options: &BroadcastOptions) {
        let mut kept = self.kept.lock();
        let packet = kept.record(packet, options, self.now());
        deliver(rooms.select(options), &packet, options.flags.send_options());
    }

    /// Sends an event to one client, or keeps it while that one is away.
    pub(crate) fn emit(
        &self,
        rooms: &Rooms,
        socket: &SocketInner,
        packet: &Outgoing,
        options: SendOptions,
    ) -> Result<(), EmitError> {
        let to = |id: &FastStr| BroadcastOptions {
            rooms: vec![id.clone()],
            flags: crate::adapter::BroadcastFlags {
                volatile: options.volatile,
                ..Default::default()
            },
            ..BroadcastOptions::default()
        };
        let mut kept = self.kept.lock();
        if !socket.resumable().is_some_and(|it| kept.knows(it.pid())) {
            return socket.send(packet, options);
        }
        let packet = kept.record(packet, &to(socket.id()), self.now());
        // It may be back under another handle already.
        match rooms
            .socket(socket.id())
            .map(|socket| socket.send(&packet, options))
        {
            // It has just lost its connection, and is not yet put aside: the event is kept for it.
            Some(Err(EmitError::Disconnected)) | None => Ok(()),
            Some(sent) => sent,
        }
    }

    /// Puts aside what a socket has left behind, or forgets its session if it left for good.
    pub(crate) fn settle(&self, socket: &Arc<SocketInner>) {
        let Some(resumable) = socket.resumable() else {
            return;
        };
        // The application's code, which may take its time and want anything.
        let (data, bytes) = socket.data_to_keep();
        let gone = {
            let mut kept = self.kept.lock();
            let Some(Departed { rooms, stay }) = resumable.take_departed() else {
                return;
            };
            let pid = resumable.pid();
            kept.live.remove(pid);
            let Some(stay) = stay else {
                kept.store.close(pid);
                return;
            };
            let absent = Absent {
                data,
                bytes,
                previous: Arc::downgrade(socket),
                _stay: stay,
            };
            kept.store.suspend(pid, rooms, absent, bytes, self.now())
        };
        // They have data of the application, too.
        drop(gone);
    }

    /// What is known of a client that asks to recover. If its old connection is not known to be
    /// lost, it is taken away.
    pub(crate) fn find(&self, request: &Request) -> Option<(FastStr, DataCell)> {
        let old = {
            let mut kept = self.kept.lock();
            match kept.store.peek(request, self.now())? {
                Peeked::Away { sid, data } => return Some((sid.clone(), data.data.clone())),
                Peeked::Live => kept.live.get(&request.pid)?.upgrade(),
            }
        };
        let old = old?;
        if let Some(connection) = old.connection() {
            tracing::debug!(name: "songi.connection.taken_over", socket = %old.id());
            connection.take_over();
        }
        self.settle(&old);
        match self.kept.lock().store.peek(request, self.now())? {
            Peeked::Away { sid, data } => Some((sid.clone(), data.data.clone())),
            Peeked::Live => None,
        }
    }

    /// Throws away what is too old. What is returned has data of the application: it is to be
    /// dropped where that may do what it likes.
    pub(crate) fn expire(&self) -> Vec<Expired<Absent>> {
        self.kept.lock().store.expire(self.now()).collect()
    }

    /// Clients that are away, and bytes that are kept.
    pub(crate) fn size(&self) -> (usize, usize) {
        let kept = self.kept.lock();
        let away = kept.store.sessions().saturating_sub(kept.live.len());
        (away, kept.store.bytes())
    }

    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

impl Back {
    /// The socket that it had, if its handlers have not finished.
    pub(crate) fn previous(&self) -> Option<Arc<SocketInner>> {
        self.absent.previous.upgrade()
    }
}

impl Kept {
    /// A new client may recover from now on.
    pub(crate) fn open(&mut self, pid: &FastStr, socket: &Arc<SocketInner>) {
        self.store.open(pid.clone(), socket.id().clone());
        self.live.insert(pid.clone(), Arc::downgrade(socket));
    }

    /// A client that was let in has gone before it heard of it.
    pub(crate) fn close(&mut self, pid: &FastStr) {
        self.store.close(pid);
        self.live.remove(pid);
    }

    /// Brings a client back, unless it has missed more bytes than may wait for it, or has come back
    /// again and again while a handler waits: then the one that it was is over.
    pub(crate) fn restore(
        &mut self,
        request: &Request,
        socket: &Arc<SocketInner>,
        max_bytes: usize,
        now: Duration,
    ) -> Result<Back, Option<Absent>> {
        let Restored::Recovered {
            rooms,
            data: absent,
            missed,
            ..
        } = self.store.restore(request, now)
        else {
            return Err(None);
        };
        let bytes: usize = missed.iter().map(Outgoing::bytes).sum();
        let previous = absent.previous.upgrade();
        if bytes > max_bytes || previous.is_some_and(|previous| previous.is_last_in_a_row()) {
            self.store.close(&request.pid);
            return Err(Some(absent));
        }
        let pid = request.pid.clone();
        self.live.insert(pid, Arc::downgrade(socket));
        Ok(Back {
            rooms,
            missed,
            absent,
        })
    }

    /// The client has gone again before it was let in.
    pub(crate) fn put_back(&mut self, request: &Request, back: Back, now: Duration) {
        self.live.remove(&request.pid);
        let Back { rooms, absent, .. } = back;
        let bytes = absent.bytes;
        let gone = self.store.suspend(&request.pid, rooms, absent, bytes, now);
        // One was there before: nobody has to give way.
        debug_assert!(gone.is_empty());
    }

    fn knows(&mut self, pid: &FastStr) -> bool {
        self.store.is_known(pid)
    }

    /// The packet with its offset. A volatile one is not kept, but says what was before it: a
    /// client takes the last argument for an offset if it is a text.
    fn record(&mut self, packet: &Outgoing, options: &BroadcastOptions, now: Duration) -> Outgoing {
        if self.store.sessions() == 0 {
            return packet.clone();
        }
        if options.flags.volatile {
            let latest = self.store.latest_offset();
            let with_offset = latest.and_then(|offset| packet.with_offset(&offset));
            return with_offset.unwrap_or_else(|| packet.clone());
        }
        let audience = Audience {
            rooms: options.rooms.clone(),
            except: options.except.clone(),
        };
        let recorded = self.store.record(audience, now, |offset| {
            let packet = packet.with_offset(offset).ok_or(())?;
            let bytes = packet.bytes();
            Ok::<_, ()>((packet, bytes))
        });
        recorded.unwrap_or_else(|()| packet.clone())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}
