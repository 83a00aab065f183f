//! An Engine.IO session by itself, without Socket.IO on it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use faststr::FastStr;
use songi_emit::EmitError;
use songi_engineio::{
    ClientEvent, ClientOutput, ClientSession, Frame, Message, RequestId, SendError, SendOptions,
    Transport, TransportEnd, TransportId, Violation,
};
use tokio::time::{Instant, Sleep};

use crate::driver::poll_deadline;
use crate::error::ConnectError;
use crate::manager::Command;
use crate::reason::{self, DisconnectReason};
use crate::settings::Settings;
use crate::transport::http::Reply;
use crate::wires::{Bearer, Wires, Woken};

/// An open Engine.IO session: see [`Client::connect_engine`](crate::Client::connect_engine).
///
/// It lives in [`recv`](Self::recv): while nobody calls that, nothing is written and no heartbeat
/// is answered. It does not come back when it is lost.
pub struct EngineSocket {
    settings: Arc<Settings>,
    session: ClientSession,
    wires: Wires,
    origin: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    events: VecDeque<EngineEvent>,
    /// Why it could not be opened, where the session does not know.
    error: Option<ConnectError>,
    ended: bool,
}

/// What happens in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineEvent {
    /// The server sent a message.
    Message(Message),
    /// The session has moved from long-polling to a WebSocket.
    Upgraded,
    /// The session has ended; nothing follows.
    Closed(DisconnectReason),
}

impl EngineSocket {
    /// Opens a session on the first transport that works.
    pub(crate) async fn open(settings: Arc<Settings>) -> Result<Self, ConnectError> {
        let timeout = settings.config.connect_timeout;
        let transports = settings.config.transports_in_order().to_vec();
        let opening = async {
            let mut last = None;
            for transport in transports {
                let mut socket = Self::new(settings.clone(), transport);
                match poll_fn(|cx| socket.poll_open(cx)).await {
                    Ok(()) => return Ok(socket),
                    Err(error) => last = Some(error),
                }
                if !settings.config.try_all_transports {
                    break;
                }
            }
            Err(last.unwrap_or(ConnectError::Disconnected(DisconnectReason::TransportClose)))
        };
        tokio::time::timeout(timeout, opening)
            .await
            .map_err(|_| ConnectError::Timeout(timeout))?
    }

    fn new(settings: Arc<Settings>, transport: Transport) -> Self {
        let session = match transport {
            Transport::Polling => ClientSession::polling(settings.config.engine()),
            _ => ClientSession::websocket(settings.config.engine()),
        };
        Self {
            wires: Wires::new(settings.clone()),
            settings,
            session,
            origin: Instant::now(),
            sleep: None,
            events: VecDeque::new(),
            error: None,
            ended: false,
        }
    }

    /// The id that the server gave the session. Who knows it can speak in its name.
    pub fn id(&self) -> FastStr {
        let handshake = self.session.handshake();
        handshake
            .map(|handshake| handshake.sid.clone())
            .unwrap_or_default()
    }

    /// What carries the messages now; `None` when the session has ended.
    pub fn transport(&self) -> Option<Transport> {
        self.session.transport()
    }

    /// Queues a message. It is written by [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// When the session has ended, more than [`Config::max_buffered`](crate::Config::max_buffered)
    /// bytes would wait, or the server does not take such a message by long-polling.
    pub fn send(&mut self, message: Message) -> Result<(), EmitError> {
        let waiting = self.session.buffered().saturating_add(self.wires.queued());
        let total = waiting.saturating_add(message.len());
        if waiting > 0 && total > self.settings.config.max_buffered {
            return Err(EmitError::QueueFull);
        }
        let now = self.origin.elapsed();
        let sent = self
            .session
            .send(Frame::message(message), SendOptions::default(), now);
        self.pump();
        sent.map_err(|error| match error {
            SendError::Closed(_) => EmitError::Disconnected,
            SendError::Full(_) => EmitError::QueueFull,
            _ => EmitError::Unsendable,
        })
    }

