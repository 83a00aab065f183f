//! A WebSocket of a session, behind the lock of its connection.
//!
//! Its task reads, and writes before it waits. Whoever else has something to send puts it into the
//! queue, and either wakes the task or, for a broadcast, has the queue written from elsewhere.

use std::collections::VecDeque;
use std::mem;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use faststr::FastStr;
use songi_engineio::{Frame, SendOptions, TransportEnd, TransportId};
use songi_tokio::WebSocket;
use songi_websocket::deflate::Agreed;
use songi_websocket::{Config, Connection, Event, Message, Prepared, ShortMessage};

use super::stream::Stream;

/// Bytes that a WebSocket takes before they are written: enough for a few large writes. What is
/// beyond it waits in frames, where volatile ones can still be dropped.
const WRITE_AHEAD: usize = 64 * 1024;

/// One WebSocket of a session: there are two during an upgrade.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Wire {
    pub(super) id: TransportId,
    /// Close it after the frames.
    closing: bool,
    /// Its task is at work or has been woken, and will look here before it waits.
    attended: bool,
    /// Somebody else is about to write what is queued.
    gathered: bool,
    /// Framing compresses: the task does it, not who sends.
    compresses: bool,
    task: Option<Waker>,
    waiting_bytes: usize,
    /// What the WebSocket has not taken yet.
    waiting: VecDeque<Queued>,
    socket: WebSocket<Stream>,
}

/// What a WebSocket has received.
#[derive(Debug)]
pub(super) enum Received {
    /// The message of a text that was one.
    Message(FastStr),
    Event(Event),
}

/// A frame, and whether it may be compressed or dropped.
#[derive(Debug)]
struct Queued {
    frame: Frame,
    options: SendOptions,
}

/// A WebSocket after its opening handshake.
#[derive(Debug)]
pub(crate) struct Accepted {
    socket: WebSocket<Stream>,
    compresses: bool,
}

impl Accepted {
    /// `unread` is what was read behind the request.
    pub(crate) fn new(
        stream: Stream,
        unread: &[u8],
        config: Config,
        deflate: Option<&Agreed>,
    ) -> Self {
        // Copied: an empty slice too would keep the whole buffer that HTTP was read into.
        let unread = BytesMut::from(unread);
        Self {
            socket: WebSocket::server(stream, unread, config).deflate(deflate),
            compresses: deflate.is_some(),
        }
    }
}

impl Wire {
    pub(super) fn new(id: TransportId, Accepted { socket, compresses }: Accepted) -> Self {
        Self {
            id,
            socket,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            closing: false,
            // The task is about to be spawned.
            attended: true,
            gathered: false,
            compresses,
            task: None,
        }
    }

