//! `songi serve`: the chat page and the Socket.IO server on one port.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::serve::ListenerExt;
use songi::server::{Config, Server};
use tokio::net::TcpListener;

use crate::chat;
use crate::page::{ClientScript, Page};

/// How long connections that are not Socket.IO's may take to end once the server closes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where to serve.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Host and port to listen on; port 0 is any that is free.
    #[arg(value_name = "ADDR", default_value = DEFAULT_ADDRESS)]
    address: String,

    /// The path under which Socket.IO answers.
    #[arg(long, default_value = DEFAULT_PATH)]
    path: SocketPath,
}

const DEFAULT_ADDRESS: &str = "127.0.0.1:3000";
const DEFAULT_PATH: &str = "/socket.io/";

impl Default for Args {
    fn default() -> Self {
        Self {
            address: DEFAULT_ADDRESS.to_owned(),
            path: SocketPath(DEFAULT_PATH.to_owned()),
        }
    }
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(args: Args) -> Result<()> {
    let listener = bind(&args.address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let io = Server::with_config(Config {
        path: args.path.0.clone(),
        ..Config::default()
    });
    chat::install(&io);

    let client = ClientScript::find();
    announce(&url, &args.path, &client);
    let app = Page::new(args.path.as_str(), client)
        .router()
        .layer(io.layer());
    // Small packets are not to wait for each other.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });

    let (closed, ended) = tokio::sync::oneshot::channel::<()>();
    let closing = async move {
        interrupted().await;
        say("Closing; once more ends it at once.");
        tokio::select! {
            () = io.close() => {}
            () = interrupted() => {}
        }
        let _ = closed.send(());
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(closing);
    let impatient = async {
        // The sender is dropped only with `serving`.
        let _ = ended.await;
        tokio::select! {
            () = tokio::time::sleep(PATIENCE) => {}
            () = interrupted() => {}
        }
    };
    tokio::select! {
        served = async { serving.await } => Ok(served?),
        () = impatient => Ok(()),
    }
}

async fn bind(address: &str) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "cannot listen on {address}: the port is in use (`songi serve 127.0.0.1:0` takes one that is free)"
        ),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

fn announce(url: &str, path: &SocketPath, client: &ClientScript) {
    say(format_args!("Songi chat: {url}"));
    say(format_args!("  Socket.IO at {url}{path}"));
    say(format_args!(
        "  {url}/?transport=polling stays on long-polling"
    ));
    say(format_args!("  JavaScript client: {client}"));
    say("Ctrl-C ends it.");
}

/// Prints a line. Where nobody reads it, serving goes on.
fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Waits until the user or the system asks the process to end.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The path of a Socket.IO server: one or more segments of `A-Za-z0-9._-`, with a slash at both
/// ends. It leaves `/` to the page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SocketPath(String);

impl SocketPath {
    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SocketPath {
    type Err = &'static str;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        for segment in path.split('/') {
            if matches!(segment, "" | "." | "..") || !segment.bytes().all(is_plain) {
                return Err("a path is one or more segments of A-Z, a-z, 0-9, '.', '_' and '-'");
            }
        }
        Ok(Self(format!("/{path}/")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gets_its_slashes() {
        for path in ["socket.io", "/socket.io", "socket.io/", "/socket.io/"] {
            assert_eq!(path.parse(), Ok(SocketPath("/socket.io/".to_owned())));
        }
        assert_eq!("/a/b-c".parse(), Ok(SocketPath("/a/b-c/".to_owned())));
    }

    #[test]
    fn a_path_that_would_need_escaping_or_hide_the_page_is_refused() {
        for path in [
            "", "/", "//", "/a//b/", "/../", "/a b/", "/\"/", "/<i>/", "/é/",
        ] {
            assert!(path.parse::<SocketPath>().is_err(), "{path}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_command_line() {
        #[derive(clap::Parser)]
        struct Serve {
            #[command(flatten)]
            args: Args,
        }
        let parsed = <Serve as clap::Parser>::parse_from(["serve"]).args;
        assert_eq!(parsed.address, Args::default().address);
        assert_eq!(parsed.path, Args::default().path);
    }
}
