//! The server session under a hand-moved clock. Outputs are compared as lines: `r1 200 6` answers
//! request 1, `w1 2` writes to WebSocket 1, `w1 closed` closes it; other lines are events.

use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;

use bytes::Bytes;

use super::*;
use crate::{ServerConfig, packet::Message};

mod closing;
mod heartbeat;
mod polling;
mod upgrade;
mod v3;
mod websocket;

const OPEN_POLLING: &str = r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
const OPEN_WEBSOCKET: &str =
    r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

struct Host {
    session: ServerSession,
    now: Duration,
}

impl Host {
    fn with(config: ServerConfig) -> Self {
        let now = s(1000);
        Self {
            session: ServerSession::polling(Arc::new(config), "s".into(), now),
            now,
        }
    }

    fn v3(base64: bool) -> Self {
        let now = s(1000);
        let config = Arc::new(ServerConfig::default());
        let dialect = Dialect {
            revision: Revision::V3,
            base64,
        };
        let mut host = Self {
            session: ServerSession::polling_in(dialect, config, "s".into(), now),
            now,
        };
        host.get();
        let open = format!("r1 200 {}:{OPEN_POLLING}", OPEN_POLLING.len());
        assert_eq!(host.lines(), [open, "drained".into()]);
        host
    }

    /// A long-polling session whose open packet has been fetched.
    fn polling() -> Self {
        let mut host = Self::with(ServerConfig::default());
        let get = host.get();
        assert_eq!(
            host.lines(),
            [format!("r{} 200 {OPEN_POLLING}", get.0), "drained".into()]
        );
        host
    }

    fn websocket() -> (Self, TransportId) {
        let now = s(1000);
        let config = Arc::new(ServerConfig::default());
        let (session, transport) = ServerSession::websocket(config, "s".into(), now);
        let mut host = Self { session, now };
        assert_eq!(host.lines(), [format!("w{} {OPEN_WEBSOCKET}", transport.0)]);
        (host, transport)
    }

    fn get(&mut self) -> RequestId {
        self.session.poll_opened(self.now)
    }

    fn post(&mut self, body: &'static [u8]) -> RequestId {
        let request = self
            .session
            .post_opened(Some(b"text/plain;charset=UTF-8"), self.now);
        self.session
            .post_body(request, Bytes::from_static(body), self.now);
        request
    }

    fn post_bytes(&mut self, body: &'static [u8]) -> RequestId {
        let content_type = Some(&b"application/octet-stream"[..]);
        let request = self.session.post_opened(content_type, self.now);
        self.session
            .post_body(request, Bytes::from_static(body), self.now);
        request
    }

    fn candidate(&mut self) -> TransportId {
        self.session.websocket_opened(self.now)
    }

    fn text(&mut self, transport: TransportId, text: &'static str) {
        self.session
            .frame(transport, Frame::Text(text.into()), self.now);
    }

    fn send(&mut self, text: &'static str) {
        let frame = Frame::message(Message::text(text));
        self.session
            .send(frame, SendOptions::default(), self.now)
            .expect("open, with room");
    }

    fn send_bytes(&mut self, bytes: &'static [u8]) {
        let frame = Frame::Binary(Bytes::from_static(bytes));
        self.session
            .send(frame, SendOptions::default(), self.now)
            .expect("open, with room");
    }

    fn end(&mut self, transport: TransportId, end: TransportEnd) {
        self.session.transport_closed(transport, end, self.now);
    }

    /// Moves the clock from timeout to timeout, as a driver does.
    fn pass(&mut self, time: Duration) -> Vec<String> {
        let until = self.now + time;
        let mut lines = self.lines();
        while let Some(at) = self.session.poll_timeout().filter(|&at| at <= until) {
            assert!(at > self.now, "a timeout that was handled is over");
            self.now = at;
            self.session.handle_timeout(at);
            lines.extend(self.lines());
        }
        self.now = until;
        lines
    }

    fn lines(&mut self) -> Vec<String> {
        core::iter::from_fn(|| self.session.poll_output())
            .map(|output| line(&output))
            .collect()
    }
}

fn line(output: &Output) -> String {
    match output {
        Output::Respond { request, response } => {
            let body = String::from_utf8_lossy(&response.body);
            format!("r{} {} {body}", request.0, response.status)
                .trim_end()
                .into()
        }
        Output::Frame {
            transport,
            frame: Frame::Text(text),
            ..
        } => {
            format!("w{} {text}", transport.0)
        }
        Output::Frame {
            transport,
            frame: Frame::Binary(bytes),
            ..
        } => {
            format!("w{} {:?}", transport.0, &bytes[..])
        }
        Output::CloseTransport(transport) => format!("w{} closed", transport.0),
        Output::Event(Event::Message(Message::Text(text))) => format!("message {text}"),
        Output::Event(Event::Message(Message::Binary(bytes))) => {
            format!("message {:?}", &bytes[..])
        }
        Output::Event(Event::Upgraded) => "upgraded".into(),
        Output::Event(Event::Drained) => "drained".into(),
        Output::Event(Event::Closed {
            reason,
            violation: None,
        }) => reason.to_string(),
        Output::Event(Event::Closed {
            reason,
            violation: Some(violation),
        }) => {
            format!("{reason}: {violation}")
        }
    }
}

#[test]
fn an_idle_session_is_small() {
    assert!(
        size_of::<ServerSession>() <= 200,
        "{} bytes",
        size_of::<ServerSession>()
    );
    let (host, _) = Host::websocket();
    assert_eq!(host.session.buffered(), 0);
}
