//! Socket.IO servers over loopback TCP, each in a process of its own: `cargo bench --bench server`.
//!
//! A load generator with plain sockets and prepared bytes is the client. What is compared is the
//! CPU time that the server's process takes for a message, and the memory it keeps for a
//! connection. Rounds are interleaved, and the median of each server is shown. The JavaScript
//! server takes part when its packages are installed (`cargo xtask peers`).
//!
//! `SONGI_BENCH=ack16,idle` picks cases, `SONGI_SERVERS=songi` servers.

mod client;
mod load;
mod process;
mod servers;

use process::Server;
use songi_benches::{median, picked};

const ROUNDS: usize = 3;

type Measure = fn(&Server) -> f64;

/// Name, unit, and how it is measured.
const CASES: [(&str, &str, &str, Measure); 6] = [
    (
        "ack1",
        "event with ack, 100 connections, 1 in flight",
        "µs of CPU",
        |server| load::acks(server, 100, 1),
    ),
    (
        "ack16",
        "event with ack, 100 connections, 16 in flight",
        "µs of CPU",
        |server| load::acks(server, 100, 16),
    ),
    (
        "ack1k",
        "event with ack, 1,000 connections, 1 in flight",
        "µs of CPU",
        |server| load::acks(server, 1000, 1),
    ),
    (
        "broadcast",
        "broadcast to 1,000 connections, each delivery",
        "µs of CPU",
        |server| load::broadcasts(server, 1000),
    ),
    (
        "connect",
        "connect, join, event with ack, close",
        "µs of CPU",
        load::visits,
    ),
    (
        "idle",
        "10,000 idle connections, each",
        "KiB of memory",
        |server| load::idle(server, 10_000),
    ),
];

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("serve") {
        return servers::serve(&args.next().unwrap_or_default());
    }
    let servers = process::available();
    let servers = servers.iter().filter(|name| picked("SONGI_SERVERS", name));
    let servers: Vec<_> = servers.collect();
    for (name, what, unit, measure) in CASES {
        if !picked("SONGI_BENCH", name) {
            continue;
        }
        println!("\n{name}: {what}");
        let mut results = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for (server, results) in servers.iter().zip(&mut results) {
                results.push(measure(&Server::start(server)));
            }
        }
        let medians: Vec<_> = results.into_iter().map(median).collect();
        for (server, value) in servers.iter().zip(&medians) {
            let ratio = value / medians[0];
            println!("  {server:<14} {value:>8.2} {unit}, {ratio:>5.2} x the first");
        }
    }
}
