//! The client's side of one session.

use alloc::{boxed::Box, string::String, sync::Arc};
use core::time::Duration;

use bytes::Bytes;

use super::{
    CloseReason, Ids, RequestId, SendError, SendOptions, TransportEnd, TransportId, Violation,
    outbox::Outbox,
};
use crate::{
    config::ClientConfig,
    handshake::Handshake,
    packet::{Frame, Message, Packet},
    transport::{Revision, Transport},
};

mod http;
mod output;
mod polling;
mod upgrade;

pub use output::{ClientEvent, ClientOutput};
use polling::{Candidate, Polling, Stage};

/// A client's session, whatever transports carry it.
///
/// Inputs are methods; after each, pull [`poll_output`](Self::poll_output) until it is `None`.
/// `now` is the time since an origin that the driver fixes for all calls. How long opening may
/// take is the driver's to decide: [`close`](Self::close) ends it.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use songi_engineio::{ClientConfig, ClientEvent, ClientOutput, ClientSession, Frame};
///
/// let now = Duration::ZERO;
/// let mut session = ClientSession::websocket(Arc::new(ClientConfig::default()));
/// let Some(ClientOutput::OpenWebSocket(websocket)) = session.poll_output() else { unreachable!() };
/// session.websocket_opened(websocket, now);
/// let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
/// session.frame(websocket, Frame::Text(open.into()), now);
/// assert_eq!(session.poll_output(), Some(ClientOutput::Event(ClientEvent::Opened)));
/// assert_eq!(session.handshake().map(|h| h.sid.as_str()), Some("a"));
/// assert_eq!(session.poll_timeout(), Some(Duration::from_secs(45)));
/// ```
#[derive(Debug)]
pub struct ClientSession {
    config: Arc<ClientConfig>,
    /// Set by the open packet.
    handshake: Option<Box<Handshake>>,
    outbox: Outbox<ClientOutput>,
    carrier: Carrier,
    /// When the next ping of the server must have come; set by the open packet.
    ping_deadline: Duration,
    /// Whether what has come on long-polling waits.
    held_back: bool,
    ids: Ids,
}

/// What carries the messages.
#[derive(Debug)]
enum Carrier {
    Polling(Box<Polling>),
    WebSocket(TransportId),
    Closed,
}

impl ClientSession {
    /// A session that starts on long-polling. The first output is a GET.
    pub fn polling(config: Arc<ClientConfig>) -> Self {
        Self::new(config, Carrier::Polling(Box::default()))
    }

    /// A session that uses a WebSocket only. The first output asks to open it.
    pub fn websocket(config: Arc<ClientConfig>) -> Self {
        let mut session = Self::new(config, Carrier::Closed);
        let transport = session.ids.transport();
        session.carrier = Carrier::WebSocket(transport);
        session.outbox.push(ClientOutput::OpenWebSocket(transport));
        session
    }

    fn new(config: Arc<ClientConfig>, carrier: Carrier) -> Self {
        Self {
            config,
            handshake: None,
            outbox: Outbox::new(),
            carrier,
            ping_deadline: Duration::MAX,
            held_back: false,
            ids: Ids::default(),
        }
    }

