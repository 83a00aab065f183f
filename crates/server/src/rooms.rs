//! Which socket of a namespace is in which rooms.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use faststr::FastStr;
use parking_lot::RwLock;

use crate::adapter::BroadcastOptions;
use crate::socket::SocketInner;
use crate::tables;

/// The sockets of one namespace and their rooms, in memory.
///
/// Every socket is in a room of its own id, which costs nothing: a room that nobody joined is
/// looked up among the sockets.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    maps: RwLock<Maps>,
}

#[derive(Debug, Default)]
struct Maps {
    sockets: HashMap<FastStr, Member>,
    rooms: HashMap<FastStr, HashMap<FastStr, Arc<SocketInner>>>,
}

#[derive(Debug)]
struct Member {
    socket: Arc<SocketInner>,
    rooms: Vec<FastStr>,
}

/// A socket has joined a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    /// Nobody was there.
    pub(crate) first: bool,
}

/// A socket has left a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// Nobody is left.
    pub(crate) last: bool,
}

impl Rooms {
    pub(crate) fn insert(&self, socket: Arc<SocketInner>) {
        let id = socket.id().clone();
        self.maps.write().sockets.insert(
            id,
            Member {
                socket,
                rooms: Vec::new(),
            },
        );
    }

    /// Takes a socket out of the namespace and all its rooms, which it gives with whether it was
    /// the last there.
    pub(crate) fn remove(&self, id: &FastStr) -> Vec<(FastStr, bool)> {
        let mut maps = self.maps.write();
        let Some(member) = tables::remove(&mut maps.sockets, id) else {
            return Vec::new();
        };
        let left = member.rooms.into_iter().map(|room| {
            let last = maps.leave(id, &room);
            (room, last)
        });
        left.collect()
    }

    /// Puts a connected socket into a room; `None` when it is there. A socket that has left the
    /// namespace joins nothing.
    pub(crate) fn join(&self, id: &FastStr, room: FastStr) -> Option<Joined> {
        let maps = &mut *self.maps.write();
        let member = maps.sockets.get_mut(id)?;
        if room == *id {
            return None;
        }
        let members = maps.rooms.entry(room.clone()).or_default();
        let first = members.is_empty();
        if members.insert(id.clone(), member.socket.clone()).is_some() {
            return None;
        }
        member.rooms.push(room);
        Some(Joined { first })
    }

    /// Takes a socket out of a room; `None` when it was not there.
    pub(crate) fn leave(&self, id: &FastStr, room: &FastStr) -> Option<Left> {
        let mut maps = self.maps.write();
        let member = maps.sockets.get_mut(id)?;
        let position = member.rooms.iter().position(|joined| joined == room)?;
        member.rooms.swap_remove(position);
        let last = maps.leave(id, room);
        Some(Left { last })
    }

    /// How many sockets there are.
    pub(crate) fn len(&self) -> usize {
        self.maps.read().sockets.len()
    }

    /// All rooms that somebody joined.
    pub(crate) fn all(&self) -> Vec<FastStr> {
        self.maps.read().rooms.keys().cloned().collect()
    }

    /// Whether somebody is in the room.
    pub(crate) fn has(&self, room: &FastStr) -> bool {
        let maps = self.maps.read();
        maps.rooms.contains_key(room) || maps.sockets.contains_key(room)
    }

    /// The rooms of a socket, its own among them; none when it has left the namespace.
    pub(crate) fn of(&self, id: &FastStr) -> Vec<FastStr> {
        let maps = self.maps.read();
        let Some(member) = maps.sockets.get(id) else {
            return Vec::new();
        };
        std::iter::once(id).chain(&member.rooms).cloned().collect()
    }

    pub(crate) fn socket(&self, id: &FastStr) -> Option<Arc<SocketInner>> {
        self.maps
            .read()
            .sockets
            .get(id)
            .map(|member| member.socket.clone())
    }

    /// The sockets that are meant, each once.
    pub(crate) fn select(&self, target: &BroadcastOptions) -> Vec<Arc<SocketInner>> {
        let maps = self.maps.read();
        let left_out = |id: &FastStr| target.except.iter().any(|room| maps.is_in(id, room));
        let wanted = |id: &FastStr| target.except.is_empty() || !left_out(id);

        match target.rooms.as_slice() {
            [] if target.except.is_empty() => {
                let members = maps.sockets.values();
                members.map(|member| member.socket.clone()).collect()
            }
            [] => {
                let members = maps.sockets.iter().filter(|(id, _)| wanted(id));
                members.map(|(_, member)| member.socket.clone()).collect()
            }
            [room] => maps
                .members(room)
                .filter(|socket| wanted(socket.id()))
                .cloned()
                .collect(),
            rooms => {
                let mut seen = HashSet::new();
                let members = rooms.iter().flat_map(|room| maps.members(room));
                let members = members.filter(|socket| wanted(socket.id()));
                members
                    .filter(|socket| seen.insert(socket.id()))
                    .cloned()
                    .collect()
            }
        }
    }
}

impl Maps {
    /// Takes a socket off the members of a room; `true` when it was the last.
    fn leave(&mut self, id: &FastStr, room: &FastStr) -> bool {
        let Some(members) = self.rooms.get_mut(room) else {
            return false;
        };
        tables::remove(members, id);
        let last = members.is_empty();
        if last {
            tables::remove(&mut self.rooms, room);
        }
        last
    }

    fn members<'a>(
        &'a self,
        room: &FastStr,
    ) -> impl Iterator<Item = &'a Arc<SocketInner>> + use<'a> {
        let own = self.sockets.get(room).map(|member| &member.socket);
        let joined = self.rooms.get(room).into_iter().flat_map(HashMap::values);
        own.into_iter().chain(joined)
    }

    fn is_in(&self, id: &FastStr, room: &FastStr) -> bool {
        id == room
            || self
                .rooms
                .get(room)
                .is_some_and(|members| members.contains_key(id))
    }
}
