//! The floor: a bare epoll program that reads and writes the bytes of a case, and of their protocol
//! knows only how many make a message.

use std::io::{ErrorKind, Read as _, Write as _};

use clap::ValueEnum;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use songi_load::frame::{self, BINARY, TEXT};

use crate::words;

/// What is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Raw WebSocket messages come back.
    Echo,
    /// Events are acknowledged.
    Ack,
    /// What one says, all get.
    Broadcast,
    /// Events are acknowledged over long-polling.
    Polling,
}

const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const OPEN: &str = r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
const JOINED: &str = r#"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#;

/// A close frame's first byte.
const CLOSE: u8 = 0x88;

/// So many answers are prepared behind each other, for messages that come together.
const PREPARED: usize = 64;

/// The bytes of a shape, prepared.
struct Bytes {
    shape: Shape,
    /// Behind the answer to the HTTP request.
    open: Vec<u8>,
    /// The length of the request to join, and the answer to it.
    join: usize,
    joined: Vec<u8>,
    /// The length of a message, and the answers to many.
    message: usize,
    answers: Vec<u8>,
    answer: usize,
}

impl Bytes {
    fn new(shape: Shape, payload: usize) -> Self {
        let text = words::text(payload);
        let (message, answer) = match shape {
            Shape::Echo => {
                let payload = text.as_bytes();
                let message = frame::masked(BINARY, payload);
                (message, frame::unmasked(BINARY, payload))
            }
            Shape::Ack => ws(&words::echo(&text), &words::echoed(&text)),
            Shape::Broadcast => ws(&words::all(&text), &words::all(&text)),
            Shape::Polling => (Vec::new(), response(&words::echoed(&text))),
        };
        let is_raw = shape == Shape::Echo;
        let open = frame::unmasked(TEXT, OPEN.as_bytes());
        Self {
            shape,
            open: if is_raw { Vec::new() } else { open },
            join: if is_raw {
                0
            } else {
                frame::masked(TEXT, b"40").len()
            },
            joined: frame::unmasked(TEXT, JOINED.as_bytes()),
            message: message.len(),
            answer: answer.len(),
            answers: answer.repeat(if shape == Shape::Polling { 1 } else { PREPARED }),
        }
    }

    fn answer(&self) -> &[u8] {
        &self.answers[..self.answer]
    }
}

fn ws(message: &str, answer: &str) -> (Vec<u8>, Vec<u8>) {
    let message = frame::masked(TEXT, message.as_bytes());
    (message, frame::unmasked(TEXT, answer.as_bytes()))
}

fn response(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// What comes next on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Request,
    Join,
    Messages,
}

struct Connection {
    stream: TcpStream,
    stage: Stage,
    /// Bytes of a message that has not come whole.
    partial: usize,
    unsent: Vec<u8>,
}

impl Connection {
    /// Whether it goes on.
    fn write(&mut self, bytes: &[u8]) -> bool {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return true;
        }
        match self.stream.write(bytes) {
            Ok(length) if length == bytes.len() => true,
            Ok(length) => {
                self.unsent.extend_from_slice(&bytes[length..]);
                self.flush()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.unsent.extend_from_slice(bytes);
                true
            }
            Err(_) => false,
        }
    }

    fn flush(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(length) => drop(self.unsent.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        self.unsent = Vec::new();
        true
    }
}

struct Floor {
    poll: Poll,
    bytes: Bytes,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

const LISTENER: Token = Token(usize::MAX);

/// A connection that does not read is not read from either.
const MOST_UNSENT: usize = 1 << 20;

pub(super) fn serve(shape: Shape, payload: usize) {
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    let poll = Poll::new().expect("epoll");
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)
        .expect("epoll");
    let mut floor = Floor {
        poll,
        bytes: Bytes::new(shape, payload),
        connections: Vec::new(),
        free: Vec::new(),
        buffer: vec![0; 64 * 1024],
    };
    let mut events = Events::with_capacity(1024);
    loop {
        floor.poll.poll(&mut events, None).expect("epoll");
        for event in &events {
            match event.token() {
                LISTENER => {
                    while let Ok((stream, _)) = listener.accept() {
                        floor.accept(stream);
                    }
                }
                Token(index) => floor.ready(index),
            }
        }
    }
}

