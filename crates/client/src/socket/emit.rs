//! Sending events.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use faststr::FastStr;
use serde::Serialize;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::SendOptions;
use songi_socketio::Arguments;
use songi_socketio::handler::{Contained, EventContext, Failure, HandlerSocket, contain};
use tokio::sync::oneshot;

use super::{Socket, SocketInner};
use crate::ack::{EmitWithAck, Once, Pending};

impl Socket {
    /// Sends an event. A tuple is several arguments, `()` none, anything else one; `Bytes` anywhere
    /// within becomes a binary attachment. While the connection is lost or not there yet, the
    /// event waits for it, within
    /// [`Config::max_offline_events`](crate::Config::max_offline_events). If the socket is
    /// disconnected for good meanwhile, such an event is sent after the next
    /// [`connect`](Self::connect), as in JavaScript; one that asks for an ack is not.
    ///
    /// # Errors
    ///
    /// When the socket is disconnected for good, the arguments cannot be encoded, or too many
    /// bytes or events wait to be sent.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EmitError> {
        self.to_server().emit(event, args)
    }

    /// Sends a `message` event: `emit("message", args)`.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", args)
    }

    /// Sends an event and asks for an ack; await the result for what the server answers.
    ///
    /// ```no_run
    /// # async fn example(socket: songi_client::Socket) -> Result<(), songi_client::AckError> {
    /// use std::time::Duration;
    ///
    /// let sum: i64 = socket.emit_with_ack("add", (1, 2)).timeout(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_with_ack<T>(&self, event: &str, args: impl Serialize) -> EmitWithAck<T> {
        self.to_server().emit_with_ack(event, args)
    }

    /// The next event may be dropped when it cannot be written at once: when the connection is
    /// lost, or still busy with what was sent before.
    pub fn volatile(&self) -> ToServer {
        self.to_server().volatile()
    }

    /// Whether the transport may compress the next event.
    pub fn compress(&self, compress: bool) -> ToServer {
        self.to_server().compress(compress)
    }

    /// How long the next event's ack may take.
    pub fn timeout(&self, timeout: Duration) -> ToServer {
        self.to_server().timeout(timeout)
    }

    fn to_server(&self) -> ToServer {
        ToServer {
            socket: self.clone(),
            options: SendOptions::default(),
            timeout: None,
        }
    }
}

/// An event to be sent in a particular way: see [`Socket::volatile`], [`Socket::compress`],
/// [`Socket::timeout`].
///
/// ```no_run
/// # fn example(socket: songi_client::Socket) -> Result<(), songi_client::EmitError> {
/// socket.volatile().emit("position", (3, 4))?;
/// socket.compress(false).emit("image", songi_client::Bytes::from_static(b"\x89PNG"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ToServer {
    socket: Socket,
    options: SendOptions,
    timeout: Option<Duration>,
}

impl ToServer {
    /// See [`Socket::volatile`].
    pub fn volatile(mut self) -> Self {
        self.options.volatile = true;
        self
    }

    /// See [`Socket::compress`].
    pub fn compress(mut self, compress: bool) -> Self {
        self.options.compress = compress;
        self
    }

    /// See [`Socket::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends an event: see [`Socket::emit`].
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`]; a volatile event that is dropped is no error.
    pub fn emit(&self, event: &str, args: impl Serialize) -> Result<(), EmitError> {
        let inner = self.socket.inner();
        if self.is_repeated() {
            return self.queue(event, &args).map(drop);
        }
        let packet = inner.encode(None, event, &args)?;
        inner.manager().send(inner, packet, self.options, None)?;
        inner.watch_outgoing(event, &args);
        Ok(())
    }

    /// Sends a `message` event.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn send(&self, args: impl Serialize) -> Result<(), EmitError> {
        self.emit("message", args)
    }

    /// Sends an event and asks for an ack: see [`Socket::emit_with_ack`].
    pub fn emit_with_ack<T>(&self, event: &str, args: impl Serialize) -> EmitWithAck<T> {
        let inner = self.socket.inner();
        if self.is_repeated() {
            return EmitWithAck::new(self.queue(event, &args), self.timeout);
        }
        let timeout = self.timeout.unwrap_or(inner.manager().config().ack_timeout);
        EmitWithAck::new(self.ask(event, &args), Some(timeout))
    }

    /// Whether the event is sent until it is acknowledged.
    fn is_repeated(&self) -> bool {
        let config = self.socket.inner().manager().config();
        config.retries > 0 && !self.options.volatile
    }

    fn ask(&self, event: &str, args: &impl Serialize) -> Result<Pending, EmitError> {
        let inner = self.socket.inner();
        let (sender, reply) = oneshot::channel();
        let key = inner.manager().expect(inner, sender)?;
        // From here on the drop takes the ack back.
        let once = Once {
            socket: self.socket.clone(),
            key,
            reply,
        };
        let packet = inner.encode(Some(key.1), event, args)?;
        let options = self.options;
        inner.manager().send(inner, packet, options, Some(key.1))?;
        inner.watch_outgoing(event, args);
        Ok(Pending::Once(once))
    }

    /// Puts an event into the queue of those that are sent until they are acknowledged.
    fn queue(&self, event: &str, args: &impl Serialize) -> Result<Pending, EmitError> {
        let inner = self.socket.inner();
        let key = inner.manager().reserve(inner)?;
        let packet = inner.encode(Some(key.1), event, args)?;
        let (reply, answered) = oneshot::channel();
        let options = self.options;
        inner.manager().repeat(key, packet, options, reply)?;
        inner.watch_outgoing(event, args);
        Ok(Pending::Queued(answered))
    }
}

impl SocketInner {
    fn encode(
        &self,
        id: Option<u64>,
        event: &str,
        args: &impl Serialize,
    ) -> Result<Outgoing, EmitError> {
        let parser = self.manager().parser();
        let write = |wire: &mut Vec<u8>| parser.event(wire, self.namespace(), id, event, args);
        Ok(Outgoing::with_parser(parser, write)?)
    }

    /// Calls the handlers of all events that are sent, or wait to be.
    fn watch_outgoing(self: &Arc<Self>, event: &str, args: &impl Serialize) {
        if !self.watched.load(Ordering::Relaxed) {
            return;
        }
        let Ok(args) = Arguments::of(args) else {
            return;
        };
        let name = FastStr::new(event);
        let socket = Socket::from_inner(self.clone());
        let handlers = self.handlers();
        for handler in handlers.outgoing() {
            let mut event = EventContext::new(&socket, &name, &args, None);
            match contain(|| handler.call(&mut event)) {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(future))) => {
                    let (socket, name) = (socket.clone(), name.clone());
                    self.manager().runtime().spawn(async move {
                        if let Err(panic) = Contained::new(future).await {
                            socket.handler_failed(None, &name, Failure::Panic(&panic));
                        }
                    });
                }
                Ok(Err(error)) => socket.handler_failed(None, &name, Failure::Argument(&error)),
                Err(panic) => socket.handler_failed(None, &name, Failure::Panic(&panic)),
            }
        }
    }
}
