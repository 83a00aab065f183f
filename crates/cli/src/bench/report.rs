//! What is printed.

use std::fmt::Write as _;

use serde_json::{Value, json};
use songi_load::{Pace, Report};

use super::options::Load;

/// The quantiles that are shown.
const QUANTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("max", 1.),
];

/// The width of the longest bar.
const WIDTH: u64 = 40;

/// For a reader.
pub(super) fn text(load: &Load, report: &Report) -> String {
    let mut text = format!(
        "{} {} in {:.1} s over {} connections: {:.0}/s\n",
        report.answers,
        load.unit(),
        report.elapsed.as_secs_f64(),
        load.connections,
        report.rate(),
    );
    if report.dropped > 0 {
        let _ = writeln!(
            text,
            "{} were due and not sent, because the server did not keep up",
            report.dropped
        );
    }
    if report.unanswered > 0 {
        let _ = writeln!(
            text,
            "{} more were due and not answered when it ended",
            report.unanswered
        );
    }
    text.push('\n');
    for (name, quantile) in QUANTILES {
        let value = report.latency.value_at_quantile(quantile);
        let _ = writeln!(text, "{name:>8} {:>10}", time(value));
    }
    text.push('\n');
    let bars: Vec<_> = report.latency.iter_log(FIRST_BAR, 2.).collect();
    let longest = bars
        .iter()
        .map(|bar| bar.count_since_last_iteration())
        .max();
    for bar in &bars {
        let count = bar.count_since_last_iteration();
        if count > 0 {
            let width = (count * WIDTH).div_ceil(longest.unwrap_or(1).max(1));
            let bar_text = "█".repeat(width as usize);
            let _ = writeln!(
                text,
                "  <{:>9} {count:>10} {bar_text}",
                time(bar.value_iterated_to() + 1)
            );
        }
    }
    text
}

/// The upper end of the first bar, in nanoseconds; each of the others ends at twice the last.
const FIRST_BAR: u64 = 1000;

/// For a program.
pub(super) fn json(load: &Load, report: &Report) -> Value {
    let (in_flight, rate) = match load.pace {
        Pace::InFlight(in_flight) => (Some(in_flight), None),
        Pace::PerSecond { rate, .. } => (None, Some(rate)),
    };
    let quantiles = QUANTILES.map(|(name, quantile)| {
        let value = report.latency.value_at_quantile(quantile);
        (name.to_owned(), value.into())
    });
    let mut latency = serde_json::Map::from_iter(quantiles);
    latency.insert("min".to_owned(), report.latency.min().into());
    latency.insert("mean".to_owned(), report.latency.mean().into());
    json!({
        "url": load.url,
        "connections": load.connections,
        "in_flight": in_flight,
        "rate": rate,
        "seconds": report.elapsed.as_secs_f64(),
        "count": report.answers,
        "dropped": report.dropped,
        "unanswered": report.unanswered,
        "per_second": report.rate(),
        "latency_ns": latency,
    })
}

/// Three digits and a unit.
fn time(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    let (value, unit) = match nanoseconds {
        0..1_000 => return format!("{nanoseconds} ns"),
        1_000..1_000_000 => (value / 1e3, "µs"),
        1_000_000..1_000_000_000 => (value / 1e6, "ms"),
        _ => (value / 1e9, "s"),
    };
    match value {
        0.0..10.0 => format!("{value:.2} {unit}"),
        10.0..100.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        assert_eq!(time(999), "999 ns");
        assert_eq!(time(1_234), "1.23 µs");
        assert_eq!(time(12_345_678), "12.3 ms");
        assert_eq!(time(123_456_789_000), "123 s");
    }
}
