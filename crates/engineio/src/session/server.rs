//! The server's side of one session.

use alloc::{boxed::Box, sync::Arc};
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;

use super::{
    CloseReason, Ids, RequestId, SendError, SendOptions, TransportEnd, TransportId, Violation,
    outbox::Outbox,
};
use crate::{
    config::ServerConfig,
    handshake::Handshake,
    packet::{Frame, Message, Packet},
    request::{RequestError, Response},
    transport::Transport,
};

mod polling;
use polling::{Body, Candidate, Polling, Post};

/// What a driver must do, or tell the layer above.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Answer this request. Every request is answered exactly once, except one that was aborted.
    Respond {
        /// The request.
        request: RequestId,
        /// Its answer.
        response: Response,
    },
    /// Write this frame to this WebSocket.
    Frame {
        /// The WebSocket.
        transport: TransportId,
        /// The frame.
        frame: Frame,
        /// How it was sent: whether it may be compressed, and whether it may be dropped when the
        /// WebSocket's own queue is not empty.
        options: SendOptions,
    },
    /// Close this WebSocket after what was written before. No inputs about it are needed any more.
    CloseTransport(TransportId),
    /// Tell the layer above.
    Event(Event),
}

/// What happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The client sent a message.
    Message(Message),
    /// The session moved from long-polling to its WebSocket.
    Upgraded,
    /// What waited for the transport has been handed to it.
    Drained,
    /// The session ended. It is the last event.
    Closed {
        /// Why.
        reason: CloseReason,
        /// The rule that the client broke, if it did.
        violation: Option<Violation>,
    },
}

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
pub struct ServerSession {
    config: Arc<ServerConfig>,
    sid: FastStr,
    outbox: Outbox<Output>,
    carrier: Carrier,
    heartbeat: Heartbeat,
    ids: Ids,
}

/// What carries the messages.
#[derive(Debug)]
enum Carrier {
    Polling(Box<Polling>),
    WebSocket(TransportId),
    Closed,
}

#[derive(Debug, Clone, Copy)]
enum Heartbeat {
    /// The next ping goes out at this time.
    Ping(Duration),
    /// The pong must come before this time.
    Pong(Duration),
}

impl ServerSession {
    /// A session that starts on long-polling. The request that opens it is its first GET: tell
    /// [`poll_opened`](Self::poll_opened). The answer carries the open packet and what was sent
    /// until then.
    pub fn polling(config: Arc<ServerConfig>, sid: FastStr, now: Duration) -> Self {
        let open = Handshake::new(&config, sid.clone(), Transport::Polling).to_frame();
        Self::new(
            config,
            sid,
            Carrier::Polling(Box::new(Polling::new(open))),
            now,
        )
    }

    /// A session that starts on a WebSocket, and that WebSocket's name. The first output is the
    /// open packet.
    pub fn websocket(
        config: Arc<ServerConfig>,
        sid: FastStr,
        now: Duration,
    ) -> (Self, TransportId) {
        let open = Handshake::new(&config, sid.clone(), Transport::WebSocket).to_frame();
        let mut session = Self::new(config, sid, Carrier::Closed, now);
        let transport = session.ids.transport();
        session.carrier = Carrier::WebSocket(transport);
        session.enqueue(open);
        (session, transport)
    }