    /// What the server said when the session opened.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.handshake.as_deref()
    }

    /// What carries the messages now, or `None` when the session is closed.
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

    /// Bytes that wait for the next POST. Zero on a WebSocket, whose queue is the driver's.
    pub fn buffered(&self) -> usize {
        match &self.carrier {
            Carrier::Polling(polling) => polling.queue.bytes(),
            Carrier::WebSocket(_) | Carrier::Closed => 0,
        }
    }

    /// The query string of a request of this session on `transport`, to which a driver may add.
    ///
    /// ```
    /// use songi_engineio::{ClientConfig, ClientSession, Transport};
    /// let session = ClientSession::polling(std::sync::Arc::new(ClientConfig::default()));
    /// assert_eq!(session.query(Transport::Polling), "EIO=4&transport=polling");
    /// ```
    pub fn query(&self, transport: Transport) -> String {
        let mut query = alloc::format!("EIO={}&transport={transport}", Revision::V4.name());
        if let Some(handshake) = &self.handshake {
            query.push_str("&sid=");
            for byte in handshake.sid.bytes() {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        query.push(char::from(byte));
                    }
                    _ => query.push_str(&alloc::format!("%{byte:02X}")),
                }
            }
        }
        query
    }

    /// A WebSocket message arrived. One from a WebSocket that the session has closed is ignored.
    pub fn frame(&mut self, transport: TransportId, frame: Frame, now: Duration) {
        match &self.carrier {
            Carrier::WebSocket(id) if *id == transport => match Packet::decode(frame) {
                Ok(packet) => self.packet(packet, now),
                Err(error) => self.fail(CloseReason::ParseError, error.into()),
            },
            Carrier::Polling(polling) if polling.is_candidate(transport) => {
                self.candidate_packet(transport, frame);
            }
            _ => {}
        }
    }

    /// A WebSocket ended, or could not be opened. One that the session has closed is ignored; the
    /// end of a candidate leaves the session on long-polling.
    pub fn transport_closed(&mut self, transport: TransportId, end: TransportEnd, _now: Duration) {
        match &mut self.carrier {
            Carrier::WebSocket(id) if *id == transport => {
                self.carrier = Carrier::Closed;
                let reason = match end {
                    TransportEnd::Closed => CloseReason::TransportClose,
                    TransportEnd::Failed => CloseReason::TransportError,
                };
                self.event(ClientEvent::Closed {
                    reason,
                    violation: None,
                });
            }
            Carrier::Polling(polling) if polling.is_candidate(transport) => {
                polling.candidate = None;
            }
            _ => {}
        }
    }

    /// Sends a message, made by [`Frame::message`] or [`Frame::from_message_wire`]. On a WebSocket
    /// it is an output at once; on long-polling it goes out with the next POST, and a volatile one
    /// is dropped when a POST is under way.
    ///
    /// # Errors
    /// When the session is not open, when [`ClientConfig::max_buffered`] bytes wait, or when the
    /// message cannot travel by long-polling. The message comes back.
    pub fn send(
        &mut self,
        frame: Frame,
        options: SendOptions,
        _now: Duration,
    ) -> Result<(), SendError> {
        let Some(handshake) = &self.handshake else {
            return Err(SendError::Closed(frame));
        };
        match &mut self.carrier {
            Carrier::WebSocket(transport) => {
                let transport = *transport;
                self.outbox.push(ClientOutput::Frame {
                    transport,
                    frame,
                    options,
                });
                Ok(())
            }
            Carrier::Polling(polling) => polling.send(frame, options, handshake, &self.config),
            Carrier::Closed => Err(SendError::Closed(frame)),
        }
    }

    /// Closes the session in good order. A WebSocket is closed after what was sent. On
    /// long-polling what waits and the close packet are posted; the session ends when the server
    /// has answered, or after [`ClientConfig::close_timeout`].
    pub fn close(&mut self, now: Duration) {
        let is_open = self.handshake.is_some();
        match &mut self.carrier {
            Carrier::Polling(polling) if is_open => {
                if polling.closing.is_some() {
                    return;
                }
                polling.closing = Some(now.saturating_add(self.config.close_timeout));
                if let Some(candidate) = polling.candidate.take() {
                    self.outbox
                        .push(ClientOutput::CloseTransport(candidate.transport));
                }
            }
            _ => self.shut(CloseReason::ForcedClose, None),
        }
    }

    /// Holds back what is left of a response of long-polling, or no more. One response may bring
    /// a million messages: a driver that cannot take so many holds them back between two outputs,
    /// and pulls again when it can. Until then no further GET is made, and a server that sends a
    /// ping there is not answered. What goes out is not held up.
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use songi_engineio::{ClientConfig, ClientEvent, ClientOutput, ClientSession, Message};
    ///
    /// let mut session = ClientSession::polling(Arc::new(ClientConfig::default()));
    /// let Some(ClientOutput::Get(get)) = session.poll_output() else { unreachable!() };
    /// let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    /// let body = format!("{open}\x1e4one");
    /// session.response(get, 200, body.into(), Duration::ZERO);
    /// assert_eq!(session.poll_output(), Some(ClientOutput::Event(ClientEvent::Opened)));
    /// session.hold_back(true);
    /// assert_eq!(session.poll_output(), None);
    /// session.hold_back(false);
    /// let one = ClientEvent::Message(Message::text("one"));
    /// assert_eq!(session.poll_output(), Some(ClientOutput::Event(one)));
    /// ```
    pub fn hold_back(&mut self, hold: bool) {
        self.held_back = hold;
    }

    /// Whether there is something that [`hold_back`](Self::hold_back) holds back.
    pub fn is_holding_back(&self) -> bool {
        match &self.carrier {
            Carrier::Polling(polling) => self.held_back && polling.body.is_some(),
            Carrier::WebSocket(_) | Carrier::Closed => false,
        }
    }

    /// The next thing to do. Pull until `None` after each input and each timeout.
    pub fn poll_output(&mut self) -> Option<ClientOutput> {
        loop {
            if let Some(output) = self.outbox.pop() {
                return Some(output);
            }
            if !self.advance_body() && !self.advance_upgrade() && !self.advance_requests() {
                return None;
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), or `None` when nothing is due:
    /// before the session opens and after it ends.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let heartbeat = self.handshake.is_some().then_some(self.ping_deadline);
        match &self.carrier {
            Carrier::WebSocket(_) => heartbeat,
            Carrier::Polling(polling) => {
                let candidate = polling
                    .candidate
                    .as_ref()
                    .map(|candidate| candidate.deadline);
                let refused = polling.late_refusal().map(|(_, deadline)| deadline);
                [heartbeat, candidate, polling.closing, refused]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Carrier::Closed => None,
        }
    }

    /// Time has passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Duration) {
        if let Carrier::Polling(polling) = &mut self.carrier {
            if polling.closing.is_some_and(|deadline| now >= deadline) {
                return self.shut(CloseReason::ForcedClose, None);
            }
            let refused = polling.late_refusal();
            if let Some((status, _)) = refused.filter(|&(_, deadline)| now >= deadline) {
                return self.fail(CloseReason::TransportError, Violation::Status(status));
            }
            if let Some(candidate) = polling
                .candidate
                .take_if(|candidate| now >= candidate.deadline)
            {
                self.outbox
                    .push(ClientOutput::CloseTransport(candidate.transport));
            }
        }
        if self.handshake.is_some() && now >= self.ping_deadline {
            self.shut(CloseReason::PingTimeout, None);
        }
    }

    /// A packet on the transport that carries the session.
    fn packet(&mut self, packet: Packet, now: Duration) {
        let Some(handshake) = &self.handshake else {
            return match packet {
                Packet::Open(data) => self.open(&data, now),
                _ => self.fail(CloseReason::ParseError, Violation::Open),
            };
        };
        match packet {
            Packet::Message(message) => self.event(ClientEvent::Message(message)),
            Packet::Ping(_) => {
                self.ping_deadline = ping_deadline(handshake, now);
                self.pong();
            }
            Packet::Close => self.shut(CloseReason::TransportClose, None),
            Packet::Open(_) => self.fail(CloseReason::ParseError, Violation::Open),
            // A noop ends a GET; the others mean nothing from a server.
            Packet::Noop | Packet::Pong(_) | Packet::Upgrade => {}
        }
    }

    fn open(&mut self, data: &str, now: Duration) {
        let handshake = match Handshake::parse(data) {
            Ok(handshake) => Box::new(handshake),
            Err(error) => return self.fail(CloseReason::ParseError, error.into()),
        };
        self.ping_deadline = ping_deadline(&handshake, now);
        self.event(ClientEvent::Opened);
        if self.config.upgrade && handshake.upgrade_to_websocket {
            self.try_upgrade(now);
        }
        self.handshake = Some(handshake);
    }

    fn pong(&mut self) {
        match &mut self.carrier {
            Carrier::WebSocket(transport) => {
                let transport = *transport;
                self.push_frame(transport, Frame::PONG, SendOptions::default());
            }
            Carrier::Polling(polling) => polling.pong_due = true,
            Carrier::Closed => {}
        }
    }

    fn fail(&mut self, reason: CloseReason, violation: Violation) {
        self.shut(reason, Some(violation));
    }

    /// Ends the session and closes what is open. Requests in flight need no answer any more.
    fn shut(&mut self, reason: CloseReason, violation: Option<Violation>) {
        let mut reason = reason;
        match core::mem::replace(&mut self.carrier, Carrier::Closed) {
            Carrier::Closed => return,
            Carrier::WebSocket(transport) => {
                self.outbox.push(ClientOutput::CloseTransport(transport));
            }
            Carrier::Polling(polling) => {
                if let Some(candidate) = polling.candidate {
                    self.outbox
                        .push(ClientOutput::CloseTransport(candidate.transport));
                }
                // However the server takes it, it was this side that closed.
                if polling.closing.is_some() {
                    reason = CloseReason::ForcedClose;
                }
            }
        }
        self.event(ClientEvent::Closed { reason, violation });
    }

    fn push_frame(&mut self, transport: TransportId, frame: Frame, options: SendOptions) {
        self.outbox.push(ClientOutput::Frame {
            transport,
            frame,
            options,
        });
    }

    fn event(&mut self, event: ClientEvent) {
        self.outbox.push(ClientOutput::Event(event));
    }
}

/// A server that is alive pings once in each interval, and may be late by the timeout.
fn ping_deadline(handshake: &Handshake, now: Duration) -> Duration {
    now.saturating_add(handshake.ping_interval)
        .saturating_add(handshake.ping_timeout)
}

#[cfg(test)]
mod tests;
