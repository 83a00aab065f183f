//! What a case is: an input, and the reason why the servers differ on it, where they do.

use std::fmt::Write as _;

/// One input to both servers.
pub(crate) struct Case {
    /// What is odd about it.
    pub(crate) name: &'static str,
    pub(crate) input: Input,
    /// Why Songi does something else than the JavaScript server; empty where it does the same.
    pub(crate) reason: &'static str,
}

pub(crate) enum Input {
    /// Requests of their own connections, while there is this session or none.
    Requests(Option<Session>, Vec<Request>),
    /// Messages on a WebSocket that has come so far.
    Frames(Stage, Vec<Frame>, Mark),
}

/// The session that the requests mean with `sid=S`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// Opened by long-polling.
    Polling,
    /// Opened on a WebSocket.
    WebSocket,
}

/// How far a WebSocket has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its session is open; it has joined no namespace.
    Open,
    /// It has joined the main namespace.
    Joined,
    /// It is to upgrade a session that was opened by long-polling.
    Candidate,
}

/// How the test sees that the input has been dealt with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A packet to join the namespace `/mark` is answered.
    Join,
    /// A WebSocket ping is answered, and another one: where a packet would be part of the input.
    Ping,
}

pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    /// The bytes of a frame as they are, and what the table shows.
    Raw(Vec<u8>, &'static str),
}

pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) query: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// Whether it opens a WebSocket, unless a header says otherwise.
    pub(crate) upgrade: bool,
    /// Whether its body is kept back until the others have been answered.
    pub(crate) held: bool,
}

pub(crate) const OPEN: &str = "EIO=4&transport=polling";
pub(crate) const OPEN_WEBSOCKET: &str = "EIO=4&transport=websocket";
pub(crate) const POLL: &str = "EIO=4&transport=polling&sid=S";
pub(crate) const UPGRADE: &str = "EIO=4&transport=websocket&sid=S";

/// Requests without a session.
pub(crate) fn request(name: &'static str, request: Request) -> Case {
    Case::new(name, Input::Requests(None, vec![request]))
}

/// Requests to a session that was opened by long-polling.
pub(crate) fn polling<const N: usize>(name: &'static str, requests: [Request; N]) -> Case {
    let requests = Vec::from(requests);
    Case::new(name, Input::Requests(Some(Session::Polling), requests))
}

/// A request to a session that is on a WebSocket.
pub(crate) fn websocket(name: &'static str, request: Request) -> Case {
    let session = Some(Session::WebSocket);
    Case::new(name, Input::Requests(session, vec![request]))
}

/// Messages to a session that has joined no namespace.
pub(crate) fn open<const N: usize>(name: &'static str, frames: [Frame; N]) -> Case {
    Case::new(name, Input::Frames(Stage::Open, frames.into(), Mark::Join))
}

/// Messages to a socket of the main namespace.
pub(crate) fn joined<const N: usize>(name: &'static str, frames: [Frame; N]) -> Case {
    let input = Input::Frames(Stage::Joined, frames.into(), Mark::Join);
    Case::new(name, input)
}

/// Messages on the WebSocket that is to upgrade a session.
pub(crate) fn candidate<const N: usize>(name: &'static str, frames: [Frame; N]) -> Case {
    let input = Input::Frames(Stage::Candidate, frames.into(), Mark::Ping);
    Case::new(name, input)
}

pub(crate) fn text(text: impl Into<String>) -> Frame {
    Frame::Text(text.into())
}

pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> Frame {
    Frame::Binary(bytes.into())
}

pub(crate) fn get(query: &'static str) -> Request {
    Request::new("GET", query)
}

pub(crate) fn post(query: &'static str, body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", query).body(body)
}

pub(crate) fn upgrade(query: &'static str) -> Request {
    Request {
        upgrade: true,
        ..get(query)
    }
}

impl Case {
    fn new(name: &'static str, input: Input) -> Self {
        Self {
            name,
            input,
            reason: "",
        }
    }

    /// Songi does something else than the JavaScript server, for this reason.
    pub(crate) fn because(mut self, reason: &'static str) -> Self {
        self.reason = reason;
        self
    }

    /// No packet is to follow the input.
    pub(crate) fn ping_after(mut self) -> Self {
        if let Input::Frames(_, _, mark) = &mut self.input {
            *mark = Mark::Ping;
        }
        self
    }
}

impl Request {
    pub(crate) fn new(method: &'static str, query: &'static str) -> Self {
        Self {
            method,
            path: "/socket.io/",
            query,
            headers: Vec::new(),
            body: None,
            upgrade: false,
            held: false,
        }
    }

    pub(crate) fn path(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// A header; without a value, the request lacks what it would have by itself.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Its body is kept back until the others have been answered.
    pub(crate) fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// The head as it is sent to the session with this id.
    pub(crate) fn head(&self, sid: &str) -> String {
        let query = self.query.replace("sid=S", &format!("sid={sid}"));
        let mark = if query.is_empty() { "" } else { "?" };
        let mut head = format!("{} {}{mark}{query} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in self.defaults() {
            if !self.headers.iter().any(|(own, _)| *own == name) {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
        for (name, value) in self.headers.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head + "\r\n"
    }

    fn defaults(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("Host", "localhost".to_owned())];
        if self.upgrade {
            headers.extend([
                ("Connection", "Upgrade".to_owned()),
                ("Upgrade", "websocket".to_owned()),
                ("Sec-WebSocket-Version", "13".to_owned()),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==".to_owned()),
            ]);
        } else {
            headers.push(("Connection", "close".to_owned()));
        }
        if self.held {
            headers.push(("Expect", "100-continue".to_owned()));
        }
        if let Some(body) = &self.body {
            headers.push(("Content-Length", body.len().to_string()));
            headers.push(("Content-Type", "text/plain;charset=UTF-8".to_owned()));
        }
        headers
    }
}
