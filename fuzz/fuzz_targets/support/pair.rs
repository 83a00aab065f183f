//! Two ends of a connection, as a handshake with these settings leaves them.

use bytes::BytesMut;
use songi_websocket::{
    Config, Connection, Deflate, DeflateConfig,
    handshake::{Client, Policy, RequestReader, Url},
};

/// Settings out of a few bytes. Everything is compressed, however short.
pub fn settings([flags, bits, level]: [u8; 3]) -> DeflateConfig {
    DeflateConfig::default()
        .threshold(0)
        .server_takeover(flags & 1 != 0)
        .client_takeover(flags & 2 != 0)
        .server_window_bits(9 + bits % 7)
        .client_window_bits(9 + bits / 7 % 7)
        .level(2 + level % 8)
        .memory_level(1 + level / 8 % 9)
}

/// The server's end and the client's.
pub fn pair(config: Config, deflate: DeflateConfig) -> (Connection, Connection) {
    let mut ends = (
        Connection::server(config),
        Connection::client(config, || [1, 2, 3, 4]),
    );
    let url: Url = "ws://example.com/".parse().unwrap();
    let mut client = Client::new(&url, [7; 16]).deflate(&Deflate::new(deflate));
    let mut input = BytesMut::from(&client.request()[..]);
    let request = RequestReader::default().read(&mut input).unwrap().unwrap();
    let policy = Policy::default().deflate(&Deflate::new(deflate));
    let accepted = policy.accept(&request).unwrap();
    let mut input = BytesMut::from(&accepted.to_bytes()[..]);
    let response = client.read(&mut input).unwrap().unwrap();
    ends.0.set_deflate(accepted.deflate());
    ends.1.set_deflate(response.deflate());
    ends
}
