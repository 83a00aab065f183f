//! The client's side of one connection: which namespaces the server has let it into.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

#[cfg(doc)]
use crate::encode;
use crate::namespaces::Namespaces;
use crate::{
    Arguments, DecodeError, Decoder, EncodeError, Limits, Packet, PacketKind, Parser, RawJson,
};

/// Settings of a [`Connection`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What the server may send.
    pub limits: Limits,
}

/// One connection to a server, which carries any number of namespaces.
///
/// A new one is made for each connection that the transport below makes. It keeps no packets:
/// what is emitted before [`Incoming::Connected`] waits with the caller, and so do events that
/// came early (see [`Incoming::Event`]).
///
/// ```
/// use core::time::Duration;
/// use songi_socketio::client::{Config, Connection, Incoming};
///
/// let now = Duration::ZERO;
/// let mut server = Connection::new(&Config::default());
/// let mut text = Vec::new();
/// server.connect("/", &(), &mut text)?;
/// assert_eq!(text, b"0");
///
/// let Some(Incoming::Connected { sid, .. }) = server.receive_text(r#"0{"sid":"lv_VI97HAXpY6yYWAAAB"}"#.into(), now)? else {
///     panic!();
/// };
/// assert_eq!(sid, "lv_VI97HAXpY6yYWAAAB");
/// assert!(server.is_connected("/"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    decoder: Decoder,
    parser: Parser,
    namespaces: Namespaces<State>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
    /// Left before the server had answered. It does not take a `DISCONNECT` until it has.
    Abandoned,
}

/// What a server sent, as far as the client's application has to know.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A namespace is joined.
    Connected {
        /// Which one.
        namespace: FastStr,
        /// Our id in it.
        sid: FastStr,
        /// The secret with which our state can be recovered, where the server offers that.
        pid: Option<FastStr>,
    },
    /// A namespace is refused, or taken back. To try again is the caller's decision.
    Refused {
        /// Which one.
        namespace: FastStr,
        /// Why.
        error: ConnectError,
    },
    /// An event.
    Event {
        /// A namespace that was asked for.
        namespace: FastStr,
        /// Whether it came before [`Connected`](Self::Connected). A server that recovers a state
        /// sends what was missed first. JavaScript clients keep such events until they are
        /// connected.
        early: bool,
        /// Present when the server waits for an ack.
        id: Option<u64>,
        /// The event's name.
        name: FastStr,
        /// Its arguments.
        args: Arguments,
    },
    /// The answer to an event of ours, which may have been given before or never been asked for.
    Ack {
        /// A namespace that was asked for.
        namespace: FastStr,
        /// The event's id.
        id: u64,
        /// The answer.
        args: Arguments,
    },
    /// The server has ended our stay in a namespace.
    Disconnect {
        /// Which one.
        namespace: FastStr,
    },
    /// The server let us into a namespace that we have left in the meantime. Send it
    /// [`encode::disconnect`]. (JavaScript clients do not, and are closed when they come again.)
    Unwanted {
        /// Which one.
        namespace: FastStr,
    },
}

/// Why a server refused a namespace.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ConnectError {
    /// The message of the server's error; empty where it gave none.
    pub message: FastStr,
    /// What its application added.
    pub data: Option<RawJson>,
}

/// Why the connection to a server has to be closed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// What it sent is not a packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// `CONNECT` without the `sid` that protocol version 5 has: a server of socket.io 2.
    #[error("CONNECT without a session id: the server speaks an older protocol")]
    MissingSid,
    /// `CONNECT` for a namespace that is connected.
    #[error("a second CONNECT for the namespace {0:?}")]
    DoubleConnect(FastStr),
    /// The payload of `CONNECT_ERROR` has a `message` that is not a string.
    #[error("an illegal CONNECT_ERROR")]
    IllegalConnectError,
    /// More events before the answer to a `CONNECT` than
    /// [`manager::Config`](crate::manager::Config) allows. Only a
    /// [`Manager`](crate::manager::Manager), which keeps them, says so.
    #[error("more than {events} events, or {bytes} bytes of them, before the namespace was joined")]
    TooManyEarlyEvents {
        /// The limit of their number.
        events: usize,
        /// The limit of their bytes.
        bytes: usize,
    },
    /// The connection had failed before.
    #[error("the connection has failed before")]
    Closed,
}

