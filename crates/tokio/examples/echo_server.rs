//! A WebSocket echo server:
//! `cargo run -p songi-tokio --all-features --example echo_server 127.0.0.1:9001 --deflate`.

use std::{env, error::Error, thread::available_parallelism};

use songi_tokio::{
    Config, Deflate, DeflateConfig, Event, Message, Options, SendError, WebSocket, accept,
    handshake::{Origin, Policy},
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
};

const USAGE: &str = "echo_server ADDR [--deflate] [--threads N]";

fn main() -> Result<(), Box<dyn Error>> {
    let (mut address, mut policy) = (None, Policy::default().origin(Origin::Any));
    let mut threads = available_parallelism()?.get();
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--deflate" => policy = policy.deflate(&deflate()),
            "--threads" => threads = args.next().ok_or(USAGE)?.parse()?,
            _ => address = Some(arg),
        }
    }
    let address = address.unwrap_or_else(|| "127.0.0.1:9001".to_owned());

    let mut runtime = match threads {
        1 => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        runtime.worker_threads(threads);
    }
    runtime
        .enable_all()
        .build()?
        .block_on(listen(address, policy))
}

/// Whatever the peer wishes, with windows kept, and short messages compressed too.
fn deflate() -> Deflate {
    let config = DeflateConfig::default()
        .server_takeover(true)
        .client_takeover(true);
    Deflate::new(config.threshold(0))
}

async fn listen(address: String, policy: Policy) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(&address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        let policy = policy.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &policy).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn serve(stream: TcpStream, policy: &Policy) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let config = Config::default()
        .message_limit(64 << 20)
        .fragment_limit(1 << 20);
    let options = Options::default().config(config);
    let (mut socket, _request) = accept(stream, policy, &options).await?;
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
async fn echo(
    socket: &mut WebSocket<TcpStream>,
    message: Message,
) -> Result<(), songi_tokio::Error> {
    if let Err(SendError::Full { message, .. }) = socket.send(message) {
        socket.flush().await?;
        let _ = socket.send(message);
    }
    Ok(())
}
