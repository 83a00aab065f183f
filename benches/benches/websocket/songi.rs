//! Songi's connection, driven as songi-tokio does it.

use std::{hint::black_box, io::IoSlice, ops::Range};

use bytes::{Bytes, BytesMut};
use songi_websocket::{Config, Connection, Event, EventRef, FastStr, Message};

use crate::{
    frames::{Decode, Encode, Kind},
    stream::{Memory, READ},
};

/// A server that nothing but memory limits.
pub fn server() -> Connection {
    Connection::server(Config::default().queue_limit(1 << 30))
}

/// By `receive`: what it gives may be kept.
pub struct Owned {
    connection: Connection,
    stream: Memory,
    buffer: BytesMut,
}

impl Owned {
    pub fn new(connection: Connection, input: &[u8]) -> Self {
        Self {
            connection,
            stream: Memory::endless(input),
            buffer: BytesMut::new(),
        }
    }
}

impl Owned {
    /// Reads into what the unread start of a message leaves free.
    fn read(&mut self) {
        let unread = self.buffer.len();
        let size = READ.max(unread + self.connection.missing());
        self.buffer.reserve(size - unread);
        let buffer = &mut self.buffer;
        self.stream
            .take(size - unread, |piece| buffer.extend_from_slice(piece));
    }
}

impl Decode for Owned {
    fn take(&mut self, count: usize) {
        for _ in 0..count {
            let event = loop {
                match self.connection.receive(&mut self.buffer).unwrap() {
                    Some(event) => break event,
                    None => self.read(),
                }
            };
            match event {
                Event::Text(text) => drop(black_box(text)),
                Event::Binary(payload) => drop(black_box(payload)),
                _ => unreachable!(),
            }
        }
    }
}

impl Encode for Owned {
    type Message = Message;

    fn message(kind: Kind, payload: &Bytes) -> Message {
        let payload = payload.clone();
        match kind {
            Kind::Text => Message::Text(FastStr::from_bytes(payload).unwrap()),
            Kind::Binary => Message::Binary(payload),
        }
    }

    fn send(&mut self, messages: &mut Vec<Message>) {
        for message in messages.drain(..) {
            self.connection.send(message).unwrap();
        }
        transmit(&mut self.connection);
    }
}

/// Takes all that is queued, as a writer would.
pub fn transmit(connection: &mut Connection) {
    while connection.queued() > 0 {
        let mut slices = [IoSlice::new(&[]); 64];
        let used = connection.transmit(&mut slices);
        let written = slices[..used].iter().map(|slice| slice.len()).sum();
        black_box(&slices);
        connection.transmitted(written);
    }
}

/// By `receive_ref`: what it gives is looked at in the buffer.
pub struct Lent {
    connection: Connection,
    stream: Memory,
    buffer: Vec<u8>,
    unread: Range<usize>,
}

impl Lent {
    pub fn new(connection: Connection, input: &[u8]) -> Self {
        Self {
            connection,
            stream: Memory::endless(input),
            buffer: vec![0; READ],
            unread: 0..0,
        }
    }

    /// Reads into what the unread start of a frame leaves free.
    fn read(&mut self) {
        self.buffer.copy_within(self.unread.clone(), 0);
        let mut end = self.unread.len();
        let buffer = &mut self.buffer;
        self.stream.take(READ - end, |piece| {
            buffer[end..end + piece.len()].copy_from_slice(piece);
            end += piece.len();
        });
        self.unread = 0..end;
    }
}

impl Decode for Lent {
    fn take(&mut self, mut count: usize) {
        loop {
            let mut rest = &mut self.buffer[self.unread.clone()];
            while count > 0 {
                match self.connection.receive_ref(&mut rest).unwrap() {
                    Some(EventRef::Text(text)) => drop(black_box(text)),
                    Some(EventRef::Binary(payload)) => drop(black_box(payload)),
                    Some(_) => unreachable!(),
                    None => break,
                }
                count -= 1;
            }
            self.unread.start = self.unread.end - rest.len();
            if count == 0 {
                return;
            }
            self.read();
        }
    }
}
