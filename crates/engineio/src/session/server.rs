//! The server's side of one session.

use alloc::{boxed::Box, sync::Arc};
use core::time::Duration;

use faststr::FastStr;

use super::{
    CloseReason, Ids, RequestId, SendError, SendOptions, TransportEnd, TransportId, Violation,
    outbox::Outbox,
};
use crate::{
    config::ServerConfig,
    dialect::Dialect,
    handshake::Handshake,
    packet::{Frame, Message, Packet},
    request::Response,
    transport::{Revision, Transport},
};

mod heartbeat;
mod http;
mod output;
mod polling;
mod upgrade;

use heartbeat::Heartbeat;
pub use output::{Event, Output};
use polling::{Body, Candidate, Polling, Post};

/// One client's session on the server, whatever transports carry it.
///
/// Inputs are methods; after each, pull [`poll_output`](Self::poll_output) until it is `None`.
/// `now` is the time since an origin that the driver fixes for all calls. A driver that shares a
/// session between tasks puts it under one lock, held while it feeds an input and pulls outputs.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use songi_engineio::{Output, ServerConfig, ServerSession};
///
/// let now = Duration::ZERO;
/// let mut session = ServerSession::polling(Arc::new(ServerConfig::default()), "sid0".into(), now);
/// let get = session.poll_opened(now);
/// let Some(Output::Respond { request, response }) = session.poll_output() else { unreachable!() };
/// assert_eq!(request, get);
/// assert!(response.body.starts_with(br#"0{"sid":"sid0","upgrades":["websocket"],"#));
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct ServerSession {
    // What each message touches comes first, for the sake of the processor's caches.
    carrier: Carrier,
    dialect: Dialect,
    outbox: Outbox<Output>,
    heartbeat: Heartbeat,
    config: Arc<ServerConfig>,
    sid: FastStr,
    ids: Ids,
}

/// What carries the messages.
#[derive(Debug)]
enum Carrier {
    Polling(Box<Polling>),
    WebSocket(TransportId),
    Closed,
}

impl ServerSession {
    /// A session that starts on long-polling. The request that opens it is its first GET: tell
    /// [`poll_opened`](Self::poll_opened). The answer carries the open packet and what was sent
    /// until then.
    pub fn polling(config: Arc<ServerConfig>, sid: FastStr, now: Duration) -> Self {
        Self::polling_in(Dialect::default(), config, sid, now)
    }

    /// The same for a client that speaks this dialect: see [`Query::dialect`](crate::Query::dialect).
    pub fn polling_in(
        dialect: Dialect,
        config: Arc<ServerConfig>,
        sid: FastStr,
        now: Duration,
    ) -> Self {
        let open = Handshake::new(&config, sid.clone(), Transport::Polling).to_frame();
        let carrier = Carrier::Polling(Box::new(Polling::new(open)));
        Self::new(dialect, config, sid, carrier, now)
    }

    /// A session that starts on a WebSocket, and that WebSocket's name. The first output is the
    /// open packet.
    pub fn websocket(
        config: Arc<ServerConfig>,
        sid: FastStr,
        now: Duration,
    ) -> (Self, TransportId) {
        Self::websocket_in(Dialect::default(), config, sid, now)
    }

    /// The same for a client that speaks this dialect: see [`Query::dialect`](crate::Query::dialect).
    pub fn websocket_in(
        dialect: Dialect,
        config: Arc<ServerConfig>,
        sid: FastStr,
        now: Duration,
    ) -> (Self, TransportId) {
        let open = Handshake::new(&config, sid.clone(), Transport::WebSocket).to_frame();
        let mut session = Self::new(dialect, config, sid, Carrier::Closed, now);
        let transport = session.ids.transport();
        session.carrier = Carrier::WebSocket(transport);
        session.enqueue(open);
        (session, transport)
    }

    fn new(
        dialect: Dialect,
        config: Arc<ServerConfig>,
        sid: FastStr,
        carrier: Carrier,
        now: Duration,
    ) -> Self {
        let heartbeat = Heartbeat::new(dialect.revision, &config, now);
        Self {
            config,
            sid,
            outbox: Outbox::new(),
            carrier,
            heartbeat,
            ids: Ids::default(),
            dialect,
        }
    }

    /// The protocol revision of the client, fixed when the session opened.
    pub fn revision(&self) -> Revision {
        self.dialect.revision
    }

    /// The session's secret name.
    pub fn sid(&self) -> &FastStr {
        &self.sid
    }

