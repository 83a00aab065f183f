//! What a manager asks for and tells.

use alloc::boxed::Box;
use alloc::vec::Vec;

use faststr::FastStr;
use thiserror::Error;

#[cfg(doc)]
use super::{Config, Manager};
use super::{DisconnectReason, Socket};
use crate::client::ConnectError;
use crate::{AckError, Arguments, EncodeError};

/// Names a socket from [`Manager::join`] to [`Output::Ended`]. It is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub(super) u64);

/// Names a link from [`Output::Open`] to its end. It is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub(super) u64);

/// What [`Manager::poll_output`] gives, in the order in which it is to be done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output<P, A> {
    /// Open a link, once the last one is gone; then [`Manager::opened`] or [`Manager::not_opened`].
    Open {
        /// How it is called from now on.
        link: LinkId,
    },
    /// Close a link in good order: what was sent goes out. Nothing that it brings counts any more.
    /// [`Manager::closed`] when it is gone.
    Close {
        /// Which one.
        link: LinkId,
    },
    /// Send a packet of the manager's own, as its [`Parser`](crate::Parser) writes it. It has no
    /// attachments.
    Control(Vec<u8>),
    /// Send a packet that waited. If the link does not take it: [`Manager::not_sent`].
    Send {
        /// The packet.
        packet: P,
        /// What it waited for.
        waited: Waited,
    },
    /// Make the authentication payload of a socket; then [`Manager::authenticate`].
    Authenticate {
        /// Whose.
        socket: SocketId,
        /// For the namespace's `CONNECT` on this link.
        link: LinkId,
    },
    /// A socket is in its namespace.
    Joined {
        /// Which one.
        socket: SocketId,
        /// On which link.
        link: LinkId,
        /// Its id, which the server gave it.
        sid: FastStr,
        /// Whether the server has recovered its state.
        recovered: bool,
    },
    /// An event, never before [`Joined`](Self::Joined).
    Event {
        /// For whom.
        socket: SocketId,
        /// Present when the server waits for an ack: see [`Manager::can_answer`]. Absent also when
        /// the event may be one of an earlier stay on the same link, which nobody can answer.
        id: Option<u64>,
        /// Its name.
        name: FastStr,
        /// Its arguments.
        args: Arguments,
    },
    /// An ack that was waited for.
    Answered {
        /// Who waits for it.
        reply: A,
        /// What it says.
        args: Arguments,
    },
    /// An ack that does not come.
    Unanswered {
        /// Who waits for it.
        reply: A,
        /// Why.
        why: Unanswered,
    },
    /// A socket is not let into its namespace. [`Ended`](Self::Ended) follows.
    Refused {
        /// Which one.
        socket: SocketId,
        /// Why.
        why: Refusal,
    },
    /// A socket that was in its namespace is not any more. Unless [`Ended`](Self::Ended) follows,
    /// it comes back when there is a new link.
    Left {
        /// Which one.
        socket: SocketId,
        /// Why.
        reason: DisconnectReason,
    },
    /// A socket does not come back by itself.
    Ended {
        /// Which one it was.
        socket: SocketId,
        /// To be joined again, if it is.
        rest: Box<Socket<P, A>>,
        /// Why.
        reason: DisconnectReason,
    },
    /// No link could be opened. It concerns all sockets.
    NotOpened {
        /// Which attempt to connect again that was, if it was one.
        attempt: Option<u32>,
        /// Whether it took longer than [`Config::connect_timeout`]; else the caller has said it.
        timed_out: bool,
    },
    /// An attempt to connect again begins. It concerns all sockets.
    Reconnecting {
        /// Which one, from 1.
        attempt: u32,
    },
    /// A link is open again. It concerns all sockets.
    Reconnected {
        /// After so many attempts.
        attempts: u32,
    },
    /// The last attempt has failed. [`Ended`](Self::Ended) follows for all sockets.
    GaveUp,
}

/// What a packet has waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waited {
    /// For its namespace to be joined. It was counted already: a limit of the link's own is not to
    /// hold it up, because what comes later would go before it.
    Joined {
        /// Whose it is.
        socket: SocketId,
        /// The ack that it asks for.
        ack: Option<u64>,
    },
    /// For its turn in the queue of those that are sent until they are acknowledged.
    Turn {
        /// Whose it is.
        socket: SocketId,
    },
}

/// Why a link does not take a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSent {
    /// There is no room now.
    Full,
    /// It never can be sent.
    Unsendable,
}

/// Why an ack does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswered {
    /// The namespace was left first.
    Disconnected,
    /// The last try got none within [`Config::ack_timeout`].
    Timeout,
    /// The event found no room in the link.
    Full,
    /// The event never can be sent.
    Unsendable,
}

/// Why a socket was not let into its namespace.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The server did not.
    #[error(transparent)]
    Server(#[from] ConnectError),
    /// It could not be asked.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why a namespace cannot be joined.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Another socket is in it, or tries to come there.
    #[error("the namespace {0:?} is joined already")]
    InUse(FastStr),
    /// [`Config::max_namespaces`] are.
    #[error("{limit} namespaces are joined, which is the limit")]
    TooManyNamespaces {
        /// The limit.
        limit: usize,
    },
}

/// Why an event is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket has ended.
    #[error("the socket is disconnected")]
    Disconnected,
    /// More would wait than [`Config::max_waiting_events`] and [`Config::max_waiting_bytes`].
    #[error("too many events wait to be sent")]
    QueueFull,
    /// More acks would be waited for than [`Config::max_pending_acks`].
    #[error(transparent)]
    TooManyAcks(#[from] AckError),
}
