//! A WebSocket proxy: each client gets a connection of its own to the server behind.
//! `cargo run -p songi-tokio --example proxy 127.0.0.1:9002 ws://127.0.0.1:9001`.
//!
//! Each direction is a loop of its own, which reads no further while what it read is not written:
//! so a slow reader slows down the writer at the other end, and two that write before they read
//! do not block each other here.

use std::{error::Error, sync::Arc};

use songi_tokio::{
    CloseCode, CloseFrame, Connect, Event, Incoming, Message, Options, Reader, SendError, Stream,
    WebSocket, Writer,
    handshake::{Origin, Policy, Rejection, Request},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    select, try_join,
};

const USAGE: &str = "proxy ADDR URL";

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (Some(address), Some(upstream)) = (args.next(), args.next()) else {
        return Err(USAGE.into());
    };
    let listener = TcpListener::bind(&address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(serve(listener, upstream).await?)
}

/// `upstream` is a URL without a path: the client's is taken.
pub(crate) async fn serve(listener: TcpListener, upstream: String) -> std::io::Result<()> {
    let upstream: Arc<str> = upstream.into();
    loop {
        let (stream, peer) = listener.accept().await?;
        let upstream = Arc::clone(&upstream);
        tokio::spawn(async move {
            if let Err(error) = proxy(stream, &upstream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn proxy(stream: TcpStream, upstream: &str) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let client = Incoming::read(stream, &Options::default()).await?;
    let server = match connect(upstream, client.request()).await {
        Ok(server) => server,
        Err(error) => {
            client.reject(&Rejection::new(502)?).await?;
            return Err(error);
        }
    };
    // Which pages may connect is the upstream's decision: it has seen the header.
    let accepted = Policy::default()
        .origin(Origin::Any)
        .accept(client.request())?;
    let (client, _request) = client.accept(&accepted).await?;

    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.split();
    try_join!(pass(from_client, to_server), pass(from_server, to_client))?;
    Ok(())
}

async fn connect(upstream: &str, request: &Request) -> Result<WebSocket<Stream>, Failure> {
    let mut connect = Connect::new(&format!("{upstream}{}", request.target()))?;
    for name in ["origin", "cookie", "authorization"] {
        if let Some(value) = request.headers().first(name) {
            connect = connect.header(name, value.to_vec())?;
        }
    }
    Ok(connect.open().await?.0)
}

/// Passes on what `from` receives, until both are closed. Pings and pongs are each connection's
/// own.
async fn pass(
    mut from: Reader<impl AsyncRead + Unpin>,
    mut to: Writer<impl AsyncWrite + Unpin>,
) -> Result<(), songi_tokio::Error> {
    loop {
        let event = select! {
            event = from.recv() => event,
            ended = to.drive() => {
                // Nothing can be passed on, but the other direction waits for the Close frame.
                while from.recv().await.is_some() {}
                return ended;
            }
        };
        let message = match event {
            Some(Ok(Event::Text(text))) => Message::Text(text),
            Some(Ok(Event::Binary(payload))) => Message::Binary(payload),
            Some(Ok(Event::Close(frame))) => {
                to.start_close(frame);
                continue;
            }
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => {
                // Without a Close frame before, the peer is simply gone.
                to.start_close(CloseFrame::from(CloseCode::AWAY));
                return to.drive().await;
            }
        };
        if let Err(SendError::Full { message, .. }) = to.send(message) {
            to.flush().await?;
            let _ = to.send(message);
        }
    }
}
