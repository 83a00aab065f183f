//! A middleware that does not say whether it lets pass.

use songi_server::{Handshake, Server};

fn main() {
    let io = Server::new();
    io.authorize(|handshake: Handshake| handshake.header("x-token") == Some("secret"));
}
