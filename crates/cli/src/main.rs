//! The `songi` binary: tools for Socket.IO.
//!
//! `songi serve` (or a bare `songi`) serves a chat page and the Socket.IO server behind it; `songi
//! connect URL` is a terminal client, and `songi bench URL` measures a server. Logs go to standard
//! error and are quiet unless `RUST_LOG` says otherwise.
#![forbid(unsafe_code)]

mod bench;
mod chat;
mod connect;
mod page;
mod safe;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Tools for Socket.IO: a server to try out, a client for the terminal, and a load to measure with.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a chat page with rooms, and the Socket.IO server behind it.
    Serve(serve::Args),
    /// Connect to a Socket.IO, Engine.IO or WebSocket server, and talk to it.
    Connect(Box<connect::Args>),
    /// Measure what a Socket.IO or WebSocket server answers, and how fast.
    Bench(Box<bench::Args>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::ERROR.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let command = cli
        .command
        .unwrap_or_else(|| Command::Serve(serve::Args::default()));
    match command {
        Command::Serve(args) => status(serve::run(args).await),
        Command::Connect(args) => connect::run(*args).await,
        Command::Bench(args) => status(bench::run(*args).await),
    }
}

fn status(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            safe::tell_error(&format!("songi: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
