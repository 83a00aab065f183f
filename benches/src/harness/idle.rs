//! Idle Socket.IO connections with heartbeats, up to a million: what each costs.
//!
//! Where a process may not have as many files, threads with tables of their own share the connections,
//! on either side.

use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, unshare};
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

/// File descriptors of a process, or of one of its threads, besides those of connections.
const OTHER_FILES: usize = 512;

/// Addresses from which the clients of a thread come, and ports that each has for them: half of what
/// `ip_local_port_range` allows by default, as the kernel searches long for the other half.
const SOURCES: usize = 4;
const PORTS: usize = 14_000;

pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = args.steps.iter().copied().max().context("no steps")?;
    let files = raise_file_limit(wanted + OTHER_FILES)?;
    let each = files.saturating_sub(OTHER_FILES).min(SOURCES * PORTS);
    anyhow::ensure!(each > 0, "a process may have {files} files only");
    let parts = wanted.div_ceil(each);
    let sources = scripts::sources(u8::MAX);
    anyhow::ensure!(
        parts * SOURCES <= sources.len(),
        "{wanted} connections are more than the addresses that they may come from allow"
    );

    cpu::keep_for_load();
    let mut command = servers::command(&args.server, 1)?;
    command.args(["--ping", &args.ping.to_string()]);
    if parts > 1 {
        println!("{parts} threads on either side, each with {each} connections at most\n");
        command.args(["--file-tables", &parts.to_string()]);
    }
    let server = Server::spawn(cpu::pinned(&command))?;
    let addresses = server.addresses.iter().zip(sources.chunks(SOURCES));
    let parts: Vec<Part> = addresses
        .map(|(address, sources)| {
            let mut target = Target::socket_io(*address);
            target.sources = sources.to_vec();
            target.at_once = 64;
            Part::start(target)
        })
        .collect();
    // What comes with the first clients is not counted to the others.
    grow(&parts, parts.len())?;

    let server_before = server.memory()?;
    let system_before = System::read()?;
    println!(
        "| connections | server, each | sockets in the kernel, each, both ends | CPU for heartbeats, each | all memory left |"
    );
    println!("|---:|---:|---:|---:|---:|");
    for step in &args.steps {
        if let Err(error) = grow(&parts, *step) {
            println!("stopped on the way to {step} connections: {error}");
            break;
        }
        // All have been pinged once since the last of them came.
        let spent = server.cpu()?;
        let started = Instant::now();
        thread::sleep(Duration::from_secs(args.ping) + Duration::from_secs(5));
        let spent = server.cpu()? - spent;
        let beats = started.elapsed().as_secs_f64() / args.ping as f64 * *step as f64;
        // A client that was lost meanwhile is told of here.
        grow(&parts, *step)?;
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

/// A thread with clients of its own, which answer pings all the time.
struct Part {
    /// How many clients it is to have.
    orders: mpsc::Sender<usize>,
    done: mpsc::Receiver<Result<()>>,
}

impl Part {
    fn start(target: Target) -> Self {
        let (orders, wanted) = mpsc::channel();
        let (sender, done) = mpsc::channel();
        thread::spawn(move || {
            if let Err(error) = clients(target, &wanted, &sender) {
                let _ = sender.send(Err(error));
            }
        });
        Self { orders, done }
    }
}

/// Has as many clients as is ordered, and tells when they are there.
fn clients(
    target: Target,
    wanted: &mpsc::Receiver<usize>,
    done: &mpsc::Sender<Result<()>>,
) -> Result<()> {
    unshare(CloneFlags::CLONE_FILES)?;
    let mut crowd = Crowd::open(target, 0)?;
    loop {
        match wanted.try_recv() {
            Ok(wanted) => {
                while crowd.len() < wanted {
                    let left = System::read()?.available;
                    anyhow::ensure!(left > SPARE, "less than 1 GiB of memory is left");
                    crowd.grow(wanted.min(crowd.len() + 1000))?;
                }
                done.send(Ok(()))?;
            }
            Err(mpsc::TryRecvError::Empty) => crowd.idle(Duration::from_millis(100))?,
            Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

/// So many clients in all, shared out evenly.
fn grow(parts: &[Part], clients: usize) -> Result<()> {
    for (index, part) in parts.iter().enumerate() {
        let rest = usize::from(index < clients % parts.len());
        // One that has failed says why below.
        let _ = part.orders.send(clients / parts.len() + rest);
    }
    for part in parts {
        part.done.recv().context("a thread has ended")??;
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
fn raise_file_limit(wanted: usize) -> Result<usize> {
    let (_, hard) = rlimit::Resource::NOFILE.get()?;
    let files = wanted as u64;
    if files <= hard || rlimit::Resource::NOFILE.set(files, files).is_err() {
        return Ok(hard as usize);
    }
    Ok(wanted)
}
