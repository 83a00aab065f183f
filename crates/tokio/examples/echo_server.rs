//! A WebSocket echo server: `cargo run -p songi-tokio --example echo_server 127.0.0.1:9001`.

use songi_tokio::{
    Config, Error, Event, Message, Options, SendError, WebSocket, accept,
    handshake::{Origin, Policy},
};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve(stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn serve(stream: TcpStream) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let policy = Policy::default().origin(Origin::Any);
    let options = Options::default().config(Config::default().message_limit(64 << 20));
    let (mut socket, _request) = accept(stream, &policy, &options).await?;
    while let Some(event) = socket.recv().await {
        match event? {
            Event::Text(text) => echo(&mut socket, Message::Text(text)).await?,
            Event::Binary(payload) => echo(&mut socket, Message::Binary(payload)).await?,
            _ => {}
        }
    }
    Ok(())
}

/// Queues a message, after a flush if the queue is full. The next `recv` writes it.
async fn echo(socket: &mut WebSocket<TcpStream>, message: Message) -> Result<(), Error> {
    if let Err(SendError::Full { message, .. }) = socket.send(message) {
        socket.flush().await?;
        let _ = socket.send(message);
    }
    Ok(())
}
