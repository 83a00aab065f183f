//! Benches of Songi beside its peers; see `benches/`. Here is what several of them need.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Where npm has put the JavaScript peers.
pub fn packages() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/interop/js"))
}

/// A process that is talked with in lines, and what the kernel knows of it. It ends with the value.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// This program with other arguments.
    pub fn own(args: &[&str]) -> Self {
        let mut own = Command::new(std::env::current_exe().expect("a path"));
        own.args(args);
        Self::start(own)
    }

    /// A script for Node.js, in the folder of its packages.
    pub fn node(script: &str, args: &[&str]) -> Self {
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
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it lives");
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it lives");
        assert!(!line.is_empty(), "it ended");
        line.trim().to_owned()
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
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it lives")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a variable of the environment, a list with commas, picks a name. Unset, it picks all.
pub fn picked(variable: &str, name: &str) -> bool {
    match std::env::var(variable) {
        Ok(names) => names.split(',').any(|picked| picked == name),
        Err(_) => true,
    }
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
