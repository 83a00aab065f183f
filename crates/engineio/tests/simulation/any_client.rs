//! A server session whose client does anything: it answers each request once, keeps its limits,
//! and says nothing after it has ended.

use std::{collections::HashSet, sync::Arc, time::Duration};

use songi_engineio::{
    Bytes, CloseReason, Dialect, Event, Frame, Message, Output, RequestId, Revision, SendOptions,
    ServerConfig, ServerSession, TransportEnd, TransportId, payload,
};

use crate::choices::Choices;

const MAX_BUFFERED: usize = 2000;
const MAX_PAYLOAD: usize = 1000;
/// The open packet and one ping do not count.
const CONTROL: usize = 500;
/// What clients say, and what they should not.
const TEXTS: [&str; 20] = [
    "",
    "0",
    "1",
    "2",
    "2probe",
    "3",
    "3probe",
    "4",
    "4a",
    "4€",
    "5",
    "6",
    "7",
    "b",
    "b4",
    "bAQID",
    "b4AQID",
    "2:4a",
    "\u{1e}",
    "4a\u{1e}4b",
];

struct Host<'a, 'b> {
    choices: &'a mut Choices<'b>,
    session: ServerSession,
    dialect: Dialect,
    now: Duration,
    requests: Vec<RequestId>,
    /// Requests that were neither answered nor aborted.
    open: HashSet<RequestId>,
    transports: Vec<TransportId>,
    closed: bool,
    /// Bytes of messages that came out, and of what went in.
    delivered: usize,
    fed: usize,
}

pub(crate) fn run(choices: &mut Choices<'_>) {
    let config = Arc::new(ServerConfig {
        max_buffered: MAX_BUFFERED,
        max_payload: MAX_PAYLOAD,
        allow_upgrades: choices.percent(90),
        allow_eio3: true,
        ..ServerConfig::default()
    });
    let dialect = Dialect {
        revision: choices.pick(&[Revision::V3, Revision::V4]),
        base64: choices.percent(30),
    };
    let now = Duration::ZERO;
    let (session, transports) = if choices.percent(20) {
        let (session, id) = ServerSession::websocket_in(dialect, config, "s".into(), now);
        (session, vec![id])
    } else {
        let session = ServerSession::polling_in(dialect, config, "s".into(), now);
        (session, Vec::new())
    };
    let mut host = Host {
        choices,
        session,
        dialect,
        now,
        requests: Vec::new(),
        open: HashSet::new(),
        transports,
        closed: false,
        delivered: 0,
        fed: 0,
    };
    for _ in 0..host.choices.below(60) {
        host.operate();
        if host.choices.is_over() {
            break;
        }
    }
    host.pull();
    host.session.abort(CloseReason::ForcedClose);
    host.pull();
    assert!(host.open.is_empty() && host.session.poll_timeout().is_none());
}

impl Host<'_, '_> {
    fn operate(&mut self) {
        let now = self.now;
        match self.choices.below(16) {
            0 | 1 => {
                let request = self.session.poll_opened(now);
                self.asked(request);
            }
            2..=4 => self.post(),
            5 => {
                if let Some(request) = self.request() {
                    self.session.post_too_large(request);
                }
            }
            6 => {
                // A driver has pulled all answers before it learns of an abort.
                self.pull();
                if let Some(request) = self.request() {
                    self.session.request_aborted(request, now);
                    self.open.remove(&request);
                }
            }
            7 => self.transports.push(self.session.websocket_opened(now)),
            8..=10 => {
                let frame = self.frame();
                if let Some(transport) = self.transport() {
                    self.fed += frame.len();
                    self.session.frame(transport, frame, now);
                }
            }
            11 => {
                let end = self
                    .choices
                    .pick(&[TransportEnd::Closed, TransportEnd::Failed]);
                if let Some(transport) = self.transport() {
                    self.session.transport_closed(transport, end, now);
                }
            }
            12 => self.send(),
            13 => {
                if self.choices.percent(20) {
                    self.session.close(CloseReason::ServerShuttingDown, now);
                }
            }
            14 => self.pull(),
            _ => self.time(),
        }
        assert!(self.session.buffered() <= MAX_BUFFERED + CONTROL);
        if self.choices.percent(50) {
            self.pull();
        }
    }

