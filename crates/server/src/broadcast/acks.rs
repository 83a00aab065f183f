//! What the receivers of a broadcast answer.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use serde::de::DeserializeOwned;
use songi_emit::EncodeError;
use songi_socketio::ArgumentError;
use thiserror::Error;
use tokio::time::Sleep;

use crate::adapter::Collected;

/// How long the answers may take unless told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// An event that went to many, who are to answer it: await it for all answers, or take them as
/// they come, as a [`Stream`] or by [`next`](Self::next). It is sent already; dropping this only
/// forgets the answers.
#[must_use = "the answers come to whom awaits them"]
pub struct BroadcastAcks<T> {
    sent: Option<EncodeError>,
    collected: Collected,
    timeout: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    taken: usize,
    over: bool,
    answer: PhantomData<fn() -> T>,
}

/// Why not all have answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BroadcastAckReason {
    /// The event cannot be encoded: nobody got it.
    #[error("the event cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// Some did not answer in time.
    #[error("{missing} did not answer within {timeout:?}")]
    Timeout {
        /// How many, as far as is known.
        missing: usize,
        /// How long they had.
        timeout: Duration,
    },
    /// Some were disconnected before they answered.
    #[error("{missing} were disconnected before they answered")]
    Disconnected {
        /// How many.
        missing: usize,
    },
    /// What somebody answered does not fit the type.
    #[error("an ack does not fit: {0}")]
    Argument(#[from] ArgumentError),
}

/// Not all have answered; what was answered is here.
#[derive(Debug, Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct BroadcastAckError<T> {
    /// The answers that came, and fit.
    pub answers: Vec<T>,
    /// Why these are not all.
    #[source]
    pub reason: BroadcastAckReason,
}

impl<T> BroadcastAcks<T> {
    pub(super) fn new(
        sent: Result<(), EncodeError>,
        collected: Collected,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            sent: sent.err(),
            collected,
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            sleep: None,
            taken: 0,
            over: false,
            answer: PhantomData,
        }
    }

    /// How long to wait for the answers, from the first time that one is awaited. Default: 10
    /// seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many are asked, as far as is known: other servers say so later.
    pub fn expected(&self) -> usize {
        self.collected.expected()
    }
}

impl<T: DeserializeOwned> BroadcastAcks<T> {
    /// The next answer, or why there is none; `None` when all have answered. After
    /// [`BroadcastAckReason::Argument`] others may follow, after any other error none.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Result<T, BroadcastAckReason>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, BroadcastAckReason>>> {
        if let Some(error) = self.sent.take() {
            self.over = true;
            return Poll::Ready(Some(Err(error.into())));
        }
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(answer) = self.collected.poll_next(cx) {
            if let Some(args) = answer {
                self.taken += 1;
                return Poll::Ready(Some(args.deserialize().map_err(Into::into)));
            }
            self.over = true;
            let missing = self.missing();
            let gone = BroadcastAckReason::Disconnected { missing };
            return Poll::Ready((missing > 0).then_some(Err(gone)));
        }
        let timeout = self.timeout;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(sleep.as_mut().poll(cx));
        self.over = true;
        let missing = self.missing();
        Poll::Ready(Some(Err(BroadcastAckReason::Timeout { missing, timeout })))
    }

    fn missing(&self) -> usize {
        self.expected().saturating_sub(self.taken)
    }
}

impl<T: DeserializeOwned> Stream for BroadcastAcks<T> {
    type Item = Result<T, BroadcastAckReason>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_answer(cx)
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for BroadcastAcks<T> {
    type Output = Result<Vec<T>, BroadcastAckError<T>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let (mut answers, mut failed) = (Vec::new(), None);
            while let Some(answer) = self.next().await {
                match answer {
                    Ok(answer) => answers.push(answer),
                    Err(reason) => failed = failed.or(Some(reason)),
                }
            }
            match failed {
                None => Ok(answers),
                Some(reason) => Err(BroadcastAckError { answers, reason }),
            }
        })
    }
}

impl<T> fmt::Debug for BroadcastAcks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastAcks")
            .field("expected", &self.expected())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
