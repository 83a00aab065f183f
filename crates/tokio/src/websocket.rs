//! The driver.

mod drive;
mod futures;

use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use songi_websocket::{
    CloseFrame, Config, Connection, Event, Message, Prepared, SendError, Step, Violation,
};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::drive::timed_out;
use crate::{Error, random, timer::Timer, write};

/// A WebSocket over a stream, after the opening handshake.
///
/// [`send`](Self::send) queues, [`recv`](Self::recv) and [`flush`](Self::flush) write. While
/// nobody calls `recv`, pings are not answered and a closing does not go on: a task that owns a
/// socket should be in `recv` whenever it has nothing else to do.
///
/// ```
/// use songi_tokio::{Config, Event, Message, WebSocket};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (a, b) = tokio::io::duplex(1024);
/// let mut server = WebSocket::server(a, Default::default(), Config::default());
/// let mut client = WebSocket::client(b, Default::default(), Config::default());
///
/// client.send(Message::text("hi"))?;
/// client.flush().await?;
/// assert_eq!(server.recv().await.transpose()?, Some(Event::Text("hi".into())));
///
/// client.start_close(None);
/// client.flush().await?;
/// assert_eq!(server.recv().await.transpose()?, Some(Event::Close(None)));
/// drop(server);
/// client.close(None).await?;
/// # Ok(())
/// # }
/// ```
#[repr(C)]
pub struct WebSocket<IO> {
    // What each message touches comes first, for the sake of the processor's caches.
    pub(crate) io: IO,
    /// Written bytes may still be in a buffer of the stream's own.
    pub(crate) unflushed: bool,
    /// The stream will not give any more.
    pub(crate) read_ended: bool,
    /// Our writing side is shut down.
    pub(crate) shut_down: bool,
    /// The stream is done with.
    pub(crate) finished: bool,
    /// The deadline of the closing or the heartbeat, once there has been one.
    pub(crate) timer: Timer,
    pub(crate) connection: Connection,
    /// What was read and not yet taken.
    pub(crate) input: BytesMut,
    /// A message that the queue had no room for (from the `Sink` only).
    pub(crate) waiting: Option<Message>,
    /// Why the connection fails; reported once the closing is done.
    pub(crate) failure: Option<Error>,
}

impl<IO> WebSocket<IO> {
    /// The server's end of an upgraded stream; `leftover` is what was read behind the request.
    pub fn server(io: IO, leftover: BytesMut, config: Config) -> Self {
        Self::new(io, leftover, Connection::server(config))
    }

    /// The client's end of an upgraded stream; `leftover` is what was read behind the response.
    pub fn client(io: IO, leftover: BytesMut, config: Config) -> Self {
        Self::new(io, leftover, Connection::client(config, random::mask))
    }

    /// Drives a connection over a stream; `leftover` is what was read of it already.
    pub fn new(io: IO, leftover: BytesMut, connection: Connection) -> Self {
        Self {
            io,
            connection,
            // An empty one would still keep the buffer that it was cut from.
            input: if leftover.is_empty() {
                BytesMut::new()
            } else {
                leftover
            },
            waiting: None,
            failure: None,
            timer: Timer::default(),
            unflushed: false,
            read_ended: false,
            shut_down: false,
            finished: false,
        }
    }

