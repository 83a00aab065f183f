//! Any order of inputs to a server session, by the harness of the simulation's tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/engineio/tests/simulation/any_client.rs"]
mod any_client;
#[path = "../../crates/engineio/tests/simulation/choices.rs"]
mod choices;

fuzz_target!(|bytes: &[u8]| any_client::run(&mut choices::Choices::of_bytes(bytes)));
