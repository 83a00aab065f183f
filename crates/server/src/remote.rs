//! Sockets as the whole cluster sees them.

use std::fmt;
use std::time::UNIX_EPOCH;

use faststr::FastStr;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use songi_emit::EncodeError;

use crate::broadcast::Broadcast;
use crate::handshake::Handshake;
use crate::namespace::Namespace;
use crate::socket::Socket;

/// A socket of any server of the cluster: see [`Broadcast::fetch_sockets`]. It is what the socket
/// was when it was fetched.
#[derive(Clone)]
pub struct RemoteSocket {
    details: SocketDetails,
    namespace: Namespace,
}

/// What servers tell each other of a socket. Its serde form is that of the JavaScript server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SocketDetails {
    /// Its id.
    pub id: FastStr,
    /// The HTTP request that the client began with.
    pub handshake: HandshakeDetails,
    /// The rooms that it is in, its own id among them.
    pub rooms: Vec<FastStr>,
    /// What the application put into its data.
    #[serde(default)]
    pub data: Value,
}

/// What servers tell each other of the HTTP request that a client began with. Its serde form is
/// that of the JavaScript server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandshakeDetails {
    /// The headers, their names in lower case. Of several of the same name, the values with
    /// commas between them.
    pub headers: Map<String, Value>,
    /// When the request came, as text.
    pub time: String,
    /// The client's address, as far as is known.
    pub address: String,
    /// Whether the request came from a page of another origin.
    pub xdomain: bool,
    /// Whether it came over TLS.
    pub secure: bool,
    /// When the request came, in milliseconds since 1970.
    pub issued: u64,
    /// The target of the request.
    pub url: String,
    /// The parameters of its query.
    pub query: Map<String, Value>,
    /// The client's auth payload.
    pub auth: Value,
}

impl RemoteSocket {
    pub(crate) fn new(details: SocketDetails, namespace: Namespace) -> Self {
        Self { details, namespace }
    }

    /// The id of the socket.
    pub fn id(&self) -> &FastStr {
        &self.details.id
    }

    /// The rooms that the socket was in, its own id among them.
    pub fn rooms(&self) -> &[FastStr] {
        &self.details.rooms
    }

    /// The HTTP request that the client began with.
    pub fn handshake(&self) -> &HandshakeDetails {
        &self.details.handshake
    }

    /// The data of the socket, as any type that fits: see [`Socket::set_data`].
    ///
    /// # Errors
    ///
    /// When it has none or other data.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.details.data)
    }

    /// All that is known of it.
    pub fn details(&self) -> &SocketDetails {
        &self.details
    }

    /// The socket, and whoever is added: to send events to it.
    pub fn broadcast(&self) -> Broadcast {
        self.namespace.to(self.id())
    }

    /// Sends an event to it.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be encoded.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EncodeError> {
        self.broadcast().emit(event, args)
    }

    /// Puts it into a room.
    pub fn join(&self, room: impl AsRef<str>) {
        self.broadcast().sockets_join(room);
    }

    /// Takes it out of a room.
    pub fn leave(&self, room: impl AsRef<str>) {
        self.broadcast().sockets_leave(room);
    }

    /// Takes it out of the namespace; with `close`, its connection is closed.
    pub fn disconnect(&self, close: bool) {
        self.broadcast().disconnect_sockets(close);
    }
}

impl fmt::Debug for RemoteSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSocket")
            .field("id", self.id())
            .field("namespace", &self.namespace.name())
            .finish_non_exhaustive()
    }
}

impl SocketDetails {
    pub(crate) fn of(socket: &Socket) -> Self {
        Self {
            id: socket.id().clone(),
            handshake: HandshakeDetails::of(socket.handshake()),
            rooms: socket.rooms(),
            data: socket.data_value(),
        }
    }
}

impl HandshakeDetails {
    fn of(handshake: &Handshake) -> Self {
        let mut headers: Map<String, Value> = Map::new();
        for (name, value) in &handshake.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let value = match headers.get(name.as_str()).and_then(Value::as_str) {
                Some(others) => format!("{others}, {value}"),
                None => value.into_owned(),
            };
            headers.insert(name.as_str().to_owned(), value.into());
        }
        let pairs = handshake.query_pairs();
        let issued = handshake.issued().duration_since(UNIX_EPOCH);
        let issued = issued.unwrap_or_default().as_millis();
        Self {
            headers,
            time: httpdate::fmt_http_date(handshake.issued()),
            address: handshake
                .address()
                .map(|address| address.ip().to_string())
                .unwrap_or_default(),
            xdomain: handshake.xdomain(),
            secure: handshake.secure(),
            issued: u64::try_from(issued).unwrap_or(u64::MAX),
            url: handshake.url().to_owned(),
            query: pairs
                .map(|(key, value)| (key.into_owned(), value.into_owned().into()))
                .collect(),
            auth: handshake.auth().unwrap_or_default(),
        }
    }
}
