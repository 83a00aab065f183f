//! Events that the other side is to answer.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use songi_engineio::SendOptions;
use songi_socketio::{AckRegistry, Arguments, Parser};
use tokio::sync::{mpsc, oneshot};

use crate::{AckError, EmitError, Outgoing};

/// How long an ack may take unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where an answer goes. Dropped, it says that there will be none.
#[derive(Debug)]
pub enum AckReply {
    /// To whom awaits this one.
    One(oneshot::Sender<Arguments>),
    /// To whom collects the answers to a broadcast.
    Each(mpsc::UnboundedSender<Arguments>),
}

impl AckReply {
    /// Hands over the answer. Nobody may want it any more.
    pub fn send(self, answer: Arguments) {
        match self {
            Self::One(reply) => drop(reply.send(answer)),
            Self::Each(replies) => drop(replies.send(answer)),
        }
    }
}

/// A socket that sends events and waits for acks.
pub trait Emitter: Clone + Send + Sync + 'static {
    /// The name of its namespace.
    fn namespace(&self) -> &str;

    /// How its packets are encoded. JSON unless it says otherwise.
    fn parser(&self) -> &Parser {
        &Parser::Json
    }

    /// The acks that it waits for. Who receives one takes it from here and sends it on.
    fn acks(&self) -> &Mutex<AckRegistry<AckReply>>;

    /// Queues a packet.
    ///
    /// # Errors
    ///
    /// When the socket is disconnected or too much waits already.
    fn send_packet(&self, packet: &Outgoing, options: SendOptions) -> Result<(), EmitError>;
}

/// An event on its way to the other side, which is to answer it: await it for the answer. It is
/// sent already; dropping this only forgets the answer.
#[must_use = "the answer comes to whom awaits it"]
pub struct EmitWithAck<S: Emitter, T> {
    sent: Result<Pending<S>, EmitError>,
    timeout: Duration,
    answer: PhantomData<fn() -> T>,
}

/// An ack that is waited for. Forgotten by the socket when dropped.
struct Pending<S: Emitter> {
    socket: S,
    id: u64,
    reply: oneshot::Receiver<Arguments>,
}

impl<S: Emitter, T> EmitWithAck<S, T> {
    /// Sends an event. What goes wrong comes out when the answer is awaited.
    pub fn start(socket: S, event: &str, args: &impl Serialize, options: SendOptions) -> Self {
        Self {
            sent: Pending::start(socket, event, args, options),
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

impl<S: Emitter, T> fmt::Debug for EmitWithAck<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmitWithAck")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl<S: Emitter, T: DeserializeOwned> IntoFuture for EmitWithAck<S, T> {
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

impl<S: Emitter> Pending<S> {
    fn start(
        socket: S,
        event: &str,
        args: &impl Serialize,
        options: SendOptions,
    ) -> Result<Self, EmitError> {
        let (sender, reply) = oneshot::channel();
        let id = socket.acks().lock().insert(AckReply::One(sender), None)?;
        // From here on the drop takes the ack back.
        let pending = Self { socket, id, reply };
        let (parser, namespace) = (pending.socket.parser(), pending.socket.namespace());
        let packet = Outgoing::event_in(parser, namespace, Some(id), event, args)?;
        pending.socket.send_packet(&packet, options)?;
        Ok(pending)
    }
}

impl<S: Emitter> Drop for Pending<S> {
    fn drop(&mut self) {
        self.socket.acks().lock().take(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    /// A socket that sends nothing.
    #[derive(Clone)]
    struct Silent(Arc<Mutex<AckRegistry<AckReply>>>);

    impl Emitter for Silent {
        fn namespace(&self) -> &str {
            "/"
        }

        fn acks(&self) -> &Mutex<AckRegistry<AckReply>> {
            &self.0
        }

        fn send_packet(&self, _packet: &Outgoing, _options: SendOptions) -> Result<(), EmitError> {
            Ok(())
        }
    }

    fn socket(limit: usize) -> Silent {
        Silent(Arc::new(Mutex::new(AckRegistry::new(limit))))
    }

    fn answer(socket: &Silent, id: u64, args: &Value) {
        let reply = socket.0.lock().take(id).expect("nobody waits");
        reply.send(Arguments::of(args).unwrap());
    }

    #[tokio::test]
    async fn the_answer_comes_to_whom_awaits_it() {
        let socket = socket(2);
        let first = EmitWithAck::<_, u32>::start(socket.clone(), "a", &(), SendOptions::default());
        let second =
            EmitWithAck::<_, String>::start(socket.clone(), "b", &(), SendOptions::default());
        answer(&socket, 1, &json!("two"));
        answer(&socket, 0, &json!(1));
        assert_eq!(second.await.unwrap(), "two");
        assert_eq!(first.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_is_not_awaited_any_more_is_forgotten() {
        let socket = socket(1);
        drop(EmitWithAck::<_, ()>::start(
            socket.clone(),
            "a",
            &(),
            SendOptions::default(),
        ));
        assert!(socket.0.lock().is_empty());
        let late = EmitWithAck::<_, ()>::start(socket.clone(), "a", &(), SendOptions::default());
        let error = late.timeout(Duration::from_millis(1)).await.unwrap_err();
        assert!(matches!(error, AckError::Timeout(_)), "{error}");
        assert!(socket.0.lock().is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_an_error_and_waits_for_nothing() {
        let socket = socket(1);
        let reserved =
            EmitWithAck::<_, ()>::start(socket.clone(), "disconnect", &(), SendOptions::default())
                .await;
        assert!(matches!(
            reserved,
            Err(AckError::Emit(EmitError::Encode(_)))
        ));
        assert!(socket.0.lock().is_empty());

        let _first = EmitWithAck::<_, ()>::start(socket.clone(), "a", &(), SendOptions::default());
        let second =
            EmitWithAck::<_, ()>::start(socket.clone(), "b", &(), SendOptions::default()).await;
        assert!(matches!(
            second,
            Err(AckError::Emit(EmitError::TooManyAcks(_)))
        ));
    }

    #[tokio::test]
    async fn an_answer_that_does_not_fit_is_an_error() {
        let socket = socket(1);
        let waiting =
            EmitWithAck::<_, u32>::start(socket.clone(), "a", &(), SendOptions::default());
        answer(&socket, 0, &json!("text"));
        assert!(matches!(waiting.await, Err(AckError::Argument(_))));
    }

    #[tokio::test]
    async fn the_end_of_the_socket_is_an_error() {
        let socket = socket(1);
        let waiting =
            EmitWithAck::<_, u32>::start(socket.clone(), "a", &(), SendOptions::default());
        socket.0.lock().drain().for_each(drop);
        assert!(matches!(waiting.await, Err(AckError::Disconnected)));
    }
}
