//! Which socket of a namespace is in which rooms.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use faststr::FastStr;
use parking_lot::RwLock;

use crate::socket::SocketInner;

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

/// Whom a broadcast reaches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    /// Members of any of these; everybody when empty.
    pub(crate) rooms: Vec<FastStr>,
    /// But nobody who is in any of these.
    pub(crate) except: Vec<FastStr>,
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

    /// Takes a socket out of the namespace and all its rooms.
    pub(crate) fn remove(&self, id: &FastStr) {
        let mut maps = self.maps.write();
        let Some(member) = maps.sockets.remove(id) else {
            return;
        };
        for room in &member.rooms {
            maps.leave(id, room);
        }
    }

    /// Puts a connected socket into a room. A socket that has left the namespace joins nothing.
    pub(crate) fn join(&self, id: &FastStr, room: FastStr) {
        let maps = &mut *self.maps.write();
        let Some(member) = maps.sockets.get_mut(id) else {
            return;
        };
        if room == *id {
            return;
        }
        let members = maps.rooms.entry(room.clone()).or_default();
        if members.insert(id.clone(), member.socket.clone()).is_none() {
            member.rooms.push(room);
        }
    }

    pub(crate) fn leave(&self, id: &FastStr, room: &FastStr) {
        let mut maps = self.maps.write();
        let Some(member) = maps.sockets.get_mut(id) else {
            return;
        };
        let Some(position) = member.rooms.iter().position(|joined| joined == room) else {
            return;
        };
        member.rooms.swap_remove(position);
        maps.leave(id, room);
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

    /// The sockets that a target means, each once.
    pub(crate) fn select(&self, target: &Target) -> Vec<Arc<SocketInner>> {
        let maps = self.maps.read();
        let left_out = |id: &FastStr| target.except.iter().any(|room| maps.is_in(id, room));
        let wanted = |id: &FastStr| target.except.is_empty() || !left_out(id);

        match target.rooms.as_slice() {
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
    fn leave(&mut self, id: &FastStr, room: &FastStr) {
        let Some(members) = self.rooms.get_mut(room) else {
            return;
        };
        members.remove(id);
        if members.is_empty() {
            self.rooms.remove(room);
        }
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