impl Floor {
    fn accept(&mut self, mut stream: TcpStream) {
        stream.set_nodelay(true).expect("TCP");
        let index = self.free.pop().unwrap_or(self.connections.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(index), interest)
            .expect("epoll");
        let connection = Some(Connection {
            stream,
            stage: Stage::Request,
            partial: 0,
            unsent: Vec::new(),
        });
        match self.connections.get_mut(index) {
            Some(place) => *place = connection,
            None => self.connections.push(connection),
        }
    }

    fn ready(&mut self, index: usize) {
        if !self.serve(index) {
            self.connections[index] = None;
            self.free.push(index);
        }
    }

    /// Whether the connection goes on.
    fn serve(&mut self, index: usize) -> bool {
        loop {
            let Some(connection) = &mut self.connections[index] else {
                return true;
            };
            if !connection.flush() {
                return false;
            }
            if connection.unsent.len() > MOST_UNSENT {
                return true;
            }
            let length = match connection.stream.read(&mut self.buffer) {
                Ok(0) => return false,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            };
            let goes_on = match self.bytes.shape {
                Shape::Polling => self.polled(index),
                _ => self.took(index, length),
            };
            if !goes_on || length < self.buffer.len() {
                return goes_on;
            }
        }
    }

    fn took(&mut self, index: usize, length: usize) -> bool {
        let Some(connection) = &mut self.connections[index] else {
            return true;
        };
        let bytes = &self.bytes;
        match connection.stage {
            Stage::Request => {
                connection.stage = match bytes.join {
                    0 => Stage::Messages,
                    _ => Stage::Join,
                };
                connection.write(&[SWITCHING, &bytes.open].concat())
            }
            Stage::Join => {
                connection.stage = Stage::Messages;
                connection.write(&bytes.joined)
            }
            Stage::Messages if self.buffer[0] == CLOSE && connection.partial == 0 => {
                connection.write(&frame::unmasked(8, &1000_u16.to_be_bytes()));
                false
            }
            Stage::Messages => {
                connection.partial += length;
                let mut messages = connection.partial / bytes.message;
                connection.partial %= bytes.message;
                if bytes.shape == Shape::Broadcast {
                    for _ in 0..messages {
                        self.broadcast();
                    }
                    return true;
                }
                while messages > 0 {
                    let now = messages.min(PREPARED);
                    if !connection.write(&bytes.answers[..now * bytes.answer]) {
                        return false;
                    }
                    messages -= now;
                }
                true
            }
        }
    }

    fn broadcast(&mut self) {
        let answer = self.bytes.answer().to_vec();
        for connection in self.connections.iter_mut().flatten() {
            if connection.stage == Stage::Messages {
                connection.write(&answer);
            }
        }
    }

    /// A request of long-polling, whole in one read: connections come in pairs, for GET and POST.
    fn polled(&mut self, index: usize) -> bool {
        let stage = |connection: &Option<Connection>| connection.as_ref().map(|c| c.stage);
        if index.is_multiple_of(2) {
            let Some(getter) = &mut self.connections[index] else {
                return true;
            };
            return match getter.stage {
                Stage::Request => {
                    getter.stage = Stage::Join;
                    getter.write(&response(OPEN))
                }
                _ => true,
            };
        }
        let answer = match stage(&self.connections[index - 1]) {
            Some(Stage::Join) => response(JOINED),
            _ => self.bytes.answer().to_vec(),
        };
        if let Some(getter) = &mut self.connections[index - 1] {
            getter.stage = Stage::Messages;
            getter.write(&answer);
        }
        match &mut self.connections[index] {
            Some(poster) => poster.write(&response("ok")),
            None => true,
        }
    }
}