    fn new(config: Arc<ServerConfig>, sid: FastStr, carrier: Carrier, now: Duration) -> Self {
        let heartbeat = Heartbeat::Ping(now.saturating_add(config.ping_interval));
        Self {
            config,
            sid,
            outbox: Outbox::new(),
            carrier,
            heartbeat,
            ids: Ids::default(),
        }
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
            Carrier::Polling(polling) => polling.buffered(),
            Carrier::WebSocket(_) | Carrier::Closed => 0,
        }
    }

    /// A GET arrived. It waits until there is something to answer.
    pub fn poll_opened(&mut self, now: Duration) -> RequestId {
        let request = self.ids.request();
        let Carrier::Polling(polling) = &mut self.carrier else {
            self.refuse(request);
            return request;
        };
        if polling.get.is_some() {
            self.respond(request, Response::empty(400));
            self.fail(CloseReason::TransportError, Violation::OverlappingGet);
            return request;
        }
        polling.get = Some(request);
        polling.arm_noop(now, self.config.noop_interval);
        request
    }

    /// A POST arrived; its body is still to be read. `content_type` is the value of its
    /// `Content-Type` header. When the POST is refused at once, its answer is among the outputs
    /// and the body need not be read.
    pub fn post_opened(&mut self, content_type: Option<&[u8]>, _now: Duration) -> RequestId {
        let request = self.ids.request();
        let Carrier::Polling(polling) = &mut self.carrier else {
            self.refuse(request);
            return request;
        };
        if polling.post.is_some() {
            self.respond(request, Response::empty(400));
            self.fail(CloseReason::TransportError, Violation::OverlappingPost);
        } else if content_type.is_some_and(is_octet_stream) {
            self.respond(request, Response::empty(400));
            self.fail(CloseReason::TransportError, Violation::BinaryPost);
        } else {
            polling.post = Some(Post {
                request,
                body: Body::Unread,
            });
        }
        request
    }

    /// The body of a POST has been read. Its packets come out as events, then its answer.
    pub fn post_body(&mut self, request: RequestId, body: Bytes, now: Duration) {
        let max = self.config.max_payload;
        if body.len() > max {
            return self.post_too_large(request);
        }
        let Some(polling) = self.unread_post(request) else {
            return;
        };
        if polling.closing.is_some() {
            polling.post = None;
            return self.respond(request, Response::ok());
        }
        match crate::payload::decode(body, max) {
            Ok(packets) => {
                polling.post = Some(Post {
                    request,
                    body: Body::Packets(packets, now),
                });
            }
            Err(error) => self.fail(CloseReason::ParseError, error.into()),
        }
    }

    /// The body of a POST is over [`ServerConfig::max_payload`]: it is answered with 413, and the
    /// session goes on.
    pub fn post_too_large(&mut self, request: RequestId) {
        let Some(polling) = self.unread_post(request) else {
            return;
        };
        polling.post = None;
        self.respond(request, Response::empty(413));
    }

    /// The client gave up a request before its answer, or its connection ended. This ends the
    /// session, and the request gets no answer. A request that has been answered is ignored.
    pub fn request_aborted(&mut self, request: RequestId, _now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        if polling.get == Some(request) {
            polling.get = None;
        } else if polling
            .post
            .as_ref()
            .is_some_and(|post| post.request == request)
        {
            polling.post = None;
        } else {
            return;
        }
        self.fail(CloseReason::TransportError, Violation::Aborted);
    }

    /// A WebSocket was opened for this session: the candidate of an upgrade. One that cannot be a
    /// candidate (there is one, or the session has moved) is closed, and the session goes on.
    pub fn websocket_opened(&mut self, now: Duration) -> TransportId {
        let transport = self.ids.transport();
        let deadline = now.saturating_add(self.config.upgrade_timeout);
        match &mut self.carrier {
            Carrier::Polling(polling)
                if polling.candidate.is_none()
                    && polling.closing.is_none()
                    && self.config.upgradable() =>
            {
                polling.candidate = Some(Candidate {
                    transport,
                    deadline,
                    probed: false,
                });
            }
            _ => self.outbox.push(Output::CloseTransport(transport)),
        }
        transport
    }

    /// A WebSocket message arrived. One from a WebSocket that the session has closed is ignored.
    pub fn frame(&mut self, transport: TransportId, frame: Frame, now: Duration) {
        match &self.carrier {
            Carrier::WebSocket(id) if *id == transport => match Packet::decode(frame) {
                Ok(packet) => self.packet(packet, now),
                Err(error) => self.fail(CloseReason::ParseError, error.into()),
            },
            Carrier::Polling(polling) if polling.is_candidate(transport) => {
                self.candidate_packet(transport, frame, now);
            }
            _ => {}
        }
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
                self.outbox.push(Output::Frame {
                    transport,
                    frame,
                    options,
                });
                Ok(())
            }
            Carrier::Polling(polling) => polling.send(frame, options, self.config.max_buffered),
            Carrier::Closed => Err(SendError::Closed(frame)),
        }
    }

    /// Closes the session in good order. A WebSocket is closed after what was sent. A long-polling
    /// client gets what waits and the close packet as the answer of its GET, or of the next one if
    /// that comes within [`ServerConfig::close_timeout`]; `reason` is reported then.
    pub fn close(&mut self, reason: CloseReason, now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return self.shut(reason, None, Frame::CLOSE);
        };
        if polling.closing.is_some() {
            return;
        }
        polling.closing = Some((reason, now.saturating_add(self.config.close_timeout)));
        if let Some(candidate) = polling.drop_candidate() {
            self.outbox.push(Output::CloseTransport(candidate));
        }
    }

    /// Closes the session at once. A GET that waits is answered with the close packet; what waited
    /// for a GET is lost.
    pub fn abort(&mut self, reason: CloseReason) {
        self.shut(reason, None, Frame::CLOSE);
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
        let (Heartbeat::Ping(heartbeat) | Heartbeat::Pong(heartbeat)) = self.heartbeat;
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
                    self.shut(reason, None, Frame::CLOSE);
                }
                return;
            }
            if let Some(candidate) = polling.expired_candidate(now) {
                self.outbox.push(Output::CloseTransport(candidate));
            } else if let Some(get) = polling.noop_due(now) {
                self.respond(get, Response::payload(payload(&Frame::NOOP), false));
            }
        }
        match self.heartbeat {
            _ if self.is_closed() => {}
            Heartbeat::Ping(at) if now >= at => {
                self.heartbeat = Heartbeat::Pong(now.saturating_add(self.config.ping_timeout));
                self.enqueue(Frame::PING);
            }
            Heartbeat::Pong(deadline) if now >= deadline => {
                self.shut(CloseReason::PingTimeout, None, Frame::CLOSE);
            }
            Heartbeat::Ping(_) | Heartbeat::Pong(_) => {}
        }
    }

    /// A packet on the transport that carries the session.
    fn packet(&mut self, packet: Packet, now: Duration) {
        match packet {
            Packet::Message(message) => self.event(Event::Message(message)),
            Packet::Pong(_) => {
                self.heartbeat = Heartbeat::Ping(now.saturating_add(self.config.ping_interval));
            }
            Packet::Ping(_) => self.fail(CloseReason::TransportError, Violation::PingDirection),
            // A GET that waits ends with a noop: the client closed, it needs no close packet.
            Packet::Close => self.shut(CloseReason::TransportClose, None, Frame::NOOP),
            // Meaningless from a client that is open, and harmless.
            Packet::Open(_) | Packet::Upgrade | Packet::Noop => {}
        }
    }

    /// A packet on the candidate: the probe, then the upgrade. Anything else closes the candidate
    /// and leaves the session on long-polling.
    fn candidate_packet(&mut self, transport: TransportId, frame: Frame, now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        match Packet::decode(frame) {
            Ok(Packet::Ping(data)) if data == "probe" => {
                polling.probe(now, self.config.noop_interval);
                self.push_frame(transport, Frame::PONG_PROBE, SendOptions::default());
            }
            Ok(Packet::Upgrade) if polling.is_probed() => self.upgrade(transport),
            _ => {
                polling.drop_candidate();
                self.outbox.push(Output::CloseTransport(transport));
            }
        }
    }

    /// The candidate becomes the transport, and what waited for a GET goes out on it.
    fn upgrade(&mut self, transport: TransportId) {
        // Packets of a POST that came before the upgrade are delivered before what follows it.
        while self.advance_post() {}
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        let get = polling.get.take();
        let post = polling.post.take();
        let queue = polling.take_queue();
        self.carrier = Carrier::WebSocket(transport);
        // A client that keeps to the protocol has no request in flight here.
        if let Some(get) = get {
            self.respond(get, Response::payload(payload(&Frame::NOOP), false));
        }
        if let Some(post) = post {
            self.respond(post.request, Response::empty(400));
        }
        self.event(Event::Upgraded);
        if queue.is_empty() {
            return;
        }
        for (frame, options) in queue {
            self.push_frame(transport, frame, options);
        }
        self.event(Event::Drained);
    }

    /// Delivers the next packet of a POST, or answers the POST after the last. Returns whether
    /// anything happened.
    fn advance_post(&mut self) -> bool {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        let Some(Post {
            request,
            body: Body::Packets(packets, at),
        }) = &mut polling.post
        else {
            return false;
        };
        let (request, at) = (*request, *at);
        // A session that is being closed takes no packets any more.
        let next = if polling.closing.is_some() {
            None
        } else {
            packets.next()
        };
        match next {
            Some(Ok(packet)) => self.packet(packet, at),
            Some(Err(error)) => self.fail(CloseReason::ParseError, error.into()),
            None => {
                polling.post = None;
                self.respond(request, Response::ok());
            }
        }
        true
    }

    /// Answers the GET that waits, if there is something to say. Returns whether it was answered.
    fn advance_get(&mut self) -> bool {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        let Some((get, response, drained)) = polling.answer_get() else {
            return false;
        };
        let closing = polling.closing;
        self.respond(get, response);
        if drained {
            self.event(Event::Drained);
        }
        if let Some((reason, _)) = closing {
            self.shut(reason, None, Frame::CLOSE);
        }
        true
    }

    /// A control packet: it does not count against the limit, there is one at a time.
    fn enqueue(&mut self, frame: Frame) {
        match &mut self.carrier {
            Carrier::WebSocket(transport) => {
                let transport = *transport;
                self.push_frame(transport, frame, SendOptions::default());
            }
            Carrier::Polling(polling) => polling.enqueue(frame, SendOptions::default()),
            Carrier::Closed => {}
        }
    }

    fn unread_post(&mut self, request: RequestId) -> Option<&mut Polling> {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return None;
        };
        let post = polling.post.as_ref()?;
        (post.request == request && matches!(post.body, Body::Unread)).then_some(polling)
    }

    /// A long-polling request for a session that is closed or has moved to a WebSocket: it came
    /// after the driver had looked the session up.
    fn refuse(&mut self, request: RequestId) {
        let error = if self.is_closed() {
            RequestError::UnknownSid
        } else {
            RequestError::BadRequest
        };
        self.respond(request, error.response(false));
    }

    fn fail(&mut self, reason: CloseReason, violation: Violation) {
        self.shut(reason, Some(violation), Frame::CLOSE);
    }

    /// Ends the session: answers what is in flight (a GET with `last`), closes what is open.
    fn shut(&mut self, reason: CloseReason, violation: Option<Violation>, last: Frame) {
        match core::mem::replace(&mut self.carrier, Carrier::Closed) {
            Carrier::Closed => return,
            Carrier::WebSocket(transport) => self.outbox.push(Output::CloseTransport(transport)),
            Carrier::Polling(polling) => {
                if let Some(get) = polling.get {
                    self.respond(get, Response::payload(payload(&last), false));
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

    fn respond(&mut self, request: RequestId, response: Response) {
        self.outbox.push(Output::Respond { request, response });
    }

    fn push_frame(&mut self, transport: TransportId, frame: Frame, options: SendOptions) {
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

fn payload(frame: &Frame) -> Bytes {
    crate::payload::encode([frame])
}

/// Whether a `Content-Type` is `application/octet-stream`, whatever its case and parameters.
fn is_octet_stream(value: &[u8]) -> bool {
    let media_type = value.split(|&byte| byte == b';').next().unwrap_or_default();
    media_type
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/octet-stream")
}

#[cfg(test)]
mod tests;
