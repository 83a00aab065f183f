//! A chat room: what one client says goes to all, framed once.
//! `cargo run -p songi-tokio --example broadcast 127.0.0.1:9001`.

use std::error::Error;

use songi_tokio::{
    CloseCode, CloseFrame, Event, Options, Prepared, accept,
    handshake::{Origin, Policy},
};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::broadcast::{self, Sender},
};

/// Messages that a member may lag behind.
const BACKLOG: usize = 256;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    Ok(serve(listener).await?)
}

pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let (room, _) = broadcast::channel(BACKLOG);
    loop {
        let (stream, peer) = listener.accept().await?;
        let room = room.clone();
        tokio::spawn(async move {
            if let Err(error) = member(stream, &room).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// One client: until it leaves, or is too slow for the room.
async fn member(
    stream: TcpStream,
    room: &Sender<Prepared>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let policy = Policy::default().origin(Origin::Any);
    let mut said = room.subscribe();
    let (mut socket, _request) = accept(stream, &policy, &Options::default()).await?;
    loop {
        select! {
            event = socket.recv() => match event.transpose()? {
                Some(Event::Text(text)) => drop(room.send(Prepared::text(text))),
                Some(_) => {}
                None => return Ok(()),
            },
            // A copy is a reference to the one frame; the next `recv` writes all that is queued.
            message = said.recv(), if socket.is_open() => {
                let queued = message.is_ok_and(|message| socket.send_prepared(&message).is_ok());
                if !queued {
                    socket.start_close(CloseFrame::new(CloseCode::POLICY, "too slow"));
                }
            }
        }
    }
}
