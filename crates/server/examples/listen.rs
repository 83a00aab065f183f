//! A server on a port of its own: `cargo run -p songi-server --example listen`.

use serde_json::{Value, json};
use songi_server::{Bytes, Server, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Server::new();

    io.on("message", |text: String| println!("message: {text}"));
    io.on("salutations", |a: String, b: Value, c: Bytes| {
        println!("{a} {b} {c:?}")
    });
    io.on("add", |a: i64, b: i64| a + b);
    io.on("join", async |socket: Socket, room: String| {
        socket.join(&room);
        socket.to(&room).emit("joined", socket.id())
    });
    io.on_connection(|socket: Socket| {
        socket.send("Hello!")?;
        socket.emit(
            "greetings",
            (
                "Hey!",
                json!({ "ms": "jane" }),
                Bytes::from_static(&[4, 3, 3, 1]),
            ),
        )
    });

    println!("listening on http://127.0.0.1:3000");
    io.listen("127.0.0.1:3000").await
}
