//! The program, run or talked with.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Far longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How `songi connect` ended, and what it said.
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) lines: Vec<String>,
    pub(crate) errors: String,
}

impl Outcome {
    pub(crate) fn json(&self) -> Vec<Value> {
        let json = self.lines.iter().map(|line| serde_json::from_str(line));
        json.collect::<Result<_, _>>().unwrap()
    }

    pub(crate) fn of_type(&self, name: &str) -> Vec<Value> {
        of_type(&self.json(), name)
    }
}

/// The lines of a type, without what differs from run to run.
pub(crate) fn of_type(lines: &[Value], name: &str) -> Vec<Value> {
    let mut lines = lines.to_vec();
    lines.retain(|line| line["type"] == name);
    for line in &mut lines {
        assert!(line["time"].is_string(), "{line}");
        let line = line.as_object_mut().unwrap();
        for field in ["time", "type", "ms", "id"] {
            line.remove(field);
        }
    }
    lines
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_songi"));
    command
        .arg("connect")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs it with this standard input.
pub(crate) async fn run(args: &[&str], input: &str) -> Result<Outcome> {
    let mut child = command(args).spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // It may end before it has read all.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await??;
    let stdout = String::from_utf8(output.stdout)?;
    Ok(Outcome {
        status: output.status.code(),
        lines: stdout.lines().map(str::to_owned).collect(),
        errors: String::from_utf8(output.stderr)?,
    })
}

/// An ack takes as long as it takes.
pub(crate) const PATIENT: [&str; 2] = ["--ack-timeout", "60"];

/// One that is talked with, in JSON.
pub(crate) struct Talk {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
}

impl Talk {
    pub(crate) fn start(args: &[&str]) -> Result<Self> {
        let args = [args, &PATIENT].concat();
        let mut child = command(&args).arg("--json").spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        Ok(Self {
            input: child.stdin.take(),
            lines: BufReader::new(stdout).lines(),
            child,
        })
    }

    pub(crate) async fn say(&mut self, line: Value) -> Result<()> {
        let input = self.input.as_mut().context("it was closed")?;
        Ok(input.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// The next line.
    pub(crate) async fn any(&mut self) -> Result<Value> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await??;
        Ok(serde_json::from_str(&line.context("it ended")?)?)
    }

    /// The next line of a type.
    pub(crate) async fn hear(&mut self, name: &str) -> Result<Value> {
        loop {
            let line = self.any().await?;
            if line["type"] == name {
                return Ok(line);
            }
        }
    }

    pub(crate) async fn end(mut self) -> Result<Option<i32>> {
        self.input = None;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        Ok(status.code())
    }
}
