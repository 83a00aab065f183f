//! The server's side of one connection: which namespaces the client is in.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use thiserror::Error;

#[cfg(doc)]
use crate::encode;
use crate::namespaces::Namespaces;
use crate::{
    Arguments, DecodeError, Decoder, EncodeError, Limits, Packet, PacketKind, Parser, RawJson,
};

mod revision;

pub use revision::Revision;

/// Settings of a [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What the client may send.
    pub limits: Limits,
    /// How long a connection may stay before the client is in its first namespace. Default: 45 s,
    /// as `connectTimeout` of socket.io.
    pub connect_timeout: Duration,
    /// Namespaces that one client may be in, or ask for, at a time. Default: 100.
    pub max_namespaces: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            connect_timeout: Duration::from_secs(45),
            max_namespaces: 100,
        }
    }
}

/// One client's connection, from its opening to its end.
///
/// What arrives goes in by [`receive_text`](Self::receive_text) and
/// [`receive_binary`](Self::receive_binary); what has to be sent comes out of
/// [`accept`](Self::accept), [`reject`](Self::reject) and [`disconnect`](Self::disconnect), or is
/// written by [`encode`]. An [error](enum@Error) is final: the caller closes the connection.
///
/// ```
/// use core::time::Duration;
/// use songi_socketio::server::{Config, Connection, Incoming};
///
/// let now = Duration::ZERO;
/// let mut client = Connection::new(&Config::default(), now);
/// let Some(Incoming::Connect { namespace, .. }) = client.receive_text("0".into(), now)? else { panic!() };
///
/// // … middleware runs, and then:
/// let mut text = Vec::new();
/// client.accept(&namespace, "oSO0OpakMV_3jnilAAAA", None, &mut text)?;
/// assert_eq!(text, br#"0{"sid":"oSO0OpakMV_3jnilAAAA"}"#);
///
/// let Some(Incoming::Event { name, .. }) = client.receive_text(r#"2["hey"]"#.into(), now)? else { panic!() };
/// assert_eq!(name, "hey");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    decoder: Decoder,
    parser: Parser,
    revision: Revision,
    namespaces: Namespaces<State>,
    /// Until the first namespace is joined.
    connect_deadline: Option<Duration>,
    max_namespaces: u16,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The client has asked; [`Connection::accept`] or [`Connection::reject`] answers.
    Pending,
    Joined,
    /// The server has ended it. What the client had sent by then is on its way and is dropped.
    Left,
}

/// What a client sent, as far as the server's application has to know.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// It wants to join a namespace: answer with [`Connection::accept`] or [`Connection::reject`].
    Connect {
        /// Which one.
        namespace: FastStr,
        /// What it says to authenticate: a JSON object.
        auth: Option<RawJson>,
    },
    /// An event.
    Event {
        /// A namespace that is joined.
        namespace: FastStr,
        /// Present when the client waits for an ack.
        id: Option<u64>,
        /// The event's name.
        name: FastStr,
        /// Its arguments.
        args: Arguments,
    },
    /// The answer to an event of ours, which may have been given before or never been asked for.
    Ack {
        /// A namespace that is joined.
        namespace: FastStr,
        /// The event's id.
        id: u64,
        /// The answer.
        args: Arguments,
    },
    /// It has left a namespace.
    Disconnect {
        /// Which one.
        namespace: FastStr,
    },
}

/// Why a client's connection has to be closed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// What it sent is not a packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A packet for a namespace that it has not joined, or whose `CONNECT` has no answer yet.
    #[error("a packet for the namespace {0:?}, which is not joined")]
    NotJoined(FastStr),
    /// A second `CONNECT` for a namespace that it has joined or asked for.
    #[error("a second CONNECT for the namespace {0:?}")]
    DoubleConnect(FastStr),
    /// `CONNECT_ERROR`, which only a server sends.
    #[error("a CONNECT_ERROR from a client")]
    ConnectErrorFromClient,
    /// More namespaces than [`Config::max_namespaces`].
    #[error("more namespaces than the limit of {limit}")]
    TooManyNamespaces {
        /// The limit.
        limit: u16,
    },
    /// No namespace joined within [`Config::connect_timeout`].
    #[error("no namespace was joined in time")]
    ConnectTimeout,
    /// A query behind a namespace that cannot be read as an authentication payload.
    #[error("an illegal query behind a namespace")]
    IllegalQuery,
    /// The connection had failed before.
    #[error("the connection has failed before")]
    Closed,
}

