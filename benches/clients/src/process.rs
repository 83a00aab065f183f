//! A process that is talked with in lines, and what the kernel knows of it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Where npm has put the JavaScript peers.
pub(crate) fn packages() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/interop/js"
    ))
}

/// Ends with the value.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// This program with other arguments.
    pub(crate) fn own(args: &[&str]) -> Self {
        let mut own = Command::new(std::env::current_exe().expect("a path"));
        own.args(args);
        Self::start(own)
    }

    /// A script for Node.js, in the folder of its packages.
    pub(crate) fn node(script: &str, args: &[&str]) -> Self {
        let mut node = Command::new("node");
        node.arg(script).args(args).current_dir(packages());
        Self::start(node)
    }

    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the process starts");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self {
            child,
            input,
            output,
        }
    }

    /// Writes a line to it.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it lives");
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it lives");
        assert!(!line.is_empty(), "it ended");
        line.trim().to_owned()
    }

    /// Time on a CPU, of all its threads.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it lives");
        let times = tasks.map(|task| {
            let path = task.expect("a thread").path().join("schedstat");
            // A thread may have ended meanwhile.
            let text = fs::read_to_string(path).unwrap_or_default();
            let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
            Duration::from_nanos(nanoseconds.unwrap_or_default())
        });
        times.sum()
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> usize {
        let statm = format!("/proc/{}/statm", self.child.id());
        let statm = fs::read_to_string(statm).expect("it lives");
        let pages = statm.split(' ').nth(1).and_then(|field| field.parse().ok());
        let pages: usize = pages.expect("a number");
        pages * rustix::param::page_size()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
