use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use faststr::FastStr;

use super::Request;

/// Limits of a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a client may be away, and how long packets are kept. Default: 2 min, as
    /// `maxDisconnectionDuration` of socket.io.
    pub max_disconnection: Duration,
    /// Packets that are kept, the newest. Default: 10 000.
    pub max_packets: usize,
    /// Bytes of the packets that are kept. Default: 16 MiB.
    pub max_packet_bytes: usize,
    /// Clients that are away and may come back; the ones away longest give way. Default: 10 000.
    pub max_sessions: usize,
    /// Bytes of what is kept for them. Default: 16 MiB.
    pub max_session_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_disconnection: Duration::from_secs(120),
            max_packets: 10_000,
            max_packet_bytes: 16 << 20,
            max_sessions: 10_000,
            max_session_bytes: 16 << 20,
        }
    }
}

/// The recent packets of one namespace, and the clients that may come back to it.
///
/// `P` is a packet as it is sent, cheap to clone; `S` is what the application keeps for a socket.
///
/// A packet is offered to all that were in one of its rooms when they were lost: as in socket.io,
/// also to one that joined the room after the packet.
///
/// # A connection that is lost without notice
/// A client may come back before the server knows that its old connection is dead (socket.io#4880).
/// [`restore`](Self::restore) answers [`Restored::Live`] then: the caller takes the old connection
/// away, [suspends](Self::suspend) its session and restores again.
#[derive(Debug)]
pub struct Store<P, S> {
    config: Config,
    tag: FastStr,
    packets: VecDeque<Recorded<P>>,
    packet_bytes: usize,
    /// The number of the next packet; those that are kept are the last before it.
    next: u64,
    sessions: BTreeMap<FastStr, Session<S>>,
    /// Those who are away, the longest away first.
    away: BTreeSet<(Duration, FastStr)>,
    pub(super) session_bytes: usize,
}

#[derive(Debug)]
struct Recorded<P> {
    audience: Audience,
    packet: P,
    bytes: usize,
    at: Duration,
}

/// Who a packet is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The rooms, of which a socket's own id is one. None: the whole namespace.
    pub rooms: Vec<FastStr>,
    /// Not those who are in one of these.
    pub except: Vec<FastStr>,
}

#[derive(Debug)]
struct Session<S> {
    sid: FastStr,
    away: Option<Away<S>>,
}

#[derive(Debug)]
struct Away<S> {
    since: Duration,
    rooms: Vec<FastStr>,
    data: S,
    bytes: usize,
}

/// What [`Store::restore`] finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Restored<P, S> {
    /// The client is back, and its session is live again.
    Recovered {
        /// Its id, as before.
        sid: FastStr,
        /// The rooms that it was in.
        rooms: Vec<FastStr>,
        /// What the application kept for it.
        data: S,
        /// What it has missed, in order. To be sent before its `CONNECT`.
        missed: Vec<P>,
    },
    /// Its old connection is not known to be lost. Nothing has changed.
    Live {
        /// Its id.
        sid: FastStr,
    },
    /// Nothing is known of it, or not all that it has missed: it is a new client.
    Unknown,
}

/// What [`Store::peek`] finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Peeked<'a, S> {
    /// The client may recover.
    Away {
        /// Its id.
        sid: &'a FastStr,
        /// What the application kept for it.
        data: &'a S,
    },
    /// Its old connection is not known to be lost.
    Live,
}

/// A client that was away too long, or had to give way.
#[derive(Debug, PartialEq, Eq)]
pub struct Expired<S> {
    /// The id that it had.
    pub sid: FastStr,
    /// The rooms that it was in.
    pub rooms: Vec<FastStr>,
    /// What the application kept for it.
    pub data: S,
}

impl<P: Clone, S> Store<P, S> {
    /// Nothing is kept yet. `tag` stands at the start of every offset; no other store of these
    /// clients may have the same, also not the one of this server's last run.
    pub fn new(config: Config, tag: &str) -> Self {
        Self {
            config,
            tag: FastStr::new(tag),
            packets: VecDeque::new(),
            packet_bytes: 0,
            next: 0,
            sessions: BTreeMap::new(),
            away: BTreeSet::new(),
            session_bytes: 0,
        }
    }

