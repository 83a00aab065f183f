//! A client session whose server does anything: it has one GET and one POST in flight at most,
//! keeps its limits, and says nothing after it has ended.

use std::{sync::Arc, time::Duration};

use songi_engineio::{
    Bytes, ClientConfig, ClientEvent, ClientOutput, ClientSession, Frame, Message, RequestId,
    SendOptions, TransportEnd, TransportId, payload,
};

use crate::choices::Choices;

const MAX_BUFFERED: usize = 2000;
const MAX_PAYLOAD: usize = 1000;
/// One pong does not count.
const CONTROL: usize = 200;
/// What servers say, and what they should not.
const TEXTS: [&str; 20] = [
    r#"0{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100}"#,
    r#"0{"sid":"a","upgrades":["websocket"],"pingInterval":0,"pingTimeout":0}"#,
    r#"0{"sid":"%&=","upgrades":[],"pingInterval":18446744073709551615,"pingTimeout":18446744073709551615,"maxPayload":0}"#,
    "0{}",
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
    "bAQID",
    "b4AQID",
    "\u{1e}",
];

struct Host<'a, 'b> {
    choices: &'a mut Choices<'b>,
    session: ClientSession,
    now: Duration,
    get: Option<RequestId>,
    post: Option<RequestId>,
    past: Vec<RequestId>,
    transports: Vec<TransportId>,
    opened: bool,
    closed: bool,
    delivered: usize,
    fed: usize,
}

pub(crate) fn run(choices: &mut Choices<'_>) {
    let config = Arc::new(ClientConfig {
        upgrade: choices.percent(80),
        max_buffered: MAX_BUFFERED,
        max_payload: MAX_PAYLOAD,
        ..ClientConfig::default()
    });
    let session = if choices.percent(20) {
        ClientSession::websocket(config)
    } else {
        ClientSession::polling(config)
    };
    let mut host = Host {
        choices,
        session,
        now: Duration::ZERO,
        get: None,
        post: None,
        past: Vec::new(),
        transports: Vec::new(),
        opened: false,
        closed: false,
        delivered: 0,
        fed: 0,
    };
    host.pull();
    // Most servers open the session: otherwise little happens.
    if host.choices.percent(80) {
        host.open();
    }
    for _ in 0..host.choices.below(60) {
        host.operate();
        if host.choices.is_over() {
            break;
        }
    }
    host.pull();
    host.session.close(host.now);
    host.pull();
    while let Some(at) = host.session.poll_timeout() {
        host.now = host.now.max(at);
        host.session.handle_timeout(host.now);
        host.pull();
        if host.now == Duration::MAX {
            return;
        }
    }
    assert!(host.closed, "it ends by its timeouts");
}

impl Host<'_, '_> {
    fn open(&mut self) {
        let open = Frame::Text(TEXTS[0].into());
        self.fed += open.len();
        if let Some(get) = self.get.take() {
            let body = payload::encode([&open]);
            self.session.response(get, 200, body, self.now);
        } else if let Some(&transport) = self.transports.first() {
            self.session.websocket_opened(transport, self.now);
            self.session.frame(transport, open, self.now);
        }
        self.pull();
        assert!(self.opened);
    }

    fn operate(&mut self) {
        let now = self.now;
        match self.choices.below(12) {
            0..=2 => {
                let status = self.choices.pick(&[200, 200, 200, 200, 400, 500, 0]);
                let body = self.body();
                if let Some(request) = self.request() {
                    self.fed += body.len();
                    self.session.response(request, status, body, now);
                }
            }
            3 => {
                if let Some(request) = self.request() {
                    self.session.request_failed(request, now);
                }
            }
            4 | 5 => {
                if let Some(transport) = self.transport() {
                    self.session.websocket_opened(transport, now);
                }
            }
            6 | 7 => {
                let frame = self.frame();
                if let Some(transport) = self.transport() {
                    self.fed += frame.len();
                    self.session.frame(transport, frame, now);
                }
            }
            8 => {
                let end = self
                    .choices
                    .pick(&[TransportEnd::Closed, TransportEnd::Failed]);
                if let Some(transport) = self.transport() {
                    self.session.transport_closed(transport, end, now);
                }
            }
            9 => self.send(),
            10 => {
                if self.choices.percent(10) {
                    self.session.close(now);
                }
            }
            _ => self.time(),
        }
        assert!(self.session.buffered() <= MAX_BUFFERED + CONTROL);
        if self.choices.percent(50) {
            self.pull();
        }
    }

