//! The client side of the Autobahn test suite, whose fuzzing server it asks for its cases:
//! `cargo run -p songi-tokio --all-features --example autobahn_client ws://127.0.0.1:9001`.

use std::error::Error;

use songi_tokio::{
    Config, Connect, Deflate, DeflateConfig, Event, Message, Options, SendError, Stream, WebSocket,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "ws://127.0.0.1:9001".to_owned());
    let takeover = DeflateConfig::default()
        .server_takeover(true)
        .client_takeover(true);
    let deflate = Deflate::new(takeover.threshold(0));

    let count = case_count(&url, &deflate).await?;
    for case in 1..=count {
        let url = format!("{url}/runCase?case={case}&agent=songi");
        // How a case ends is for the suite to judge.
        if let Err(error) = echo(open(&url, &deflate).await?).await {
            println!("{case}: {error}");
        }
    }
    let url = format!("{url}/updateReports?agent=songi");
    open(&url, &deflate).await?.close(None).await?;
    Ok(())
}

async fn open(url: &str, deflate: &Deflate) -> Result<WebSocket<Stream>, Box<dyn Error>> {
    let config = Config::default()
        .message_limit(64 << 20)
        .fragment_limit(1 << 20);
    let options = Options::default().config(config);
    let connect = Connect::new(url)?.options(options).deflate(deflate);
    Ok(connect.open().await?.0)
}

async fn case_count(url: &str, deflate: &Deflate) -> Result<u32, Box<dyn Error>> {
    let mut socket = open(&format!("{url}/getCaseCount"), deflate).await?;
    let mut count = 0;
    while let Some(event) = socket.recv().await {
        if let Event::Text(text) = event? {
            count = text.parse()?;
        }
    }
    Ok(count)
}

async fn echo(mut socket: WebSocket<Stream>) -> Result<(), songi_tokio::Error> {
    while let Some(event) = socket.recv().await {
        let message = match event? {
            Event::Text(text) => Message::Text(text),
            Event::Binary(payload) => Message::Binary(payload),
            _ => continue,
        };
        if let Err(SendError::Full { message, .. }) = socket.send(message) {
            socket.flush().await?;
            let _ = socket.send(message);
        }
    }
    Ok(())
}
