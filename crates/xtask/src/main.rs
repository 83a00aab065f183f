//! Songi's own tasks, run as `cargo xtask <task>`.

#![expect(
    clippy::indexing_slicing,
    reason = "a serde_json::Value answers an unknown key with null"
)]

mod autobahn;
mod bench_servers;
mod fuzz;
mod instructions;
mod layers;
mod package;
mod peers;
mod test;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

const HELP: &str = "\
cargo xtask <task>

  test               everything that must hold before a change lands
  fuzz [SECONDS]     every fuzz target, 20 seconds each unless told otherwise
  conformance        all of Autobahn in both roles, and a million simulated sessions and managers
  layers             the protocol crates depend on nothing above them
  package            the protocol crates build and pass their tests alone
  peers              install the JavaScript and Python peers and the browser for the tests
  bench [FILTER]     the criterion benches of the protocols, Songi and its peers in one run
  instructions       instructions of the hottest operations, against benches/instructions.json;
                     with --record they are written there
  bench-servers      whole servers beside each other and a floor: bench-servers --help
  bench-clients      a thousand clients in one process, beside each other: bench-clients --help
";

/// The crates without I/O: each is imported, built and tested alone.
const PROTOCOL_CRATES: [&str; 3] = ["songi-websocket", "songi-engineio", "songi-socketio"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut args = env::args().skip(1);
    let task = args.next();
    let rest: Vec<String> = args.collect();

    let sh = Shell::new()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .context("crates/xtask has no workspace above it")?;
    sh.change_dir(root);

    match (task.as_deref(), rest.as_slice()) {
        (Some("test"), []) => test::run(&sh),
        (Some("fuzz"), []) => fuzz::run(&sh, fuzz::SECONDS, fuzz::ANY_SEED),
        (Some("fuzz"), [seconds]) => {
            fuzz::run(&sh, seconds.parse().context("SECONDS")?, fuzz::ANY_SEED)
        }
        (Some("conformance"), []) => {
            autobahn::run(&sh, autobahn::ALL)?;
            simulate(&sh, 1_000_000)
        }
        (Some("layers"), []) => layers::check(&sh),
        (Some("package"), []) => package::check(&sh),
        (Some("peers"), []) => peers::install(&sh),
        (Some("bench"), filter) => Ok(cmd!(
            sh,
            "cargo bench --locked --manifest-path benches/Cargo.toml -- {filter...}"
        )
        .run()?),
        (Some("instructions"), []) => instructions::run(&sh, false),
        (Some("instructions"), [record]) if record == "--record" => instructions::run(&sh, true),
        (Some("bench-servers"), args) => bench_servers::run(&sh, args),
        (Some("bench-clients"), args) => bench_clients(&sh, args),
        (None | Some("help" | "--help" | "-h"), _) => {
            print!("{HELP}");
            Ok(())
        }
        (Some(task), _) => bail!("unknown task or arguments: {task}\n\n{HELP}"),
    }
}

/// Clients in one process; rust_socketio among them where there is the OpenSSL that it needs.
fn bench_clients(sh: &Shell, args: &[String]) -> Result<()> {
    let mut options = vec!["--quiet", "--locked", "--release"];
    if cmd!(sh, "pkg-config --exists openssl")
        .quiet()
        .run()
        .is_err()
    {
        eprintln!("without rust_socketio: it needs libssl-dev and pkg-config");
        options.push("--no-default-features");
    }
    let manifest = "benches/clients/Cargo.toml";
    Ok(cmd!(
        sh,
        "cargo run {options...} --manifest-path {manifest} -- {args...}"
    )
    .run()?)
}

/// Engine.IO clients and servers, and Socket.IO managers and servers, against each other, over so
/// many schedules each.
fn simulate(sh: &Shell, schedules: u32) -> Result<()> {
    let _schedules = sh.push_env("SONGI_SCHEDULES", schedules.to_string());
    for (name, of) in [
        ("songi-engineio", "sessions"),
        ("songi-socketio", "managers"),
    ] {
        step(&format!("simulated {of}"));
        cmd!(
            sh,
            "cargo test --locked --release -p {name} --test simulation"
        )
        .run()?;
    }
    Ok(())
}

/// Prints a heading, so that a long log can be searched.
fn step(name: &str) {
    println!("\n=== {name}");
}

/// Installs `cargo <name>` from crates.io where it is missing.
fn install_cargo_tool(sh: &Shell, name: &str) -> Result<()> {
    if cmd!(sh, "cargo {name} --version")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok()
    {
        return Ok(());
    }
    Ok(cmd!(sh, "cargo install --locked cargo-{name}").run()?)
}