/// Why a client cannot do something with a namespace.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// It has been asked for already, and an answer to that is still to come or was positive.
    #[error("the namespace {0:?} is connected or connecting")]
    InUse(FastStr),
    /// It has not been asked for.
    #[error("the namespace {0:?} is not connected")]
    NotConnected(FastStr),
    /// The packet cannot be written. The state is as it was.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Connection {
    /// A connection that has just been opened.
    pub fn new(config: &Config) -> Self {
        Self {
            decoder: Decoder::new(config.limits),
            parser: Parser::Json,
            namespaces: Namespaces::new(),
            closed: false,
        }
    }

    /// Uses another parser than JSON. To be called before anything is received.
    #[must_use]
    pub fn with_parser(mut self, parser: &Parser) -> Self {
        self.parser = parser.clone();
        self.decoder = parser.decoder(self.decoder.limits());
        self
    }

    /// How packets for this server are written.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// Asks to join a namespace. `auth` as for [`encode::connect`]. Appends the packet to `out`.
    ///
    /// # Errors
    /// It is connected or connecting, was left and the server's answer has not come yet, or the
    /// packet cannot be written.
    pub fn connect<T: Serialize + ?Sized>(
        &mut self,
        namespace: &str,
        auth: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), StateError> {
        if self.namespaces.get(namespace).is_some() {
            return Err(StateError::InUse(FastStr::new(namespace)));
        }
        self.parser.connect(out, namespace, auth)?;
        self.namespaces
            .insert(FastStr::new(namespace), State::Connecting);
        Ok(())
    }

    /// Leaves a namespace, connected or connecting. Appends the packet to `out` if the server has
    /// to know: as in JavaScript, only when we are connected.
    ///
    /// # Errors
    /// It has not been asked for.
    pub fn disconnect(&mut self, namespace: &str, out: &mut Vec<u8>) -> Result<(), StateError> {
        match self.namespaces.get_mut(namespace) {
            Some(State::Connected) => {
                self.parser.disconnect(out, namespace)?;
                self.namespaces.remove(namespace);
                Ok(())
            }
            Some(state @ State::Connecting) => {
                *state = State::Abandoned;
                Ok(())
            }
            Some(State::Abandoned) | None => Err(StateError::NotConnected(FastStr::new(namespace))),
        }
    }

    /// Takes a text message of the server. `None`: there is nothing to do (yet).
    ///
    /// # Errors
    /// The server has broken the protocol: close the connection.
    pub fn receive_text(
        &mut self,
        text: FastStr,
        now: Duration,
    ) -> Result<Option<Incoming>, Error> {
        self.receive(|decoder| decoder.decode_text(text, now))
    }

    /// Takes a binary message of the server. `None`: there is nothing to do (yet).
    ///
    /// # Errors
    /// The server has broken the protocol: close the connection.
    pub fn receive_binary(
        &mut self,
        data: Bytes,
        now: Duration,
    ) -> Result<Option<Incoming>, Error> {
        self.receive(|decoder| decoder.decode_binary(data, now))
    }

    /// The namespaces that were left before the server had answered: it has still to do so.
    pub(crate) fn abandoned(&self) -> impl Iterator<Item = &FastStr> {
        let all = self.namespaces.iter();
        all.filter_map(|(name, state)| (*state == State::Abandoned).then_some(name))
    }

    /// Whether the server has let us into a namespace.
    pub fn is_connected(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace) == Some(&State::Connected)
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.closed {
            None
        } else {
            self.decoder.poll_timeout()
        }
    }

    /// Tells the time.
    ///
    /// # Errors
    /// [`DecodeError::AttachmentTimeout`]: close the connection.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Closed);
        }
        let result = self.decoder.handle_timeout(now);
        self.closed = result.is_err();
        Ok(result?)
    }

    fn receive(
        &mut self,
        decode: impl FnOnce(&mut Decoder) -> Result<Option<Packet>, DecodeError>,
    ) -> Result<Option<Incoming>, Error> {
        if self.closed {
            return Err(Error::Closed);
        }
        let result = match decode(&mut self.decoder) {
            Ok(Some(packet)) => self.handle(packet),
            Ok(None) => Ok(None),
            Err(error) => Err(error.into()),
        };
        self.closed = result.is_err();
        result
    }

    fn handle(&mut self, packet: Packet) -> Result<Option<Incoming>, Error> {
        let Packet { namespace, kind } = packet;
        // Of a namespace that we have left, or never asked for, packets may still be on their way.
        let Some(state) = self.namespaces.get_mut(&namespace) else {
            return Ok(None);
        };
        if *state == State::Abandoned {
            let accepted = matches!(kind, PacketKind::Connect(_));
            if accepted || matches!(kind, PacketKind::ConnectError(_)) {
                self.namespaces.remove(&namespace);
            }
            return Ok(accepted.then_some(Incoming::Unwanted { namespace }));
        }
        Ok(Some(match kind {
            PacketKind::Connect(_) if *state == State::Connected => {
                return Err(Error::DoubleConnect(namespace));
            }
            PacketKind::Connect(payload) => {
                let (sid, pid) = session(payload.as_ref())?;
                *state = State::Connected;
                Incoming::Connected {
                    namespace,
                    sid,
                    pid,
                }
            }
            PacketKind::ConnectError(payload) => {
                let error = connect_error(&payload)?;
                self.namespaces.remove(&namespace);
                Incoming::Refused { namespace, error }
            }
            PacketKind::Event { id, name, args } => {
                let early = *state == State::Connecting;
                Incoming::Event {
                    namespace,
                    early,
                    id,
                    name,
                    args,
                }
            }
            // It answers an event of an earlier stay: nothing was sent in this one.
            PacketKind::Ack { .. } if *state == State::Connecting => return Ok(None),
            PacketKind::Ack { id, args } => Incoming::Ack {
                namespace,
                id,
                args,
            },
            // It ended an earlier stay, which we had left too: this one has no answer yet.
            PacketKind::Disconnect if *state == State::Connecting => return Ok(None),
            PacketKind::Disconnect => {
                self.namespaces.remove(&namespace);
                Incoming::Disconnect { namespace }
            }
        }))
    }
}

