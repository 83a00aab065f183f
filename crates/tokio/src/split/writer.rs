//! The writing half.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use songi_websocket::{CloseFrame, Message, Prepared, SendError, Sender, Step};
use tokio::io::AsyncWrite;

use super::mailbox::Mailbox;
use crate::{Error, timer::Timer, websocket::timed_out, write};

/// The writing half of a socket: see [`WebSocket::split`](crate::WebSocket::split).
pub struct Writer<W> {
    pub(super) io: W,
    pub(super) sender: Sender,
    pub(super) mailbox: Arc<Mailbox>,
    /// A message that the queue had no room for, from before the split.
    pub(super) waiting: Option<Message>,
    pub(super) timer: Timer,
    /// Written bytes may still be in a buffer of the stream's own.
    pub(super) unflushed: bool,
    pub(super) shut_down: bool,
    pub(super) finished: bool,
}

impl<W> Writer<W> {
    /// Queues a message: see [`WebSocket::send`](crate::WebSocket::send).
    ///
    /// # Errors
    /// The message comes back if the queue is full, or the closing has begun.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        self.sender.send(message)
    }

    /// Queues a message as it is, though compression was agreed on.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_uncompressed(&mut self, message: Message) -> Result<(), SendError> {
        self.sender.send_uncompressed(message)
    }

    /// Queues a part of a message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_chunk(&mut self, part: Message, last: bool) -> Result<(), SendError> {
        self.sender.send_chunk(part, last)
    }

    /// Queues a text that is only lent: see [`WebSocket::send_text`](crate::WebSocket::send_text).
    ///
    /// # Errors
    /// As [`send`](Self::send), and the caller has the text.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError<()>> {
        self.sender.send_text(text)
    }

    /// Queues a message that was framed once for many sockets.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), SendError<()>> {
        self.sender.send_prepared(prepared)
    }

    /// Queues a Close frame; the closing goes on in [`drive`](Self::drive).
    pub fn start_close(&mut self, frame: impl Into<Option<CloseFrame>>) {
        self.sender.close(frame);
    }

    /// Bytes that are queued, headers included.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.sender.queued()
    }

    /// Whether messages may still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.finished && self.sender.is_open()
    }

    /// How long the last ping of the heartbeat took to be answered.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.sender.round_trip()
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes all that is queued.
    ///
    /// Cancel safe: what was written is taken off the queue at once.
    ///
    /// # Errors
    /// The stream failed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Writes what is queued and what the reader has to answer, sends the heartbeat, and closes
    /// the stream when the connection closes, which is when it returns.
    ///
    /// Cancel safe: called again, it goes on.
    ///
    /// # Errors
    /// The stream failed, or the peer did not do its part in time.
    pub async fn drive(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_drive(cx)).await
    }

    /// The poll form of [`flush`](Self::flush).
    ///
    /// # Errors
    /// The stream failed.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.sender.queued() > 0 {
            let io = Pin::new(&mut self.io);
            let written = ready!(write::poll_write(
                io,
                cx,
                self.sender.only_slice(),
                self.sender.slices()
            ))?;
            self.sender.transmitted(written);
            self.unflushed = true;
            if self.sender.queued() == 0
                && let Some(message) = self.waiting.take()
            {
                // An empty queue takes any message; if the closing has begun, it is too late.
                let _ = self.sender.send(message);
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// The poll form of [`drive`](Self::drive).
    ///
    /// # Errors
    /// As [`drive`](Self::drive).
    pub fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.finished {
            return Poll::Ready(Ok(()));
        }
        let ended = ready!(self.poll_end(cx));
        self.finished = true;
        self.mailbox.finish();
        Poll::Ready(ended)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            while let Poll::Ready(replies) = self.mailbox.poll_take(cx) {
                for reply in replies {
                    self.sender.reply(reply);
                }
            }
            if let Poll::Ready(result) = self.poll_flush(cx) {
                result?;
            }
            match self.sender.next_step() {
                Step::Continue => {}
                Step::HalfClose => {
                    if !self.shut_down
                        && !self.unflushed
                        && let Poll::Ready(result) = Pin::new(&mut self.io).poll_shutdown(cx)
                    {
                        self.shut_down = true;
                        if result.is_err() {
                            return Poll::Ready(Ok(()));
                        }
                    }
                }
                Step::Close => {
                    if !self.shut_down {
                        // The connection is over whatever comes of it.
                        let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
                    }
                    return Poll::Ready(Ok(()));
                }
                Step::Abort => return Poll::Ready(Err(timed_out(self.sender.timed_out()))),
            }
            ready!(self.poll_deadline(cx));
        }
    }

    /// Ready when a deadline has passed; the sender knows it then.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(timeout) = self.sender.poll_timeout() {
            if timeout == Duration::ZERO {
                self.sender.handle_timeout(self.timer.now());
                continue;
            }
            ready!(self.timer.poll(timeout, cx));
            self.sender.handle_timeout(timeout.max(self.timer.now()));
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// The reader does not wait for a writer that is gone.
impl<W> Drop for Writer<W> {
    fn drop(&mut self) {
        self.mailbox.abandon();
    }
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("sender", &self.sender)
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}
