use core::fmt;

use faststr::FastStr;
use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{Arguments, EncodeError, encode};

/// Event names that no peer may send, because both sides give them a meaning of their own:
/// `connect`, `connect_error`, `disconnect`, `disconnecting`, `newListener`, `removeListener`
/// (the list of `socket.io-parser`).
pub const RESERVED_EVENTS: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// One packet of the Socket.IO protocol, whole: its attachments have arrived.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The namespace it belongs to; `/` unless the packet named another.
    pub namespace: FastStr,
    /// What it is.
    pub kind: PacketKind,
}

/// The kinds of packet. The wire's `BINARY_EVENT` and `BINARY_ACK` are an event and an ack with
/// attachments.
#[derive(Clone, Debug)]
pub enum PacketKind {
    /// `0`: joins a namespace, with the client's authentication payload, or confirms it, with the
    /// server's `{"sid": …}`. The payload is always a JSON object.
    Connect(Option<RawJson>),
    /// `1`: leaves a namespace.
    Disconnect,
    /// `2` and `5`: an event.
    Event {
        /// Present when the sender waits for an ack.
        id: Option<u64>,
        /// The event's name. A numeric name is its text as it was sent.
        name: FastStr,
        /// The arguments, without the name.
        args: Arguments,
    },
    /// `3` and `6`: the answer to an event.
    Ack {
        /// The id of the event that it answers.
        id: u64,
        /// What the other side answered.
        args: Arguments,
    },
    /// `4`: the server refused a namespace. The payload is a JSON object or string.
    ConnectError(RawJson),
}

/// A JSON text that has been checked and not yet been read.
///
/// ```
/// # use songi_socketio::{Decoder, Limits, PacketKind};
/// # let mut decoder = Decoder::new(Limits::default());
/// let packet = decoder.decode_text(r#"0/admin,{"token":"123"}"#.into(), Default::default())?.unwrap();
/// let PacketKind::Connect(Some(auth)) = packet.kind else { panic!() };
/// assert_eq!(auth.deserialize::<serde_json::Value>()?["token"], "123");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(FastStr);

impl RawJson {
    pub(crate) fn new(checked: FastStr) -> Self {
        Self(checked)
    }

    /// The JSON text of a value.
    ///
    /// ```
    /// let json = songi_socketio::RawJson::of(&("a", 1))?;
    /// assert_eq!(json.as_str(), r#"["a",1]"#);
    /// # Ok::<(), songi_socketio::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// It does not serialise, or has binary data.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let text = FastStr::from_vec_u8(encode::value(value)?).map_err(Error::custom)?;
        Ok(Self(text))
    }

    /// Reads it into a serde type, which may borrow from it.
    ///
    /// # Errors
    /// The text does not fit the type.
    pub fn deserialize<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The JSON text: as it was received, where it was JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text, without a copy.
    pub fn into_text(self) -> FastStr {
        self.0
    }

    pub(crate) fn slice(&self, part: &str) -> Self {
        Self(self.0.slice_ref(part))
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RawJson {
    /// As the value that it is, in whatever format.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}
