//! The servers in Rust: each a process of its own, with the same handlers.

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
    let mut runtime = match args.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(threads);
            runtime
        }
    };
    let heartbeat = Heartbeat {
        interval: Duration::from_secs(args.ping.unwrap_or(3600)),
        timeout: Duration::from_secs(args.ping.unwrap_or(3600)),
    };
    runtime
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
            let listener = socket.listen(4096).expect("a backlog");
            println!("{}", listener.local_addr().expect("an address").port());
            serve(&args.name, listener, heartbeat).await;
        });
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
