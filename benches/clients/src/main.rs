//! Socket.IO clients over loopback TCP, a thousand in one process: `cargo xtask bench-clients`.
//!
//! The server is Songi's, in another process. What is compared is the CPU time that the clients'
//! process takes for what a client does, and the memory that it keeps for one. Each client has a
//! connection of its own, a WebSocket. Rounds are interleaved, and the median of each is shown.
//!
//! The JavaScript client takes part when its packages are installed (`cargo xtask peers`).

mod clients;
mod crowd;
mod process;

use clap::{Parser, Subcommand};

use crowd::Crowd;

/// Measures clients.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Cases, by name, separated by commas: idle, connect, ack, receive.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Kinds of clients, by name, separated by commas: songi, rust_socketio, socket.io-client.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Clients in one process.
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// What another process of this program is.
#[derive(Debug, Subcommand)]
enum Part {
    /// The server; it prints its port.
    Serve,
    /// The clients, which do what standard input says.
    Be { kind: String, url: String },
}

type Measure = fn(&str, usize) -> f64;

/// Name, title, unit, and how it is measured.
const CASES: [(&str, &str, &str, Measure); 4] = [
    ("idle", "a client that is connected", "KiB", crowd::idle),
    ("connect", "connect and join", "µs", crowd::connecting),
    ("ack", "event with ack, 1 in flight each", "µs", crowd::acks),
    ("receive", "event that is received", "µs", crowd::events),
];

fn main() {
    let args = Args::parse();
    // As many connections as the system lets a process have.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match args.part {
        Some(Part::Serve) => return clients::serve(),
        Some(Part::Be { kind, url }) => return clients::be(&kind, &url),
        None => {}
    }
    let kinds = kinds(&args.kinds);
    println!("{} clients\n", args.clients);
    println!("| | unit | {} |", kinds.join(" | "));
    println!("|---|---|{}", "---:|".repeat(kinds.len()));
    for (name, title, unit, measure) in CASES {
        if !args.cases.is_empty() && !args.cases.iter().any(|case| case == name) {
            continue;
        }
        let mut results = vec![Vec::new(); kinds.len()];
        for round in 1..=args.rounds {
            for (kind, results) in kinds.iter().zip(&mut results) {
                let value = measure(kind, args.clients);
                eprintln!("{name} {round}/{} {kind}: {value:.2}", args.rounds);
                results.push(value);
            }
        }
        let medians: Vec<_> = results.into_iter().map(median).collect();
        let first = medians.first().copied().unwrap_or_default();
        let cells = medians
            .iter()
            .map(|value| format!("{value:.1} ({:.2})", value / first));
        println!(
            "| {title} | {unit} | {} |",
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
}

/// Those that can take part here, or those of them that were asked for.
fn kinds(asked: &[String]) -> Vec<&'static str> {
    let mut kinds = vec!["songi"];
    if cfg!(feature = "rust_socketio") {
        kinds.push("rust_socketio");
    }
    if process::packages()
        .join("node_modules/socket.io-client")
        .exists()
    {
        kinds.push(Crowd::JAVASCRIPT);
    }
    kinds.retain(|kind| asked.is_empty() || asked.iter().any(|asked| asked == kind));
    kinds
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
