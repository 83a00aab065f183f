//! What the poll methods are made of: reading, writing, the deadline and the end.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use songi_websocket::{Connection, Step, Timeout, Violation};
use tokio::io::{AsyncRead, AsyncWrite};

use super::WebSocket;
use crate::{Error, scratch, write};

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    pub(super) fn poll_write_queued(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            loop {
                let only = self.connection.only_slice();
                if only.is_some_and(<[u8]>::is_empty) {
                    break;
                }
                let io = Pin::new(&mut self.io);
                let written = ready!(write::poll_write(io, cx, only, self.connection.slices()))?;
                self.connection.transmitted(written);
                self.unflushed = true;
            }
            let Some(message) = self.waiting.take() else {
                break;
            };
            // An empty queue takes any message; if the closing has begun, it is too late for it.
            if self.connection.send(message).is_err() {
                break;
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once; the first event of what was read, if it holds one.
    pub(super) fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        receive: &mut impl FnMut(&mut Connection, &mut BytesMut) -> Result<Option<T>, Violation>,
    ) -> Poll<Option<T>> {
        if self.read_ended {
            return Poll::Pending;
        }
        let io = Pin::new(&mut self.io);
        let connection = &mut self.connection;
        let discard = self.failure.is_some();
        let missing = connection.missing();
        let read = scratch::poll_read(io, cx, &mut self.input, missing, |input| {
            if discard {
                input.clear();
                return Ok(None);
            }
            receive(connection, input)
        });
        let ended = match ready!(read) {
            Ok(Some(received)) => return Poll::Ready(self.received(received)),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.read_ended = true;
        match (self.connection.receive_eof(), ended) {
            // After the closing handshake it does not matter how the stream ends.
            (Ok(()), _) => {}
            (Err(abnormal), Ok(())) => self.fail(abnormal.into()),
            (Err(_), Err(error)) => self.fail(error.into()),
        }
        Poll::Ready(None)
    }

    /// A Close frame is answered before the application hears of it, as far as that needs no
    /// waiting: it might not come back.
    #[inline]
    pub(super) fn before_event(&mut self, cx: &mut Context<'_>) {
        if self.connection.is_open() {
            return;
        }
        match self.poll_flush(cx) {
            Poll::Ready(Ok(())) if self.connection.next_step() == Step::HalfClose => {
                self.half_close(cx);
            }
            Poll::Ready(Err(error)) => self.stream_failed(error),
            _ => {}
        }
    }

    /// Ends our direction of the stream, which the peer sees as its end.
    pub(super) fn half_close(&mut self, cx: &mut Context<'_>) {
        if self.shut_down || self.unflushed {
            return;
        }
        if let Poll::Ready(result) = Pin::new(&mut self.io).poll_shutdown(cx) {
            self.shut_down = true;
            self.finished |= result.is_err();
        }
    }

    /// Ends the stream in order, where a closing handshake gives it the time: until its deadline.
    /// The connection is over whatever comes of it.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.shut_down || Pin::new(&mut self.io).poll_shutdown(cx).is_ready() {
            return Poll::Ready(());
        }
        self.timer.poll_again(cx)
    }

    /// Writing failed: nothing more can be said.
    pub(super) fn stream_failed(&mut self, error: Error) {
        if self.connection.receive_eof().is_err() {
            self.fail(error);
        }
        self.finished = true;
    }

    /// Ready when the deadline has passed; the connection knows it then.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(timeout) = self.connection.poll_timeout() {
            if timeout == Duration::ZERO {
                self.connection.handle_timeout(self.timer.now());
                continue;
            }
            ready!(self.timer.poll(timeout, cx));
            self.connection
                .handle_timeout(timeout.max(self.timer.now()));
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl<IO> WebSocket<IO> {
    /// Notes a violation; passes an event on.
    #[inline]
    pub(super) fn received<T>(&mut self, received: Result<Option<T>, Violation>) -> Option<T> {
        match received {
            Ok(event) => event,
            Err(violation) => {
                self.input = BytesMut::new();
                self.fail(violation.into());
                None
            }
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }
}

/// The error of a connection that is given up.
pub(crate) fn timed_out(timeout: Option<Timeout>) -> Error {
    match timeout {
        Some(Timeout::Heartbeat) => Error::HeartbeatTimeout,
        _ => Error::CloseTimeout,
    }
}
