//! A server in a process of its own, and what the kernel knows of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const JAVASCRIPT: &str = "socket.io";

/// Where npm has put the JavaScript server.
fn packages() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/interop/js"))
}

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
    process: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(name: &str) -> Self {
        let mut command = if name == JAVASCRIPT {
            let mut node = Command::new("node");
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/server/server.cjs");
            node.arg(script).current_dir(packages());
            node
        } else {
            let mut own = Command::new(std::env::current_exe().expect("a path"));
            own.args(["serve", name]);
            own
        };
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let output = process.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the server says its port");
        let port = line.trim().parse().expect("a port");
        Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// Time on a CPU, of all its threads.
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // The name, in parentheses, may hold spaces.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().expect("a number"))
            .sum::<u64>();
        // The kernel's unit towards programs is a hundredth of a second.
        Duration::from_millis(ticks * 10)
    }

    /// Bytes of memory in use.
    pub fn memory(&self) -> usize {
        let statm = self.proc("statm");
        let pages = statm.split(' ').nth(1).and_then(|field| field.parse().ok());
        pages.map(|pages: usize| pages * 4096).expect("a number")
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).expect("it lives")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
