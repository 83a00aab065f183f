//! Both halves of a connection as one value.

use alloc::boxed::Box;
use core::time::Duration;

use bytes::BytesMut;

use crate::{
    AbnormalClosure, CloseFrame, Config, Event, EventRef, MaskSource, Message, Prepared, Receiver,
    Reply, Role, SendError, Sender, ShortMessage, Step, Timeout, Violation,
};

/// A WebSocket connection after its opening handshake, without its transport.
///
/// The driver reads bytes and calls [`receive`](Self::receive) until it wants more; writes what
/// [`transmit`](Self::transmit) shows; minds [`poll_timeout`](Self::poll_timeout); and does with
/// the transport what [`next_step`](Self::next_step) says.
///
/// ```
/// use bytes::BytesMut;
/// use songi_websocket::{CloseCode, Config, Connection, Event, Message, Step};
///
/// let mut server = Connection::server(Config::default());
/// // Not a fit source of masks: use a cryptographic generator.
/// let mut client = Connection::client(Config::default(), || [1, 2, 3, 4]);
///
/// let carry = |from: &mut Connection, to: &mut BytesMut| {
///     from.slices().for_each(|bytes| to.extend_from_slice(bytes));
///     from.transmitted(from.queued());
/// };
///
/// let mut input = BytesMut::new();
/// client.send(Message::text("hi"))?;
/// client.close(Some(CloseCode::NORMAL.into()));
/// carry(&mut client, &mut input);
/// assert_eq!(server.receive(&mut input)?, Some(Event::Text("hi".into())));
/// assert_eq!(server.receive(&mut input)?, Some(Event::Close(Some(CloseCode::NORMAL.into()))));
///
/// carry(&mut server, &mut input);
/// assert_eq!(server.next_step(), Step::HalfClose);
/// assert_eq!(client.receive(&mut input)?, Some(Event::Close(Some(CloseCode::NORMAL.into()))));
/// client.receive_eof()?;
/// assert_eq!(client.next_step(), Step::Close);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    receiver: Receiver,
    sender: Sender,
}

impl Connection {
    /// The server's end.
    #[must_use]
    pub fn server(config: Config) -> Self {
        Self {
            receiver: Receiver::new(Role::Server, &config),
            sender: Sender::new(None, &config),
        }
    }

    /// The client's end, with a cryptographic generator of masking keys.
    pub fn client(config: Config, masks: impl MaskSource + 'static) -> Self {
        Self {
            receiver: Receiver::new(Role::Client, &config),
            sender: Sender::new(Some(Box::new(masks)), &config),
        }
    }

    /// Compresses from now on, as the opening handshake agreed; before the first frame only.
    #[cfg(feature = "deflate")]
    pub fn set_deflate(&mut self, agreed: Option<&crate::deflate::Agreed>) {
        let role = self.receiver.role;
        self.receiver.inflater = agreed.map(|agreed| agreed.inflater(role));
        self.sender.compressor = agreed.map(|agreed| agreed.compressor(role));
    }

