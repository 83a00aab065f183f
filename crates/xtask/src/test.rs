//! `cargo xtask test`: the one test command.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    PROTOCOL_CRATES, autobahn, fuzz, install_cargo_tool, instructions, layers, package, peers, step,
};

/// The workspaces beside the main one.
const SIDE_WORKSPACES: [&str; 3] = [
    "fuzz/Cargo.toml",
    "benches/Cargo.toml",
    "benches/clients/Cargo.toml",
];

pub(crate) fn run(sh: &Shell) -> Result<()> {
    step("formatting");
    cmd!(sh, "cargo fmt --all --check").run()?;
    for manifest in SIDE_WORKSPACES {
        cmd!(sh, "cargo fmt --manifest-path {manifest} --check").run()?;
    }

    step("layers");
    layers::check(sh)?;

    step("clippy");
    cmd!(
        sh,
        "cargo clippy --locked --workspace --all-targets --all-features -- -D warnings"
    )
    .run()?;
    for name in PROTOCOL_CRATES {
        cmd!(
            sh,
            "cargo clippy --locked -p {name} --no-default-features -- -D warnings"
        )
        .run()?;
    }
    cmd!(
        sh,
        "cargo clippy --locked --manifest-path benches/Cargo.toml --all-targets -- -D warnings"
    )
    .run()?;

    step("documentation");
    {
        let _flags = sh.push_env("RUSTDOCFLAGS", "-D warnings");
        cmd!(
            sh,
            "cargo doc --locked --workspace --all-features --no-deps"
        )
        .run()?;
    }

    step("licences and sources");
    licences(sh)?;

    step("peers and browser");
    peers::install(sh)?;

    step("unit, property, integration and documentation tests");
    cmd!(sh, "cargo test --locked --workspace --all-features").run()?;

    step("protocol crates alone");
    package::check(sh)?;

    step("instructions");
    instructions::run_if_possible(sh)?;

    autobahn::run(sh, autobahn::MINUTE)?;

    step("fuzz");
    fuzz::run(sh, fuzz::SECONDS, fuzz::SEED)?;

    println!("\nall checks passed");
    Ok(())
}

/// `cargo deny` without advisories: their database is not in a package registry.
fn licences(sh: &Shell) -> Result<()> {
    install_cargo_tool(sh, "deny")?;
    Ok(cmd!(sh, "cargo deny --all-features check licenses bans sources").run()?)
}
