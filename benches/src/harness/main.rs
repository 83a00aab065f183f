//! Whole servers over loopback TCP: `cargo xtask bench-servers`.
//!
//! Each server is a process of its own on one core; the load comes from another. What is compared is
//! the CPU time that the server takes for a message, and the memory that it keeps for a connection.
//! Rounds are interleaved, and the median of each server is shown beside its ratio to the floor: a
//! bare epoll program that moves the same bytes.

mod callgrind;
mod cases;
mod cpu;
mod idle;
mod in_memory;
mod scaling;
mod scripts;
mod server;
mod servers;
mod table;
mod tail;
mod threads;
mod waves;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use cases::{CASES, Case, Kind};

/// Measures whole servers.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    mode: Option<Mode>,
    /// Cases, by name, separated by commas; `--list` shows them.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Servers, by name, separated by commas.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Threads of the servers in Rust.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Show the names of cases and servers.
    #[arg(long)]
    list: bool,
}

/// Other things to measure than the table's.
#[derive(Debug, Subcommand)]
enum Mode {
    /// Idle Socket.IO connections with heartbeats, and the memory of each.
    Idle(idle::Args),
    /// Idle connections of Songi's server without sockets, as many as memory holds.
    InMemory(in_memory::Args),
    /// Messages a second with one thread and with more.
    Threads(threads::Args),
    /// Latencies at half of the most that a server can do.
    Tail(tail::Args),
    /// The cost of a message by connections, rooms and payload.
    Scaling(scaling::Args),
}

fn main() -> Result<()> {
    let args = Args::parse();
    // As many connections as the system lets this process have.
    rlimit::increase_nofile_limit(u64::MAX)?;
    match args.mode {
        Some(Mode::Idle(args)) => return idle::run(&args),
        Some(Mode::InMemory(args)) => return in_memory::run(&args),
        Some(Mode::Threads(args)) => return threads::run(&args),
        Some(Mode::Tail(args)) => return tail::run(&args),
        Some(Mode::Scaling(args)) => return scaling::run(&args),
        None => {}
    }
    if args.list {
        for case in CASES {
            println!("{:<16} {}", case.name, case.title);
        }
        for kind in [Kind::Raw, Kind::SocketIo] {
            println!("{kind:?}: {}", servers::available(kind).join(", "));
        }
        return Ok(());
    }
    let cases = pick(&args.cases)?;
    cpu::keep_for_load();
    println!("{}", table::machine());
    for kind in [Kind::Raw, Kind::SocketIo] {
        let cases: Vec<_> = cases.iter().filter(|case| case.kind == kind).collect();
        let servers = servers::picked(kind, &args.servers);
        if cases.is_empty() || servers.is_empty() {
            continue;
        }
        let mut rows = Vec::new();
        for case in cases {
            rows.push((case.title, case.unit, measure(case, &servers, &args)));
        }
        println!("\n{}", table::markdown(&servers, &rows));
    }
    Ok(())
}

/// The medians of a case, in the order of the servers; `None` for one that cannot do it.
fn measure(case: &Case, servers: &[&'static str], args: &Args) -> Vec<Option<f64>> {
    let mut results = vec![Vec::new(); servers.len()];
    // A count of instructions is the same each time.
    let rounds = if case.is_count { 1 } else { args.rounds };
    for round in 1..=rounds {
        for (name, results) in servers.iter().zip(&mut results) {
            if !case.concerns(name) {
                continue;
            }
            match (case.measure)(name, args.threads) {
                Ok(measured) => {
                    let idle = measured.busy.filter(|busy| *busy < 0.85);
                    let note = idle.map_or(String::new(), |busy| {
                        format!(", only {:.0} % busy", busy * 100.)
                    });
                    let value = measured.value;
                    eprintln!("{} {round}/{rounds} {name}: {value:.3}{note}", case.name);
                    results.push(value);
                }
                Err(error) => eprintln!("{} {name}: {error:#}", case.name),
            }
        }
    }
    results.into_iter().map(table::median).collect()
}

fn pick(names: &[String]) -> Result<Vec<&'static Case>> {
    if names.is_empty() {
        return Ok(CASES.iter().collect());
    }
    let mut picked = Vec::new();
    for name in names {
        let before = picked.len();
        picked.extend(
            CASES
                .iter()
                .filter(|case| case.name == name || (case.is_count && name == "instructions")),
        );
        if picked.len() == before {
            bail!("no case is called {name}: --list shows them");
        }
    }
    Ok(picked)
}
