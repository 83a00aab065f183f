//! Whom an event goes to, built step by step.

mod acks;

use std::time::Duration;

use faststr::FastStr;
use serde::Serialize;
use songi_emit::EncodeError;
use songi_socketio::Arguments;

pub use self::acks::{BroadcastAckError, BroadcastAckReason, BroadcastAcks};
use crate::adapter::{AdapterError, Answers, BroadcastFlags, BroadcastOptions};
use crate::namespace::{Namespace, check_server_side};
use crate::remote::RemoteSocket;
use crate::socket::Socket;

/// The sockets of a namespace that an operation means, on all servers of the cluster. By default
/// all of them; rooms add up, and what is excepted is left out.
///
/// ```
/// use songi_server::Server;
///
/// let io = Server::new();
/// io.to("room 1").to("room 2").except("muted").emit("news", "Hello!")?;
/// # Ok::<(), songi_server::EncodeError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `emit`"]
pub struct Broadcast {
    namespace: Namespace,
    options: BroadcastOptions,
}

impl Broadcast {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            options: BroadcastOptions::default(),
        }
    }

    pub(crate) fn with_flags(mut self, flags: BroadcastFlags) -> Self {
        self.options.flags = flags;
        self
    }

    /// Members of this room, too. The id of a socket is a room of its own.
    pub fn to(mut self, room: impl AsRef<str>) -> Self {
        self.options.rooms.push(FastStr::new(room));
        self
    }

    /// The same as [`to`](Self::to).
    pub fn in_(self, room: impl AsRef<str>) -> Self {
        self.to(room)
    }

    /// Nobody who is in this room.
    pub fn except(mut self, room: impl AsRef<str>) -> Self {
        self.options.except.push(FastStr::new(room));
        self
    }

    /// Only the sockets that are connected to this server, and not those of others in the cluster.
    pub fn local(mut self) -> Self {
        self.options.flags.local = true;
        self
    }

    /// The event may be dropped for a client that cannot take it at once.
    pub fn volatile(mut self) -> Self {
        self.options.flags.volatile = true;
        self
    }

    /// Whether the transport may compress the event. Default: yes, where it can.
    pub fn compress(mut self, compress: bool) -> Self {
        self.options.flags.compress = compress;
        self
    }

    /// How long to wait for acks, or for the answers of other servers.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.flags.timeout = Some(timeout);
        self
    }

    /// Sends an event to all of them. It is encoded once, and the bytes are shared. A client for
    /// which too much waits already is disconnected; the others notice nothing.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be encoded: then nobody gets anything.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EncodeError> {
        self.each(|namespace| {
            let inner = namespace.inner();
            let packet = inner.local.encode(None, event, &args)?;
            if self.options.flags.local {
                inner.local.broadcast(&packet, &self.options);
            } else {
                inner.adapter.broadcast(&packet, &self.options);
            }
            Ok(())
        })
    }

    /// Sends a `message` event: `emit("message", args)`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EncodeError> {
        self.emit("message", args)
    }

    /// Sends an event to all of them and asks each for an ack: await the result for all answers,
    /// or take them one by one as they come. Each is waited for until
    /// [`timeout`](Self::timeout), 10 seconds by default.
    ///
    /// ```no_run
    /// # async fn example(io: songi_server::Server) {
    /// use std::time::Duration;
    ///
    /// let vote = io.to("room").timeout(Duration::from_secs(5)).emit_with_ack::<bool>("vote", ());
    /// match vote.await {
    ///     Ok(votes) => println!("all have voted: {votes:?}"),
    ///     Err(error) => println!("{error}; so far: {:?}", error.answers),
    /// }
    /// # }
    /// ```
    pub fn emit_with_ack<T>(&self, event: &str, args: impl Serialize) -> BroadcastAcks<T> {
        let (answers, collected) = Answers::channel();
        let sent = self.each(|namespace| {
            let inner = namespace.inner();
            let id = inner.local.next_ack_id();
            let packet = inner.local.encode(Some(id), event, &args)?;
            if self.options.flags.local {
                inner
                    .local
                    .broadcast_with_ack(&packet, id, &self.options, &answers);
            } else {
                let answers = answers.clone();
                inner
                    .adapter
                    .broadcast_with_ack(&packet, id, &self.options, answers);
            }
            Ok(())
        });
        BroadcastAcks::new(sent, collected, self.options.flags.timeout)
    }

    /// The sockets themselves, of this server only. See [`fetch_sockets`](Self::fetch_sockets).
    pub fn sockets(&self) -> Vec<Socket> {
        let mut sockets = Vec::new();
        self.for_each(|namespace| sockets.extend(namespace.inner().local.sockets(&self.options)));
        sockets
    }

    /// The sockets, those of other servers too.
    ///
    /// # Errors
    ///
    /// When the other servers cannot be asked or do not answer.
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, AdapterError> {
        let mut namespaces = Vec::new();
        self.for_each(|namespace| namespaces.push(namespace.clone()));
        let mut sockets = Vec::new();
        for namespace in namespaces {
            let inner = namespace.inner();
            let fetched = if self.options.flags.local {
                inner.local.fetch_sockets(&self.options)
            } else {
                inner.adapter.fetch_sockets(&self.options).await?
            };
            let fetched = fetched.into_iter();
            sockets.extend(fetched.map(|details| RemoteSocket::new(details, namespace.clone())));
        }
        Ok(sockets)
    }

    /// Puts all of them into a room.
    pub fn sockets_join(&self, room: impl AsRef<str>) {
        let rooms = [FastStr::new(room)];
        self.for_each(|namespace| {
            let inner = namespace.inner();
            if self.options.flags.local {
                inner.local.add_sockets(&self.options, &rooms);
            } else {
                inner.adapter.add_sockets(&self.options, &rooms);
            }
        });
    }

    /// Takes all of them out of a room.
    pub fn sockets_leave(&self, room: impl AsRef<str>) {
        let rooms = [FastStr::new(room)];
        self.for_each(|namespace| {
            let inner = namespace.inner();
            if self.options.flags.local {
                inner.local.del_sockets(&self.options, &rooms);
            } else {
                inner.adapter.del_sockets(&self.options, &rooms);
            }
        });
    }

    /// Takes all of them out of the namespace; with `close`, their connections are closed with
    /// all their namespaces.
    pub fn disconnect_sockets(&self, close: bool) {
        self.for_each(|namespace| {
            let inner = namespace.inner();
            if self.options.flags.local {
                inner.local.disconnect_sockets(&self.options, close);
            } else {
                inner.adapter.disconnect_sockets(&self.options, close);
            }
        });
    }

    pub(crate) fn server_side_emit(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<(), EncodeError> {
        check_server_side(event)?;
        let args = Arguments::of(&args)?;
        let event = FastStr::new(event);
        self.for_each(|namespace| {
            let adapter = &namespace.inner().adapter;
            adapter.server_side_emit(&event, &args, None);
        });
        Ok(())
    }

    pub(crate) fn server_side_emit_with_ack<T>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> BroadcastAcks<T> {
        let (answers, collected) = Answers::channel();
        let args = check_server_side(event).and_then(|()| Arguments::of(&args));
        let sent = args.map(|args| {
            let event = FastStr::new(event);
            self.for_each(|namespace| {
                let adapter = &namespace.inner().adapter;
                adapter.server_side_emit(&event, &args, Some(answers.clone()));
            });
        });
        BroadcastAcks::new(sent, collected, self.options.flags.timeout)
    }

    /// The namespace, or its children when it is the parent of dynamic ones.
    fn each<E>(&self, act: impl Fn(&Namespace) -> Result<(), E>) -> Result<(), E> {
        match self.namespace.children() {
            None => act(&self.namespace),
            Some(children) => children.iter().try_for_each(act),
        }
    }

    fn for_each(&self, mut act: impl FnMut(&Namespace)) {
        match self.namespace.children() {
            None => act(&self.namespace),
            Some(children) => children.iter().for_each(act),
        }
    }
}
