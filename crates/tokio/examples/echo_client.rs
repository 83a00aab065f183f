//! A WebSocket echo client, for a server that speaks first or last: sends back what it receives.
//! `cargo run -p songi-tokio --example echo_client ws://127.0.0.1:9001`.

use songi_tokio::{Config, Connect, Event, Message, Options, SendError};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "ws://127.0.0.1:9001".to_owned());
    let options = Options::default().config(
        Config::default()
            .message_limit(64 << 20)
            .fragment_limit(1 << 20),
    );
    let (mut socket, response) = Connect::new(&url)?.options(options).open().await?;
    println!("connected, subprotocol {:?}", response.protocol());
    while let Some(event) = socket.recv().await {
        let message = match event? {
            Event::Text(text) => Message::Text(text),
            Event::Binary(payload) => Message::Binary(payload),
            Event::Close(frame) => {
                println!("closed: {frame:?}");
                continue;
            }
            _ => continue,
        };
        if let Err(SendError::Full { message, .. }) = socket.send(message) {
            socket.flush().await?;
            let _ = socket.send(message);
        }
    }
    Ok(())
}
