//! Sessions under virtual time, by schedules that are made from a seed: a client session against
//! a server session over a network that delays, loses and breaks; and each of them against a peer
//! that does anything at any time.
//!
//! `SONGI_SCHEDULES` sets how many schedules each test runs (10,000 by default), `SONGI_SEED` the
//! first seed. A test that fails prints its seed: `SONGI_SEED=<seed> SONGI_SCHEDULES=1` runs that
//! schedule alone.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

mod any_client;
mod any_server;
mod choices;
mod honest;
mod messages;
mod plan;
mod translate;

use choices::Choices;

/// Runs one schedule for each seed.
fn schedules(run: impl Fn(&mut Choices<'_>)) {
    let variable = |name, default| match std::env::var(name) {
        Ok(value) => value.parse().expect("a number"),
        Err(_) => default,
    };
    let first: u64 = variable("SONGI_SEED", 0);
    for seed in first..first.saturating_add(variable("SONGI_SCHEDULES", 10_000)) {
        let _tell = Tell(seed);
        run(&mut Choices::of_seed(seed));
    }
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

/// Nothing is lost, repeated or reordered, every request is answered once, memory is bounded, the
/// upgrade finishes unless its WebSocket breaks, the heartbeat keeps the session alive, and a
/// close reaches the other side.
#[test]
fn an_honest_client_and_an_honest_server() {
    schedules(honest::run);
}

/// A server session keeps its rules whatever a client does.
#[test]
fn a_client_that_does_anything() {
    schedules(any_client::run);
}

/// A client session keeps its rules whatever a server does.
#[test]
fn a_server_that_does_anything() {
    schedules(any_server::run);
}
