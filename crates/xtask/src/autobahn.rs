//! The Autobahn test suite against songi-tokio, in both roles.
//!
//! The suite is the PyPI package `autobahntestsuite`, which needs Python 2.7. Where none is
//! installed, it is unpacked (not installed) from the archive of Debian 11, on the mirror that
//! this machine uses anyway.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::peers::make_venv;
use crate::step;

/// Where everything is kept between runs.
const FOLDER: &str = "target/autobahn";

/// All 517 cases.
pub(crate) const ALL: &[&str] = &["*"];

/// What takes about a minute in each role: all but most of the cases about compression, of which
/// each takes a thousand messages.
pub(crate) const MINUTE: &[&str] = &[
    "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.1", "12.1.9", "12.2.2",
    "12.3.3", "12.4.4", "12.5.5", "12.5.13", "13.1.1", "13.2.2", "13.3.3", "13.4.4", "13.5.5",
    "13.6.6", "13.7.7",
];

/// What a case may come to.
const ACCEPTED: [&str; 2] = ["OK", "INFORMATIONAL"];

/// What the archive of Debian is signed with.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The Debian packages that make a Python 2.7 which can build extensions.
const PYTHON_PACKAGES: [&str; 9] = [
    "libffi7",
    "libpython2.7",
    "libpython2.7-dev",
    "libpython2.7-minimal",
    "libpython2.7-stdlib",
    "libssl1.1",
    "python2.7",
    "python2.7-dev",
    "python2.7-minimal",
];

pub(crate) fn run(sh: &Shell, cases: &[&str]) -> Result<()> {
    let suite = Suite::install(sh)?;
    cmd!(
        sh,
        "cargo build --locked --release -p songi-tokio --all-features --examples"
    )
    .run()?;
    step("Autobahn: songi-tokio as the server");
    suite.test_server(sh, cases)?;
    step("Autobahn: songi-tokio as the client");
    suite.test_client(sh, cases)
}

/// The installed suite.
struct Suite {
    folder: PathBuf,
    /// What an unpacked Python needs to find its libraries and headers.
    environment: Vec<(&'static str, String)>,
}

impl Suite {
    fn install(sh: &Shell) -> Result<Self> {
        let folder = sh.current_dir().join(FOLDER);
        sh.create_dir(&folder)?;
        let (python, environment) = python(sh, &folder)?;
        let suite = Self {
            folder,
            environment,
        };
        if suite.program("wstest").exists() {
            return Ok(suite);
        }

        let _variables: Vec<_> = suite
            .environment
            .iter()
            .map(|(name, value)| sh.push_env(name, value))
            .collect();
        let (host, venv) = (suite.folder.join("host"), suite.folder.join("venv"));
        make_venv(sh, &host.display().to_string())?;
        // The last version that makes environments for Python 2.7.
        cmd!(sh, "{host}/bin/pip install --quiet virtualenv<20.22").run()?;
        cmd!(sh, "{host}/bin/virtualenv --quiet --python {python} {venv}").run()?;
        cmd!(
            sh,
            "{venv}/bin/pip install --quiet autobahntestsuite==25.10.1"
        )
        .run()?;
        Ok(suite)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join("venv/bin").join(name)
    }

    fn wstest(&self, mode: &str, spec: &Value) -> Result<Command> {
        let file = self.folder.join(format!("{mode}.json"));
        fs::write(&file, spec.to_string())?;
        let mut command = Command::new(self.program("wstest"));
        command
            .args(["--mode", mode, "--spec"])
            .arg(file)
            .current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command.stdout(Stdio::null());
        Ok(command)
    }

    fn test_server(&self, sh: &Shell, cases: &[&str]) -> Result<()> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut server = example(sh, "echo_server");
        let _server = Running::start(server.args([&address, "--deflate"]))?;
        wait_for(&address)?;

        let reports = self.folder.join("server");
        let spec = json!({
            "outdir": reports,
            "servers": [{ "agent": "songi", "url": format!("ws://{address}") }],
            "cases": cases,
            "exclude-cases": [],
        });
        let status = self
            .wstest("fuzzingclient", &spec)?
            .status()
            .context("wstest")?;
        ensure!(status.success(), "wstest: {status}");
        check(&reports)
    }

    fn test_client(&self, sh: &Shell, cases: &[&str]) -> Result<()> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let url = format!("ws://{address}");
        let reports = self.folder.join("client");
        let spec = json!({
            "url": url,
            "outdir": reports,
            "cases": cases,
            "exclude-cases": [],
        });
        let _suite = Running::start(&mut self.wstest("fuzzingserver", &spec)?)?;
        wait_for(&address)?;

        let status = example(sh, "autobahn_client").arg(&url).status()?;
        ensure!(status.success(), "autobahn_client: {status}");
        check(&reports)
    }
}