/// Why the server cannot do something with a namespace of a client.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// It has not asked to join it, or has been answered.
    #[error("no CONNECT for the namespace {0:?} waits for an answer")]
    NotPending(FastStr),
    /// It is not in it.
    #[error("the namespace {0:?} is not joined")]
    NotJoined(FastStr),
    /// The packet cannot be written. The state is as it was.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Connection {
    /// A client whose connection was opened at `now`.
    pub fn new(config: &Config, now: Duration) -> Self {
        Self {
            decoder: Decoder::new(config.limits),
            parser: Parser::Json,
            revision: Revision::V5,
            namespaces: Namespaces::new(),
            connect_deadline: Some(now.saturating_add(config.connect_timeout)),
            max_namespaces: config.max_namespaces,
            closed: false,
        }
    }

    /// Uses another parser than JSON. To be called before anything is received.
    #[must_use]
    pub fn with_parser(mut self, parser: &Parser) -> Self {
        self.parser = parser.clone();
        self.decoder = parser.decoder(self.decoder.limits());
        self.with_query_accepted()
    }

    /// Speaks the protocol's version of the client. To be called before anything is received.
    ///
    /// ```
    /// use core::time::Duration;
    /// use songi_socketio::server::{Config, Connection, Incoming, Revision};
    ///
    /// let mut client = Connection::new(&Config::default(), Duration::ZERO).with_revision(Revision::V4);
    /// let Some(Incoming::Connect { namespace, auth: None }) = client.opened() else { panic!() };
    /// let mut text = Vec::new();
    /// client.accept(&namespace, "sid", None, &mut text)?;
    /// assert_eq!(text, b"0");
    ///
    /// let incoming = client.receive_text("0/admin?token=abc,".into(), Duration::ZERO)?;
    /// let Some(Incoming::Connect { namespace, auth: Some(auth) }) = incoming else { panic!() };
    /// assert_eq!((namespace.as_str(), auth.as_str()), ("/admin", r#"{"token":"abc"}"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Self {
        self.revision = revision;
        self.with_query_accepted()
    }

    /// What the opening itself asks for: with [`Revision::V4`], to join `/`, once.
    ///
    /// To be called when the connection is open, whatever the revision is.
    pub fn opened(&mut self) -> Option<Incoming> {
        if self.revision == Revision::V5 || self.closed || self.namespaces.get("/").is_some() {
            return None;
        }
        let namespace = FastStr::from_static_str("/");
        self.namespaces.insert(namespace.clone(), State::Pending);
        Some(Incoming::Connect {
            namespace,
            auth: None,
        })
    }

    /// How packets for this client are written.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// The version of the protocol that the client speaks.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Takes a text message of the client. `None`: there is nothing to do (yet).
    ///
    /// # Errors
    /// The client has broken the protocol: close the connection.
    pub fn receive_text(
        &mut self,
        text: FastStr,
        now: Duration,
    ) -> Result<Option<Incoming>, Error> {
        self.receive(|decoder| decoder.decode_text(text, now))
    }

    /// Takes a binary message of the client. `None`: there is nothing to do (yet).
    ///
    /// # Errors
    /// The client has broken the protocol: close the connection.
    pub fn receive_binary(
        &mut self,
        data: Bytes,
        now: Duration,
    ) -> Result<Option<Incoming>, Error> {
        self.receive(|decoder| decoder.decode_binary(data, now))
    }

    /// Lets the client into a namespace: `sid` is its id there, `pid` the secret with which it may
    /// recover its state. Neither is told to a client of [`Revision::V4`], which takes the id of its
    /// Engine.IO session. Appends the packet to `out`.
    ///
    /// What a recovered client has missed is to be sent *before* this packet, as socket.io does.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub fn accept(
        &mut self,
        namespace: &str,
        sid: &str,
        pid: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), StateError> {
        self.pending(namespace)?;
        match self.revision {
            Revision::V4 => self.parser.connect(out, namespace, &())?,
            Revision::V5 => self.parser.connected(out, namespace, sid, pid)?,
        }
        *self.pending(namespace)? = State::Joined;
        self.connect_deadline = None;
        Ok(())
    }

    /// Refuses a client: it finds `message` and `data` in its error; with [`Revision::V4`] its error
    /// is `data`, or `message` where there is none. Appends the packet to `out`.
    ///
    /// # Errors
    /// Nobody waits for it, or `data` cannot be written.
    pub fn reject<T: Serialize + ?Sized>(
        &mut self,
        namespace: &str,
        message: &str,
        data: Option<&T>,
        out: &mut Vec<u8>,
    ) -> Result<(), StateError> {
        self.pending(namespace)?;
        match (self.revision, data) {
            (Revision::V5, _) => self.parser.connect_error(out, namespace, message, data)?,
            (Revision::V4, Some(data)) => self.parser.error(out, namespace, data)?,
            (Revision::V4, None) => self.parser.error(out, namespace, message)?,
        }
        self.namespaces.remove(namespace);
        Ok(())
    }

    /// Ends a client's stay in a namespace. Appends the packet to `out`.
    ///
    /// What the client sends before it learns of it is dropped. (JavaScript servers close the
    /// connection on it, with all its other namespaces.)
    ///
    /// # Errors
    /// The client is not in it.
    pub fn disconnect(&mut self, namespace: &str, out: &mut Vec<u8>) -> Result<(), StateError> {
        match self.namespaces.get_mut(namespace) {
            Some(state @ State::Joined) => {
                self.parser.disconnect(out, namespace)?;
                *state = State::Left;
                Ok(())
            }
            _ => Err(StateError::NotJoined(FastStr::new(namespace))),
        }
    }

    /// Whether the client is in a namespace.
    pub fn is_joined(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace) == Some(&State::Joined)
    }

    /// The namespaces that the client is in.
    pub fn joined(&self) -> impl Iterator<Item = &FastStr> {
        let joined = self
            .namespaces
            .iter()
            .filter(|(_, state)| **state == State::Joined);
        joined.map(|(namespace, _)| namespace)
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.closed {
            return None;
        }
        let deadlines = [self.connect_deadline, self.decoder.poll_timeout()];
        deadlines.into_iter().flatten().min()
    }

    /// Tells the time.
    ///
    /// # Errors
    /// [`Error::ConnectTimeout`] or [`DecodeError::AttachmentTimeout`]: close the connection.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Closed);
        }
        let result = if self
            .connect_deadline
            .is_some_and(|deadline| now >= deadline)
        {
            Err(Error::ConnectTimeout)
        } else {
            self.decoder.handle_timeout(now).map_err(Error::from)
        };
        self.closed = result.is_err();
        result
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

    fn handle(&mut self, mut packet: Packet) -> Result<Option<Incoming>, Error> {
        if self.revision == Revision::V4 {
            let query = revision::split_query(&mut packet).map_err(|_| Error::IllegalQuery)?;
            if let PacketKind::Connect(auth) = &mut packet.kind {
                if auth.is_some() {
                    return Err(DecodeError::UnexpectedPayload.into());
                }
                *auth = query;
            }
        }
        let Packet { namespace, kind } = packet;
        let state = self.namespaces.get(&namespace).copied();
        match (kind, state) {
            (PacketKind::ConnectError(_), _) => Err(Error::ConnectErrorFromClient),
            (PacketKind::Connect(auth), None | Some(State::Left)) => {
                self.ask(&namespace)?;
                Ok(Some(Incoming::Connect { namespace, auth }))
            }
            (PacketKind::Connect(_), Some(State::Pending | State::Joined)) => {
                Err(Error::DoubleConnect(namespace))
            }
            (_, None | Some(State::Pending)) => Err(Error::NotJoined(namespace)),
            (PacketKind::Disconnect, Some(State::Left)) => {
                self.namespaces.remove(&namespace);
                Ok(None)
            }
            (_, Some(State::Left)) => Ok(None),
            (PacketKind::Event { id, name, args }, Some(State::Joined)) => {
                Ok(Some(Incoming::Event {
                    namespace,
                    id,
                    name,
                    args,
                }))
            }
            (PacketKind::Ack { id, args }, Some(State::Joined)) => Ok(Some(Incoming::Ack {
                namespace,
                id,
                args,
            })),
            (PacketKind::Disconnect, Some(State::Joined)) => {
                self.namespaces.remove(&namespace);
                Ok(Some(Incoming::Disconnect { namespace }))
            }
        }
    }

    /// Notes that the client has asked to join.
    fn ask(&mut self, namespace: &FastStr) -> Result<(), Error> {
        if let Some(state) = self.namespaces.get_mut(namespace) {
            *state = State::Pending;
            return Ok(());
        }
        let limit = usize::from(self.max_namespaces);
        if self.namespaces.len() >= limit {
            self.namespaces.remove_where(|state| *state == State::Left);
        }
        if self.namespaces.len() >= limit {
            return Err(Error::TooManyNamespaces {
                limit: self.max_namespaces,
            });
        }
        // A copy: a slice would keep the message's buffer as long as the connection.
        self.namespaces
            .insert(FastStr::new(namespace.as_str()), State::Pending);
        Ok(())
    }

    fn with_query_accepted(mut self) -> Self {
        if self.revision == Revision::V4 {
            self.decoder.accept_query();
        }
        self
    }

    fn pending(&mut self, namespace: &str) -> Result<&mut State, StateError> {
        match self.namespaces.get_mut(namespace) {
            Some(state @ State::Pending) => Ok(state),
            _ => Err(StateError::NotPending(FastStr::new(namespace))),
        }
    }
}

#[cfg(test)]
mod tests;