/// `sid` and `pid` of a server's `CONNECT`.
fn session(payload: Option<&RawJson>) -> Result<(FastStr, Option<FastStr>), Error> {
    #[derive(Deserialize)]
    struct Session<'a> {
        #[serde(borrow)]
        sid: Cow<'a, str>,
        #[serde(borrow)]
        pid: Option<Cow<'a, str>>,
    }
    let session = payload.and_then(|payload| payload.deserialize::<Session<'_>>().ok());
    let Session { sid, pid } = session.ok_or(Error::MissingSid)?;
    Ok((FastStr::new(sid), pid.map(FastStr::new)))
}

/// `{"message": …, "data": …}`, or the bare string that older servers send.
fn connect_error(payload: &RawJson) -> Result<ConnectError, Error> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default)]
        message: Cow<'a, str>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    if payload.as_str().starts_with('"') {
        let message: Cow<'_, str> = payload
            .deserialize()
            .map_err(|_| Error::IllegalConnectError)?;
        return Ok(ConnectError {
            message: FastStr::new(message),
            data: None,
        });
    }
    let object: Object<'_> = payload
        .deserialize()
        .map_err(|_| Error::IllegalConnectError)?;
    let data = object.data.map(|data| payload.slice(data.get()));
    Ok(ConnectError {
        message: FastStr::new(object.message),
        data,
    })
}

#[cfg(test)]
mod tests;
