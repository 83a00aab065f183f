//! Starts the JavaScript and Python peers of the tests and talks with them.
//!
//! The scripts are in `js/` and `python/`; `cargo xtask peers` installs the packages that they
//! need.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use songi_server::Server;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a peer may be silent before the test fails: far more than it ever takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A script that runs in Node.js or Python, prints JSON lines and may read some. It is killed when dropped.
#[derive(Debug)]
pub struct Script {
    name: String,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Script {
    /// Starts `js/<name>.mjs`.
    ///
    /// # Errors
    ///
    /// When Node.js or the npm packages are missing.
    pub fn start(name: &str, args: &[&str]) -> Result<Self> {
        let folder = folder();
        if !folder.join("node_modules").is_dir() {
            bail!("the JavaScript peers are not installed: run `cargo xtask peers`");
        }
        let mut command = Command::new("node");
        command.arg(format!("{name}.mjs")).current_dir(folder);
        Self::run(name, command, args)
    }

    /// Starts `python/<name>.py`.
    ///
    /// # Errors
    ///
    /// When the Python packages are missing.
    pub fn python(name: &str, args: &[&str]) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let python = folder.join("venv/bin/python");
        if !python.exists() {
            bail!("the Python peers are not installed: run `cargo xtask peers`");
        }
        let mut command = Command::new(python);
        command.arg(format!("{name}.py")).current_dir(folder);
        Self::run(name, command, args)
    }

    fn run(name: &str, mut command: Command, args: &[&str]) -> Result<Self> {
        let mut child = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let input = child
            .stdin
            .take()
            .context("the script has no standard input")?;
        let stdout = child
            .stdout
            .take()
            .context("the script has no standard output")?;
        Ok(Self {
            name: name.to_owned(),
            input,
            lines: BufReader::new(stdout).lines(),
            child,
        })
    }

    /// Ends the script at once, and waits until it has gone.
    pub async fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill().await;
    }

    /// Writes a line to the script.
    ///
    /// # Errors
    ///
    /// When the script ends, or reads nothing for a minute.
    pub async fn send(&mut self, line: &Value) -> Result<()> {
        let line = format!("{line}\n");
        tokio::time::timeout(PATIENCE, self.input.write_all(line.as_bytes()))
            .await
            .with_context(|| format!("{}: does not read", self.name))?
            .with_context(|| format!("{}: ended", self.name))
    }

    /// The next line that the script prints.
    ///
    /// # Errors
    ///
    /// When the script ends or is silent for a minute.
    pub async fn line(&mut self) -> Result<Value> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line())
            .await
            .with_context(|| format!("{}: silent", self.name))??
            .with_context(|| format!("{}: ended", self.name))?;
        Ok(serde_json::from_str(&line)?)
    }

    /// The value of `key` in the next line that has one.
    ///
    /// # Errors
    ///
    /// When the script ends, is silent for a minute, or says that it failed.
    pub async fn find(&mut self, key: &str) -> Result<Value> {
        loop {
            let mut line = self.line().await?;
            if let Some(failed) = line.get("failed") {
                bail!("{}: {failed}", self.name);
            }
            if let Some(value) = line.get_mut(key) {
                return Ok(value.take());
            }
        }
    }
}

/// Where the scripts for Node.js and their packages are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js")
}

/// Serves on a free port of this machine, in the background, and gives the URL.
///
/// # Errors
///
/// When no port can be bound.
pub async fn serve(io: &Server) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let io = io.clone();
    tokio::spawn(async move { io.serve(listener).await });
    Ok(url)
}
