//! A client's manager under virtual time, by schedules that are made from a seed: against a server
//! over links that are delayed, refused and broken; and against a server that does anything at any
//! time. The manager is the one that `songi-client` runs.
//!
//! `SONGI_SCHEDULES` sets how many schedules each test runs (2,000 by default), `SONGI_SEED` the
//! first seed. A test that fails prints its seed: `SONGI_SEED=<seed> SONGI_SCHEDULES=1` runs that
//! schedule alone.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod any_server;
mod choices;
mod client;
mod honest;
mod model;
mod network;
mod plan;
mod seen;
mod server;
mod told;

use choices::Choices;
use seen::Seen;

/// Runs one schedule for each seed. Gives how many there were.
fn schedules(mut run: impl FnMut(&mut Choices<'_>)) -> u64 {
    let variable = |name, default| match std::env::var(name) {
        Ok(value) => value.parse().expect("a number"),
        Err(_) => default,
    };
    let first: u64 = variable("SONGI_SEED", 0);
    let count: u64 = variable("SONGI_SCHEDULES", 2_000);
    let end = first.saturating_add(count);
    println!("seeds {first} to {end}");
    for seed in first..end {
        let _tell = Tell(seed);
        run(&mut Choices::of_seed(seed));
    }
    end - first
}

/// Prints the seed of a schedule that panics.
struct Tell(u64);

impl Drop for Tell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SONGI_SEED={} SONGI_SCHEDULES=1 repeats it", self.0);
        }
    }
}

/// Events come in order and once, but for those that are sent until they are acknowledged; what was
/// kept is sent, what was missed comes again where the server recovers it, every ack is answered
/// once or said not to come, waits are as long as they should be, and when the network is well
/// again the client is in its namespaces or has said why not.
#[test]
fn an_honest_server_and_a_network_that_is_not() {
    let mut seen = Seen::default();
    let count = schedules(|choices| honest::run(choices, &mut seen));
    println!("{seen:#?}");
    if count >= 1_000 {
        seen.check();
    }
}

/// The manager keeps its limits and its promises whatever a server sends.
#[test]
fn a_server_that_does_anything() {
    let mut seen = any_server::Seen::default();
    let count = schedules(|choices| any_server::run(choices, &mut seen));
    println!("{seen:#?}");
    let any_server::Seen {
        violations,
        joined,
        events,
        answers,
    } = seen;
    if count >= 1_000 {
        assert!(violations > 0 && joined > 0 && events > 0 && answers > 0);
    }
}