    /// What happens next; `None` when the session has ended and all that carried it is closed.
    ///
    /// Cancel safe.
    pub async fn recv(&mut self) -> Option<EngineEvent> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Ends the session, after what was sent before. [`recv`](Self::recv) does it, until it is
    /// `None`.
    pub fn close(&mut self) {
        let now = self.origin.elapsed();
        self.session.close(now);
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<EngineEvent>> {
        loop {
            self.pump();
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.ended {
                return self.wires.poll_closing(cx).map(|()| None);
            }
            // What closes after an upgrade is closed on the side.
            let _ = self.wires.poll_closing(cx);
            ready!(self.poll_input(cx));
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        loop {
            self.pump();
            if self.session.handshake().is_some() {
                return Poll::Ready(Ok(()));
            }
            if self.ended {
                let error = self.error.take();
                let reason = DisconnectReason::TransportError;
                return Poll::Ready(Err(error.unwrap_or(ConnectError::Disconnected(reason))));
            }
            ready!(self.poll_input(cx));
        }
    }

    /// Ready when something went into the session.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.origin.elapsed();
        let deadline = self.session.poll_timeout();
        let deadline = deadline.and_then(|deadline| self.origin.checked_add(deadline));
        if poll_deadline(&mut self.sleep, deadline, cx).is_ready() {
            self.session.handle_timeout(now);
            return Poll::Ready(());
        }
        let mut inputs = Inputs {
            session: &mut self.session,
            error: &mut self.error,
            now,
        };
        match self.wires.poll(&mut inputs, cx) {
            Woken::Input => Poll::Ready(()),
            Woken::Not => Poll::Pending,
        }
    }

    /// Puts what comes out of the session where it belongs.
    fn pump(&mut self) {
        loop {
            // What one response of long-polling brings waits there, and not here.
            self.session.hold_back(!self.events.is_empty());
            let Some(output) = self.session.poll_output() else {
                break;
            };
            let event = match output {
                ClientOutput::Event(event) => event,
                output => {
                    if let Some(command) = Command::of(output, &self.session) {
                        self.wires.perform(command);
                    }
                    continue;
                }
            };
            match event {
                ClientEvent::Message(message) => {
                    self.events.push_back(EngineEvent::Message(message));
                }
                ClientEvent::Upgraded => self.events.push_back(EngineEvent::Upgraded),
                ClientEvent::Closed { reason, violation } => {
                    self.ended = true;
                    self.error = self
                        .error
                        .take()
                        .or(violation.map(|violation| match violation {
                            Violation::Status(status) => ConnectError::Status {
                                status,
                                body: String::new(),
                            },
                            violation => ConnectError::Open(violation),
                        }));
                    self.events
                        .push_back(EngineEvent::Closed(reason::of(reason)));
                }
                _ => {}
            }
        }
        if self.ended {
            self.wires.detach();
        }
    }
}

impl fmt::Debug for EngineSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineSocket")
            .field("transport", &self.transport())
            .finish_non_exhaustive()
    }
}

/// What goes into a session.
struct Inputs<'a> {
    session: &'a mut ClientSession,
    error: &'a mut Option<ConnectError>,
    now: Duration,
}

impl Bearer for Inputs<'_> {
    fn response(&mut self, request: RequestId, reply: Result<Reply, ConnectError>) {
        match reply {
            Ok(Reply { status, body }) => {
                if status != 200 {
                    *self.error = Some(Reply::refusal(status, &body));
                }
                self.session.response(request, status, body, self.now);
            }
            Err(error) => {
                *self.error = Some(error);
                self.session.request_failed(request, self.now);
            }
        }
    }

    fn websocket_opened(&mut self, transport: TransportId) {
        self.session.websocket_opened(transport, self.now);
    }

    fn transport_closed(
        &mut self,
        transport: TransportId,
        end: TransportEnd,
        error: Option<ConnectError>,
    ) {
        *self.error = error;
        self.session.transport_closed(transport, end, self.now);
    }

    fn frame(&mut self, transport: TransportId, frame: Frame) {
        self.session.frame(transport, frame, self.now);
    }

    fn is_behind(&self) -> bool {
        false
    }
}
