//! Feeds a connection with the same bytes in two ways, which must come to the same.

use bytes::BytesMut;
use songi_websocket::{Connection, Event, Violation};

#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    violation: Option<Violation>,
    output: Vec<u8>,
}

/// The first byte of `data` says how long the pieces are.
pub fn check(data: &[u8], connection: impl Fn() -> Connection) {
    let Some((&piece, bytes)) = data.split_first() else {
        return;
    };
    let whole = run(connection(), bytes, usize::MAX);
    let pieces = run(connection(), bytes, usize::from(piece) + 1);
    assert_eq!(whole, pieces);
}

fn run(mut connection: Connection, bytes: &[u8], piece: usize) -> Outcome {
    let mut outcome = Outcome {
        events: Vec::new(),
        violation: None,
        output: Vec::new(),
    };
    let mut input = BytesMut::new();
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            match connection.receive(&mut input) {
                Ok(Some(event)) => outcome.events.push(event),
                Ok(None) => break,
                Err(violation) => {
                    assert!(outcome.violation.is_none_or(|before| before == violation));
                    outcome.violation = Some(violation);
                    break;
                }
            }
        }
        // A message that the end of a piece cuts waits for the next, once.
        assert!(input.len() <= piece.len() + 138);
    }
    while connection.queued() > 0 {
        let n = connection.queued().min(piece);
        let queued = connection.slices().collect::<Vec<_>>().concat();
        outcome.output.extend_from_slice(&queued[..n]);
        connection.transmitted(n);
    }
    outcome
}
