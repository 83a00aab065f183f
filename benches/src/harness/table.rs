//! What is printed.

use std::fmt::Write as _;
use std::fs;

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A table of medians, each with its ratio to the first server's.
pub(crate) fn markdown(servers: &[&str], rows: &[(&str, &str, Vec<Option<f64>>)]) -> String {
    let mut table = String::from("| | unit |");
    for server in servers {
        let _ = write!(table, " {server} |");
    }
    table.push_str("\n|---|---|");
    table.push_str(&"---:|".repeat(servers.len()));
    for (title, unit, values) in rows {
        let _ = write!(table, "\n| {title} | {unit} |");
        let first = values.first().copied().flatten();
        for (index, value) in values.iter().enumerate() {
            let _ = match (value, first) {
                (None, _) => write!(table, " |"),
                (Some(value), Some(first)) if index > 0 && first > 0. => {
                    write!(table, " {} ({:.2}) |", number(*value), value / first)
                }
                (Some(value), _) => write!(table, " {} |", number(*value)),
            };
        }
    }
    table
}

/// Three digits, or all before the point.
pub(crate) fn number(value: f64) -> String {
    match value {
        1000.0.. => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// What was measured on.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model
        .unwrap_or(": unknown")
        .trim_start_matches([':', ' ', '\t']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_grouped() {
        for (value, shown) in [
            (0.126, "0.13"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1234.5, "1,234"),
            (1_450_125.0, "1,450,125"),
        ] {
            assert_eq!(number(value), shown);
        }
    }
}
