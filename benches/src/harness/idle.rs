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
    let mut steps = args.steps.clone();
    let wanted = steps.iter().copied().max().context("no steps")?;
    let files = raise_file_limit(wanted as u64 + OTHER_FILES)?;
    let most = wanted.min(files.saturating_sub(OTHER_FILES) as usize);
    if most < wanted {
        println!(
            "no more than {most} connections: a process may have {files} files here (RLIMIT_NOFILE), \
             and raising that is not allowed\n"
        );
        steps.retain(|step| *step < most);
        steps.push(most);
    }
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
    for step in &steps {
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
        let kernel = now.kernel.saturating_sub(system_before.kernel);
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
pub(crate) struct System {
    pub(crate) available: u64,
    /// What the kernel has for its objects: sockets, files, and whatever else.
    kernel: u64,
    pub(crate) own: u64,
}

impl System {
    pub(crate) fn read() -> Result<Self> {
        let text = fs::read_to_string("/proc/meminfo")?;
        let field = |name| -> Result<u64> {
            let value = text
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|value| value.trim().strip_suffix(" kB"))
                .context(name)?;
            Ok(value.parse::<u64>()? * 1024)
        };
        let statm = fs::read_to_string("/proc/self/statm")?;
        let pages = statm.split(' ').nth(1).context("statm")?;
        Ok(Self {
            available: field("MemAvailable:")?,
            kernel: field("Slab:")?,
            own: pages.parse::<u64>()? * rustix::param::page_size() as u64,
        })
    }
}

/// Raises what this process and the servers that it starts may have, as far as that is allowed.
fn raise_file_limit(files: u64) -> Result<u64> {
    let (_, hard) = rlimit::Resource::NOFILE.get()?;
    if files <= hard || rlimit::Resource::NOFILE.set(files, files).is_err() {
        return Ok(hard);
    }
    Ok(files)
}
