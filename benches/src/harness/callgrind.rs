//! Instructions in user space for a message, as valgrind counts them.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use songi_load::LoadError;

use crate::cases::Measured;
use crate::server::Server;
use crate::{cpu, servers};

/// Two runs differ by so many messages: what the server does once is in both.
const FEW: u64 = 2_000;
const MANY: u64 = 12_000;

pub(crate) fn can_count(name: &str) -> bool {
    servers::is_compiled(name)
}

pub(crate) fn count(
    name: &str,
    shape: &str,
    load: impl Fn(&Server, u64) -> Result<(), LoadError>,
) -> Result<Measured> {
    let few = total(name, shape, |server| load(server, FEW))?;
    let many = total(name, shape, |server| load(server, MANY))?;
    Ok(Measured {
        value: many.saturating_sub(few) as f64 / (MANY - FEW) as f64,
        busy: None,
    })
}

fn total(name: &str, shape: &str, load: impl Fn(&Server) -> Result<(), LoadError>) -> Result<u64> {
    let file = std::env::temp_dir().join(format!("songi-callgrind-{}", std::process::id()));
    let served = servers::command(name, 1)?;
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(served.get_program())
        .args(served.get_args());
    if name == "floor" {
        command.args(["--shape", shape]);
    }
    let server = Server::spawn(cpu::pinned(&command))?;
    load(&server)?;
    server.end()?;
    let text = fs::read_to_string(&file).context("callgrind wrote nothing")?;
    fs::remove_file(&file)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("callgrind's total")?.trim().parse()?)
}
