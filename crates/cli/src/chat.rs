//! The Socket.IO side of the chat.
//!
//! | event | from | arguments | answer |
//! |---|---|---|---|
//! | `join` | client | name, room | `{ name, room, version, members }` |
//! | `leave` | client | | |
//! | `say` | client | text | the text, as it was passed on |
//! | `typing` | client | whether the client is typing | |
//! | `presence` | server | `{ room, version, members }`, `{ joined: name }` or `{ left: name }` | |
//! | `said` | server | name, text | |
//! | `typing` | server | name, whether the member is typing | |
//!
//! What is refused is answered with `{ error }`. A client is in one room at a time. The lists of
//! members are numbered, because those of two changes at once may overtake each other: the one
//! with the highest version is right.

mod members;
mod words;

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use songi::server::{EncodeError, Server, Socket};
use thiserror::Error;

use self::members::{Members, Presence, RoomFull};
use self::words::{Name, Room, Text, WordsError};

/// Adds the chat to a server's main namespace.
pub(crate) fn install(io: &Server) {
    let chat = Chat::default();
    io.on("join", {
        let chat = chat.clone();
        move |socket: Socket, name: String, room: String| chat.join(&socket, &name, &room)
    });
    io.on("leave", {
        let chat = chat.clone();
        move |socket: Socket| chat.leave(&socket)
    });
    io.on("say", {
        let chat = chat.clone();
        move |socket: Socket, text: String| chat.say(&socket, &text)
    });
    io.on("typing", {
        let chat = chat.clone();
        move |socket: Socket, typing: bool| chat.typing(&socket, typing)
    });
    io.on_disconnect(move |socket: Socket| chat.leave(&socket));
}

/// Who is in the chat. The lock is never held over an emit: an emit can disconnect a client that
/// reads too slowly, and its disconnect handler takes the lock.
#[derive(Debug, Clone, Default)]
struct Chat(Arc<Mutex<Members>>);

/// The answer to `join`.
#[derive(Debug, Serialize)]
struct Joined {
    /// The name that the client got: another one than it asked for where that was taken.
    name: Name,
    #[serde(flatten)]
    presence: Presence,
}

/// What a change of the list of members was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change<'a> {
    Joined(&'a Name),
    Left(&'a Name),
}

/// Why the chat does not do what a client asks for.
#[derive(Debug, Error)]
enum Refusal {
    #[error(transparent)]
    Words(#[from] WordsError),
    #[error(transparent)]
    RoomFull(#[from] RoomFull),
    #[error("join a room first")]
    NotInRoom,
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Chat {
    fn join(&self, socket: &Socket, name: &str, room: &str) -> Result<Joined, Refusal> {
        let (name, room) = (Name::parse(name)?, Room::parse(room)?);
        self.leave(socket)?;

        // Before it is counted in, so that it misses no change of the list.
        socket.join(room.key());
        let joined = self.0.lock().join(socket.id(), name, room.clone());
        let (name, presence) = joined.inspect_err(|_| socket.leave(room.key()))?;
        let change = Change::Joined(&name);
        socket
            .to(room.key())
            .emit("presence", (&presence, change))?;
        Ok(Joined { name, presence })
    }

    fn leave(&self, socket: &Socket) -> Result<(), Refusal> {
        let left = self.0.lock().leave(socket.id());
        let Some((name, presence)) = left else {
            return Ok(());
        };
        let room = presence.room().key();
        socket.leave(&room);
        let change = Change::Left(&name);
        Ok(socket.to(&room).emit("presence", (&presence, change))?)
    }

    fn say(&self, socket: &Socket, text: &str) -> Result<Text, Refusal> {
        let text = Text::parse(text)?;
        let (name, room) = self.member(socket)?;
        socket.to(room.key()).emit("said", (&name, &text))?;
        Ok(text)
    }

    fn typing(&self, socket: &Socket, typing: bool) -> Result<(), Refusal> {
        let (name, room) = self.member(socket)?;
        let others = socket.to(room.key()).volatile();
        Ok(others.emit("typing", (&name, typing))?)
    }

    fn member(&self, socket: &Socket) -> Result<(Name, Room), Refusal> {
        self.0.lock().member(socket.id()).ok_or(Refusal::NotInRoom)
    }
}
