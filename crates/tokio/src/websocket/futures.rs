//! The traits of the futures ecosystem.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use songi_websocket::{Event, Message, SendError};
use tokio::io::{AsyncRead, AsyncWrite};

use super::WebSocket;
use crate::Error;

impl<IO: AsyncRead + AsyncWrite + Unpin> futures_core::Stream for WebSocket<IO> {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_recv(cx)
    }
}

/// Messages are queued; the queue is written when it holds 64 KiB, and by a flush.
impl<IO: AsyncRead + AsyncWrite + Unpin> futures_sink::Sink<Message> for WebSocket<IO> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        const HIGH: usize = 64 * 1024;
        let this = self.get_mut();
        if this.waiting.is_some() || this.connection.queued() >= HIGH {
            return WebSocket::poll_flush(this, cx);
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let this = self.get_mut();
        match this.send(message) {
            Ok(()) => Ok(()),
            Err(SendError::Full { message, .. }) if this.waiting.is_none() => {
                this.waiting = Some(message);
                Ok(())
            }
            Err(_) => Err(Error::Closing),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        WebSocket::poll_flush(self.get_mut(), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        ready!(WebSocket::poll_flush(this, cx))?;
        this.start_close(None);
        WebSocket::poll_close(this, cx)
    }
}
