//! Any order of inputs to a client session, by the harness of the simulation's tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/engineio/tests/simulation/any_server.rs"]
mod any_server;
#[path = "../../crates/engineio/tests/simulation/choices.rs"]
mod choices;

fuzz_target!(|bytes: &[u8]| any_server::run(&mut choices::Choices::of_bytes(bytes)));
