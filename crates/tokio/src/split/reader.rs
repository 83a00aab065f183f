//! The reading half.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use songi_websocket::{Event, Receiver, Reply, Violation};
use tokio::io::AsyncRead;

use super::mailbox::Mailbox;
use crate::{Error, scratch};

/// The reading half of a socket: see [`WebSocket::split`](crate::WebSocket::split).
pub struct Reader<R> {
    pub(super) io: R,
    pub(super) receiver: Receiver,
    /// What was read and not yet taken.
    pub(super) input: BytesMut,
    pub(super) mailbox: Arc<Mailbox>,
    /// Why the connection fails; reported once the stream has ended.
    pub(super) failure: Option<Error>,
    /// The stream has ended, or the writer has.
    pub(super) ended: bool,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Receives the next event. `None` means that the stream has ended, or that the writer ended
    /// the connection; an error comes once before it, when all is over.
    ///
    /// Cancel safe: an event is returned or still there.
    pub async fn recv(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The poll form of [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(self.failure.take().map(Err));
            }
            if !self.input.is_empty() {
                let received = self.receiver.receive(&mut self.input);
                if let Some(event) = self.received(received) {
                    return Poll::Ready(Some(Ok(event)));
                }
            }
            if self
                .mailbox
                .poll_finished(self.failure.is_some(), cx)
                .is_ready()
            {
                self.ended = true;
                continue;
            }
            if let Some(event) = ready!(self.poll_read(cx)) {
                return Poll::Ready(Some(Ok(event)));
            }
        }
    }

    /// Reads once; the first event of what was read, if it holds one.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let io = Pin::new(&mut self.io);
        let receiver = &mut self.receiver;
        let missing = receiver.missing();
        let read = scratch::poll_read(io, cx, &mut self.input, missing, |input| {
            receiver.receive(input)
        });
        let ended = match ready!(read) {
            Ok(Some(received)) => return Poll::Ready(self.received(received)),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.ended = true;
        self.mailbox.put(Reply::Eof);
        let error = match (self.receiver.receive_eof(), ended) {
            // After the closing handshake it does not matter how the stream ends.
            (Ok(()), _) => None,
            (Err(abnormal), Ok(())) => Some(abnormal.into()),
            (Err(_), Err(error)) => Some(error.into()),
        };
        self.failure = self.failure.take().or(error);
        Poll::Ready(None)
    }

    /// Passes the answer on to the writer, and the event to the caller.
    fn received(&mut self, received: Result<Option<Event>, Violation>) -> Option<Event> {
        match received {
            Ok(event) => {
                if let Some(reply) = event.as_ref().and_then(Reply::to) {
                    self.mailbox.put(reply);
                }
                event
            }
            Err(violation) => {
                if self.failure.is_none() {
                    self.failure = Some(violation.into());
                    self.mailbox.put(Reply::Fail(violation));
                }
                None
            }
        }
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("receiver", &self.receiver)
            .field("unread", &self.input.len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
