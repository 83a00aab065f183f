//! The task of a connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use songi_engineio::{Frame, TransportEnd};
use songi_tokio::{Error, Event, Message, Stream, WebSocket};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Connection;

/// Bytes that the WebSocket takes before they are written: enough for a few large writes. What
/// waits beyond it is bounded by the connection.
const WRITE_AHEAD: usize = 64 * 1024;

/// Drives a connection to its end.
pub(crate) async fn drive(
    connection: Arc<Connection>,
    mut websocket: WebSocket<Stream>,
    task: watch::Sender<()>,
) {
    let mut driver = Driver {
        connection: Ending(connection),
        deadline: None,
    };
    poll_fn(|cx| driver.poll(&mut websocket, cx)).await;
    // From here on the task holds nothing of the connection.
    drop(driver);
    if let Err(error) = websocket.close(None).await {
        tracing::debug!(%error, "WebSocket");
    }
    drop(task);
}

struct Driver {
    connection: Ending,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// Tells the sockets when the task ends, even if it is dropped with its runtime.
struct Ending(Arc<Connection>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.transport_closed(TransportEnd::Closed);
    }
}

impl Driver {
    /// Carries frames both ways and calls handlers, until either side ends it.
    fn poll(&mut self, websocket: &mut WebSocket<Stream>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if websocket.queued() >= WRITE_AHEAD && flush_failed(websocket, cx) {
                self.connection.0.transport_closed(TransportEnd::Failed);
            }
            let room = WRITE_AHEAD.saturating_sub(websocket.queued());
            let turn = self.connection.0.turn(cx.waker(), room);
            for frame in turn.frames {
                // It has no limit of its own, and says by its next event when it is closing.
                let _ = websocket.send(message(frame));
            }
            if !turn.work.is_empty() {
                for socket in turn.work {
                    socket.work();
                }
                // They have something to be written, most likely.
                continue;
            }
            if turn.closed {
                return Poll::Ready(());
            }
            if self.poll_deadline(turn.deadline, cx).is_ready() {
                self.connection.0.handle_timeout();
                continue;
            }
            if self.connection.0.is_behind() {
                if flush_failed(websocket, cx) {
                    self.connection.0.transport_closed(TransportEnd::Failed);
                    continue;
                }
            } else if let Poll::Ready(event) = websocket.poll_recv(cx) {
                self.receive(event);
                continue;
            }
            // Room that was made just now wakes nobody.
            if turn.congested && websocket.queued() < WRITE_AHEAD {
                continue;
            }
            return Poll::Pending;
        }
    }

    fn receive(&self, event: Option<Result<Event, Error>>) {
        let connection = &self.connection.0;
        match event {
            Some(Ok(event)) => match received(event) {
                Received::Frame(frame) => connection.frame(frame),
                Received::Nothing => {}
                Received::End => connection.transport_closed(TransportEnd::Closed),
            },
            // As in JavaScript: a stream that ends is no error.
            None | Some(Err(Error::Abnormal(_))) => {
                connection.transport_closed(TransportEnd::Closed);
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "WebSocket");
                connection.transport_closed(TransportEnd::Failed);
            }
        }
    }

    /// Ready when the deadline has come.
    fn poll_deadline(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline else {
            self.deadline = None;
            return Poll::Pending;
        };
        let sleep = self
            .deadline
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }
}

/// What an event of the WebSocket means to a session.
pub(crate) enum Received {
    Frame(Frame),
    Nothing,
    End,
}

pub(crate) fn received(event: Event) -> Received {
    match event {
        Event::Text(text) => Received::Frame(Frame::Text(text)),
        Event::Binary(bytes) => Received::Frame(Frame::Binary(bytes)),
        Event::Close(_) => Received::End,
        _ => Received::Nothing,
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text),
        Frame::Binary(bytes) => Message::Binary(bytes),
    }
}

/// Writes what it can.
fn flush_failed(websocket: &mut WebSocket<Stream>, cx: &mut Context<'_>) -> bool {
    matches!(websocket.poll_flush(cx), Poll::Ready(Err(_)))
}
