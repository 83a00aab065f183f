//! Each protocol crate as another project gets it: packaged, alone, with and without features.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::PROTOCOL_CRATES;

pub(crate) fn check(sh: &Shell) -> Result<()> {
    let metadata: Value = serde_json::from_str(
        &cmd!(sh, "cargo metadata --locked --format-version 1 --no-deps")
            .quiet()
            .read()?,
    )?;
    let target = metadata["target_directory"]
        .as_str()
        .context("no target directory")?;
    let version = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == PROTOCOL_CRATES[0])
        .and_then(|package| package["version"].as_str())
        .context("no version")?;

    // Outside the workspace, so that nothing of it can be found from there.
    let temporary = sh.create_temp_dir()?;
    for name in PROTOCOL_CRATES {
        cmd!(
            sh,
            "cargo package --locked --allow-dirty --no-verify -p {name}"
        )
        .run()?;
        let archive = format!("{target}/package/{name}-{version}.crate");
        let folder = temporary.path();
        cmd!(sh, "tar -xzf {archive} -C {folder}").run()?;

        let manifest = folder.join(format!("{name}-{version}/Cargo.toml"));
        test_alone(sh, &manifest, Path::new(target))?;
    }
    Ok(())
}

fn test_alone(sh: &Shell, manifest: &Path, target: &Path) -> Result<()> {
    let target = target.join("packaged");
    let folders = [
        "--manifest-path".as_ref(),
        manifest.as_os_str(),
        "--target-dir".as_ref(),
        target.as_os_str(),
    ];
    for features in ["--all-features", "--no-default-features"] {
        cmd!(sh, "cargo test --quiet {folders...} {features}").run()?;
    }
    // Without `test`, which brings the standard library, this is `no_std`.
    cmd!(sh, "cargo build {folders...} --no-default-features").run()?;
    let _flags = sh.push_env("RUSTDOCFLAGS", "-D warnings");
    Ok(cmd!(sh, "cargo doc --no-deps {folders...}").run()?)
}
