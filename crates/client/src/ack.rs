//! Events that the server is to answer.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use songi_engineio::SendOptions;
use songi_socketio::Arguments;
use tokio::sync::oneshot;

use crate::error::{AckError, EmitError};
use crate::outgoing::Outgoing;
use crate::socket::Socket;

/// How long an ack may take unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the answer of the server goes.
pub(crate) type AckReply = oneshot::Sender<Arguments>;

/// An event on its way to the server, which is to answer it: await it for the answer. It is sent
/// already; dropping this only forgets the answer.
#[must_use = "the answer comes to whom awaits it"]
pub struct EmitWithAck<T> {
    sent: Result<Pending, EmitError>,
    timeout: Duration,
    answer: PhantomData<fn() -> T>,
}

/// An ack that is waited for. Forgotten by the socket when dropped.
struct Pending {
    socket: Socket,
    id: u64,
    reply: oneshot::Receiver<Arguments>,
}

impl<T> EmitWithAck<T> {
    pub(crate) fn start(socket: Socket, event: &str, args: &impl Serialize) -> Self {
        Self {
            sent: Pending::start(socket, event, args),
            timeout: DEFAULT_TIMEOUT,
            answer: PhantomData,
        }
    }

    /// How long to wait for the answer. Default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<T> fmt::Debug for EmitWithAck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmitWithAck")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> IntoFuture for EmitWithAck<T> {
    type Output = Result<T, AckError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut pending = self.sent?;
            let args = tokio::time::timeout(self.timeout, &mut pending.reply)
                .await
                .map_err(|_| AckError::Timeout(self.timeout))?
                .map_err(|_| AckError::Disconnected)?;
            Ok(args.deserialize()?)
        })
    }
}

impl Pending {
    fn start(socket: Socket, event: &str, args: &impl Serialize) -> Result<Self, EmitError> {
        let (sender, reply) = oneshot::channel();
        let id = socket.inner().acks.lock().insert(sender, None)?;
        // From here on the drop takes the ack back.
        let pending = Self { socket, id, reply };
        let inner = pending.socket.inner();
        let packet = Outgoing::event(inner.namespace(), Some(id), event, args)?;
        inner.send(packet, SendOptions::default())?;
        Ok(pending)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.socket.inner().acks.lock().take(self.id);
    }
}
