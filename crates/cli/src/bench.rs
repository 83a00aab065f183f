//! `songi bench`: how much a server answers, and how fast.
//!
//! | file | what is there |
//! |---|---|
//! | options.rs | the command line, and the load that it asks for |
//! | report.rs | what is printed: text or JSON |

mod options;
mod report;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use songi_load::{Crowd, LoadError, Pace, Report, RoundTrips};

pub(crate) use self::options::Args;
use self::options::Load;

/// How often the progress is shown.
const SHOWN: Duration = Duration::from_millis(100);

/// Measures, and prints what came of it. It takes a thread for itself.
pub(crate) async fn run(args: Args) -> Result<()> {
    let load = args.load()?;
    // As many connections as the system lets this process have.
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    if load.connections as u64 * load.files_each() + OTHER_FILES > files {
        bail!(
            "{} connections are more than the {files} open files that are allowed (ulimit -n)",
            load.connections
        );
    }
    let is_json = args.json;
    let (load, report) = tokio::task::spawn_blocking(move || {
        let report = measure(&load, !is_json)?;
        anyhow::Ok((load, report))
    })
    .await??;
    let text = match is_json {
        true => format!("{}\n", report::json(&load, &report)),
        false => report::text(&load, &report),
    };
    io::stdout()
        .write_all(text.as_bytes())
        .context("standard output")
}

/// Files that are open besides the connections.
const OTHER_FILES: u64 = 32;

fn measure(load: &Load, is_shown: bool) -> Result<Report> {
    probe(load)?;
    let mut crowd = Crowd::open(load.target.clone(), load.connections)
        .with_context(|| format!("opening {} connections to {}", load.connections, load.url))?;
    let mut trips = RoundTrips::new(&load.exchange, load.connections, load.pace);
    let bar = progress(load, is_shown);
    go(load, &mut trips, &mut crowd, load.warm_up, |_| {})?;
    trips.reset();
    let started = Instant::now();
    go(load, &mut trips, &mut crowd, load.duration, |trips| {
        let elapsed = started.elapsed();
        bar.set_position(elapsed.as_millis() as u64);
        let rate = trips.answers() as f64 / elapsed.as_secs_f64();
        bar.set_message(format!("{rate:.0} {}/s", load.unit()));
    })?;
    bar.finish_and_clear();
    Ok(trips.report())
}

fn go(
    load: &Load,
    trips: &mut RoundTrips,
    crowd: &mut Crowd,
    duration: Duration,
    mut show: impl FnMut(&RoundTrips),
) -> Result<()> {
    let started = Instant::now();
    while let Some(left) = duration.checked_sub(started.elapsed()) {
        let slice = left.min(SHOWN);
        trips
            .run(crowd, slice)
            .map_err(|error| load.explain(error))?;
        show(trips);
    }
    Ok(())
}

/// One client asks once: what is wrong with the server or the options is told before the load.
fn probe(load: &Load) -> Result<()> {
    let mut crowd = Crowd::open(load.target.clone(), 1)
        .with_context(|| format!("cannot connect to {}", load.url))?;
    let mut trips = RoundTrips::new(&load.exchange, 1, Pace::InFlight(1));
    trips.set_patience(load.timeout);
    trips
        .run_count(&mut crowd, 1)
        .map_err(|error| load.explain(error))
}

impl Load {
    /// What to do about an error.
    fn explain(&self, error: LoadError) -> anyhow::Error {
        let is_silent = matches!(error, LoadError::Silent { .. });
        let error = anyhow::Error::new(error);
        match is_silent {
            true => error.context(self.silence()),
            false => error,
        }
    }
}

fn progress(load: &Load, is_shown: bool) -> ProgressBar {
    if !is_shown || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(load.duration.as_millis() as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