    /// Takes the next event from the start of `input`, and queues the answer it asks for: a pong,
    /// or a Close frame.
    ///
    /// `Ok(None)` means that more bytes are needed. What is left in `input` then has to stay there,
    /// and what is read next to be appended: at most the start of a header or of a control frame
    /// (138 bytes), or of a message of at most 64 KiB in one frame, which is given out without a
    /// copy if the rest comes at once: [`missing`](Self::missing) tells how much that is. All else
    /// that arrives in parts is moved out.
    ///
    /// Payloads up to 1 KiB, and those below 1/64 of the buffer behind `input`, are
    /// copied out of it; larger ones share it.
    ///
    /// # Errors
    /// The rule that the peer broke. A Close frame with [`Violation::close_code`] is queued, all
    /// further input is discarded, and the same error answers every later call.
    #[inline]
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        let sender = &mut self.sender;
        self.receiver.receive_or(input, |receiver, input| {
            let received = receiver.receive_any(input);
            let reply = match &received {
                Ok(event) => event.as_ref().and_then(Reply::to),
                Err(violation) => Some(Reply::Fail(*violation)),
            };
            if let Some(reply) = reply {
                sender.reply(reply);
            }
            received
        })
    }

    /// Lends a short message to `take`, if `input` starts with one: one that is whole, in one
    /// frame, not compressed, and of at most 1 KiB. `Ok(None)` says nothing else of the input, and
    /// asks for [`receive`](Self::receive). For who reads messages where they lie, and wants to
    /// share the bytes of large ones.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use songi_websocket::{Config, Connection, ShortMessage};
    ///
    /// let mut connection = Connection::server(Config::default());
    /// let mut input = BytesMut::from(&b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81"[..]);
    /// let len = connection.receive_short(&mut input, |message| match message {
    ///     ShortMessage::Text(text) => text.len(),
    ///     ShortMessage::Binary(bytes) => bytes.len(),
    /// })?;
    /// assert_eq!((len, &input[..]), (Some(5), &b"\x81"[..]));
    /// # Ok::<(), songi_websocket::Violation>(())
    /// ```
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    #[inline]
    pub fn receive_short<R>(
        &mut self,
        input: &mut BytesMut,
        take: impl FnOnce(ShortMessage<'_>) -> R,
    ) -> Result<Option<R>, Violation> {
        let received = self.receiver.receive_short(input, take);
        if let Err(violation) = &received {
            self.sender.reply(Reply::Fail(*violation));
        }
        received
    }

    /// How many bytes the message lacks whose start was left in the input: room for them saves a
    /// copy. 0 where none was left, or its length is not known yet.
    #[must_use]
    #[inline]
    pub fn missing(&self) -> usize {
        self.receiver.missing()
    }

    /// As [`receive`](Self::receive), but lends what lies whole in `input`: without allocations,
    /// and the fastest way for small messages. `input` is moved on behind what was taken; what is
    /// left of it when the answer is `Ok(None)` has to stand before what is read next.
    ///
    /// ```
    /// use songi_websocket::{Config, Connection, EventRef};
    ///
    /// let mut connection = Connection::server(Config::default());
    /// let mut buffer = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81";
    /// let mut input = &mut buffer[..];
    /// while let Some(event) = connection.receive_ref(&mut input)? {
    ///     assert_eq!(event, EventRef::Text("Hello".into()));
    /// }
    /// assert_eq!(input, b"\x81");
    /// # Ok::<(), songi_websocket::Violation>(())
    /// ```
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    #[inline]
    pub fn receive_ref<'a>(
        &mut self,
        input: &mut &'a mut [u8],
    ) -> Result<Option<EventRef<'a>>, Violation> {
        let sender = &mut self.sender;
        self.receiver.receive_ref_or(input, |receiver, input| {
            let received = receiver.receive_ref_any(input);
            let reply = match &received {
                Ok(event) => event.as_ref().and_then(Reply::to_ref),
                Err(violation) => Some(Reply::Fail(*violation)),
            };
            if let Some(reply) = reply {
                sender.reply(reply);
            }
            received
        })
    }

    /// Takes note that the transport ended.
    ///
    /// # Errors
    /// [`AbnormalClosure`] if there was no Close frame before it.
    pub fn receive_eof(&mut self) -> Result<(), AbnormalClosure> {
        self.sender.reply(Reply::Eof);
        self.receiver.receive_eof()
    }

    /// Queues a message, in one frame.
    ///
    /// # Errors
    /// The message comes back: [`SendError::Full`] if the queue would pass
    /// [`Config::queue_limit`], [`SendError::Interleaved`] between the parts of another message,
    /// [`SendError::Closing`] after a Close frame was sent or received.
    #[inline]
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        self.sender.send(message)
    }

    /// Queues a message as it is, though compression was agreed on: for one that holds a secret
    /// beside what others chose, whose compressed length could tell it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_uncompressed(&mut self, message: Message) -> Result<(), SendError> {
        self.sender.send_uncompressed(message)
    }

    /// Queues a part of a message, which ends with its `last` part; all parts are of one kind.
    /// Pings, pongs and a Close frame may come between the parts, other messages may not (RFC
    /// 6455 §5.4).
    ///
    /// ```
    /// use songi_websocket::{Config, Connection, Message};
    ///
    /// let mut connection = Connection::server(Config::default());
    /// connection.send_chunk(Message::text("Hel"), false)?;
    /// connection.send_chunk(Message::text("lo"), true)?;
    /// assert_eq!(connection.slices().collect::<Vec<_>>().concat(), b"\x01\x03Hel\x80\x02lo");
    /// # Ok::<(), songi_websocket::SendError>(())
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send); [`SendError::Interleaved`] for a part of another kind.
    pub fn send_chunk(&mut self, part: Message, last: bool) -> Result<(), SendError> {
        self.sender.send_chunk(part, last)
    }

    /// Queues a text that is only lent: it is copied behind its header. For a short one that is
    /// cheaper than to make a message of it; a long one is copied where [`send`](Self::send) would
    /// share it.
    ///
    /// ```
    /// # use songi_websocket::{Config, Connection};
    /// let mut connection = Connection::server(Config::default());
    /// connection.send_text("hi")?;
    /// assert_eq!(connection.slices().next(), Some(&b"\x81\x02hi"[..]));
    /// # Ok::<(), songi_websocket::SendError<()>>(())
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), and the caller has the text.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError<()>> {
        self.sender.send_text(text)
    }

    /// Queues a message that was framed once for many.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), SendError<()>> {
        self.sender.send_prepared(prepared)
    }

    /// Starts the closing handshake: a Close frame is queued behind what is queued, and nothing
    /// can be sent after it. Events still come until the peer's Close frame does. Does nothing if
    /// a Close frame was sent before.
    pub fn close(&mut self, frame: impl Into<Option<CloseFrame>>) {
        self.sender.close(frame);
    }

    /// Fills `slices` with what is to be written next, and returns how many it used.
    #[cfg(feature = "std")]
    pub fn transmit<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        self.sender.transmit(slices)
    }

    /// All that is to be written, if it lies in one slice, as it mostly does: that takes less to
    /// find out than the [slices](Self::slices). Empty if nothing is queued.
    ///
    /// ```
    /// use songi_websocket::{Config, Connection, Message};
    ///
    /// let mut connection = Connection::server(Config::default());
    /// assert_eq!(connection.only_slice(), Some(&b""[..]));
    /// connection.send(Message::text("hi"))?;
    /// assert_eq!(connection.only_slice(), Some(&b"\x81\x02hi"[..]));
    /// # Ok::<(), songi_websocket::SendError>(())
    /// ```
    #[inline]
    pub fn only_slice(&self) -> Option<&[u8]> {
        self.sender.only_slice()
    }

    /// What is to be written next, in order, as slices that are not empty.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.sender.slices()
    }

    /// Takes note that the first `n` of the queued bytes were written.
    #[inline]
    pub fn transmitted(&mut self, n: usize) {
        self.sender.transmitted(n);
    }

    /// Bytes that wait to be written, headers included.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.sender.queued()
    }

    /// Whether messages may still be sent: no Close frame was sent or received.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// What to do with the transport.
    #[must_use]
    #[inline]
    pub fn next_step(&self) -> Step {
        self.sender.next_step()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, as a duration since the
    /// caller's origin of time. Zero asks for the present time: a deadline has to be set.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.sender.poll_timeout()
    }

    /// Tells the time, as a duration since the caller's origin. A closing that has begun gets its
    /// deadline ([`Config::close_timeout`]); one that is past it ends in [`Step::Abort`]. A ping of
    /// the heartbeat that is due is queued.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.sender.handle_timeout(now);
    }

    /// What the peer did not do in time, if that is why the connection ends.
    #[must_use]
    pub fn timed_out(&self) -> Option<Timeout> {
        self.sender.timed_out()
    }

    /// How long the last ping of the heartbeat ([`Config::heartbeat`]) took to be answered.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.sender.round_trip()
    }

    /// The two halves, to be moved to different tasks or threads.
    ///
    /// They share nothing. Each [`Reply`] of the receiver is to be carried to the sender.
    #[must_use]
    pub fn split(self) -> (Receiver, Sender) {
        (self.receiver, self.sender)
    }
}

#[cfg(test)]
mod tests;
