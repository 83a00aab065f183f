//! Latencies at half of the most that a server can do, with and without a client that does not read.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;
use songi_benches::words;
use songi_load::frame::{self, TEXT};
use songi_load::{Crowd, Pace, Report, RoundTrips};

use crate::cases::{Kind, Load};
use crate::server::Server;
use crate::{cpu, servers, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Servers, by name, separated by commas.
    #[arg(long, value_delimiter = ',', default_values = ["floor", "songi"])]
    servers: Vec<String>,
    /// Connections.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// The part of the most that a server can do.
    #[arg(long, default_value_t = 0.5)]
    part: f64,
    /// Seconds for each line.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    cpu::keep_for_load();
    println!(
        "{}; {} connections, {} % of the most, {} s\n",
        table::machine(),
        args.connections,
        args.part * 100.,
        args.seconds
    );
    println!("| server | a client that does not read | messages/s | p50 | p99 | p99.9 | longest |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    let load = Load::ack(20, args.connections, 1);
    for name in servers::picked(Kind::SocketIo, &args.servers) {
        let most = most(name, &load)?;
        for is_stalled in [false, true] {
            let report = measure(name, &load, most * args.part, is_stalled, args.seconds)?;
            let quantile = |quantile| {
                let nanoseconds = report.latency.value_at_quantile(quantile);
                table::number(nanoseconds as f64 / 1000.)
            };
            println!(
                "| {name} | {} | {} | {} µs | {} µs | {} µs | {} µs |",
                if is_stalled { "yes" } else { "no" },
                table::number(report.rate()),
                quantile(0.5),
                quantile(0.99),
                quantile(0.999),
                quantile(1.),
            );
        }
    }
    Ok(())
}

/// Answers a second in a closed loop.
fn most(name: &str, load: &Load) -> Result<f64> {
    let server = Server::start(name, "ack", load.payload, 1)?;
    let mut crowd = Crowd::open(load.target(&server), load.connections)?;
    let mut script = load.script();
    script.run(&mut crowd, Duration::from_millis(500))?;
    script.reset();
    script.run(&mut crowd, Duration::from_secs(2))?;
    Ok(script.report().rate())
}

fn measure(name: &str, load: &Load, rate: f64, is_stalled: bool, seconds: u64) -> Result<Report> {
    let server = Server::start(name, "ack", load.payload, 1)?;
    let stalled = is_stalled
        .then(|| Stalled::join(&server, load))
        .transpose()?;
    let mut crowd = Crowd::open(load.target(&server), load.connections)?;
    let pace = Pace::PerSecond { rate, in_flight: 8 };
    let mut script = RoundTrips::new(&load.exchange(), load.connections, pace);
    script.run(&mut crowd, Duration::from_secs(1))?;
    script.reset();
    // The client that does not read sends on all the while.
    for _ in 0..seconds * 10 {
        if let Some(stalled) = &stalled {
            stalled.push();
        }
        script.run(&mut crowd, Duration::from_millis(100))?;
    }
    Ok(script.report())
}

/// A client that asks for answers and reads none.
struct Stalled {
    stream: TcpStream,
    messages: Vec<u8>,
}

impl Stalled {
    fn join(server: &Server, load: &Load) -> Result<Self> {
        let mut stream = TcpStream::connect(server.address)?;
        stream.write_all(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
              Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )?;
        let mut buffer = [0; 4096];
        anyhow::ensure!(stream.read(&mut buffer)? > 0, "the server closed");
        stream.write_all(&frame::masked(TEXT, b"40"))?;
        anyhow::ensure!(stream.read(&mut buffer)? > 0, "the server closed");
        stream.set_nonblocking(true)?;
        let message = frame::masked(TEXT, words::echo(&words::text(load.payload)).as_bytes());
        let messages = message.repeat(1000);
        Ok(Self { stream, messages })
    }

    /// Sends until the server takes no more. The server may also have had enough of this client.
    fn push(&self) {
        let mut sent = 0;
        while sent < PUSHED {
            // A write that ended within a message would garble the next one.
            match (&self.stream).write(&self.messages) {
                Ok(length) if length == self.messages.len() => sent += length,
                Ok(_) => return,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return,
            }
        }
    }
}

/// Bytes that a client that does not read sends in a tenth of a second at most.
const PUSHED: usize = 4 << 20;
