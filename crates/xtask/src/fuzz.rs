//! Every fuzz target, for a while, from its seed corpus.

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::install_cargo_tool;

/// How long each target runs in the test command.
pub(crate) const SECONDS: u32 = 20;

/// The seed of the test command, which is to find the same today and tomorrow.
pub(crate) const SEED: u32 = 1;

/// Another seed in each run.
pub(crate) const ANY_SEED: u32 = 0;

pub(crate) fn run(sh: &Shell, seconds: u32, seed: u32) -> Result<()> {
    install(sh)?;
    let targets = cmd!(sh, "cargo +nightly fuzz list --fuzz-dir fuzz")
        .quiet()
        .read()?;
    if targets.is_empty() {
        bail!("no fuzz target");
    }
    cmd!(sh, "cargo +nightly fuzz build --fuzz-dir fuzz").run()?;

    for target in targets.lines() {
        // What the fuzzer finds goes to a folder of its own: the seeds stay as they are committed.
        let found = format!("fuzz/target/found/{target}");
        let seeds = format!("fuzz/corpus/{target}");
        sh.create_dir(&found)?;
        sh.create_dir(&seeds)?;
        cmd!(
            sh,
            "cargo +nightly fuzz run --fuzz-dir fuzz {target} {found} {seeds} --"
        )
        .args([
            format!("-max_total_time={seconds}"),
            format!("-seed={seed}"),
            "-print_final_stats=1".to_owned(),
        ])
        .args(["-verbosity=0", "-rss_limit_mb=2048", "-timeout=10"])
        .run()
        .with_context(|| format!("fuzz target {target}"))?;
    }
    Ok(())
}

fn install(sh: &Shell) -> Result<()> {
    if cmd!(sh, "cargo +nightly --version")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_err()
    {
        cmd!(sh, "rustup toolchain install nightly --profile minimal")
            .run()
            .context("fuzzing needs a nightly toolchain: rustup toolchain install nightly")?;
    }
    install_cargo_tool(sh, "fuzz")
}
