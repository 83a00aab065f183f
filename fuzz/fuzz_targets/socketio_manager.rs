//! Any order of inputs to a client's manager, by the harness of the simulation's tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/socketio/tests/simulation/any_server.rs"]
mod any_server;
#[path = "../../crates/socketio/tests/simulation/choices.rs"]
mod choices;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = choices::Choices::of_bytes(bytes);
    any_server::run(&mut choices, &mut any_server::Seen::default());
});
