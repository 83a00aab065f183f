//! The move from long-polling to a WebSocket.

use core::time::Duration;

use super::{Candidate, Carrier, Event, Output, SendOptions, ServerSession, TransportId};
use crate::{
    packet::{Frame, Packet},
    request::Response,
};

impl ServerSession {
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

    /// A packet on the candidate: the probe, then the upgrade. Anything else closes the candidate
    /// and leaves the session on long-polling.
    pub(super) fn candidate_packet(&mut self, transport: TransportId, frame: Frame, now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        match self.dialect.decode(frame) {
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
        let closing = polling.closing;
        let pong = polling.pong.take();
        let queue = polling.queue.take();
        self.carrier = Carrier::WebSocket(transport);
        // A client that keeps to the protocol has no request in flight here.
        if let Some(get) = get {
            self.respond(get, self.single(&Frame::NOOP));
        }
        if let Some(post) = post {
            self.respond(post.request, Response::empty(400));
        }
        self.event(Event::Upgraded);
        if let Some(pong) = pong {
            self.push_frame(transport, pong, SendOptions::default());
        }
        if !queue.is_empty() {
            for (frame, options) in queue {
                self.push_frame(transport, frame, options);
            }
            self.event(Event::Drained);
        }
        if let Some((reason, _)) = closing {
            self.shut(reason, None, &Frame::CLOSE);
        }
    }
}
