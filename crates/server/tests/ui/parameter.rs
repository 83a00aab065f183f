//! A parameter that is neither read from the event nor one of Songi's own.

use songi_server::{Server, Socket};

struct Message {
    text: &'static str,
}

fn main() {
    let io = Server::new();
    io.on("message", |_: Socket, message: Message| println!("{}", message.text));
}
