use super::{Bytes, CloseReason, Frame, Message, RequestId, SendOptions, TransportId, Violation};

/// What a driver must do, or tell the layer above.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientOutput {
    /// Make a GET with [`ClientSession::query`](super::ClientSession::query), and tell
    /// [`response`](super::ClientSession::response).
    Get(RequestId),
    /// Make a POST of `text/plain;charset=UTF-8` likewise.
    Post {
        /// The request.
        request: RequestId,
        /// Its body.
        body: Bytes,
    },
    /// Open a WebSocket with [`ClientSession::query`](super::ClientSession::query), and tell
    /// [`websocket_opened`](super::ClientSession::websocket_opened) or
    /// [`transport_closed`](super::ClientSession::transport_closed).
    OpenWebSocket(TransportId),
    /// Write this frame to this WebSocket.
    Frame {
        /// The WebSocket.
        transport: TransportId,
        /// The frame.
        frame: Frame,
        /// How it was sent.
        options: SendOptions,
    },
    /// Close this WebSocket after what was written before, or stop opening it. No inputs about it
    /// are needed any more.
    CloseTransport(TransportId),
    /// Tell the layer above.
    Event(ClientEvent),
}

/// What happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The open packet came: see [`ClientSession::handshake`](super::ClientSession::handshake).
    Opened,
    /// The server sent a message.
    Message(Message),
    /// The session moved from long-polling to its WebSocket.
    Upgraded,
    /// What waited for the transport has been taken by it.
    Drained,
    /// The session ended. It is the last event; requests in flight may be dropped.
    Closed {
        /// Why.
        reason: CloseReason,
        /// The rule that the server broke, if it did.
        violation: Option<Violation>,
    },
}
