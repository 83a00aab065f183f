//! RFC 7692, rule by rule.

mod messages;
mod negotiation;

use alloc::vec::Vec;

use bytes::BytesMut;

use super::*;
use crate::{Config, Connection, Event, Message, Violation};

const KEY: [u8; 4] = [1, 2, 3, 4];

fn all(config: DeflateConfig) -> DeflateConfig {
    config.threshold(0)
}

fn takeover() -> DeflateConfig {
    all(DeflateConfig::default())
        .server_takeover(true)
        .client_takeover(true)
}

fn no_takeover() -> DeflateConfig {
    all(DeflateConfig::default())
}

/// Both ends of a connection, agreed by a handshake of each one's own settings.
fn pair_of(
    server: DeflateConfig,
    client: DeflateConfig,
    config: Config,
) -> (Connection, Connection) {
    let offer = Agreed::offer(&Deflate::new(client));
    let (server, answer) = negotiation::accept(server, &offer).expect("acceptable");
    let client = negotiation::confirm(client, &answer).expect("an answer");
    let mut connections = (
        Connection::server(config),
        Connection::client(config, || KEY),
    );
    connections.0.set_deflate(Some(&server));
    connections.1.set_deflate(Some(&client));
    connections
}

fn pair(config: DeflateConfig) -> (Connection, Connection) {
    pair_of(config, config, Config::default())
}

/// The queued bytes, taken.
fn drain(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.slices().collect::<Vec<_>>().concat();
    connection.transmitted(bytes.len());
    bytes
}

/// The events of `bytes`, and the violation that ends them, which have to be the same in pieces
/// of any size.
fn feed(to: &mut Connection, bytes: &[u8], piece: usize) -> (Vec<Event>, Option<Violation>) {
    let (mut events, mut input) = (Vec::new(), BytesMut::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            match to.receive(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => return (events, Some(violation)),
            }
        }
    }
    (events, None)
}

/// Carries one message from end to end; returns its size on the wire.
fn carry(from: &mut Connection, to: &mut Connection, message: Message) -> usize {
    let expected = match &message {
        Message::Text(text) => Event::Text(text.clone()),
        Message::Binary(payload) => Event::Binary(payload.clone()),
        _ => unreachable!(),
    };
    from.send(message).unwrap();
    let bytes = drain(from);
    let (events, violation) = feed(to, &bytes, 1000);
    assert_eq!((events.as_slice(), violation), (&[expected][..], None));
    bytes.len()
}
