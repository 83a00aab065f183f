//! Songi's hottest operations, for `cargo xtask instructions`: `songi-instructions NAME COUNT` does
//! one of them so often, and nothing else that depends on the count. Without arguments it lists
//! them.

mod protocols;
mod server;

use std::env;

use anyhow::{Context, Result};

type Operation = fn(usize) -> Result<()>;

const OPERATIONS: &[(&str, Operation)] = &[
    (
        "websocket: decode 20 B of binary, lent",
        protocols::decode_binary_lent,
    ),
    (
        "websocket: decode 20 B of text, lent",
        protocols::decode_text_lent,
    ),
    (
        "websocket: decode 20 B of binary, owned",
        protocols::decode_binary_owned,
    ),
    (
        "websocket: decode 20 B of text, owned",
        protocols::decode_text_owned,
    ),
    ("websocket: encode 20 B", protocols::encode),
    (
        "websocket: queue and write what was prepared",
        protocols::prepared,
    ),
    ("engineio: a message in", protocols::session_in),
    ("engineio: a message out", protocols::session_out),
    ("socketio: decode an event", protocols::decode_event),
    ("socketio: encode an event", protocols::encode_event),
    ("socketio: encode an ack", protocols::encode_ack),
    ("server: an event and its ack", server::ack),
    (
        "server: a delivery of a broadcast to 100",
        server::broadcast,
    ),
];

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let Some(name) = args.next() else {
        for (name, _) in OPERATIONS {
            println!("{name}");
        }
        return Ok(());
    };
    let count = args.next().context("a count")?.parse()?;
    let operation = OPERATIONS.iter().find(|(known, _)| *known == name);
    let (_, operation) = operation.with_context(|| format!("no operation is called {name}"))?;
    operation(count)
}
