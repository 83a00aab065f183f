//! A server in a process of its own, and what the kernel knows of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{cpu, servers};

/// What the scheduler knows of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    /// On a CPU.
    pub(crate) cpu: Duration,
    /// On a CPU, or waiting for one that others had.
    pub(crate) runnable: Duration,
}

/// Ends with the value.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// All that it listens on.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Server {
    /// Starts a server on its core. The floor needs to know what it is to do, and with how many
    /// bytes of payload.
    pub(crate) fn start(name: &str, shape: &str, payload: usize, threads: usize) -> Result<Self> {
        let mut command = servers::command(name, threads)?;
        if name == "floor" {
            command.args(["--shape", shape, "--payload", &payload.to_string()]);
        }
        Self::spawn(cpu::pinned(&command))
    }

    /// Starts what prints its port, or several.
    pub(crate) fn spawn(mut command: Command) -> Result<Self> {
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let output = process.stdout.take().context("it is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ports = line.split_whitespace().map(str::parse::<u16>);
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let addresses: Vec<_> = ports.flatten().map(local).collect();
        let Some(address) = addresses.first().copied() else {
            let _ = process.kill();
            let _ = process.wait();
            anyhow::bail!("{command:?} did not say its port: {line}");
        };
        Ok(Self {
            process,
            address,
            addresses,
        })
    }

    /// Time of all its threads.
    pub(crate) fn times(&self) -> Result<Times> {
        let mut times = Times::default();
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let mut fields = text.split(' ').map(str::parse);
            let mut next = || -> Result<_> { Ok(fields.next().context("schedstat")??) };
            times.cpu += Duration::from_nanos(next()?);
            times.runnable += Duration::from_nanos(next()?);
        }
        times.runnable += times.cpu;
        Ok(times)
    }

    /// Whether all its threads wait.
    pub(crate) fn is_idle(&self) -> Result<bool> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = fs::read_to_string(thread?.path().join("stat"))?;
            // Behind the name, which is in brackets.
            let (_, fields) = text.rsplit_once(") ").context("stat")?;
            if !fields.starts_with('S') {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Time on a CPU, of all its threads.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        Ok(self.times()?.cpu)
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> Result<u64> {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.process.id()))?;
        let pages = statm.split(' ').nth(1).context("statm")?;
        Ok(pages.parse::<u64>()? * rustix::param::page_size() as u64)
    }

    /// Asks it to end, and waits: for a tool that writes what it has seen then.
    pub(crate) fn end(mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
