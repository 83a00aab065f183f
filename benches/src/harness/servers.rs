//! Which servers there are, and how each is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use songi_benches::peers;

use crate::cases::Kind;

/// Where npm has put the JavaScript servers, and the compiler uWebSockets.
fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/js"))
}

/// `name`, and the script with its argument.
const NODE: [(&str, Kind, &str); 2] = [
    ("ws", Kind::Raw, "ws"),
    ("socket.io", Kind::SocketIo, "socket.io"),
];
const BUN: [(&str, Kind, &str); 2] = [
    ("bun", Kind::Raw, "echo"),
    ("bun-socket.io", Kind::SocketIo, "socket.io"),
];

const UWS: &str = "uwebsockets";

/// Rust servers that take part with another allocator too.
const MIMALLOC: [&str; 2] = ["songi+mimalloc", "socketioxide+mimalloc"];

/// The servers that can be started here, the floor first.
pub(crate) fn available(kind: Kind) -> Vec<&'static str> {
    let mut names = vec!["floor"];
    match kind {
        Kind::Raw => {
            names.extend(peers::RAW);
            if uws().exists() {
                names.push(UWS);
            }
        }
        Kind::SocketIo => {
            names.extend(peers::SOCKET_IO);
            names.extend(MIMALLOC);
        }
    }
    for (servers, engine) in [(NODE, node()), (BUN, bun())] {
        if engine.is_some() && folder().join("node_modules/ws").exists() {
            let of_kind = servers.iter().filter(|(_, speaks, _)| *speaks == kind);
            names.extend(of_kind.map(|(name, ..)| *name));
        }
    }
    names
}

/// Those of them that were asked for: all when none was named.
pub(crate) fn picked(kind: Kind, names: &[String]) -> Vec<&'static str> {
    let mut servers = available(kind);
    servers.retain(|server| names.is_empty() || names.iter().any(|name| name == server));
    servers
}

/// What starts a server.
pub(crate) fn command(name: &str, threads: usize) -> Result<Command> {
    let script = |file: &str, argument: &str| {
        let path = folder().join(file);
        [path.into_os_string(), argument.into()]
    };
    if let Some((.., argument)) = NODE.iter().find(|(server, ..)| *server == name) {
        let mut command = Command::new(node().context("Node.js is missing")?);
        command.args(script("node.mjs", argument));
        return Ok(command);
    }
    if let Some((.., argument)) = BUN.iter().find(|(server, ..)| *server == name) {
        let mut command = Command::new(bun().context("Bun is missing")?);
        command.args(script("bun.mjs", argument));
        return Ok(command);
    }
    if name == UWS {
        return Ok(Command::new(uws()));
    }
    let (name, program) = match name.strip_suffix("+mimalloc") {
        Some(name) => (name, "peer-mimalloc"),
        None => (name, "peer"),
    };
    let own = std::env::current_exe()?;
    let mut command = Command::new(own.with_file_name(program));
    command.args([name, "--threads", &threads.to_string()]);
    Ok(command)
}

/// Compiled, so that its instructions are its own.
pub(crate) fn is_compiled(name: &str) -> bool {
    let is_script = |servers: [(&str, Kind, &str); 2]| servers.iter().any(|(own, ..)| *own == name);
    !is_script(NODE) && !is_script(BUN)
}

fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("node"))
        .find(|node| node.exists())
}

fn bun() -> Option<PathBuf> {
    let packaged = folder().join("node_modules/@oven/bun-linux-x64/bin/bun");
    packaged.exists().then_some(packaged)
}

fn uws() -> PathBuf {
    folder().join("../target/uwebsockets-echo")
}