    /// Compresses, as the opening handshake agreed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, agreed: Option<&songi_websocket::deflate::Agreed>) -> Self {
        self.connection.set_deflate(agreed);
        self
    }

    /// Queues a message. It is written by the next [`recv`](Self::recv) that has to wait, or by
    /// [`flush`](Self::flush), together with all that is queued.
    ///
    /// # Errors
    /// The message comes back if [`Config::queue_limit`] would be passed (flush, then try again),
    /// or if the closing has begun.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        self.not_behind(message)
            .and_then(|message| self.connection.send(message))
    }

    /// Queues a message as it is, though compression was agreed on: for one that holds a secret
    /// beside what others chose, whose compressed length could tell it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_uncompressed(&mut self, message: Message) -> Result<(), SendError> {
        self.not_behind(message)
            .and_then(|message| self.connection.send_uncompressed(message))
    }

    /// Queues a part of a message, which ends with its `last` part: see
    /// [`Connection::send_chunk`].
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_chunk(&mut self, part: Message, last: bool) -> Result<(), SendError> {
        self.not_behind(part)
            .and_then(|part| self.connection.send_chunk(part, last))
    }

    /// Queues a text that is only lent, and is copied: see [`Connection::send_text`].
    ///
    /// # Errors
    /// As [`send`](Self::send), and the caller has the text.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError<()>> {
        self.not_behind(())?;
        self.connection.send_text(text)
    }

    /// Queues a message that was framed once for many sockets.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), SendError<()>> {
        self.not_behind(())?;
        self.connection.send_prepared(prepared)
    }

    /// Queues a Close frame behind what is queued; nothing can be sent after it. The closing goes
    /// on in [`recv`](Self::recv), which still returns what the peer sent before its own Close
    /// frame.
    pub fn start_close(&mut self, frame: impl Into<Option<CloseFrame>>) {
        self.connection.close(frame);
    }

    /// Bytes that are queued, headers included.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.connection.queued() + self.waiting.as_ref().map_or(0, Message::len)
    }

    /// Whether messages may still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.finished && self.connection.is_open()
    }

    /// How long the last ping of the heartbeat ([`Config::heartbeat`]) took to be answered.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.connection.round_trip()
    }

    /// Nothing overtakes a message that waits for room.
    fn not_behind<M: fmt::Debug>(&self, message: M) -> Result<M, SendError<M>> {
        let queued = self.connection.queued();
        match self.waiting {
            None => Ok(message),
            Some(_) => Err(SendError::Full {
                message,
                queued,
                limit: queued,
            }),
        }
    }

    /// Writes what is queued, and waits for nothing: by a function that writes to the stream what
    /// it takes at once, such as [`TcpStream::try_write_vectored`](tokio::net::TcpStream). It is for
    /// those who want to write from elsewhere than the socket's own task, which need not be woken
    /// then; where the stream has a buffer of its own, that task has to flush it.
    ///
    /// ```
    /// use std::io::{self, IoSlice};
    /// use songi_tokio::{Config, Message, WebSocket};
    /// use tokio::net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    /// # let (client, (server, _)) = (client?, server?);
    /// let mut server = WebSocket::server(server, Default::default(), Config::default());
    /// let mut client = WebSocket::client(client, Default::default(), Config::default());
    ///
    /// server.send(Message::text("hi")).unwrap();
    /// server.get_ref().writable().await?;
    /// server.try_flush(|stream, slices| stream.try_write_vectored(slices))?;
    /// assert_eq!(server.queued(), 0);
    /// assert!(client.recv().await.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `write`. [`WouldBlock`](io::ErrorKind::WouldBlock) leaves the rest queued for the
    /// socket's task, as every other error does, of which [`recv`](Self::recv) will tell.
    pub fn try_flush(
        &mut self,
        mut write: impl FnMut(&IO, &[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        loop {
            let only = self.connection.only_slice();
            if only.is_some_and(<[u8]>::is_empty) {
                return Ok(());
            }
            let slices = self.connection.slices();
            let written = write::with_slices(only, slices, |slices| write(&self.io, slices))?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.connection.transmitted(written);
        }
    }

    /// The stream.
    pub const fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The stream; reading from it or writing to it would break the connection.
    pub const fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    /// Receives the next event. Before it waits, it writes all that is queued.
    ///
    /// `None` means that the connection is closed, down to the stream. An error comes once, when
    /// the connection has been closed after it, and `None` follows. A [`Event::Close`] comes as
    /// soon as the peer's Close frame does; calling on until `None` finishes the closing.
    ///
    /// Cancel safe: an event is returned or still there.
    pub async fn recv(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next event of what has been read already, if that holds one. It reads and writes
    /// nothing: what the event calls for (a pong, the answer to a Close frame) is sent by the next
    /// [`recv`](Self::recv) or [`flush`](Self::flush), and so is what is wrong with it told.
    ///
    /// To take all that one read brought, and to answer it with one write:
    ///
    /// ```
    /// # use songi_tokio::{Error, Event, Message, SendError, WebSocket};
    /// # use tokio::io::{AsyncRead, AsyncWrite};
    /// # async fn example<IO>(mut socket: WebSocket<IO>) -> Result<(), Error>
    /// # where IO: AsyncRead + AsyncWrite + Unpin {
    /// while let Some(event) = socket.recv().await {
    ///     let mut events = vec![event?];
    ///     while let Some(event) = socket.next_buffered() {
    ///         events.push(event);
    ///     }
    ///     println!("{} events", events.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_buffered(&mut self) -> Option<Event> {
        self.next_buffered_with(Connection::receive)
    }

    /// [`next_buffered`](Self::next_buffered) with a function of the caller's own: see
    /// [`poll_recv_with`](Self::poll_recv_with).
    pub fn next_buffered_with<T>(
        &mut self,
        mut receive: impl FnMut(&mut Connection, &mut BytesMut) -> Result<Option<T>, Violation>,
    ) -> Option<T> {
        if self.finished || self.failure.is_some() || self.input.is_empty() {
            return None;
        }
        let received = receive(&mut self.connection, &mut self.input);
        self.received(received)
    }

    /// Writes all that is queued.
    ///
    /// Cancel safe: what was written is taken off the queue at once.
    ///
    /// # Errors
    /// The stream failed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Closes the connection: writes what is queued and a Close frame, waits for the peer's, and
    /// ends the stream. What the peer sends meanwhile is discarded; to see it, call
    /// [`start_close`](Self::start_close) and then [`recv`](Self::recv).
    ///
    /// Cancel safe: called again, it goes on.
    ///
    /// # Errors
    /// The connection failed, or did not close in time ([`Config::close_timeout`]).
    pub async fn close(&mut self, frame: impl Into<Option<CloseFrame>>) -> Result<(), Error> {
        self.start_close(frame);
        poll_fn(|cx| self.poll_close(cx)).await
    }

    /// The poll form of [`recv`](Self::recv); it makes progress with writing too, so a task may
    /// rely on it alone.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        self.poll_recv_with(cx, Connection::receive)
    }

    /// The poll form of [`recv`](Self::recv) with a function that takes the next event from the
    /// input, in place of [`Connection::receive`]. It has to call that, or
    /// [`Connection::receive_short`], which lends what it receives; what it makes of it is returned.
    pub fn poll_recv_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut receive: impl FnMut(&mut Connection, &mut BytesMut) -> Result<Option<T>, Violation>,
    ) -> Poll<Option<Result<T, Error>>> {
        loop {
            if self.finished {
                return Poll::Ready(self.failure.take().map(Err));
            }
            if self.failure.is_none() && !self.input.is_empty() {
                let received = receive(&mut self.connection, &mut self.input);
                if let Some(event) = self.received(received) {
                    self.before_event(cx);
                    return Poll::Ready(Some(Ok(event)));
                }
            }
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                self.stream_failed(error);
                continue;
            }
            match self.connection.next_step() {
                Step::Continue => {}
                Step::HalfClose => {
                    self.half_close(cx);
                    if self.finished {
                        continue;
                    }
                }
                Step::Close => {
                    ready!(self.poll_end(cx));
                    self.finished = true;
                    continue;
                }
                Step::Abort => {
                    let error = timed_out(self.connection.timed_out());
                    self.failure.get_or_insert(error);
                    self.finished = true;
                    continue;
                }
            }
            if self.poll_deadline(cx).is_ready() {
                continue;
            }
            if let Some(event) = ready!(self.poll_read(cx, &mut receive)) {
                self.before_event(cx);
                return Poll::Ready(Some(Ok(event)));
            }
        }
    }

    /// The poll form of [`flush`](Self::flush).
    ///
    /// # Errors
    /// The stream failed.
    #[inline]
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.connection.queued() == 0 && self.waiting.is_none() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        self.poll_write_queued(cx)
    }

    /// The poll form of [`close`](Self::close), after [`start_close`](Self::start_close).
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match ready!(self.poll_recv(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(_)) => {}
            }
        }
    }
}

impl<IO> fmt::Debug for WebSocket<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("connection", &self.connection)
            .field("unread", &self.input.len())
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}