/// A Python 2.7, and the environment that it needs.
fn python(sh: &Shell, folder: &Path) -> Result<(PathBuf, Vec<(&'static str, String)>)> {
    let home = env::var("HOME").unwrap_or_default();
    let installed = [
        "/usr/bin/python2.7".into(),
        format!("{home}/.pyenv/versions/2.7.18/bin/python2.7"),
    ];
    if let Some(python) = installed
        .into_iter()
        .map(PathBuf::from)
        .find(|python| python.exists())
    {
        return Ok((python, Vec::new()));
    }

    let root = folder.join("python");
    let python = root.join("usr/bin/python2.7");
    if !python.exists() {
        unpack_python(sh, folder, &root)?;
    }
    let (root, library) = (root.display(), "lib/x86_64-linux-gnu");
    let environment = vec![
        (
            "LD_LIBRARY_PATH",
            format!("{root}/usr/{library}:{root}/{library}"),
        ),
        (
            "CPATH",
            format!("{root}/usr/include/python2.7:{root}/usr/include"),
        ),
    ];
    Ok((python, environment))
}

fn unpack_python(sh: &Shell, folder: &Path, root: &Path) -> Result<()> {
    let mirror = debian_mirror().context(
        "Python 2.7 is missing, and so is a Debian mirror to take it from: install python2.7",
    )?;
    let apt = folder.join("apt");
    for part in ["lists/partial", "cache/archives/partial"] {
        sh.create_dir(apt.join(part))?;
    }
    sh.write_file(
        apt.join("sources.list"),
        format!("deb [signed-by={KEYRING}] {mirror} bullseye main\n"),
    )?;
    let apt = apt.display();
    // Nothing of the machine's own package lists is touched.
    let options = [
        format!("-oDir::Etc::sourcelist={apt}/sources.list"),
        "-oDir::Etc::sourceparts=-".to_owned(),
        format!("-oDir::State::lists={apt}/lists"),
        format!("-oDir::Cache={apt}/cache"),
    ];
    let options = &options;
    let _folder = sh.push_dir(folder);
    cmd!(sh, "apt-get {options...} update -qq").run()?;
    cmd!(sh, "apt-get {options...} download -qq")
        .args(PYTHON_PACKAGES)
        .run()?;
    for file in sh
        .read_dir(".")?
        .iter()
        .filter(|file| file.extension().is_some_and(|it| it == "deb"))
    {
        cmd!(sh, "dpkg -x {file} {root}").run()?;
    }
    Ok(())
}

/// The mirror that apt is set up with, in either of its formats.
fn debian_mirror() -> Option<String> {
    let files = [
        "/etc/apt/sources.list.d/debian.sources",
        "/etc/apt/sources.list",
    ];
    let texts = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    texts.into_iter().find_map(|text| mirror_in(&text))
}

fn mirror_in(text: &str) -> Option<String> {
    let is_archive =
        |url: &&str| url.contains("://") && url.trim_end_matches('/').ends_with("/debian");
    let lines = text
        .lines()
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "));
    lines
        .flat_map(str::split_whitespace)
        .find(is_archive)
        .map(str::to_owned)
}

/// Fails on any case that came to something that is not accepted.
fn check(reports: &Path) -> Result<()> {
    let index: Value = serde_json::from_str(&fs::read_to_string(reports.join("index.json"))?)?;
    let cases = index["songi"].as_object().context("no report")?;
    let mut counts = BTreeMap::new();
    let mut failed = Vec::new();
    for (case, result) in cases {
        for key in ["behavior", "behaviorClose"] {
            let behavior = result[key].as_str().unwrap_or("missing");
            if !ACCEPTED.contains(&behavior) {
                failed.push(format!("{case}: {key} is {behavior}"));
            }
        }
        *counts.entry(result["behavior"].to_string()).or_insert(0) += 1;
    }
    println!("{} cases: {counts:?}", cases.len());
    ensure!(!cases.is_empty(), "no case was run");
    if failed.is_empty() {
        return Ok(());
    }
    failed.sort();
    bail!(
        "Autobahn, reports in {}:\n{}",
        reports.display(),
        failed.join("\n")
    )
}

fn example(sh: &Shell, name: &str) -> Command {
    Command::new(sh.current_dir().join("target/release/examples").join(name))
}

/// A program that is stopped when dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        Ok(Self(
            command.spawn().with_context(|| format!("{command:?}"))?,
        ))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(address: &str) -> Result<()> {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        ensure!(
            started.elapsed() < Duration::from_secs(30),
            "nothing listens on {address}"
        );
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_found_in_both_formats() {
        let new =
            "Types: deb\nURIs: http://mirror.test/debian-security http://mirror.test/debian\n";
        assert_eq!(mirror_in(new).as_deref(), Some("http://mirror.test/debian"));
        let old = "# deb http://no.test/debian\ndeb https://mirror.test/debian/ bookworm main\n";
        assert_eq!(
            mirror_in(old).as_deref(),
            Some("https://mirror.test/debian/")
        );
        assert_eq!(mirror_in("deb http://mirror.test/apt x\n"), None);
    }
}
