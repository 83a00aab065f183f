//! What the tests with real peers need: npm packages and a browser.

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// Where the JavaScript side of the tests lives.
const JS: &str = "crates/interop/js";

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
    if !installed(sh, "chromium") {
        apt_install(sh, "chromium")?;
    }
    Ok(())
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

fn installed(sh: &Shell, program: &str) -> bool {
    cmd!(sh, "sh -c")
        .arg(format!("command -v {program}"))
        .quiet()
        .ignore_stdout()
        .run()
        .is_ok()
}