    /// Keeps a packet, which `encode` makes with the offset that it is given, and returns it to be
    /// sent. `encode` also says how many bytes it has. Only packets that ask for no ack and are not
    /// volatile are to be recorded.
    ///
    /// # Errors
    /// That of `encode`; nothing is kept then.
    pub fn record<E>(
        &mut self,
        audience: Audience,
        now: Duration,
        encode: impl FnOnce(&str) -> Result<(P, usize), E>,
    ) -> Result<P, E> {
        let offset = self.offset(self.next);
        let (packet, bytes) = encode(&offset)?;
        let rooms = audience.rooms.iter().chain(&audience.except);
        let bytes = bytes
            .saturating_add(weight(rooms))
            .saturating_add(size_of::<Recorded<P>>());
        self.next += 1;
        self.packet_bytes = self.packet_bytes.saturating_add(bytes);
        self.packets.push_back(Recorded {
            audience,
            packet: packet.clone(),
            bytes,
            at: now,
        });
        while self.packets.len() > self.config.max_packets
            || self.packet_bytes > self.config.max_packet_bytes
        {
            self.drop_oldest_packet();
        }
        Ok(packet)
    }

    /// A client has joined, and may recover from now on.
    pub fn open(&mut self, pid: FastStr, sid: FastStr) {
        self.close(&pid);
        self.sessions.insert(pid, Session { sid, away: None });
    }

    /// The client's connection was lost. `bytes` is what `data` takes. Returns who had to give way.
    ///
    /// A session that is not live is left as it is.
    pub fn suspend(
        &mut self,
        pid: &str,
        rooms: Vec<FastStr>,
        data: S,
        bytes: usize,
        now: Duration,
    ) -> Vec<Expired<S>> {
        if let Some((pid, session)) = self.sessions.get_key_value(pid)
            && session.away.is_none()
        {
            let pid = pid.clone();
            let bytes = bytes
                .saturating_add(weight(&rooms))
                .saturating_add(size_of::<Session<S>>());
            self.session_bytes = self.session_bytes.saturating_add(bytes);
            self.away.insert((now, pid.clone()));
            let away = Some(Away {
                since: now,
                rooms,
                data,
                bytes,
            });
            if let Some(session) = self.sessions.get_mut(&pid) {
                session.away = away;
            }
        }
        let mut gone = Vec::new();
        while self.away.len() > self.config.max_sessions
            || self.session_bytes > self.config.max_session_bytes
        {
            gone.extend(self.expire_first());
        }
        gone
    }

    /// The client has left for good: its namespace was left by either side, or it broke the
    /// protocol.
    pub fn close(&mut self, pid: &str) {
        let Some((pid, session)) = self.sessions.remove_entry(pid) else {
            return;
        };
        if let Some(away) = session.away {
            self.session_bytes = self.session_bytes.saturating_sub(away.bytes);
            self.away.remove(&(away.since, pid));
        }
    }

