//! One packet for many clients.

use std::cell::OnceCell;
use std::sync::Arc;

use smallvec::SmallVec;
use songi_emit::Outgoing;
use songi_engineio::{Frame, SendOptions};
use songi_websocket::Prepared;

use crate::socket::SocketInner;

/// A packet for many clients, framed for their WebSockets when the first of them wants it.
pub(crate) struct ForMany<'a> {
    packet: &'a Outgoing,
    bytes: usize,
    frames: OnceCell<SmallVec<[Prepared; 1]>>,
}

impl<'a> ForMany<'a> {
    pub(crate) fn new(packet: &'a Outgoing) -> Self {
        Self {
            packet,
            bytes: packet.bytes(),
            frames: OnceCell::new(),
        }
    }

    pub(crate) fn packet(&self) -> &Outgoing {
        self.packet
    }

    /// Bytes of all its frames.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn frames(&self) -> &[Prepared] {
        self.frames.get_or_init(|| {
            let prepare = |frame| match frame {
                Frame::Text(text) => Prepared::text(text),
                Frame::Binary(bytes) => Prepared::binary(bytes),
            };
            self.packet.frames().map(prepare).collect()
        })
    }
}

/// Sends a packet to these sockets. A client for which too much waits already is disconnected; the
/// others notice nothing.
pub(crate) fn deliver(sockets: Vec<Arc<SocketInner>>, packet: &Outgoing, options: SendOptions) {
    let packet = ForMany::new(packet);
    let mut receivers = Vec::with_capacity(sockets.len());
    // Each is let go while the processor has it in its caches.
    for socket in sockets {
        match socket.send_shared(&packet, options) {
            Ok(None) => {}
            Ok(Some(receiver)) => receivers.push(receiver),
            Err(error) => {
                tracing::debug!(name: "songi.emit.failed", socket = %socket.id(), %error);
            }
        }
    }
    if let Some(first) = receivers.first() {
        first.shared().clone().flush(receivers);
    }
}
