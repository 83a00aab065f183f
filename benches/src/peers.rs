//! The servers in Rust: each a process of its own, with the same handlers.

mod file_tables;
mod floor;
mod raw;
mod socket_io;

use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;

/// Those that echo raw WebSocket messages.
pub const RAW: [&str; 6] = [
    "songi-tokio",
    "fastwebsockets",
    "tokio-websockets",
    "yawc",
    "tokio-tungstenite",
    "axum",
];

/// Those that speak Socket.IO.
pub const SOCKET_IO: [&str; 2] = ["songi", "socketioxide"];

/// Serves until the process ends, and prints the port.
#[derive(Debug, Parser)]
struct Args {
    name: String,
    /// Threads of the runtime; 1 is the current-thread runtime.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Threads that each have a runtime, a port and files of their own, for more connections than a
    /// process may have files. For `songi` only.
    #[arg(long)]
    file_tables: Option<usize>,
    /// Heartbeats, in seconds between pings. Without it nobody is pinged while something is
    /// measured.
    #[arg(long)]
    ping: Option<u64>,
    /// What the floor does.
    #[arg(long)]
    shape: Option<floor::Shape>,
    /// Bytes of a message's text or payload, for the floor.
    #[arg(long, default_value_t = 20)]
    payload: usize,
}

/// When clients are pinged.
#[derive(Debug, Clone, Copy)]
struct Heartbeat {
    interval: Duration,
    timeout: Duration,
}

/// The whole program.
pub fn main() {
    let args = Args::parse();
    // As many connections as the system lets this process have.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    if args.name == "floor" {
        let shape = args.shape.expect("the floor needs a shape");
        return floor::serve(shape, args.payload);
    }
    let heartbeat = Heartbeat {
        interval: Duration::from_secs(args.ping.unwrap_or(3600)),
        timeout: Duration::from_secs(args.ping.unwrap_or(3600)),
    };
    if let Some(tables) = args.file_tables {
        assert_eq!(args.name, "songi", "other servers are not taken apart");
        return file_tables::serve(tables, heartbeat);
    }
    let mut runtime = match args.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(threads);
            runtime
        }
    };
    runtime
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            let listener = listen();
            println!("{}", listener.local_addr().expect("an address").port());
            serve(&args.name, listener, heartbeat).await;
        });
}

fn listen() -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    socket.listen(4096).expect("a backlog")
}

async fn serve(name: &str, listener: TcpListener, heartbeat: Heartbeat) {
    match name {
        "songi" => socket_io::songi(listener, heartbeat).await,
        "socketioxide" => socket_io::socketioxide(listener, heartbeat).await,
        "songi-tokio" => raw::accept(listener, raw::songi_tokio).await,
        "fastwebsockets" => raw::upgrade(listener, raw::fastwebsockets).await,
        "tokio-websockets" => raw::accept(listener, raw::tokio_websockets).await,
        "yawc" => raw::upgrade(listener, raw::yawc).await,
        "tokio-tungstenite" => raw::accept(listener, raw::tokio_tungstenite).await,
        "axum" => raw::axum(listener).await,
        name => panic!("no server is called {name}"),
    }
}
