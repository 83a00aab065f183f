//! Any order of inputs to a server session: it does not panic, answers each request once, keeps
//! its limits, and says nothing after it has ended.
#![no_main]

use std::{collections::HashSet, sync::Arc, time::Duration};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use songi_engineio::{
    Bytes, CloseReason, Event, Frame, Output, RequestId, SendOptions, ServerConfig, ServerSession,
    TransportEnd, TransportId,
};

const MAX_BUFFERED: usize = 2000;

#[derive(Debug, Arbitrary)]
enum Operation<'a> {
    Get,
    Post { binary: bool },
    Body { request: u8, body: &'a [u8] },
    TooLarge { request: u8 },
    Abort { request: u8 },
    Open,
    Text { transport: u8, text: &'a str },
    Known { transport: u8, packet: u8 },
    Binary { transport: u8, bytes: &'a [u8] },
    End { transport: u8, failed: bool },
    Send { text: &'a str, volatile: bool },
    Close,
    Shut,
    Time { millis: u16 },
    Timeout,
    Pull,
}

struct Host {
    session: ServerSession,
    now: Duration,
    requests: Vec<RequestId>,
    /// Requests that were neither answered nor aborted.
    open: HashSet<RequestId>,
    transports: Vec<TransportId>,
    closed: bool,
}

impl Host {
    fn request(&self, index: u8) -> Option<RequestId> {
        self.requests
            .get(usize::from(index) % self.requests.len().max(1))
            .copied()
    }

    fn transport(&self, index: u8) -> Option<TransportId> {
        self.transports
            .get(usize::from(index) % self.transports.len().max(1))
            .copied()
    }

    fn operate(&mut self, operation: &Operation<'_>) {
        let now = self.now;
        match *operation {
            Operation::Get => {
                let request = self.session.poll_opened(now);
                self.requests.push(request);
                self.open.insert(request);
            }
            Operation::Post { binary } => {
                let content_type = binary.then_some(&b"application/octet-stream"[..]);
                let request = self.session.post_opened(content_type, now);
                self.requests.push(request);
                self.open.insert(request);
            }
            Operation::Body { request, body } => {
                if let Some(request) = self.request(request) {
                    self.session
                        .post_body(request, Bytes::copy_from_slice(body), now);
                }
            }
            Operation::TooLarge { request } => {
                if let Some(request) = self.request(request) {
                    self.session.post_too_large(request);
                }
            }
            Operation::Abort { request } => {
                // A driver has pulled all answers before it learns of an abort.
                self.pull();
                if let Some(request) = self.request(request) {
                    self.session.request_aborted(request, now);
                    self.open.remove(&request);
                }
            }
            Operation::Open => self.transports.push(self.session.websocket_opened(now)),
            Operation::Text { transport, text } => {
                if let Some(transport) = self.transport(transport) {
                    self.session
                        .frame(transport, Frame::Text(text.to_owned().into()), now);
                }
            }
            Operation::Known { transport, packet } => {
                let known = ["1", "2", "2probe", "3", "3probe", "4a", "5", "6"];
                let text = known[usize::from(packet) % known.len()];
                if let Some(transport) = self.transport(transport) {
                    self.session.frame(transport, Frame::Text(text.into()), now);
                }
            }
            Operation::Binary { transport, bytes } => {
                if let Some(transport) = self.transport(transport) {
                    let frame = Frame::Binary(Bytes::copy_from_slice(bytes));
                    self.session.frame(transport, frame, now);
                }
            }
            Operation::End { transport, failed } => {
                let end = if failed {
                    TransportEnd::Failed
                } else {
                    TransportEnd::Closed
                };
                if let Some(transport) = self.transport(transport) {
                    self.session.transport_closed(transport, end, now);
                }
            }
            Operation::Send { text, volatile } => {
                let options = SendOptions {
                    volatile,
                    ..SendOptions::default()
                };
                let frame = Frame::Text(format!("4{text}").into());
                if let Err(error) = self.session.send(frame.clone(), options, now) {
                    assert_eq!(error.into_frame(), frame);
                }
            }
            Operation::Close => self.session.close(CloseReason::ForcedClose, now),
            Operation::Shut => self.session.abort(CloseReason::ServerShuttingDown),
            Operation::Time { millis } => {
                self.now += Duration::from_millis(millis.into());
                self.session.handle_timeout(self.now);
            }
            Operation::Timeout => {
                if let Some(at) = self.session.poll_timeout() {
                    self.now = self.now.max(at);
                    self.session.handle_timeout(self.now);
                    self.pull();
                    let next = self.session.poll_timeout();
                    assert!(
                        next.is_none_or(|next| next > self.now),
                        "a timeout is handled"
                    );
                }
            }
            Operation::Pull => self.pull(),
        }
        // The open packet and one ping do not count.
        assert!(self.session.buffered() <= MAX_BUFFERED + 500);
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

fuzz_target!(|input: (bool, Vec<Operation<'_>>)| {
    let (websocket, operations) = input;
    let config = ServerConfig {
        max_buffered: MAX_BUFFERED,
        max_payload: 1000,
        ..ServerConfig::default()
    };
    let now = Duration::ZERO;
    let mut transports = Vec::new();
    let session = if websocket {
        let (session, transport) = ServerSession::websocket(Arc::new(config), "s".into(), now);
        transports.push(transport);
        session
    } else {
        ServerSession::polling(Arc::new(config), "s".into(), now)
    };
    let mut host = Host {
        session,
        now,
        requests: Vec::new(),
        open: HashSet::new(),
        transports,
        closed: false,
    };
    for operation in &operations {
        host.operate(operation);
    }
    host.pull();
    host.session.abort(CloseReason::ForcedClose);
    host.pull();
    assert!(host.open.is_empty());
});
