//! Events that the server is to answer.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;
use songi_emit::{AckError, EmitError};
use songi_socketio::Arguments;
use songi_socketio::manager::SocketId;
use tokio::sync::oneshot;

use crate::socket::Socket;

/// Where the answer to one event goes. Dropped, it says that there will be none.
pub(crate) type AckReply = oneshot::Sender<Result<Arguments, AckError>>;

/// An event on its way to the server, which is to answer it: await it for the answer. It is sent
/// already, or waits for the connection. Dropping this forgets the answer, and an event that still
/// waits for the connection with it.
#[must_use = "the answer comes to whom awaits it"]
pub struct EmitWithAck<T> {
    sent: Result<Pending, EmitError>,
    timeout: Option<Duration>,
    answer: PhantomData<fn() -> T>,
}

/// What is waited for.
pub(crate) enum Pending {
    /// An answer, once. Forgotten by the socket when dropped.
    Once(Once),
    /// That the queue of retries is through with it.
    Queued(oneshot::Receiver<Result<Arguments, AckError>>),
}

pub(crate) struct Once {
    pub(crate) socket: Socket,
    pub(crate) key: AckKey,
    pub(crate) reply: oneshot::Receiver<Result<Arguments, AckError>>,
}

/// Which ack it is, of which time of the socket.
pub(crate) type AckKey = (SocketId, u64);

impl<T> EmitWithAck<T> {
    pub(crate) fn new(sent: Result<Pending, EmitError>, timeout: Option<Duration>) -> Self {
        Self {
            sent,
            timeout,
            answer: PhantomData,
        }
    }

    /// How long to wait for the answer. Default:
    /// [`Config::ack_timeout`](crate::Config::ack_timeout). With
    /// [`Config::retries`](crate::Config::retries) that is the time of each try, and this one, if
    /// it is given, of all.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<T> EmitWithAck<T> {
    /// Waits for the answer and reads nothing of it: for who does not know what it consists of.
    ///
    /// # Errors
    ///
    /// As awaiting it.
    pub async fn arguments(self) -> Result<Arguments, AckError> {
        answered(self.sent, self.timeout).await
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
        let answered = answered(self.sent, self.timeout);
        Box::pin(async move { Ok(answered.await?.deserialize()?) })
    }
}

async fn answered(
    sent: Result<Pending, EmitError>,
    timeout: Option<Duration>,
) -> Result<Arguments, AckError> {
    let waiting = async {
        match sent? {
            Pending::Once(mut once) => (&mut once.reply).await,
            Pending::Queued(reply) => reply.await,
        }
        .map_err(|_| AckError::Disconnected)?
    };
    match timeout {
        None => waiting.await,
        Some(timeout) => tokio::time::timeout(timeout, waiting)
            .await
            .map_err(|_| AckError::Timeout(timeout))?,
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        self.socket.inner().manager().forget(self.key);
    }
}
