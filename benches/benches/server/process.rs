//! A server in a process of its own.

use std::net::SocketAddr;
use std::time::Duration;

use songi_benches::{Process, packages};

const JAVASCRIPT: &str = "socket.io";

/// The servers that can be started here.
pub fn available() -> Vec<&'static str> {
    let mut names = vec!["songi", "socketioxide"];
    if packages().join("node_modules/socket.io").exists() {
        names.push(JAVASCRIPT);
    }
    names
}

/// Ends with the value.
pub struct Server {
    process: Process,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(name: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/server/server.cjs");
        let mut process = if name == JAVASCRIPT {
            Process::node(script, &[])
        } else {
            Process::own(&["serve", name])
        };
        let port = process.line().parse().expect("a port");
        Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// Time on a CPU, of all its threads.
    pub fn cpu(&self) -> Duration {
        self.process.cpu()
    }

    /// Bytes of memory in use.
    pub fn memory(&self) -> usize {
        self.process.memory()
    }
}
