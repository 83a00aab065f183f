//! The `songi` binary: a chat to try Socket.IO with, served on a port of this machine.
//!
//! `songi serve` (or a bare `songi`) serves a chat page and the Socket.IO server behind it. Logs
//! go to standard error and are quiet unless `RUST_LOG` says otherwise.
#![forbid(unsafe_code)]

mod bench;
mod chat;
mod page;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// A Socket.IO server to try out.
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
    let result = match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Bench(args) => bench::run(*args).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("songi: {error:#}");
            ExitCode::FAILURE
        }
    }
}