    fn asked(&mut self, request: RequestId) {
        self.requests.push(request);
        self.open.insert(request);
    }

    fn post(&mut self) {
        let content_type = self.choices.pick(&[
            None,
            Some(&b"text/plain;charset=UTF-8"[..]),
            Some(b"application/octet-stream"),
            Some(b"\xff"),
        ]);
        let request = if self.choices.percent(20)
            && let Some(request) = self.request()
        {
            request
        } else {
            let request = self.session.post_opened(content_type, self.now);
            self.asked(request);
            request
        };
        if self.choices.percent(80) {
            let body = self.body();
            self.fed += body.len();
            self.session.post_body(request, body, self.now);
        }
    }

    fn body(&mut self) -> Bytes {
        let count = self.choices.below(4);
        let frames: Vec<_> = (0..count).map(|_| self.frame()).collect();
        match self.choices.below(6) {
            0 => self.choices.bytes(40).into(),
            1 => self.choices.bytes(MAX_PAYLOAD + 100).into(),
            2 => payload::encode_v3_binary(&frames),
            // Many of one packet: as little as possible for each.
            3 => {
                let wire = self
                    .choices
                    .pick(&["1:2", "2:4", "4\x1e", "2\x1e", "3\x1e"]);
                wire.repeat(self.choices.below(300)).into()
            }
            _ => self.dialect.encode_payload(&frames).1,
        }
    }

    fn frame(&mut self) -> Frame {
        match self.choices.below(8) {
            0 => Frame::Binary(self.choices.bytes(20).into()),
            1 => Frame::Binary(Bytes::from_static(&[4, 1, 2])),
            2 => match String::from_utf8(self.choices.bytes(10)) {
                Ok(text) => Frame::Text(text.into()),
                Err(error) => Frame::Binary(error.into_bytes().into()),
            },
            _ => Frame::Text(self.choices.pick(&TEXTS).into()),
        }
    }

    fn send(&mut self) {
        let options = SendOptions {
            volatile: self.choices.percent(30),
            ..SendOptions::default()
        };
        let text = self.choices.pick(&["", "a", "a\u{1e}b", "€"]);
        let frame = match self.choices.below(3) {
            0 => Frame::Binary(self.choices.bytes(40).into()),
            1 => Frame::message(Message::text(text.repeat(100))),
            _ => Frame::message(Message::text(text)),
        };
        if let Err(error) = self.session.send(frame.clone(), options, self.now) {
            assert_eq!(error.into_frame(), frame);
        }
    }

    fn time(&mut self) {
        // A driver pulls before it waits.
        self.pull();
        if self.choices.percent(50) {
            self.now += self.choices.millis(30_000);
            return self.session.handle_timeout(self.now);
        }
        let Some(at) = self.session.poll_timeout() else {
            return;
        };
        self.now = self.now.max(at);
        self.session.handle_timeout(self.now);
        self.pull();
        let next = self.session.poll_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a timeout is handled"
        );
    }

    fn request(&mut self) -> Option<RequestId> {
        (!self.requests.is_empty()).then(|| self.choices.pick(&self.requests))
    }

    fn transport(&mut self) -> Option<TransportId> {
        (!self.transports.is_empty()).then(|| self.choices.pick(&self.transports))
    }

    fn pull(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Respond { request, response } => {
                    assert!(
                        self.open.remove(&request),
                        "an answer for a request that is open"
                    );
                    assert!(matches!(response.status, 200 | 400 | 413));
                }
                Output::Event(Event::Closed { .. }) => {
                    assert!(!self.closed, "it ends once");
                    self.closed = true;
                }
                Output::Event(Event::Message(message)) => {
                    assert!(!self.closed, "nothing happens after the end");
                    self.delivered += message.len();
                    assert!(self.delivered <= self.fed, "no message comes from nowhere");
                }
                Output::Frame { .. } | Output::Event(_) => {
                    assert!(!self.closed, "nothing happens after the end");
                }
                Output::CloseTransport(_) => {}
                output => panic!("{output:?}"),
            }
        }
        assert_eq!(self.closed, self.session.is_closed());
        assert!(self.open.len() <= 2, "one GET and one POST wait at most");
        assert!(
            !self.closed || self.open.is_empty(),
            "all is answered at the end"
        );
    }
}
