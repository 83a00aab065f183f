//! K15: a connection takes its calls in any order, from any peer: none panics, and what is over
//! stays over.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::time::Duration;

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*};
use songi_websocket::{
    CloseCode, Config, Connection, ControlPayload, Message, Prepared, Step, Violation,
};

#[derive(Debug, Clone)]
enum Call {
    Send(Vec<u8>),
    Part {
        text: bool,
        last: bool,
    },
    Prepared(usize),
    Ping,
    Close(bool),
    Receive(Vec<u8>),
    ReceiveRef(Vec<u8>),
    Eof,
    Transmit(usize),
    /// Whether or not so many bytes are queued.
    Transmitted(usize),
    /// Forwards and backwards.
    Time(u64),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => vec(any::<u8>(), 0..2000).prop_map(Call::Send),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(text, last)| Call::Part { text, last }),
        1 => (0..2000_usize).prop_map(Call::Prepared),
        2 => Just(Call::Ping),
        1 => any::<bool>().prop_map(Call::Close),
        8 => input().prop_map(Call::Receive),
        8 => input().prop_map(Call::ReceiveRef),
        1 => Just(Call::Eof),
        3 => (0..5_usize).prop_map(Call::Transmit),
        3 => (0..5000_usize).prop_map(Call::Transmitted),
        3 => (0..120_000_u64).prop_map(Call::Time),
    ]
}

/// Mostly frames: of either role, so that one of the two refuses them.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        4 => vec(b'a'..=b'z', 0..126),
        1 => Just(vec![3, 232]),
        1 => vec(any::<u8>(), 0..126),
    ];
    let frame = (first, payload, any::<bool>()).prop_map(|(first, payload, masked)| {
        let mut frame = vec![first, payload.len() as u8];
        if masked {
            frame[1] |= 0x80;
            frame.extend([0; 4]);
        }
        frame.extend(payload);
        frame
    });
    let garbage = vec(any::<u8>(), 0..10);
    prop_oneof![9 => frame, 1 => garbage]
}

/// A connection, and what is known to be final about it.
struct Watched {
    connection: Connection,
    input: BytesMut,
    open: bool,
    ended: bool,
    violation: Option<Violation>,
}

impl Watched {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            input: BytesMut::new(),
            open: true,
            ended: false,
            violation: None,
        }
    }

    fn call(&mut self, call: Call) {
        let connection = &mut self.connection;
        match call {
            Call::Send(payload) => self.sent(|to| to.send(Message::binary(payload)).is_ok()),
            Call::Part { text, last } => self.sent(|to| {
                let part = match text {
                    true => Message::text("part"),
                    false => Message::binary("part"),
                };
                to.send_chunk(part, last).is_ok()
            }),
            Call::Prepared(size) => self.sent(|to| {
                let prepared = Prepared::binary(vec![7; size]);
                to.send_prepared(&prepared).is_ok()
            }),
            Call::Ping => self.sent(|to| {
                let ping = ControlPayload::new("ping").unwrap();
                to.send(Message::Ping(ping)).is_ok()
            }),
            Call::Close(code) => connection.close(code.then(|| CloseCode::AWAY.into())),
            Call::Receive(bytes) => {
                self.input.extend_from_slice(&bytes);
                let received = loop {
                    match connection.receive(&mut self.input) {
                        Ok(Some(_)) => {}
                        Ok(None) => break Ok(()),
                        Err(violation) => break Err(violation),
                    }
                };
                self.received(received);
            }
            Call::ReceiveRef(bytes) => {
                self.input.extend_from_slice(&bytes);
                let mut input = std::mem::take(&mut self.input);
                let mut rest = &mut input[..];
                let received = loop {
                    match connection.receive_ref(&mut rest) {
                        Ok(Some(_)) => {}
                        Ok(None) => break Ok(()),
                        Err(violation) => break Err(violation),
                    }
                };
                self.input = BytesMut::from(&*rest);
                self.received(received);
            }
            // Whether it is abnormal is told by other tests.
            Call::Eof => drop(connection.receive_eof()),
            Call::Transmit(slices) => {
                let shown: usize = connection.slices().take(slices).map(<[u8]>::len).sum();
                assert!(shown <= connection.queued());
            }
            Call::Transmitted(n) => {
                let queued = connection.queued();
                connection.transmitted(n);
                // What was kept back (a pong) may take the place of what was written.
                assert!(connection.queued() <= queued.saturating_sub(n) + 131);
            }
            Call::Time(millis) => connection.handle_timeout(Duration::from_millis(millis)),
        }
        self.check();
    }

    /// A message passes only while the connection is open, and leaves nothing behind otherwise.
    fn sent(&mut self, send: impl FnOnce(&mut Connection) -> bool) {
        let before = self.connection.queued();
        if send(&mut self.connection) {
            assert!(self.open, "sent after closing");
        } else {
            assert_eq!(self.connection.queued(), before);
        }
    }

    /// A violation is the answer to all later input.
    fn received(&mut self, received: Result<(), Violation>) {
        if let Some(violation) = self.violation {
            assert_eq!(received, Err(violation));
        }
        self.violation = received.err();
    }

    fn check(&mut self) {
        let open = self.connection.is_open();
        assert!(self.open || !open, "open again");
        self.open = open;
        // What was to be aborted may come to an orderly end if one goes on with it.
        let ended = matches!(self.connection.next_step(), Step::Close | Step::Abort);
        assert!(!self.ended || ended, "not over");
        self.ended = ended;
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_ends_are_final(calls in vec(call(), 0..60)) {
        let config = Config::default()
            .queue_limit(10_000)
            .heartbeat(Duration::from_secs(20), Duration::from_secs(10));
        for connection in [
            Connection::server(config),
            Connection::client(config, || [0; 4]),
            Connection::server(config.chunks(true)),
        ] {
            let mut watched = Watched::new(connection);
            for call in calls.clone() {
                watched.call(call);
            }
        }
    }
}
