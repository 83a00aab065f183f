//! Songi's connection, driven as songi-tokio does it.

use std::{hint::black_box, io::IoSlice, ops::Range};

use bytes::{Bytes, BytesMut};
use songi_websocket::{Config, Connection, Event, EventRef, FastStr, Message};

use crate::{
    frames::{Decode, Encode, Kind},
    stream::{Memory, READ},
};

/// Room behind what one read takes, for the rest of a message that its end cuts.
const SPARE: usize = 16 * 1024;

/// The start of a message up to this size is moved rather than that its rest is read alone.
const MOVE_MAX: usize = 4096;

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
    /// Reads into what the unread start of a message leaves free; the rest of a large one alone,
    /// so that it need not be moved.
    fn read(&mut self) {
        let missing = self.connection.missing();
        let buffer = &mut self.buffer;
        let unread = buffer.len();
        let size = if missing > 0 && unread > MOVE_MAX {
            buffer.reserve(missing);
            missing
        } else {
            let size = READ.max(unread + missing) - unread;
            buffer.reserve(size + SPARE);
            size
        };
        self.stream
            .take(size, |piece| buffer.extend_from_slice(piece));
    }
}

impl Decode for Owned {
    fn take(&mut self, mut count: usize) {
        while count > 0 {
            match &self.connection.receive(&mut self.buffer) {
                Ok(Some(Event::Text(text))) => black_box(text.as_bytes()),
                Ok(Some(Event::Binary(payload))) => black_box(&payload[..]),
                Ok(None) => {
                    self.read();
                    continue;
                }
                other => unreachable!("{other:?}"),
            };
            count -= 1;
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
                match self.connection.receive_ref(&mut rest) {
                    Ok(Some(EventRef::Text(text))) => black_box(text.as_bytes()),
                    Ok(Some(EventRef::Binary(payload))) => black_box(&payload[..]),
                    Ok(None) => break,
                    other => unreachable!("{other:?}"),
                };
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
