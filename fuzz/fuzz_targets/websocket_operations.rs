//! Both ends of a connection, and whatever is done with them: what was sent arrives, once, in
//! order and whole, however the bytes travel.
#![no_main]

use std::{collections::VecDeque, time::Duration};

use arbitrary::Arbitrary;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use songi_websocket::{
    CloseCode, Config, Connection, ControlPayload, Event, Message, SendError, Step,
};

#[path = "support/pair.rs"]
mod pair;

#[derive(Debug, Arbitrary)]
struct Plan {
    settings: [u8; 3],
    compressed: bool,
    chunks: bool,
    operations: Vec<(bool, Operation)>,
}

#[derive(Debug, Arbitrary)]
enum Operation {
    Text(String),
    Binary(Vec<u8>),
    Repeated(u8, u16),
    Uncompressed(Vec<u8>),
    Parts(Vec<Vec<u8>>),
    Ping(u8),
    Close,
    /// Carries so many bytes of what this side has queued.
    Carry(u16),
    /// Hands so many bytes of what has been carried to this side.
    Receive(u16),
    Wait(u16),
}

struct End {
    connection: Connection,
    /// On the way to this end.
    wire: Vec<u8>,
    input: BytesMut,
    /// What the other end has sent.
    expected: VecDeque<Vec<u8>>,
    partial: Vec<u8>,
    closed: bool,
}

impl End {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            wire: Vec::new(),
            input: BytesMut::new(),
            expected: VecDeque::new(),
            partial: Vec::new(),
            closed: false,
        }
    }

    fn receive(&mut self, n: usize) {
        let n = n.min(self.wire.len());
        self.input.extend(self.wire.drain(..n));
        while let Some(event) = self
            .connection
            .receive(&mut self.input)
            .expect("a correct peer")
        {
            assert!(!self.closed);
            let (part, last) = match event {
                Event::Text(text) => (text.as_bytes().to_vec(), true),
                Event::Binary(payload) => (payload.to_vec(), true),
                Event::TextChunk { text, last } => (text.as_bytes().to_vec(), last),
                Event::BinaryChunk { payload, last } => (payload.to_vec(), last),
                Event::Close(_) => {
                    self.closed = true;
                    continue;
                }
                _ => continue,
            };
            self.partial.extend(part);
            if last {
                let whole = std::mem::take(&mut self.partial);
                assert_eq!(Some(whole), self.expected.pop_front());
            }
        }
    }
}

fn send(from: &mut End, to: &mut End, message: Message, compress: bool) {
    let payload = match &message {
        Message::Text(text) => text.as_bytes().to_vec(),
        Message::Binary(payload) => payload.to_vec(),
        _ => unreachable!(),
    };
    let sent = if compress {
        from.connection.send(message)
    } else {
        from.connection.send_uncompressed(message)
    };
    match sent {
        Ok(()) => to.expected.push_back(payload),
        Err(SendError::Full { .. }) => assert!(from.connection.queued() > 0),
        Err(error) => assert!(!from.connection.is_open(), "{error}"),
    }
}

fn carry(from: &mut End, to: &mut End, n: usize) {
    let queued = from.connection.slices().collect::<Vec<_>>().concat();
    let n = n.min(queued.len());
    to.wire.extend_from_slice(&queued[..n]);
    from.connection.transmitted(n);
}

fuzz_target!(|plan: Plan| {
    let config = Config::default()
        .queue_limit(100_000)
        .chunks(plan.chunks)
        .heartbeat(Duration::from_secs(20), Duration::from_secs(10));
    let (server, client) = if plan.compressed {
        pair::pair(config, pair::settings(plan.settings))
    } else {
        (
            Connection::server(config),
            Connection::client(config, || [1, 2, 3, 4]),
        )
    };
    let (mut server, mut client) = (End::new(server), End::new(client));
    let mut now = Duration::ZERO;

    for (by_server, operation) in plan.operations {
        let (one, other) = if by_server {
            (&mut server, &mut client)
        } else {
            (&mut client, &mut server)
        };
        match operation {
            Operation::Text(text) => send(one, other, Message::text(text), true),
            Operation::Binary(payload) => send(one, other, Message::binary(payload), true),
            Operation::Repeated(byte, n) => {
                send(one, other, Message::binary(vec![byte; n.into()]), true);
            }
            Operation::Uncompressed(payload) => {
                send(one, other, Message::binary(payload), false);
            }
            Operation::Parts(parts) => {
                // All or nothing, so that no part is refused by a full queue.
                let total: usize = parts.iter().map(|part| 100 + 2 * part.len()).sum();
                if !one.connection.is_open() || one.connection.queued() + total > 90_000 {
                    continue;
                }
                let Some(last) = parts.len().checked_sub(1) else {
                    continue;
                };
                other.expected.push_back(parts.concat());
                for (index, part) in parts.into_iter().enumerate() {
                    let part = Message::binary(part);
                    one.connection.send_chunk(part, index == last).unwrap();
                    let ping = ControlPayload::new(vec![0; index % 126]).unwrap();
                    let _ = one.connection.send(Message::Ping(ping));
                    if index != last {
                        let between = one.connection.send(Message::text("no"));
                        assert!(matches!(between, Err(SendError::Interleaved { .. })));
                    }
                }
            }
            Operation::Ping(len) => {
                let ping = ControlPayload::new(vec![0; usize::from(len % 126)]).unwrap();
                let _ = one.connection.send(Message::Ping(ping));
            }
            Operation::Close => one.connection.close(Some(CloseCode::NORMAL.into())),
            Operation::Carry(n) => carry(one, other, n.into()),
            Operation::Receive(n) => one.receive(n.into()),
            Operation::Wait(millis) => {
                now += Duration::from_millis(millis.into());
                one.connection.handle_timeout(now);
            }
        }
        let _ = (one.connection.next_step(), one.connection.poll_timeout());
    }

    // Carried to the end, everything has arrived that was sent before a Close frame.
    for _ in 0..4 {
        carry(&mut server, &mut client, usize::MAX);
        carry(&mut client, &mut server, usize::MAX);
        server.receive(usize::MAX);
        client.receive(usize::MAX);
    }
    for end in [&server, &client] {
        assert!(end.expected.is_empty() || end.closed || end.connection.next_step() == Step::Abort);
        assert!(end.partial.is_empty() || end.closed);
    }
});
