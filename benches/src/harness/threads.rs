//! Messages a second with one thread and with more.
//!
//! The load shares the cores with a server of several threads, so that what is printed beside the
//! rate, the time on a CPU for a message, tells more about the server than the rate itself. Then come
//! waves, in which the load has next to nothing to do.

use std::time::{Duration, Instant};

use anyhow::Result;
use songi_load::Crowd;

use crate::cases::{Kind, Load};
use crate::server::Server;
use crate::waves::{self, Wave};
use crate::{servers, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Servers, by name, separated by commas; songi and socketioxide unless told otherwise.
    #[arg(long, value_delimiter = ',', default_values = ["songi", "socketioxide"])]
    servers: Vec<String>,
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    threads: Vec<usize>,
    /// Connections.
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// Messages in flight on each.
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
    /// Acks that each client asks for in a wave. socketioxide's queue takes 128 packets for a client.
    #[arg(long, default_value_t = 100)]
    at_once: usize,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    println!("{}, no core is set aside for the load\n", table::machine());
    println!("| server | threads | acks/s | CPU for an ack, server | the same, load |");
    println!("|---|---:|---:|---:|---:|");
    for name in servers::picked(Kind::SocketIo, &args.servers) {
        for threads in &args.threads {
            let mut rounds = Vec::new();
            for _ in 0..args.rounds {
                rounds.push(measure(name, *threads, args)?);
            }
            let column = |pick: fn(&Round) -> f64| {
                let value = table::median(rounds.iter().map(pick).collect());
                table::number(value.unwrap_or_default())
            };
            println!(
                "| {name} | {threads} | {} | {} µs | {} µs |",
                column(|round| round.rate),
                column(|round| round.server),
                column(|round| round.load),
            );
        }
    }
    println!("\nAll at once, with a load that sleeps until it is done\n");
    println!("| server | what | threads | time | CPU for each |");
    println!("|---|---|---:|---:|---:|");
    let mut servers = servers::picked(Kind::SocketIo, &args.servers);
    // It knows of one thread, and of no waves.
    servers.retain(|name| *name != "floor");
    for name in servers {
        for wave in [Wave::acks(args.at_once), Wave::broadcast()] {
            for threads in &args.threads {
                let mut rounds = Vec::new();
                for _ in 0..args.rounds {
                    rounds.push(wave.measure(name, *threads)?);
                }
                let column = |pick: fn(&waves::Measured) -> Duration| {
                    let values = rounds.iter().map(|round| pick(round).as_secs_f64() * 1e6);
                    table::median(values.collect()).unwrap_or_default()
                };
                println!(
                    "| {name} | {} | {threads} | {} ms | {} µs |",
                    wave.name,
                    table::number(column(|round| round.elapsed) / 1e3),
                    table::number(column(|round| round.cpu)),
                );
            }
        }
    }
    Ok(())
}

struct Round {
    rate: f64,
    server: f64,
    load: f64,
}

fn measure(name: &str, threads: usize, args: &Args) -> Result<Round> {
    let mut command = servers::command(name, threads)?;
    if name == "floor" {
        command.args(["--shape", "ack"]);
    }
    let server = Server::spawn(command)?;
    let load = Load::ack(20, args.connections, args.in_flight);
    let mut crowd = Crowd::open(load.target(&server), load.connections)?;
    let mut script = load.script();
    script.run(&mut crowd, Duration::from_millis(500))?;
    script.reset();
    let before = (server.cpu()?, own_cpu());
    let started = Instant::now();
    script.run(&mut crowd, Duration::from_secs(2))?;
    let elapsed = started.elapsed();
    let after = (server.cpu()?, own_cpu());
    let answers = script.report().answers as f64;
    Ok(Round {
        rate: answers / elapsed.as_secs_f64(),
        server: (after.0 - before.0).as_secs_f64() * 1e6 / answers,
        load: (after.1 - before.1).as_secs_f64() * 1e6 / answers,
    })
}

/// Time of this process on a CPU.
pub(crate) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
