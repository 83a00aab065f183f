//! One server with more connections than its process may have files.
//!
//! The limit (`RLIMIT_NOFILE`) holds for a table of files, and each thread can have its own. Here,
//! a thread of the server has a runtime, a port and a table. That is no way to serve clients: a
//! file's number means nothing in another thread, so only what the thread of a connection does works,
//! which heartbeats are and broadcasts are not. It shows what connections cost where nobody may
//! raise the limit.

use std::io::Write as _;
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use tokio::runtime::{Builder, Runtime};

use super::{Heartbeat, listen, socket_io};

/// Prints the ports in one line.
pub(super) fn serve(tables: usize, heartbeat: Heartbeat) {
    let io = socket_io::songi_server(heartbeat);
    // Made before the tables are parted, so that the files by which runtimes wake each other have
    // the same numbers in all.
    let runtime = || Builder::new_current_thread().enable_all().build();
    let runtimes: Vec<Runtime> = (0..tables).map(|_| runtime().expect("a runtime")).collect();
    let (sender, ports) = mpsc::channel();
    let threads: Vec<_> = runtimes
        .into_iter()
        .map(|runtime| {
            let (io, sender) = (io.clone(), sender.clone());
            thread::spawn(move || {
                unshare(CloneFlags::CLONE_FILES).expect("a table of files");
                runtime.block_on(async {
                    let listener = listen();
                    let port = listener.local_addr().expect("an address").port();
                    sender.send(port).expect("it is received");
                    io.serve(listener).await.expect("it serves");
                });
            })
        })
        .collect();
    drop(sender);
    let ports: Vec<String> = ports
        .iter()
        .take(tables)
        .map(|port| port.to_string())
        .collect();
    println!("{}", ports.join(" "));
    std::io::stdout().flush().expect("standard output");
    for thread in threads {
        thread.join().expect("a thread of the server");
    }
}