    /// Whether the client that asks to recover can, without bringing it back. `None`: nothing is
    /// known of it, or not all that it has missed.
    pub fn peek(&mut self, request: &Request, now: Duration) -> Option<Peeked<'_, S>> {
        self.drop_old_packets(now);
        self.position(&request.offset)?;
        let session = self.sessions.get(&request.pid)?;
        match &session.away {
            None => Some(Peeked::Live),
            Some(away) if self.is_over(away.since, now) => None,
            Some(away) => Some(Peeked::Away {
                sid: &session.sid,
                data: &away.data,
            }),
        }
    }

    /// Looks for the client that asks to recover.
    pub fn restore(&mut self, request: &Request, now: Duration) -> Restored<P, S> {
        self.drop_old_packets(now);
        let Some((pid, session)) = self.sessions.get_key_value(&request.pid) else {
            return Restored::Unknown;
        };
        let Some(seen) = self.position(&request.offset) else {
            return Restored::Unknown;
        };
        let sid = session.sid.clone();
        let Some(away) = &session.away else {
            return Restored::Live { sid };
        };
        if self.is_over(away.since, now) {
            return Restored::Unknown;
        }
        let missed = self
            .packets
            .iter()
            .skip(seen)
            .filter(|recorded| recorded.audience.includes(&sid, &away.rooms))
            .map(|recorded| recorded.packet.clone())
            .collect();
        let pid = pid.clone();
        let session = self.sessions.get_mut(&pid);
        let Some(away) = session.and_then(|session| session.away.take()) else {
            return Restored::Unknown;
        };
        self.session_bytes = self.session_bytes.saturating_sub(away.bytes);
        self.away.remove(&(away.since, pid));
        Restored::Recovered {
            sid,
            rooms: away.rooms,
            data: away.data,
            missed,
        }
    }

    /// When [`expire`](Self::expire) wants to be called.
    pub fn next_deadline(&self) -> Option<Duration> {
        let session = self.away.first().map(|(since, _)| *since);
        let packet = self.packets.front().map(|recorded| recorded.at);
        let first = session.into_iter().chain(packet).min()?;
        Some(first.saturating_add(self.config.max_disconnection))
    }

    /// Forgets what is too old, and takes out, one by one, the clients that have not come back.
    pub fn expire(&mut self, now: Duration) -> impl Iterator<Item = Expired<S>> {
        self.drop_old_packets(now);
        core::iter::from_fn(move || {
            let &(since, _) = self.away.first()?;
            if self.is_over(since, now) {
                self.expire_first()
            } else {
                None
            }
        })
    }

    /// The offset of the packet that was recorded last.
    pub fn latest_offset(&self) -> Option<String> {
        let latest = self.next.checked_sub(1)?;
        Some(self.offset(latest))
    }

    /// Whether a client is there, or may come back.
    pub fn is_known(&self, pid: &str) -> bool {
        self.sessions.contains_key(pid)
    }

    /// How many packets are kept.
    pub fn packets(&self) -> usize {
        self.packets.len()
    }

    /// How many clients are known: there and away.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Bytes of all that is kept, as the limits count them.
    pub fn bytes(&self) -> usize {
        self.packet_bytes.saturating_add(self.session_bytes)
    }

    fn offset(&self, number: u64) -> String {
        let mut offset = String::from(self.tag.as_str());
        offset.push_str(itoa::Buffer::new().format(number));
        offset
    }

    /// How many of the kept packets a client has seen. `None`: some that it has not are gone, or
    /// the offset is none of ours.
    fn position(&self, offset: &str) -> Option<usize> {
        let digits = offset.strip_prefix(self.tag.as_str())?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let seen: u64 = plain.then(|| digits.parse().ok())??;
        if seen >= self.next {
            return None;
        }
        let kept = u64::try_from(self.packets.len()).ok()?;
        let first = self.next.saturating_sub(kept);
        usize::try_from((seen + 1).checked_sub(first)?).ok()
    }

    fn is_over(&self, since: Duration, now: Duration) -> bool {
        now >= since.saturating_add(self.config.max_disconnection)
    }

    fn drop_old_packets(&mut self, now: Duration) {
        while let Some(oldest) = self.packets.front()
            && self.is_over(oldest.at, now)
        {
            self.drop_oldest_packet();
        }
    }

    fn drop_oldest_packet(&mut self) {
        if let Some(oldest) = self.packets.pop_front() {
            self.packet_bytes = self.packet_bytes.saturating_sub(oldest.bytes);
        }
    }

    fn expire_first(&mut self) -> Option<Expired<S>> {
        let (_, pid) = self.away.pop_first()?;
        let Session { sid, away } = self.sessions.remove(&pid)?;
        let Away {
            rooms, data, bytes, ..
        } = away?;
        self.session_bytes = self.session_bytes.saturating_sub(bytes);
        Some(Expired { sid, rooms, data })
    }
}

impl Audience {
    fn includes(&self, sid: &FastStr, rooms: &[FastStr]) -> bool {
        let is_in = |room: &FastStr| room == sid || rooms.contains(room);
        let included = self.rooms.is_empty() || self.rooms.iter().any(is_in);
        included && !self.except.iter().any(is_in)
    }
}

fn weight<'a>(rooms: impl IntoIterator<Item = &'a FastStr>) -> usize {
    let sizes = rooms
        .into_iter()
        .map(|room| size_of::<FastStr>() + room.len());
    sizes.sum()
}
