//! What the client's application knows and expects.

use std::collections::VecDeque;
use std::time::Duration;

use songi_socketio::FastStr;
use songi_socketio::manager::{DisconnectReason, LinkId, Socket, SocketId};

use crate::network::Packet;

/// Who waits for an ack: an index of [`Model::tokens`].
pub(crate) type Token = usize;

/// One namespace, as the application sees it.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: &'static str,
    /// While it is wanted.
    pub(crate) socket: Option<SocketId>,
    /// While it is not.
    pub(crate) rest: Option<Box<Socket<Packet, Token>>>,
    /// On which link it is joined.
    pub(crate) joined: Option<LinkId>,
    /// Its id, the last one that the server gave it.
    pub(crate) sid: Option<FastStr>,
    pub(crate) ended: Option<DisconnectReason>,
    /// On which link an earlier stay has ended: what was under way may still come.
    pub(crate) left_on: Option<LinkId>,
    /// Events that wait for it to be joined.
    pub(crate) kept: VecDeque<(usize, Option<Token>)>,
    /// Events that are sent until they are acknowledged.
    pub(crate) retries: VecDeque<Token>,
    /// The last number of an event that came.
    pub(crate) last: Option<usize>,
    /// How many of the events that the server can recover came since the state began.
    pub(crate) received: usize,
}

impl Namespace {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            socket: None,
            rest: None,
            joined: None,
            sid: None,
            ended: None,
            left_on: None,
            kept: VecDeque::new(),
            retries: VecDeque::new(),
            last: None,
            received: 0,
        }
    }
}

/// An ack that is or was waited for.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) namespace: usize,
    /// Of its event.
    pub(crate) number: usize,
    pub(crate) key: (SocketId, u64),
    pub(crate) repeated: bool,
    /// How often its event was sent.
    pub(crate) sent: u32,
    /// On which link it was sent last.
    pub(crate) on: Option<LinkId>,
    pub(crate) done: bool,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) tokens: Vec<Waiting>,
    /// Numbers of the client's events, of all kinds.
    pub(crate) numbers: usize,
    /// On which link each event was sent that is not to be lost while that is whole.
    pub(crate) sent: Vec<(LinkId, usize, usize)>,
    /// The link of now.
    pub(crate) link: Option<LinkId>,
    /// Whether it is open.
    pub(crate) open: bool,
    /// Attempts to connect again since the last connection.
    pub(crate) attempts: u32,
    /// Since when the next attempt is waited for.
    pub(crate) lost_at: Option<Duration>,
}
