//! One session of a connection, and what waits for those who carry it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use songi_emit::{EmitError, Outgoing};
use songi_engineio::{
    ClientOutput, ClientSession, Frame, RequestId, SendOptions, Transport, TransportId,
};
use songi_socketio::manager::LinkId;

use crate::config::Config;
use crate::error::ConnectError;

/// What a frame counts beyond its bytes: an empty one takes memory too.
const FRAME_OVERHEAD: usize = 64;

/// The character that separates packets on long-polling.
const SEPARATOR: u8 = 0x1e;

pub(super) struct Link {
    /// How the machine calls it.
    pub(super) id: LinkId,
    pub(super) session: ClientSession,
    /// Which of the transports it began on.
    pub(super) transport: usize,
    pub(super) opened: bool,
    /// Nobody wants it any more: it ends in good order.
    pub(super) leaving: bool,
    /// The session has ended.
    pub(super) closed: bool,
    /// Why it could not be opened, where the session does not know.
    pub(super) error: Option<ConnectError>,
    outputs: VecDeque<ClientOutput>,
    /// What the frames among them weigh.
    queued: usize,
    /// More waits than is written: volatile packets are dropped.
    pub(super) congested: bool,
}

/// What the task does for a session.
pub(crate) enum Command {
    Get {
        request: RequestId,
        query: String,
    },
    Post {
        request: RequestId,
        query: String,
        body: Bytes,
    },
    Open {
        transport: TransportId,
        query: String,
    },
    Write {
        transport: TransportId,
        frame: Frame,
        compress: bool,
    },
    Close(TransportId),
}

impl Command {
    /// What there is to do for an output of a session; nothing for its events.
    pub(crate) fn of(output: ClientOutput, session: &ClientSession) -> Option<Self> {
        Some(match output {
            ClientOutput::Get(request) => Self::Get {
                request,
                query: session.query(Transport::Polling),
            },
            ClientOutput::Post { request, body } => Self::Post {
                request,
                query: session.query(Transport::Polling),
                body,
            },
            ClientOutput::OpenWebSocket(transport) => Self::Open {
                transport,
                query: session.query(Transport::WebSocket),
            },
            ClientOutput::Frame {
                transport,
                frame,
                options,
            } => Self::Write {
                transport,
                frame,
                compress: options.compress,
            },
            ClientOutput::CloseTransport(transport) => Self::Close(transport),
            _ => return None,
        })
    }
}

impl Link {
    pub(super) fn new(config: &Config, id: LinkId, first: Transport, index: usize) -> Self {
        let session = match first {
            Transport::Polling => ClientSession::polling(config.engine()),
            _ => ClientSession::websocket(config.engine()),
        };
        Self {
            id,
            session,
            transport: index,
            opened: false,
            leaving: false,
            closed: false,
            error: None,
            outputs: VecDeque::new(),
            queued: 0,
            congested: false,
        }
    }

    /// Whether packets can be sent.
    pub(super) fn is_usable(&self) -> bool {
        self.opened && !self.leaving && !self.closed
    }

    /// Gives a packet to the session, if there is room for all of it.
    pub(super) fn try_send(
        &mut self,
        packet: &Outgoing,
        options: SendOptions,
        limit: usize,
        now: Duration,
    ) -> Result<(), EmitError> {
        let weight: usize = packet.frames().map(|frame| weight(&frame)).sum();
        let waiting = self.queued.saturating_add(self.session.buffered());
        if self.session.transport() == Some(Transport::Polling) {
            if !packet.frames().all(|frame| self.fits(&frame)) {
                return Err(EmitError::Unsendable);
            }
        } else if options.volatile && self.congested {
            return Ok(());
        }
        if waiting > 0 && waiting.saturating_add(weight) > limit {
            return Err(EmitError::QueueFull);
        }
        self.send(packet, options, now);
        Ok(())
    }

    /// Gives a packet to the session. A session that has ended says so by its last event.
    pub(super) fn send(&mut self, packet: &Outgoing, options: SendOptions, now: Duration) {
        for frame in packet.frames() {
            let _ = self.session.send(frame, options, now);
        }
    }

    /// Whether the server takes a frame on long-polling.
    fn fits(&self, frame: &Frame) -> bool {
        let max = self.session.handshake().and_then(|it| it.max_payload);
        let max = max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        match frame {
            Frame::Text(text) => text.len() <= max && !text.as_bytes().contains(&SEPARATOR),
            // `b` and base64.
            Frame::Binary(bytes) => bytes.len().div_ceil(3).saturating_mul(4) < max,
        }
    }

    /// Whether the task has taken all frames, and requests all packets of long-polling.
    pub(super) fn is_drained(&self) -> bool {
        self.queued == 0 && self.session.buffered() == 0
    }

    /// Puts an output behind the others, and says whether the task has to be woken.
    pub(super) fn queue(&mut self, output: ClientOutput) -> bool {
        if let ClientOutput::Frame { frame, .. } = &output {
            // One pong answers all pings before it, so that they cannot fill the queue.
            if is_pong(&output) && self.outputs.back().is_some_and(is_pong) {
                return false;
            }
            self.queued += weight(frame);
        }
        self.outputs.push_back(output);
        self.outputs.len() == 1
    }

    /// Takes what there is to do, frames up to `room` bytes, and all when the session has ended.
    pub(super) fn take_commands(&mut self, commands: &mut Vec<Command>, room: usize) {
        let mut taken = 0;
        while self.closed || taken < room {
            let Some(output) = self.outputs.pop_front() else {
                break;
            };
            if let ClientOutput::Frame { frame, .. } = &output {
                taken += frame.len();
                self.queued -= weight(frame);
            }
            commands.extend(Command::of(output, &self.session));
        }
        self.congested = !self.outputs.is_empty();
        if self.outputs.is_empty() {
            // A burst leaves no buffer behind.
            self.outputs.shrink_to(4);
        }
    }
}

fn is_pong(output: &ClientOutput) -> bool {
    matches!(output, ClientOutput::Frame { frame: Frame::Text(text), .. } if text == "3")
}

/// What a frame counts against the limit of what may wait.
pub(crate) fn weight(frame: &Frame) -> usize {
    frame.len().saturating_add(FRAME_OVERHEAD)
}