    /// What carries the messages now, or `None` when the session is closed: then its sid is no
    /// longer known.
    pub fn transport(&self) -> Option<Transport> {
        match self.carrier {
            Carrier::Polling(_) => Some(Transport::Polling),
            Carrier::WebSocket(_) => Some(Transport::WebSocket),
            Carrier::Closed => None,
        }
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.carrier, Carrier::Closed)
    }

    /// Bytes that wait for the next GET. Zero on a WebSocket, whose queue is the driver's.
    pub fn buffered(&self) -> usize {
        match &self.carrier {
            Carrier::Polling(polling) => polling.queue.bytes(),
            Carrier::WebSocket(_) | Carrier::Closed => 0,
        }
    }

    /// A WebSocket message arrived. One from a WebSocket that the session has closed is ignored.
    pub fn frame(&mut self, transport: TransportId, frame: Frame, now: Duration) {
        if let Some(message) = self.receive(transport, frame, now) {
            self.event(Event::Message(message));
        }
    }

    /// The same, with what the client has to say given at once, in place of an
    /// [`Event::Message`]. Whatever else comes of it is an output, as always; all outputs must
    /// have been pulled before.
    pub fn receive(
        &mut self,
        transport: TransportId,
        frame: Frame,
        now: Duration,
    ) -> Option<Message> {
        match &self.carrier {
            Carrier::WebSocket(id) if *id == transport => match self.dialect.decode(frame) {
                Ok(Packet::Message(message)) => return Some(message),
                Ok(packet) => self.packet(packet, now),
                Err(error) => self.fail(CloseReason::ParseError, error.into()),
            },
            Carrier::Polling(polling) if polling.is_candidate(transport) => {
                self.candidate_packet(transport, frame, now);
            }
            _ => {}
        }
        None
    }

    /// What a text message of a WebSocket says, if it is a message and nothing else comes of it:
    /// it is lent and need not be [received](Self::receive). `None` asks for that.
    pub fn receive_text<'a>(&self, transport: TransportId, text: &'a str) -> Option<&'a str> {
        let direct = self.direct() == Some(transport);
        direct.then(|| text.strip_prefix('4')).flatten()
    }

    /// A WebSocket ended. One that the session has closed is ignored; the end of a candidate
    /// leaves the session on long-polling.
    pub fn transport_closed(&mut self, transport: TransportId, end: TransportEnd, _now: Duration) {
        match &mut self.carrier {
            Carrier::WebSocket(id) if *id == transport => {
                self.carrier = Carrier::Closed;
                let reason = match end {
                    TransportEnd::Closed => CloseReason::TransportClose,
                    TransportEnd::Failed => CloseReason::TransportError,
                };
                self.event(Event::Closed {
                    reason,
                    violation: None,
                });
            }
            Carrier::Polling(polling) if polling.is_candidate(transport) => {
                polling.drop_candidate();
            }
            _ => {}
        }
    }

    /// Sends a message, made by [`Frame::message`] or [`Frame::from_message_wire`]. On a WebSocket
    /// it is an output at once; on long-polling it waits for a GET, and a volatile one is dropped
    /// when none is there.
    ///
    /// # Errors
    /// When the session is closed or closing, when [`ServerConfig::max_buffered`] bytes wait, or
    /// when the text cannot travel by long-polling. The message comes back.
    pub fn send(
        &mut self,
        frame: Frame,
        options: SendOptions,
        _now: Duration,
    ) -> Result<(), SendError> {
        match &mut self.carrier {
            Carrier::WebSocket(transport) => {
                let transport = *transport;
                self.push_frame(transport, frame, options);
                Ok(())
            }
            Carrier::Polling(polling) => {
                // Lengths separate the packets of revision 3, and nothing in their text can.
                let separated = self.dialect.revision == Revision::V4;
                polling.send(frame, options, self.config.max_buffered, separated)
            }
            Carrier::Closed => Err(SendError::Closed(frame)),
        }
    }

    /// The WebSocket by which a message that is sent now would leave, at once and as it is. Where
    /// there is one, a driver may put messages into its queue by itself, in place of calling
    /// [`send`](Self::send) and pulling the outputs: one that has framed a message for many need
    /// not frame it again. All outputs must have been pulled before.
    pub fn direct(&self) -> Option<TransportId> {
        match self.carrier {
            Carrier::WebSocket(transport) if self.dialect == Dialect::default() => Some(transport),
            _ => None,
        }
    }

    /// Closes the session in good order. A WebSocket is closed after what was sent. A long-polling
    /// client gets what waits and the close packet as the answer of its GET, or of the next one if
    /// that comes within [`ServerConfig::close_timeout`], or what waits on the WebSocket that it
    /// moves to meanwhile; `reason` is reported then.
    pub fn close(&mut self, reason: CloseReason, now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return self.shut(reason, None, &Frame::CLOSE);
        };
        if polling.closing.is_some() {
            return;
        }
        polling.closing = Some((reason, now.saturating_add(self.config.close_timeout)));
        // The client may have moved to a candidate that was probed, and never make a GET again.
        if !polling.is_probed()
            && let Some(candidate) = polling.drop_candidate()
        {
            self.outbox.push(Output::CloseTransport(candidate));
        }
    }

    /// Closes the session at once. A GET that waits is answered with the close packet; what waited
    /// for a GET is lost.
    pub fn abort(&mut self, reason: CloseReason) {
        self.shut(reason, None, &Frame::CLOSE);
    }

    /// The next thing to do. Pull until `None` after each input and each timeout.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outbox.pop() {
                return Some(output);
            }
            if !self.advance_post() && !self.advance_get() {
                return None;
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), or `None` when the session is
    /// closed.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let heartbeat = self.heartbeat.due();
        match &self.carrier {
            Carrier::WebSocket(_) => Some(heartbeat),
            Carrier::Polling(polling) => Some(polling.timeout(heartbeat)),
            Carrier::Closed => None,
        }
    }

    /// Time has passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Duration) {
        if let Carrier::Polling(polling) = &mut self.carrier {
            if let Some((reason, deadline)) = polling.closing {
                if now >= deadline {
                    self.shut(reason, None, &Frame::CLOSE);
                }
                return;
            }
            if let Some(candidate) = polling.expired_candidate(now) {
                self.outbox.push(Output::CloseTransport(candidate));
            } else if let Some(get) = polling.noop_due(now) {
                self.respond(get, self.single(&Frame::NOOP));
            }
        }
        self.beat(now);
    }

    /// A packet on the transport that carries the session.
    fn packet(&mut self, packet: Packet, now: Duration) {
        match packet {
            Packet::Message(message) => self.event(Event::Message(message)),
            Packet::Ping(data) => self.ping(data, now),
            Packet::Pong(_) => self.pong(now),
            // A GET that waits ends with a noop: the client closed, it needs no close packet.
            Packet::Close => self.shut(CloseReason::TransportClose, None, &Frame::NOOP),
            // Meaningless from a client that is open, and harmless.
            Packet::Open(_) | Packet::Upgrade | Packet::Noop => {}
        }
    }

    /// A control packet: it does not count against the limit, there is one at a time.
    fn enqueue(&mut self, frame: Frame) {
        match &mut self.carrier {
            Carrier::WebSocket(transport) => {
                let transport = *transport;
                self.push_frame(transport, frame, SendOptions::default());
            }
            Carrier::Polling(polling) => polling.queue.push(frame, SendOptions::default()),
            Carrier::Closed => {}
        }
    }

    fn fail(&mut self, reason: CloseReason, violation: Violation) {
        self.shut(reason, Some(violation), &Frame::CLOSE);
    }

    /// Ends the session: answers what is in flight (a GET with `last`), closes what is open.
    fn shut(&mut self, reason: CloseReason, violation: Option<Violation>, last: &Frame) {
        match core::mem::replace(&mut self.carrier, Carrier::Closed) {
            Carrier::Closed => return,
            Carrier::WebSocket(transport) => self.outbox.push(Output::CloseTransport(transport)),
            Carrier::Polling(polling) => {
                if let Some(get) = polling.get {
                    self.respond(get, self.single(last));
                }
                if let Some(post) = polling.post {
                    let taken = violation.is_none();
                    let response = if taken {
                        Response::ok()
                    } else {
                        Response::empty(400)
                    };
                    self.respond(post.request, response);
                }
                if let Some(candidate) = polling.candidate {
                    self.outbox
                        .push(Output::CloseTransport(candidate.transport));
                }
            }
        }
        self.event(Event::Closed { reason, violation });
    }

    /// The answer of a GET that carries one packet.
    fn single(&self, frame: &Frame) -> Response {
        Response::payload(self.dialect.encode_payload([frame]), false)
    }

    fn respond(&mut self, request: RequestId, response: Response) {
        self.outbox.push(Output::Respond { request, response });
    }

    fn push_frame(&mut self, transport: TransportId, frame: Frame, options: SendOptions) {
        let frame = self.dialect.encode(frame);
        self.outbox.push(Output::Frame {
            transport,
            frame,
            options,
        });
    }

    fn event(&mut self, event: Event) {
        self.outbox.push(Output::Event(event));
    }
}

#[cfg(test)]
mod tests;
