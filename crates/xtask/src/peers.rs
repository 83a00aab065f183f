//! What the tests with real peers need: packages from npm and PyPI, and a browser.

use std::env;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// Where the JavaScript side of the tests lives.
const JS: &str = "crates/interop/js";

/// Where their Python side lives.
const PYTHON: &str = "crates/interop/python";

pub(crate) fn install(sh: &Shell) -> Result<()> {
    if !installed(sh, "node") || !installed(sh, "npm") {
        bail!("Node.js 20 or later with npm is missing: apt-get install nodejs npm");
    }
    {
        let _folder = sh.push_dir(JS);
        cmd!(sh, "npm ci --no-audit --no-fund --loglevel=error")
            .run()
            .context("npm ci")?;
    }
    make_venv(sh, &format!("{PYTHON}/venv"))?;
    cmd!(
        sh,
        "{PYTHON}/venv/bin/pip install --quiet --no-deps -r {PYTHON}/requirements.txt"
    )
    .run()
    .context("pip install")?;
    // The scripts look for it there.
    let chromium = env::var("CHROMIUM").unwrap_or("/usr/bin/chromium".to_owned());
    if !installed(sh, &chromium) {
        apt_install(sh, "chromium")?;
    }
    Ok(())
}

/// Makes a virtual environment of Python 3 where there is none.
pub(crate) fn make_venv(sh: &Shell, path: &str) -> Result<()> {
    if sh.path_exists(format!("{path}/bin/pip")) {
        return Ok(());
    }
    let venv = cmd!(sh, "python3 -c").arg("import ensurepip").quiet();
    if venv.run().is_err() {
        apt_install(sh, "python3-venv")?;
    }
    cmd!(sh, "python3 -m venv {path}")
        .run()
        .context("python3 with venv is missing")
}

/// Installs a Debian package, or says what to do.
pub(crate) fn apt_install(sh: &Shell, package: &str) -> Result<()> {
    let root = cmd!(sh, "id -u").quiet().read()? == "0";
    if !root || !installed(sh, "apt-get") {
        bail!("{package} is missing: apt-get install {package} (as root)");
    }
    let _noninteractive = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    cmd!(sh, "apt-get update -qq").run()?;
    Ok(cmd!(
        sh,
        "apt-get install -y -qq --no-install-recommends {package}"
    )
    .run()?)
}

pub(crate) fn installed(sh: &Shell, program: &str) -> bool {
    cmd!(sh, "sh -c")
        .arg(format!("command -v {program}"))
        .quiet()
        .ignore_stdout()
        .run()
        .is_ok()
}
