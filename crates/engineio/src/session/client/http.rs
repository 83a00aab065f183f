//! The requests of long-polling: one GET after the other, and one POST at a time.

use core::time::Duration;

use super::{
    Bytes, Carrier, ClientEvent, ClientOutput, ClientSession, CloseReason, RequestId, Violation,
};

/// A server that closes the session answers the GET that waits, and refuses a POST that was on its
/// way. When the refusal comes first, this is how long the answer of the GET is waited for.
const REFUSAL_GRACE: Duration = Duration::from_secs(1);

impl ClientSession {
    /// A request was answered. An answer that is not awaited is ignored.
    pub fn response(&mut self, request: RequestId, status: u16, body: Bytes, now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        if polling.get == Some(request) {
            polling.get = None;
            if status != 200 {
                return self.fail(CloseReason::TransportError, Violation::Status(status));
            }
            match crate::payload::decode(body, self.config.max_payload) {
                Ok(packets) => polling.body = Some((packets, now)),
                Err(error) => self.fail(CloseReason::ParseError, error.into()),
            }
        } else if polling.post == Some(request) {
            polling.post = None;
            let reading = polling.get.is_some() || polling.body.is_some();
            if status != 200 && reading {
                polling.refused = Some((status, now.saturating_add(REFUSAL_GRACE)));
            } else if status != 200 {
                self.fail(CloseReason::TransportError, Violation::Status(status));
            } else if polling.close_posted {
                self.shut(CloseReason::ForcedClose, None);
            } else if polling.queue.is_empty() {
                self.event(ClientEvent::Drained);
            }
        }
    }

    /// A request could not be made, or its answer was lost. This ends the session.
    pub fn request_failed(&mut self, request: RequestId, _now: Duration) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return;
        };
        if polling.get == Some(request) || polling.post == Some(request) {
            self.fail(CloseReason::TransportError, Violation::Aborted);
        }
    }

    /// Delivers the next packet of a GET's answer. Returns whether there was one.
    pub(super) fn advance_body(&mut self) -> bool {
        if self.held_back {
            return false;
        }
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        let Some((packets, at)) = &mut polling.body else {
            return false;
        };
        let at = *at;
        match packets.next() {
            Some(Ok(packet)) => self.packet(packet, at),
            Some(Err(error)) => self.fail(CloseReason::ParseError, error.into()),
            None => {
                polling.body = None;
                // It did not close the session, so that the refusal of the POST was meant.
                if let Some((status, _)) = polling.refused {
                    self.fail(CloseReason::TransportError, Violation::Status(status));
                }
            }
        }
        true
    }

    /// Makes the requests that are due. Returns whether there were any.
    pub(super) fn advance_requests(&mut self) -> bool {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        if polling.is_pausing() || polling.refused.is_some() {
            return false;
        }
        let mut any = false;
        if polling.get.is_none() && polling.body.is_none() && polling.closing.is_none() {
            let request = self.ids.request();
            polling.get = Some(request);
            self.outbox.push(ClientOutput::Get(request));
            any = true;
        }
        let Some(handshake) = &self.handshake else {
            return any;
        };
        if polling.post.is_none()
            && let Some(batch) = polling.next_body(handshake)
        {
            let request = self.ids.request();
            polling.post = Some(request);
            self.outbox.push(ClientOutput::Post {
                request,
                body: crate::payload::encode(batch.frames()),
            });
            any = true;
        }
        any
    }
}
