use super::{CloseReason, RequestId, SendOptions, TransportId, Violation};
use crate::{
    packet::{Frame, Message},
    request::Response,
};

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
