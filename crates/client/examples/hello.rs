//! Says hello to a server, and prints what it hears: `cargo run --example hello -- [URL]`.

use serde_json::{Value, json};
use songi_client::{Bytes, Client, DisconnectReason};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "http://localhost:3000".to_owned());
    let socket = Client::new(url)
        .on("message", |text: String| println!("message: {text}"))
        .on("greetings", |text: String, who: Value, data: Bytes| {
            println!("greetings: {text} {who} {data:?}");
        })
        .on_disconnect(|reason: DisconnectReason| println!("disconnected: {reason}"))
        .connect()
        .await?;
    println!("connected as {}", socket.id());

    socket.send("Hello!")?;
    let data = Bytes::from_static(&[1, 2, 3, 4]);
    socket.emit("salutations", ("Hello!", json!({ "mr": "john" }), data))?;
    socket.closed().await;
    Ok(())
}
