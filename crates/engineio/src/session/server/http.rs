//! The requests of long-polling: one GET that waits and one POST, each answered once.

use core::time::Duration;

use bytes::Bytes;

use super::{
    Body, Carrier, CloseReason, Event, Polling, Post, RequestId, ServerSession, Violation,
};
use crate::{
    packet::Frame,
    request::{ContentType, RequestError, Response},
    transport::Revision,
};

impl ServerSession {
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
    /// `Content-Type` header: `application/octet-stream` is for clients of revision 3 only. When
    /// the POST is refused at once, its answer is among the outputs
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
            return request;
        }
        let content_type = if content_type.is_some_and(is_octet_stream) {
            ContentType::Binary
        } else {
            ContentType::Text
        };
        if content_type == ContentType::Binary && self.dialect.revision == Revision::V4 {
            self.respond(request, Response::empty(400));
            self.fail(CloseReason::TransportError, Violation::BinaryPost);
            return request;
        }
        polling.post = Some(Post {
            request,
            body: Body::Unread(content_type),
        });
        request
    }

    /// The body of a POST has been read. Its packets come out as events, then its answer.
    pub fn post_body(&mut self, request: RequestId, body: Bytes, now: Duration) {
        let max = self.config.max_payload;
        if body.len() > max {
            return self.post_too_large(request);
        }
        let dialect = self.dialect;
        let Some((polling, content_type)) = self.unread_post(request) else {
            return;
        };
        if polling.closing.is_some() {
            polling.post = None;
            return self.respond(request, Response::ok());
        }
        match dialect.decode_payload(body, content_type, max) {
            Ok(packets) => {
                polling.post = Some(Post {
                    request,
                    body: Body::Packets(packets, now),
                });
            }
            Err(error) => self.fail(CloseReason::ParseError, error.into()),
        }
    }

    /// The body of a POST is over [`max_payload`](crate::ServerConfig::max_payload): it is answered with 413, and the
    /// session goes on.
    pub fn post_too_large(&mut self, request: RequestId) {
        let Some((polling, _)) = self.unread_post(request) else {
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

    /// Delivers the next packet of a POST, or answers the POST after the last. Returns whether
    /// anything happened.
    pub(super) fn advance_post(&mut self) -> bool {
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
    pub(super) fn advance_get(&mut self) -> bool {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        let Some((get, response, drained)) = polling.answer_get(self.dialect) else {
            return false;
        };
        let closing = polling.closing;
        self.respond(get, response);
        if drained {
            self.event(Event::Drained);
        }
        if let Some((reason, _)) = closing {
            self.shut(reason, None, &Frame::CLOSE);
        }
        true
    }

    fn unread_post(&mut self, request: RequestId) -> Option<(&mut Polling, ContentType)> {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return None;
        };
        let post = polling
            .post
            .as_ref()
            .filter(|post| post.request == request)?;
        match post.body {
            Body::Unread(content_type) => Some((polling, content_type)),
            Body::Packets(..) => None,
        }
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
}

/// Whether a `Content-Type` is `application/octet-stream`, whatever its case and parameters.
fn is_octet_stream(value: &[u8]) -> bool {
    let media_type = value.split(|&byte| byte == b';').next().unwrap_or_default();
    media_type
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/octet-stream")
}
