//! A client's connection: the same bytes whole and in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use songi_websocket::{Config, Connection};

#[path = "support/chunks.rs"]
mod chunks;

fuzz_target!(|data: &[u8]| {
    chunks::check(data, || {
        let config = Config::default().message_limit(4096).fragment_limit(16);
        Connection::client(config, || [1, 2, 3, 4])
    });
});
