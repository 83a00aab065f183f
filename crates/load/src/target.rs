//! Which server, and how one gets in.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// What is spoken inside the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Nothing: messages are the application's own.
    WebSocket,
    /// Socket.IO protocol 5 over Engine.IO protocol 4.
    SocketIo,
}

/// What carries Engine.IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket from the start, without an upgrade.
    WebSocket,
    /// Long-polling: a GET that waits, and a POST for what is sent, on a connection each.
    Polling,
}

/// Which server, and how one gets in.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where the server listens.
    pub address: SocketAddr,
    /// The `Host` header; the address unless told otherwise.
    pub host: String,
    /// Path and query of the request, without what Engine.IO adds.
    pub path: String,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// What is spoken.
    pub protocol: Protocol,
    /// What carries it. A raw WebSocket has no choice.
    pub transport: Transport,
    /// The namespace to join, `/` unless told otherwise.
    pub namespace: String,
    /// The auth payload, as JSON.
    pub auth: Option<String>,
    /// Addresses of this machine to connect from, in turn: each has some 28,000 ports. Without any
    /// the system chooses.
    pub sources: Vec<IpAddr>,
    /// The number of connections that are made at the same time.
    pub at_once: usize,
}

impl Target {
    /// A raw WebSocket at `/`.
    pub fn web_socket(address: SocketAddr) -> Self {
        Self {
            address,
            host: address.to_string(),
            path: "/".to_owned(),
            headers: Vec::new(),
            protocol: Protocol::WebSocket,
            transport: Transport::WebSocket,
            namespace: "/".to_owned(),
            auth: None,
            sources: Vec::new(),
            at_once: 64,
        }
    }

    /// Socket.IO's main namespace at `/socket.io/`, by WebSocket.
    pub fn socket_io(address: SocketAddr) -> Self {
        Self {
            path: "/socket.io/".to_owned(),
            protocol: Protocol::SocketIo,
            ..Self::web_socket(address)
        }
    }

    /// The request that asks for a WebSocket.
    pub(crate) fn upgrade(&self) -> Vec<u8> {
        let path = match self.protocol {
            Protocol::WebSocket => self.path.clone(),
            Protocol::SocketIo => self.engine_io("websocket"),
        };
        let mut request = self.head("GET", &path);
        request.push_str(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        request.into_bytes()
    }

    /// The path of a session's requests.
    pub(crate) fn engine_io(&self, transport: &str) -> String {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        format!("{}{joint}EIO=4&transport={transport}", self.path)
    }

    /// A request's first line and headers, without the empty line.
    pub(crate) fn head(&self, method: &str, path: &str) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head
    }

    /// The CONNECT packet, in the message of Engine.IO that carries it.
    pub(crate) fn connect_packet(&self) -> String {
        let namespace = namespace_prefix(&self.namespace);
        format!("40{namespace}{}", self.auth.as_deref().unwrap_or_default())
    }

    /// The source address of the connection with this number.
    pub(crate) fn source(&self, number: usize) -> Option<IpAddr> {
        let index = number.checked_rem(self.sources.len())?;
        self.sources.get(index).copied()
    }
}

/// What stands in a packet before its id or data: nothing for the main namespace.
pub(crate) fn namespace_prefix(namespace: &str) -> String {
    match namespace {
        "/" | "" => String::new(),
        other => format!("{other},"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_packet_names_the_namespace_and_carries_the_auth() {
        let mut target = Target::socket_io(([127, 0, 0, 1], 1).into());
        assert_eq!(target.connect_packet(), "40");
        target.auth = Some(r#"{"a":1}"#.to_owned());
        target.namespace = "/chat".to_owned();
        assert_eq!(target.connect_packet(), r#"40/chat,{"a":1}"#);
    }

    #[test]
    fn a_query_is_added_to() {
        let mut target = Target::socket_io(([127, 0, 0, 1], 1).into());
        target.path = "/socket.io/?token=1".to_owned();
        target.headers.push(("Cookie".to_owned(), "a=b".to_owned()));
        let request = String::from_utf8(target.upgrade()).unwrap();
        assert!(request.starts_with(
            "GET /socket.io/?token=1&EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:1\r\nCookie: a=b\r\n"
        ));
    }
}
