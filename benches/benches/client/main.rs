//! Socket.IO clients over loopback TCP, many in a process of their own: `cargo bench --bench client`.
//!
//! The server is Songi's, in another process. What is compared is the CPU time that the clients'
//! process takes for what a client does, and the memory it keeps for one. Each client has a
//! connection of its own, a WebSocket. Rounds are interleaved, and the median of each is shown.
//!
//! The JavaScript client takes part when its packages are installed (`cargo xtask peers`), and
//! rust_socketio with `--features rust_socketio`, which needs OpenSSL's headers (Debian:
//! libssl-dev, pkg-config).
//!
//! `SONGI_BENCH=ack,idle` picks cases, `SONGI_CLIENTS=songi` clients.

mod clients;
mod crowd;

use crowd::Crowd;
use songi_benches::{median, packages, picked};

const ROUNDS: usize = 3;

/// Clients in one process.
const CLIENTS: usize = 1000;

type Measure = fn(&str) -> f64;

/// Name, unit, and how it is measured.
const CASES: [(&str, &str, &str, Measure); 4] = [
    (
        "idle",
        "1,000 clients that are connected, each",
        "KiB of memory",
        |name| crowd::idle(name, CLIENTS),
    ),
    (
        "connect",
        "connect and join, 1,000 clients, each",
        "µs of CPU",
        |name| crowd::connecting(name, CLIENTS),
    ),
    (
        "ack",
        "event with ack, 1,000 clients, 1 in flight each",
        "µs of CPU",
        |name| crowd::acks(name, CLIENTS),
    ),
    (
        "receive",
        "event to all of 1,000 clients, each that is received",
        "µs of CPU",
        |name| crowd::events(name, CLIENTS),
    ),
];

fn main() {
    let mut args = std::env::args().skip(1);
    let first = args.next().unwrap_or_default();
    let mut next = || args.next().unwrap_or_default();
    match first.as_str() {
        "serve" => return clients::serve(),
        "be" => return clients::be(&next(), &next()),
        _ => {}
    }
    let mut names = vec!["songi"];
    if cfg!(feature = "rust_socketio") {
        names.push("rust_socketio");
    }
    if packages().join("node_modules/socket.io-client").exists() {
        names.push(Crowd::JAVASCRIPT);
    }
    names.retain(|name| picked("SONGI_CLIENTS", name));
    for (name, what, unit, measure) in CASES {
        if !picked("SONGI_BENCH", name) {
            continue;
        }
        println!("\n{name}: {what}");
        let mut results = vec![Vec::new(); names.len()];
        for _ in 0..ROUNDS {
            for (client, results) in names.iter().zip(&mut results) {
                results.push(measure(client));
            }
        }
        let medians: Vec<_> = results.into_iter().map(median).collect();
        for (client, value) in names.iter().zip(&medians) {
            let ratio = value / medians[0];
            println!("  {client:<16} {value:>8.2} {unit}, {ratio:>5.2} x the first");
        }
    }
}
