//! The protocol crates know nothing of what is above them.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::PROTOCOL_CRATES;

/// Crates that bring I/O, a runtime or a clock.
const FORBIDDEN: [&str; 14] = [
    "async-io",
    "async-std",
    "chrono",
    "futures-timer",
    "h2",
    "hyper",
    "mio",
    "quanta",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tokio-util",
    "web-time",
];

/// What no code of a protocol crate says.
const FORBIDDEN_WORDS: [&str; 5] = [
    "Instant",
    "SystemTime",
    "std::net",
    "std::thread",
    "std::fs",
];

pub(crate) fn check(sh: &Shell) -> Result<()> {
    for name in PROTOCOL_CRATES {
        let tree = cmd!(
            sh,
            "cargo tree --locked -p {name} --all-features --edges normal --target all --prefix none"
        )
        .quiet()
        .read()?;
        let below = dependencies(&tree);
        if let Some(dependency) = below.iter().find(|dependency| is_above(dependency)) {
            bail!("{name} depends on {dependency}: a protocol crate does no I/O and stands alone");
        }
        check_words(sh, name)?;
        println!("{name}: {} dependencies, none above it", below.len());
    }
    Ok(())
}

/// The package names in what `cargo tree --prefix none` prints, without the first, the root.
fn dependencies(tree: &str) -> BTreeSet<&str> {
    tree.lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

fn is_above(dependency: &str) -> bool {
    FORBIDDEN.contains(&dependency) || dependency.starts_with("songi")
}

fn check_words(sh: &Shell, name: &str) -> Result<()> {
    let folder = format!("crates/{}/src", name.trim_start_matches("songi-"));
    let files = cmd!(sh, "git ls-files {folder}").quiet().read()?;
    for file in files.lines().filter(|file| file.ends_with(".rs")) {
        let text = sh.read_file(file)?;
        if let Some((number, word)) = forbidden_word(&text) {
            bail!(
                "{file}:{number}: `{word}` in a protocol crate: time and I/O come from the caller"
            );
        }
    }
    Ok(())
}

/// The first forbidden word outside comments, with its line number.
fn forbidden_word(text: &str) -> Option<(usize, &'static str)> {
    let code = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(index, line)| {
        let words = FORBIDDEN_WORDS
            .into_iter()
            .filter(move |word| line.contains(word));
        words.map(move |word| (index + 1, word))
    })
    .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_the_tree() {
        let tree = "songi-websocket v0.1.0 (/x)\nbytes v1.12.2\nsha1 v0.11.0\nbytes v1.12.2 (*)\n";
        assert_eq!(
            dependencies(tree).into_iter().collect::<Vec<_>>(),
            ["bytes", "sha1"]
        );
    }

    #[test]
    fn runtimes_clocks_and_own_crates_are_above() {
        for name in ["tokio", "hyper", "web-time", "songi-engineio", "songi"] {
            assert!(is_above(name), "{name}");
        }
        assert!(!is_above("bytes"));
    }

    #[test]
    fn a_clock_in_the_code_is_found_and_in_a_comment_is_not() {
        let text = "/// not an Instant\nlet now = std::time::Instant::now();\n";
        assert_eq!(forbidden_word(text), Some((2, "Instant")));
        assert_eq!(forbidden_word("//! SystemTime\n"), None);
    }
}
