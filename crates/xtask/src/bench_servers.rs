//! `cargo xtask bench-servers`: whole servers side by side, with what they need installed.

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

/// The JavaScript servers.
const JS: &str = "benches/js";

/// uWebSockets: the source that a crate brings, and a server of ours on it.
const UWEBSOCKETS: &str = "benches/uwebsockets";

/// Where the harness looks for the compiled server.
const UWEBSOCKETS_ECHO: &str = "benches/target/uwebsockets-echo";

pub(crate) fn run(sh: &Shell, args: &[String]) -> Result<()> {
    {
        let _folder = sh.push_dir(JS);
        if let Err(error) = cmd!(sh, "npm ci --no-audit --no-fund --loglevel=error").run() {
            eprintln!("without the JavaScript servers: {error}");
        }
    }
    if let Err(error) = compile_uwebsockets(sh) {
        eprintln!("without uWebSockets: {error:#}");
    }
    let manifest = [
        "--locked",
        "--release",
        "--manifest-path",
        "benches/Cargo.toml",
    ];
    cmd!(sh, "cargo build {manifest...} --bins").run()?;
    Ok(cmd!(
        sh,
        "cargo run --quiet {manifest...} --bin bench-servers -- {args...}"
    )
    .run()?)
}

/// With the system's compilers: the crate's own build needs libclang and libuv, this does not.
fn compile_uwebsockets(sh: &Shell) -> Result<()> {
    if sh.path_exists(UWEBSOCKETS_ECHO) {
        return Ok(());
    }
    let metadata: Value = serde_json::from_str(
        &cmd!(
            sh,
            "cargo metadata --locked --format-version 1 --manifest-path {UWEBSOCKETS}/Cargo.toml"
        )
        .quiet()
        .read()?,
    )?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "libuwebsockets-sys")
        .and_then(|package| package["manifest_path"].as_str())
        .context("its source is not there")?;
    let source = manifest.replace("Cargo.toml", "uWebSockets");
    let build = sh.create_temp_dir()?;
    let objects = build.path().display();
    let script = format!(
        "set -e; cd {objects}; s={source}
         cc -std=gnu11 -O3 -DLIBUS_NO_SSL -I$s/uSockets/src -c $s/uSockets/src/*.c $s/uSockets/src/eventing/*.c
         c++ -std=c++20 -O3 -DLIBUS_NO_SSL -DUWS_NO_ZLIB -I$s/src -I$s/uSockets/src $OLDPWD/{UWEBSOCKETS}/echo.cpp *.o -o echo
         mkdir -p $OLDPWD/benches/target; cp echo $OLDPWD/{UWEBSOCKETS_ECHO}"
    );
    Ok(cmd!(sh, "sh -c {script}").run()?)
}
