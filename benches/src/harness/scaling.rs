//! The cost of a message by connections, rooms and payload.

use std::time::Duration;

use anyhow::Result;
use songi_benches::words;
use songi_load::frame::TEXT;
use songi_load::{Crowd, LoadError, Outgoing, Script, Target};

use crate::cases::{self, Kind, Load};
use crate::scripts::Broadcast;
use crate::server::Server;
use crate::{cpu, servers, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Servers, by name, separated by commas.
    #[arg(long, value_delimiter = ',', default_values = ["songi", "socketioxide"])]
    servers: Vec<String>,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Numbers of connections, for an event and its ack.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1000, 10_000])]
    connections: Vec<usize>,
    /// Bytes of text, for an event and its ack over 100 connections.
    #[arg(long, value_delimiter = ',', default_values_t = [20, 200, 2_000, 20_000, 200_000])]
    payloads: Vec<usize>,
    /// Numbers of rooms, each with ten of as many sockets, for an event to one room: each socket is
    /// in ten rooms.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    rooms: Vec<usize>,
}

type Measure = fn(&str, usize) -> Result<f64>;

/// Members of a room.
const MEMBERS: usize = 10;

pub(crate) fn run(args: &Args) -> Result<()> {
    cpu::keep_for_load();
    println!("{}", table::machine());
    let series: [(&str, &[usize], Measure); 3] = [
        (
            "event and ack, by connections",
            &args.connections,
            |name, connections| {
                let load = Load::ack(20, connections, 1);
                Ok(cases::cpu(&Server::start(name, "ack", 20, 1)?, &load)?.value)
            },
        ),
        (
            "event and ack, by bytes of text",
            &args.payloads,
            |name, payload| {
                let load = Load::ack(payload, 100, 1);
                Ok(cases::cpu(&Server::start(name, "ack", payload, 1)?, &load)?.value)
            },
        ),
        ("delivery to one of so many rooms", &args.rooms, rooms),
    ];
    let servers = servers::picked(Kind::SocketIo, &args.servers);
    for (title, steps, measure) in series {
        println!("\n| {title}, µs | {} |", servers.join(" | "));
        println!("|---:|{}", "---:|".repeat(servers.len()));
        for step in steps {
            let mut row = format!("| {step} |");
            for name in &servers {
                let rounds = (0..args.rounds).map(|_| measure(name, *step));
                let rounds = rounds.collect::<Result<Vec<_>>>()?;
                let value = table::median(rounds).unwrap_or_default();
                row.push_str(&format!(" {} |", table::number(value)));
            }
            println!("{row}");
        }
    }
    Ok(())
}

/// Waits until the server has acknowledged so many joins.
struct Joined(usize);

impl Script for Joined {
    fn message(&mut self, _: usize, payload: &[u8]) {
        self.0 -= usize::from(payload.starts_with(b"43"));
    }
}

/// CPU for a delivery, when there are so many rooms and sockets, and each socket is in ten rooms.
fn rooms(name: &str, rooms: usize) -> Result<f64> {
    let server = Server::start(name, "ack", 20, 1)?;
    let mut crowd = Crowd::open(Target::socket_io(server.address), rooms)?;
    let mut joined = Joined(0);
    for room in 0..rooms {
        for member in 0..MEMBERS {
            let packet = words::join(&format!("room {room}"));
            let message = Outgoing::new(TEXT, packet.as_bytes());
            crowd.send((room + member) % rooms, &message)?;
            joined.0 += 1;
        }
        while joined.0 > 0 {
            crowd.turn(Some(Duration::from_millis(100)), &mut joined)?;
        }
    }
    let packet = words::room("room 0", &words::text(20));
    let mut script = Broadcast::new(&packet, MEMBERS);
    let run = |duration| -> Result<u64, LoadError> { script.run(&mut crowd, duration) };
    Ok(cases::per(&server, run)?.value)
}
