//! Idle Socket.IO connections with heartbeats, up to a million: what each costs.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use songi_load::{Crowd, Target};

use crate::server::Server;
use crate::{cpu, scripts, servers};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Steps at which memory is looked at, the last being the number of connections.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 25_000, 50_000, 100_000])]
    steps: Vec<usize>,
    /// Seconds between two pings of the server, which also are its patience for the pong.
    #[arg(long, default_value_t = 25)]
    ping: u64,
    /// The server.
    #[arg(long, default_value = "songi")]
    server: String,
}

/// Ports that one address has to connect from (`ip_local_port_range`).
const PORTS: usize = 25_000;

/// File descriptors besides those of connections.
const OTHER_FILES: u64 = 64;

pub(crate) fn run(args: &Args) -> Result<()> {
    let most = args.steps.iter().copied().max().context("no steps")?;
    raise_file_limit(most as u64 + OTHER_FILES)?;
    cpu::keep_for_load();
    let mut command = servers::command(&args.server, 1)?;
    command.args(["--ping", &args.ping.to_string()]);
    let server = Server::spawn(cpu::pinned(&command))?;

    let mut target = Target::socket_io(server.address);
    let addresses = most.div_ceil(PORTS);
    target.sources = scripts::sources(u8::try_from(addresses).context("more than 255 addresses")?);
    target.at_once = 256;
    let mut crowd = Crowd::open(target, 0)?;
    crowd.grow(10)?;
    let server_before = server.memory()?;
    let system_before = System::read()?;
    println!(
        "| connections | server, each | sockets in the kernel, each, both ends | CPU for heartbeats, each | all memory left |"
    );
    println!("|---:|---:|---:|---:|---:|");
    for step in &args.steps {
        if let Err(error) = grow(&mut crowd, *step) {
            println!("stopped at {} connections: {error}", crowd.len());
            break;
        }
        // All have been pinged once since the last of them came.
        let spent = server.cpu()?;
        let started = Instant::now();
        crowd.idle(Duration::from_secs(args.ping) + Duration::from_secs(5))?;
        let spent = server.cpu()? - spent;
        let beats = started.elapsed().as_secs_f64() / args.ping as f64 * *step as f64;
        let now = System::read()?;
        let server = server.memory()?.saturating_sub(server_before);
        let kernel = system_before.available.saturating_sub(now.available);
        let kernel = kernel
            .saturating_sub(server)
            .saturating_sub(now.own - system_before.own);
        let each = |bytes: u64| bytes as f64 / 1024. / *step as f64;
        println!(
            "| {step} | {:.2} KiB | {:.2} KiB | {:.2} µs | {:.1} GiB |",
            each(server),
            each(kernel),
            spent.as_secs_f64() * 1e6 / beats,
            now.available as f64 / f64::from(1 << 30),
        );
    }
    Ok(())
}

/// Grows by steps, so that heartbeats are answered and memory is looked at meanwhile.
fn grow(crowd: &mut Crowd, clients: usize) -> Result<()> {
    const AT_ONCE: usize = 1000;
    while crowd.len() < clients {
        crowd.grow(clients.min(crowd.len() + AT_ONCE))?;
        let left = System::read()?.available;
        anyhow::ensure!(left > SPARE, "less than 1 GiB of memory is left");
    }
    Ok(())
}

/// So much memory is left to others, in bytes.
const SPARE: u64 = 1 << 30;

/// Memory of the machine and of this process, in bytes.
struct System {
    available: u64,
    own: u64,
}

impl System {
    fn read() -> Result<Self> {
        let text = fs::read_to_string("/proc/meminfo")?;
        let available = text
            .lines()
            .find_map(|line| line.strip_prefix("MemAvailable:"))
            .and_then(|value| value.trim().strip_suffix(" kB"))
            .context("MemAvailable")?;
        let statm = fs::read_to_string("/proc/self/statm")?;
        let pages = statm.split(' ').nth(1).context("statm")?;
        Ok(Self {
            available: available.parse::<u64>()? * 1024,
            own: pages.parse::<u64>()? * rustix::param::page_size() as u64,
        })
    }
}

/// For this process and the servers that it starts.
fn raise_file_limit(files: u64) -> Result<()> {
    let (_, hard) = rlimit::Resource::NOFILE.get()?;
    if files <= hard {
        return Ok(());
    }
    rlimit::Resource::NOFILE.set(files, files).with_context(|| {
        format!(
            "{files} file descriptors are needed, and {hard} allowed: root may raise that up to \
             /proc/sys/fs/nr_open"
        )
    })
}
