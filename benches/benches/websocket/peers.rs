//! The peers, each as its documentation shows it. All validate text.

use std::hint::black_box;

use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tungstenite::protocol::{Role, WebSocketConfig};

use crate::{
    frames::{Decode, Encode, Kind},
    stream::{Memory, READ},
};

/// Of a stream that is always ready.
fn now<T, E: std::fmt::Debug>(future: impl Future<Output = Result<T, E>>) -> T {
    future.now_or_never().expect("ready").expect("valid")
}

pub struct Fastwebsockets(FragmentCollector<Memory>);

impl Fastwebsockets {
    pub fn new(input: &[u8]) -> Self {
        let stream = Memory::endless(input);
        let role = fastwebsockets::Role::Server;
        let socket = fastwebsockets::WebSocket::after_handshake(stream, role);
        Self(FragmentCollector::new(socket))
    }

    fn write(&mut self, frames: &mut Vec<Frame<'static>>) {
        for frame in frames.drain(..) {
            now(self.0.write_frame(frame));
        }
    }

    fn frame(kind: Kind, payload: Payload<'static>) -> Frame<'static> {
        let opcode = match kind {
            Kind::Text => OpCode::Text,
            Kind::Binary => OpCode::Binary,
        };
        Frame::new(true, opcode, None, payload)
    }
}

impl Decode for Fastwebsockets {
    fn take(&mut self, count: usize) {
        for _ in 0..count {
            match &self.0.read_frame().now_or_never() {
                Some(Ok(frame)) => black_box(&frame.payload[..]),
                _ => unreachable!(),
            };
        }
    }
}

impl Encode for Fastwebsockets {
    type Message = Frame<'static>;

    fn message(kind: Kind, payload: &Bytes) -> Frame<'static> {
        Self::frame(kind, Payload::Owned(payload.to_vec()))
    }

    fn send(&mut self, messages: &mut Vec<Frame<'static>>) {
        self.write(messages);
    }
}

/// Sends what it only borrows.
pub struct FastwebsocketsLent(Fastwebsockets);

impl FastwebsocketsLent {
    pub fn new() -> Self {
        Self(Fastwebsockets::new(b""))
    }
}

impl Encode for FastwebsocketsLent {
    type Message = Frame<'static>;

    fn message(kind: Kind, payload: &Bytes) -> Frame<'static> {
        static PAYLOAD: [u8; 64 * 1024] = [b'a'; 64 * 1024];
        Fastwebsockets::frame(kind, Payload::Borrowed(&PAYLOAD[..payload.len()]))
    }

    fn send(&mut self, messages: &mut Vec<Frame<'static>>) {
        self.0.write(messages);
    }
}

pub struct TokioWebsockets(tokio_websockets::WebSocketStream<Memory>);

impl TokioWebsockets {
    pub fn new(input: &[u8]) -> Self {
        Self(tokio_websockets::ServerBuilder::new().serve(Memory::endless(input)))
    }
}

impl Decode for TokioWebsockets {
    fn take(&mut self, count: usize) {
        for _ in 0..count {
            match &self.0.next().now_or_never() {
                Some(Some(Ok(message))) => black_box(&message.as_payload()[..]),
                _ => unreachable!(),
            };
        }
    }
}

impl Encode for TokioWebsockets {
    type Message = tokio_websockets::Message;

    fn message(kind: Kind, payload: &Bytes) -> Self::Message {
        let payload = payload.clone();
        match kind {
            Kind::Text => tokio_websockets::Message::text(payload),
            Kind::Binary => tokio_websockets::Message::binary(payload),
        }
    }

    fn send(&mut self, messages: &mut Vec<Self::Message>) {
        for message in messages.drain(..) {
            now(self.0.feed(message));
        }
        now(self.0.flush());
    }
}

pub struct Yawc(yawc::WebSocket<Memory>);

/// Without them, yawc takes text as it comes.
pub fn yawc_options() -> yawc::Options {
    yawc::Options::default().with_utf8()
}

impl Yawc {
    pub fn new(input: &[u8], extensions: Option<&str>, options: yawc::Options) -> Self {
        let stream = Memory::endless(input);
        let role = yawc::Role::Server;
        let socket =
            yawc::WebSocket::from_stream_with_extensions(stream, role, extensions, options);
        Self(socket.unwrap())
    }
}

impl Decode for Yawc {
    fn take(&mut self, count: usize) {
        for _ in 0..count {
            match &self.0.next().now_or_never() {
                Some(Some(frame)) => black_box(&frame.payload()[..]),
                _ => unreachable!(),
            };
        }
    }
}

impl Encode for Yawc {
    type Message = yawc::Frame;

    fn message(kind: Kind, payload: &Bytes) -> yawc::Frame {
        let payload = payload.clone();
        match kind {
            Kind::Text => yawc::Frame::text(payload),
            Kind::Binary => yawc::Frame::binary(payload),
        }
    }

    fn send(&mut self, messages: &mut Vec<yawc::Frame>) {
        for message in messages.drain(..) {
            now(self.0.feed(message));
        }
        now(self.0.flush());
    }
}

pub struct Tungstenite(tungstenite::WebSocket<Memory>);

impl Tungstenite {
    pub fn new(input: &[u8]) -> Self {
        let config = WebSocketConfig::default().read_buffer_size(READ);
        Self(tungstenite::WebSocket::from_raw_socket(
            Memory::endless(input),
            Role::Server,
            Some(config),
        ))
    }
}

impl Decode for Tungstenite {
    fn take(&mut self, count: usize) {
        for _ in 0..count {
            match &self.0.read() {
                Ok(tungstenite::Message::Text(text)) => black_box(text.as_bytes()),
                Ok(tungstenite::Message::Binary(payload)) => black_box(&payload[..]),
                _ => unreachable!(),
            };
        }
    }
}

impl Encode for Tungstenite {
    type Message = tungstenite::Message;

    fn message(kind: Kind, payload: &Bytes) -> Self::Message {
        let payload = payload.clone();
        match kind {
            Kind::Text => tungstenite::Message::Text(payload.try_into().unwrap()),
            Kind::Binary => tungstenite::Message::Binary(payload),
        }
    }

    fn send(&mut self, messages: &mut Vec<Self::Message>) {
        for message in messages.drain(..) {
            self.0.write(message).unwrap();
        }
        self.0.flush().unwrap();
    }
}
