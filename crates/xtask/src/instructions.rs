//! How many instructions Songi's hottest operations take, beside what is written down.
//!
//! Unlike times they are the same on a busy machine, so that they can decide a test. They are not the
//! same with another processor, compiler or library, which is why those are written down too.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::peers::{apt_install, installed};

/// What is written down.
const RECORD: &str = "benches/instructions.json";

/// An operation may take so much more than that.
const TOLERANCE: f64 = 0.05;

/// Two runs differ by so many operations: what a run does once is in both.
const FEW: u64 = 1_000;
const MANY: u64 = 5_000;

/// What an operation took, by its name.
type Counts = BTreeMap<String, f64>;

/// Counts, and compares with the record; `record` writes it instead.
pub(crate) fn run(sh: &Shell, record: bool) -> Result<()> {
    if !installed(sh, "valgrind") {
        apt_install(sh, "valgrind")?;
    }
    let machine = machine(sh)?;
    let counts = count(sh)?;
    if record {
        let text = serde_json::to_string_pretty(&json!({
            "machine": machine,
            "instructions": counts,
        }))?;
        sh.write_file(RECORD, text + "\n")?;
        println!("{RECORD} is written");
        return Ok(());
    }
    let recorded: Value = serde_json::from_str(&sh.read_file(RECORD)?)?;
    let report = compare(&counts, &recorded["instructions"]);
    println!("{}", report.table);
    let difference = difference(&machine, &recorded["machine"]);
    match (difference, report.failures.as_slice()) {
        (Some(difference), _) => {
            println!("nothing is decided by this: {difference}");
            Ok(())
        }
        (None, []) => Ok(()),
        (None, failures) => bail!(
            "{}\nWhere that has its reason: cargo xtask instructions --record",
            failures.join("\n")
        ),
    }
}

/// The same, where valgrind cannot be had.
pub(crate) fn run_if_possible(sh: &Shell) -> Result<()> {
    if !installed(sh, "valgrind")
        && let Err(error) = apt_install(sh, "valgrind")
    {
        println!("skipped, instructions are not counted: {error:#}");
        return Ok(());
    }
    run(sh, false)
}

fn count(sh: &Shell) -> Result<Counts> {
    cmd!(sh, "cargo build --locked --release -p songi-instructions").run()?;
    let metadata: Value = serde_json::from_str(
        &cmd!(sh, "cargo metadata --locked --format-version 1 --no-deps")
            .quiet()
            .read()?,
    )?;
    let target = metadata["target_directory"].as_str();
    let program = format!(
        "{}/release/songi-instructions",
        target.context("no target")?
    );
    let names = cmd!(sh, "{program}").quiet().read()?;
    let folder = sh.create_temp_dir()?;
    let file = folder.path().join("callgrind");
    let total = |name: &str, count: u64| -> Result<u64> {
        let out = format!("--callgrind-out-file={}", file.display());
        let count = count.to_string();
        cmd!(
            sh,
            "valgrind --quiet --tool=callgrind {out} {program} {name} {count}"
        )
        .quiet()
        .run()?;
        total(&fs::read_to_string(&file)?).context("callgrind wrote no total")
    };
    let mut counts = Counts::new();
    for name in names.lines() {
        let more = total(name, MANY)?.saturating_sub(total(name, FEW)?);
        let each = more as f64 / (MANY - FEW) as f64;
        counts.insert(name.to_owned(), (each * 10.).round() / 10.);
    }
    Ok(counts)
}

/// The instructions in a file of callgrind.
fn total(text: &str) -> Option<u64> {
    let total = text.lines().find_map(|line| line.strip_prefix("totals:"))?;
    total.trim().parse().ok()
}

/// What the numbers hold for.
fn machine(sh: &Shell) -> Result<Value> {
    let cpu = sh.read_file("/proc/cpuinfo")?;
    let field = |name| {
        let line = cpu.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    Ok(json!({
        "processor": format!(
            "{}, family {}, model {}",
            field("model name").context("/proc/cpuinfo")?,
            field("cpu family").unwrap_or_default(),
            field("model\t").unwrap_or_default(),
        ),
        "rustc": cmd!(sh, "rustc --version").quiet().read()?,
        "valgrind": cmd!(sh, "valgrind --version").quiet().read()?,
        "libc": first_line(cmd!(sh, "ldd --version").quiet().read()?),
    }))
}

/// In what this machine is not that of the record.
fn difference(machine: &Value, recorded: &Value) -> Option<String> {
    ["processor", "rustc", "valgrind", "libc"]
        .into_iter()
        .find(|part| machine[part] != recorded[part])
        .map(|part| {
            format!(
                "{part} is {}, the record is of {}",
                machine[part], recorded[part]
            )
        })
}

struct Comparison {
    /// All operations, in Markdown.
    table: String,
    /// Those that take more than they may.
    failures: Vec<String>,
}

fn compare(counts: &Counts, recorded: &Value) -> Comparison {
    let mut table = "| operation | instructions | recorded | |\n|---|---:|---:|---:|".to_owned();
    let mut failures = Vec::new();
    for (name, count) in counts {
        let Some(before) = recorded[name].as_f64() else {
            table.push_str(&format!("\n| {name} | {count} | | |"));
            failures.push(format!("{name} is not in {RECORD}"));
            continue;
        };
        let growth = count / before - 1.;
        table.push_str(&format!(
            "\n| {name} | {count} | {before} | {:+.1} % |",
            growth * 100.
        ));
        if growth > TOLERANCE {
            failures.push(format!(
                "{name} takes {count} instructions, {:.1} % more than the {before} of {RECORD}",
                growth * 100.
            ));
        }
    }
    Comparison { table, failures }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(value: f64) -> Counts {
        Counts::from([("decode".to_owned(), value)])
    }

    #[test]
    fn only_more_than_the_tolerance_fails() {
        let recorded = json!({ "decode": 100. });
        assert!(compare(&counts(104.9), &recorded).failures.is_empty());
        assert!(compare(&counts(50.), &recorded).failures.is_empty());
        let failures = compare(&counts(106.), &recorded).failures;
        assert_eq!(
            failures,
            ["decode takes 106 instructions, 6.0 % more than the 100 of benches/instructions.json"]
        );
    }

    #[test]
    fn an_operation_that_is_not_recorded_fails() {
        assert_eq!(compare(&counts(1.), &json!({})).failures.len(), 1);
    }

    #[test]
    fn another_compiler_is_a_difference() {
        let machine = json!({ "processor": "a", "rustc": "1", "valgrind": "3", "libc": "2" });
        assert_eq!(difference(&machine, &machine), None);
        let mut other = machine.clone();
        other["rustc"] = json!("2");
        let said = difference(&machine, &other).expect("they differ");
        assert_eq!(said, r#"rustc is "1", the record is of "2""#);
    }

    #[test]
    fn the_total_is_found() {
        assert_eq!(total("fn=main\n1 2\ntotals: 12345\n"), Some(12345));
        assert_eq!(total("fn=main\n"), None);
    }
}
