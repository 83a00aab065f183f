//! A socket's events as a stream, for those who prefer a loop to handlers.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;
use songi_socketio::ArgumentError;
use songi_socketio::handler::{BoxFuture, Event, EventContext, FromEvent, HandlerFn, HandlerTable};
use tokio::sync::mpsc;

use crate::Ack;
use crate::error::ConnectFailure;
use crate::reason::DisconnectReason;
use crate::socket::{HandlerId, Socket, SocketInner};

/// Events that a stream holds before the socket waits for it.
const AHEAD: usize = 16;

/// What happens to a socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum SocketEvent {
    /// The namespace is joined.
    Connect,
    /// The server could not be reached, or refused the namespace.
    ConnectError(ConnectFailure),
    /// The socket is not in its namespace any more.
    Disconnect(DisconnectReason),
    /// The connection is there again, after so many attempts.
    Reconnect(u32),
    /// This attempt to connect again begins.
    ReconnectAttempt(u32),
    /// An attempt to connect again has failed.
    ReconnectError(ConnectFailure),
    /// The last attempt has failed.
    ReconnectFailed,
    /// The server sent an event.
    Event(Event, Ack),
}

/// The events of a socket: see [`Socket::events`].
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<SocketEvent>,
    socket: Weak<SocketInner>,
    handlers: Vec<HandlerId>,
}

impl Socket {
    /// What happens to this socket from now on, as a stream: its life, and all events that have no
    /// handler of their own. It ends with the socket, which it does not keep. A stream that is not
    /// read holds up the socket's events, and then the server.
    ///
    /// ```no_run
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use songi_client::{Client, SocketEvent};
    ///
    /// let socket = Client::new("http://localhost:3000").start()?;
    /// let mut events = socket.events();
    /// while let Some(event) = events.next().await {
    ///     match event {
    ///         SocketEvent::Event(event, ack) if event.name() == "add" => {
    ///             let (a, b): (i64, i64) = event.arguments().deserialize()?;
    ///             ack.send(a + b);
    ///         }
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self) -> Events {
        let (sender, receiver) = mpsc::channel(AHEAD);
        // The socket alone keeps the stream open.
        let forward = |read: Read| forward(sender.downgrade(), read);
        let handlers = [
            forward(|event| {
                let ack = Ack::from_event(event)?;
                Ok(SocketEvent::Event(Event::from_event(event)?, ack))
            }),
            forward(|_| Ok(SocketEvent::Connect)),
            forward(|event| Ok(SocketEvent::Disconnect(event.next_argument()?))),
            forward(|event| Ok(SocketEvent::ConnectError(event.next_argument()?))),
            forward(|event| Ok(SocketEvent::Reconnect(event.next_argument()?))),
            forward(|event| Ok(SocketEvent::ReconnectAttempt(event.next_argument()?))),
            forward(|event| Ok(SocketEvent::ReconnectError(event.next_argument()?))),
            forward(|_| Ok(SocketEvent::ReconnectFailed)),
        ];
        let ids = handlers.iter().cloned().map(HandlerId).collect();
        let [event, connect, disconnect, life @ ..] = handlers;
        self.inner()
            .change(|table, of_life: &mut HandlerTable<Self>| {
                table.on_fallback(event);
                table.on_connection(connect);
                table.on_disconnect(disconnect);
                for (name, handler) in LIFE.into_iter().zip(life) {
                    of_life.on(name.into(), handler);
                }
            });
        self.inner().streams.lock().push(sender);
        Events {
            receiver,
            socket: Arc::downgrade(self.inner()),
            handlers: ids,
        }
    }
}

/// The events of a connection's life, in the order of their handlers.
const LIFE: [&str; 5] = [
    "connect_error",
    "reconnect",
    "reconnect_attempt",
    "reconnect_error",
    "reconnect_failed",
];

type Read = fn(&mut EventContext<'_, Socket>) -> Result<SocketEvent, ArgumentError>;

fn forward(sender: mpsc::WeakSender<SocketEvent>, read: Read) -> HandlerFn<Socket> {
    HandlerFn::from_fn(move |event| {
        let Some(sender) = sender.upgrade() else {
            return Ok(None);
        };
        let event = read(event)?;
        match sender.try_send(event) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(None),
            Err(mpsc::error::TrySendError::Full(event)) => {
                let sending: BoxFuture<()> = Box::pin(async move {
                    // Nobody may read any more.
                    let _ = sender.send(event).await;
                });
                Ok(Some(sending))
            }
        }
    })
}

impl Events {
    /// What happens next; `None` when the socket has gone.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<SocketEvent> {
        self.receiver.recv().await
    }
}

impl Stream for Events {
    type Item = SocketEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        self.receiver.poll_recv(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.receiver.close();
        if let Some(socket) = self.socket.upgrade() {
            let mut streams = socket.streams.lock();
            streams.retain(|stream| !stream.is_closed());
            drop(streams);
            socket.change(|handlers, life| {
                for HandlerId(handler) in &self.handlers {
                    handlers.remove(handler);
                    life.remove(handler);
                }
            });
        }
    }
}
