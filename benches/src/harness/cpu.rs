//! Which core does what: the server has the first, the load the second.

use std::process::Command;

use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of the server, as `taskset` reads it.
const SERVER: &str = "0";

/// The core of the load.
const LOAD: usize = 1;

/// The same command on the server's core.
pub(crate) fn pinned(command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", SERVER]).arg(command.get_program());
    pinned.args(command.get_args());
    pinned
}

/// Moves this process to the load's core, where there is a second one.
pub(crate) fn keep_for_load() {
    let mut cores = CpuSet::new();
    cores.set(LOAD);
    let _ = sched_setaffinity(None, &cores);
}
