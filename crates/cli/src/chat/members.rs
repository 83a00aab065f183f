//! Who is in which room.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use songi::server::FastStr;
use thiserror::Error;

use super::words::{Name, Room};

/// Members of one room: each change of a room sends the list of them.
const ROOM_LIMIT: usize = 200;

/// The members of all rooms. A room is there as long as somebody is in it.
#[derive(Debug, Default)]
pub(super) struct Members {
    sockets: HashMap<FastStr, (Name, Room)>,
    /// By folded name: one name is there once, and lists are in its order.
    rooms: HashMap<Room, BTreeMap<String, Name>>,
    version: u64,
}

/// Who is in a room, after so many changes of the chat.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Presence {
    room: Room,
    version: u64,
    members: Vec<Name>,
}

/// The room has no place left.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the room is full: it has {ROOM_LIMIT} members")]
pub(super) struct RoomFull;

impl Presence {
    pub(super) fn room(&self) -> &Room {
        &self.room
    }
}

impl Members {
    /// Puts a socket that is in no room into one, with the first free name of `name`, `name 2`, …
    pub(super) fn join(
        &mut self,
        socket: &FastStr,
        name: Name,
        room: Room,
    ) -> Result<(Name, Presence), RoomFull> {
        let members = self.rooms.entry(room.clone()).or_default();
        if members.len() >= ROOM_LIMIT {
            return Err(RoomFull);
        }
        let numbered = (2..).map(|number| name.numbered(number));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !members.contains_key(&name.folded()));
        // The numbers do not come to an end before the room is full.
        let name = free.unwrap_or(name);
        members.insert(name.folded(), name.clone());
        self.sockets
            .insert(socket.clone(), (name.clone(), room.clone()));
        Ok((name, self.changed(room)))
    }

    /// Takes a socket out of its room, if it is in one.
    pub(super) fn leave(&mut self, socket: &FastStr) -> Option<(Name, Presence)> {
        let (name, room) = self.sockets.remove(socket)?;
        if let Some(members) = self.rooms.get_mut(&room) {
            members.remove(&name.folded());
            if members.is_empty() {
                self.rooms.remove(&room);
            }
        }
        Some((name, self.changed(room)))
    }

    /// The name of a socket and the room that it is in.
    pub(super) fn member(&self, socket: &FastStr) -> Option<(Name, Room)> {
        self.sockets.get(socket).cloned()
    }

    fn changed(&mut self, room: Room) -> Presence {
        self.version += 1;
        let members = self.rooms.get(&room).into_iter().flat_map(BTreeMap::values);
        Presence {
            members: members.cloned().collect(),
            version: self.version,
            room,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn room(text: &str) -> Room {
        Room::parse(text).unwrap()
    }

    #[test]
    fn lists_are_of_one_room_and_numbered() {
        let mut members = Members::default();
        let socket = |id: &'static str| FastStr::new(id);
        members
            .join(&socket("1"), name("Mina"), room("tea"))
            .unwrap();
        members
            .join(&socket("2"), name("Ari"), room("den"))
            .unwrap();
        let (joined, presence) = members.join(&socket("3"), name("Bo"), room("tea")).unwrap();
        assert_eq!(joined, name("Bo"));
        assert_eq!(presence.members, [name("Bo"), name("Mina")]);
        assert_eq!(presence.version, 3);

        let (left, presence) = members.leave(&socket("1")).unwrap();
        assert_eq!(left, name("Mina"));
        assert_eq!(presence.members, [name("Bo")]);
        assert_eq!(presence.version, 4);
        assert_eq!(members.leave(&socket("1")), None);
        assert_eq!(members.member(&socket("1")), None);
        assert_eq!(
            members.member(&socket("3")),
            Some((name("Bo"), room("tea")))
        );
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let mut members = Members::default();
        let mut join = |id: &'static str, as_name: &str| {
            let socket = FastStr::new(id);
            members.join(&socket, name(as_name), room("tea")).unwrap().0
        };
        assert_eq!(join("1", "Mina"), name("Mina"));
        assert_eq!(join("2", "mina"), name("mina 2"));
        assert_eq!(join("3", "Mina"), name("Mina 3"));
    }

    #[test]
    fn a_room_has_a_limit_and_is_gone_when_empty() {
        let mut members = Members::default();
        let socket = |number: usize| FastStr::from(number.to_string());
        for number in 0..ROOM_LIMIT {
            members
                .join(&socket(number), name("Mina"), room("tea"))
                .unwrap();
        }
        let refused = members.join(&socket(ROOM_LIMIT), name("Mina"), room("tea"));
        assert_eq!(refused, Err(RoomFull));
        assert_eq!(members.member(&socket(ROOM_LIMIT)), None);

        for number in 0..ROOM_LIMIT {
            members.leave(&socket(number)).unwrap();
        }
        assert!(members.rooms.is_empty());
        assert!(members.sockets.is_empty());
    }
}