    /// What has come; pending when all is written that the stream takes and nothing has. While its
    /// connection is `behind` nothing is read. A text that is short is offered to `message`, which
    /// says what message it is.
    pub(super) fn poll(
        &mut self,
        behind: bool,
        cx: &mut Context<'_>,
        message: impl Fn(&str) -> Option<FastStr>,
    ) -> Poll<Result<Received, TransportEnd>> {
        self.attended = true;
        let mut receive = |connection: &mut Connection, input: &mut BytesMut| {
            let short = connection.receive_short(input, |short| match short {
                ShortMessage::Text(text) => match message(text) {
                    Some(message) => Received::Message(message),
                    None => Received::Event(Event::Text(FastStr::new(text))),
                },
                ShortMessage::Binary(bytes) => {
                    Received::Event(Event::Binary(Bytes::copy_from_slice(bytes)))
                }
            })?;
            match short {
                Some(received) => Ok(Some(received)),
                None => Ok(connection.receive(input)?.map(Received::Event)),
            }
        };
        // All that one read brought, before anything is written.
        if !behind && let Some(received) = self.socket.next_buffered_with(&mut receive) {
            return Poll::Ready(Ok(received));
        }
        loop {
            if self.is_congested()
                && let Poll::Ready(Err(error)) = self.socket.poll_flush(cx)
            {
                return Poll::Ready(Err(end_by(&error)));
            }
            self.fill()?;
            if self.closing && self.waiting.is_empty() {
                return Poll::Ready(Err(TransportEnd::Closed));
            }
            let polled = if behind {
                // The handlers wake this task when they have caught up.
                self.socket
                    .poll_flush(cx)
                    .map(|flushed| flushed.err().map(Err))
            } else {
                // Writes what is queued before it waits.
                self.socket.poll_recv_with(cx, &mut receive)
            };
            match polled {
                Poll::Ready(Some(Ok(received))) => return Poll::Ready(Ok(received)),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(end_by(&error))),
                Poll::Ready(None) if !behind => return Poll::Ready(Err(TransportEnd::Closed)),
                // Room that was made just now wakes nobody.
                _ if !self.waiting.is_empty() && !self.is_congested() => {}
                _ => break,
            }
        }
        self.attended = false;
        match &mut self.task {
            Some(known) => known.clone_from(cx.waker()),
            None => self.task = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Queues a frame. A volatile one is dropped if the client reads more slowly than is written.
    pub(super) fn queue(&mut self, frame: Frame, options: SendOptions) {
        if options.volatile && self.is_congested() {
            return;
        }
        if self.takes(options) {
            // Its own limit is beyond what a connection lets wait; one that is closing sends
            // nothing more.
            let _ = send(&mut self.socket, frame, options);
            return;
        }
        self.waiting_bytes += frame.len();
        self.waiting.push_back(Queued { frame, options });
    }

    /// The same for a text that is copied; `false` if it is to be queued as a frame.
    pub(super) fn queue_text(&mut self, text: &str, options: SendOptions) -> bool {
        self.takes(options) && self.socket.send_text(text).is_ok()
    }

    /// The same for frames that are shared with others; `false` if each is to be queued on its own.
    pub(super) fn queue_prepared(&mut self, frames: &[Prepared], options: SendOptions) -> bool {
        if !self.takes(options) {
            return false;
        }
        for frame in frames {
            let _ = self.socket.send_prepared(frame);
        }
        true
    }

    /// Sees to it that what is queued will be written. `true` if it is for the caller to call
    /// [`flush`](Self::flush), which it is only if it `gathers` such connections.
    pub(super) fn attend(&mut self, gathers: bool) -> bool {
        if self.attended || self.gathered {
            return false;
        }
        if gathers && !self.compresses && self.socket.get_ref().is_shared() {
            self.gathered = true;
            return true;
        }
        self.wake();
        false
    }

    /// Writes what is queued, for a caller who was asked to.
    pub(super) fn flush(&mut self) {
        if !mem::take(&mut self.gathered) || self.attended {
            return;
        }
        let flushed = self
            .socket
            .try_flush(|stream, slices| stream.try_write(slices));
        if flushed.is_err() || !self.waiting.is_empty() {
            // The task waits for the stream, or is told what is wrong with it.
            self.wake();
        }
    }

    /// Closes it after what is queued.
    pub(super) fn close(&mut self) {
        self.closing = true;
        self.wake();
    }

    /// Wakes the task if it waits.
    pub(super) fn wake(&mut self) {
        if !mem::replace(&mut self.attended, true)
            && let Some(task) = &self.task
        {
            task.wake_by_ref();
        }
    }

    /// Bytes that have not been written.
    pub(super) fn bytes(&self) -> usize {
        self.waiting_bytes.saturating_add(self.socket.queued())
    }

    /// Drops the volatile frames that wait, and says how many.
    pub(super) fn drop_volatile(&mut self) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|queued| !queued.options.volatile);
        self.waiting_bytes = self.waiting.iter().map(|queued| queued.frame.len()).sum();
        before - self.waiting.len()
    }

    /// The WebSocket, to be closed.
    pub(super) fn into_socket(self) -> WebSocket<Stream> {
        self.socket
    }

    /// Whether a frame goes to the WebSocket at once. A volatile one does not: it could not be
    /// dropped there.
    fn takes(&self, options: SendOptions) -> bool {
        self.waiting.is_empty() && !self.compresses && !options.volatile && !self.is_congested()
    }

    /// So much waits to be written that nothing more is taken for now.
    fn is_congested(&self) -> bool {
        self.socket.queued() >= WRITE_AHEAD
    }

    /// Moves what waits to the WebSocket, as much as it takes.
    fn fill(&mut self) -> Result<(), TransportEnd> {
        while !self.is_congested()
            && let Some(Queued { frame, options }) = self.waiting.pop_front()
        {
            self.waiting_bytes -= frame.len();
            if self.waiting.is_empty() {
                self.waiting = VecDeque::new();
            }
            send(&mut self.socket, frame, options)?;
        }
        Ok(())
    }
}

fn send(
    socket: &mut WebSocket<Stream>,
    frame: Frame,
    options: SendOptions,
) -> Result<(), TransportEnd> {
    let message = match frame {
        Frame::Text(text) => Message::Text(text),
        Frame::Binary(bytes) => Message::Binary(bytes),
    };
    let sent = if options.compress {
        socket.send(message)
    } else {
        socket.send_uncompressed(message)
    };
    sent.map_err(|_| TransportEnd::Closed)
}

/// A connection that breaks off was closed, as with the JavaScript server; one failed that carried
/// what is no WebSocket.
fn end_by(error: &songi_tokio::Error) -> TransportEnd {
    tracing::debug!(%error, "WebSocket");
    match error {
        songi_tokio::Error::Violation(_) => TransportEnd::Failed,
        _ => TransportEnd::Closed,
    }
}