    fn body(&mut self) -> Bytes {
        let count = self.choices.below(4);
        let frames: Vec<_> = (0..count).map(|_| self.frame()).collect();
        match self.choices.below(5) {
            0 => self.choices.bytes(40).into(),
            1 => self.choices.bytes(MAX_PAYLOAD + 100).into(),
            2 => {
                let wire = self.choices.pick(&["2\x1e", "4\x1e", "6\x1e"]);
                wire.repeat(self.choices.below(300)).into()
            }
            _ => payload::encode(&frames),
        }
    }

    fn frame(&mut self) -> Frame {
        match self.choices.below(8) {
            0 => Frame::Binary(self.choices.bytes(20).into()),
            1 => match String::from_utf8(self.choices.bytes(10)) {
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
            1 => Frame::message(Message::text(text.repeat(30))),
            _ => Frame::message(Message::text(text)),
        };
        if let Err(error) = self.session.send(frame.clone(), options, self.now) {
            assert_eq!(error.into_frame(), frame);
        }
    }

    fn time(&mut self) {
        // A driver pulls before it waits.
        self.pull();
        if self.choices.percent(70) {
            self.now = self.now.saturating_add(self.choices.millis(10_000));
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
            next.is_none_or(|next| next > self.now || next == Duration::MAX),
            "a timeout is handled"
        );
    }

    /// Mostly one that is in flight.
    fn request(&mut self) -> Option<RequestId> {
        let past = self.past.last().copied();
        let of = match self.choices.below(10) {
            0 => past,
            1..=5 => self.get.or(self.post),
            _ => self.post.or(self.get),
        };
        let id = of?;
        if self.get == Some(id) {
            self.get = None;
        }
        if self.post == Some(id) {
            self.post = None;
        }
        Some(id)
    }

    fn transport(&mut self) -> Option<TransportId> {
        (!self.transports.is_empty()).then(|| self.choices.pick(&self.transports))
    }

    fn pull(&mut self) {
        while let Some(output) = self.session.poll_output() {
            let silent = !matches!(output, ClientOutput::CloseTransport(_));
            assert!(!(self.closed && silent), "{output:?} after the end");
            match output {
                ClientOutput::Get(id) => {
                    assert_eq!(self.get.replace(id), None, "one GET at a time");
                    self.past.push(id);
                }
                ClientOutput::Post { request: id, .. } => {
                    assert_eq!(self.post.replace(id), None, "one POST at a time");
                    self.past.push(id);
                }
                ClientOutput::OpenWebSocket(id) => self.transports.push(id),
                ClientOutput::Event(ClientEvent::Opened) => {
                    assert!(!std::mem::replace(&mut self.opened, true), "it opens once");
                }
                ClientOutput::Event(ClientEvent::Message(message)) => {
                    assert!(self.opened, "no message before the open packet");
                    self.delivered += message.len();
                    assert!(self.delivered <= self.fed, "no message comes from nowhere");
                }
                ClientOutput::Event(ClientEvent::Closed { .. }) => self.closed = true,
                ClientOutput::Event(_) => assert!(self.opened),
                ClientOutput::Frame { .. } | ClientOutput::CloseTransport(_) => {}
                output => panic!("{output:?}"),
            }
        }
        assert_eq!(self.closed, self.session.is_closed());
    }
}
