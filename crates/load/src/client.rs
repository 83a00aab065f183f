//! One client of a crowd.

mod polling;
mod web_socket;

use std::net::IpAddr;

use mio::{Registry, Token};

use crate::exchange::Outgoing;
use crate::target::{Protocol, Target, Transport};
use crate::{LoadError, frame};

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits for the answer to its first HTTP request.
    Requesting,
    /// It waits for the open packet of Engine.IO.
    Opening,
    /// It waits to be let into the namespace.
    Joining,
    Ready,
    /// It has said goodbye.
    Ending,
    Closed,
}

/// What all clients of a crowd say, encoded once.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) target: Target,
    upgrade: Vec<u8>,
    connect: Outgoing,
    pong: Vec<u8>,
    close: Vec<u8>,
}

impl Prepared {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            upgrade: target.upgrade(),
            connect: Outgoing::new(frame::TEXT, target.connect_packet().as_bytes()),
            pong: frame::masked(frame::TEXT, b"3"),
            close: frame::masked(frame::CLOSE, &1000_u16.to_be_bytes()),
            target,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Client {
    WebSocket(web_socket::WebSocket),
    Polling(Box<polling::Polling>),
}

impl Client {
    /// The tokens that a client uses, from twice its index on.
    pub(crate) const TOKENS: usize = 2;

    pub(crate) fn connect(
        prepared: &Prepared,
        source: Option<IpAddr>,
        registry: &Registry,
        index: usize,
    ) -> Result<Self, LoadError> {
        let first = index * Self::TOKENS;
        let tokens = [Token(first), Token(first + 1)];
        Ok(match prepared.target.transport {
            Transport::WebSocket => Self::WebSocket(web_socket::WebSocket::connect(
                prepared, source, registry, tokens,
            )?),
            Transport::Polling => Self::Polling(Box::new(polling::Polling::connect(
                prepared, source, registry, tokens,
            )?)),
        })
    }

    /// Reads all there is on one of its connections; `message` is given the messages.
    pub(crate) fn read(
        &mut self,
        half: usize,
        prepared: &Prepared,
        buffer: &mut [u8],
        message: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        match self {
            Self::WebSocket(client) => client.read(prepared, buffer, message),
            Self::Polling(client) => client.read(half, prepared, buffer, message),
        }
    }

    /// Writes what the kernel takes of what was queued.
    pub(crate) fn flush(&mut self) -> Result<(), LoadError> {
        match self {
            Self::WebSocket(client) => client.flush(),
            Self::Polling(client) => client.flush(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::WebSocket(client) => client.stage,
            Self::Polling(client) => client.stage,
        }
    }

    /// Gives back buffers that a client that does nothing does not need.
    pub(crate) fn shrink(&mut self) {
        if let Self::WebSocket(client) = self {
            client.shrink();
        }
    }

    pub(crate) fn sender<'a>(&'a mut self, prepared: &'a Prepared) -> Sender<'a> {
        Sender {
            client: self,
            prepared,
        }
    }
}

/// Sends for one client.
#[derive(Debug)]
pub struct Sender<'a> {
    client: &'a mut Client,
    prepared: &'a Prepared,
}

impl Sender<'_> {
    /// Queues a message; all that is queued in one turn is written at once.
    pub fn send(&mut self, message: &Outgoing) {
        match self.client {
            Client::WebSocket(client) => client.send(&message.frame),
            Client::Polling(client) => client.send(&message.packet),
        }
    }

    /// Whether the kernel has taken all that was sent.
    pub fn is_flushed(&self) -> bool {
        match &*self.client {
            Client::WebSocket(client) => client.is_flushed(),
            Client::Polling(client) => client.is_flushed(),
        }
    }

    /// Says goodbye: a WebSocket sends a close frame and waits for the other, long-polling just
    /// ends.
    pub fn end(&mut self) {
        match self.client {
            Client::WebSocket(client) => client.end(&self.prepared.close),
            Client::Polling(client) => client.stage = Stage::Closed,
        }
    }
}

/// What a text message of Engine.IO asks the client to do.
enum Packet<'a> {
    /// Answer with a pong.
    Ping,
    /// Join the namespace.
    Open,
    /// The client is in.
    Joined,
    /// For the script.
    Message(&'a [u8]),
    Ignored,
}

/// Reads an Engine.IO packet in the stage of its session.
fn packet(stage: Stage, payload: &[u8]) -> Result<Packet<'_>, LoadError> {
    Ok(match (stage, payload) {
        (_, [b'2', ..]) => Packet::Ping,
        (Stage::Opening, [b'0', ..]) => Packet::Open,
        (Stage::Opening, _) => return Err(LoadError::Protocol("no open packet of Engine.IO")),
        (Stage::Joining, [b'4', b'0', ..]) => Packet::Joined,
        (Stage::Joining, [b'4', b'4', rest @ ..]) => {
            let reason = String::from_utf8_lossy(rest).into_owned();
            return Err(LoadError::Refused(reason));
        }
        (Stage::Ready, [b'4', b'1', ..]) => return Err(LoadError::Closed(None)),
        (Stage::Ready, [b'4', ..]) => Packet::Message(payload),
        (Stage::Joining | Stage::Ready, [b'1']) => return Err(LoadError::Closed(None)),
        _ => Packet::Ignored,
    })
}

/// What follows the first HTTP response.
fn stage_behind_handshake(protocol: Protocol) -> Stage {
    match protocol {
        Protocol::WebSocket => Stage::Ready,
        Protocol::SocketIo => Stage::Opening,
    }
}
