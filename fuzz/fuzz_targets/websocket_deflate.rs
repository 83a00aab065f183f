//! A client's connection with compression: the same bytes whole and in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use songi_websocket::Config;

#[path = "support/chunks.rs"]
mod chunks;
#[path = "support/pair.rs"]
mod pair;

fuzz_target!(|data: &[u8]| {
    let Some((&settings, data)) = data.split_first_chunk() else {
        return;
    };
    let config = Config::default().message_limit(4096).fragment_limit(16);
    chunks::check(data, || pair::pair(config, pair::settings(settings)).1);
});
