//! A JavaScript client whose connections are lost, over and over.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use serde_json::Value;
use songi_interop::{Script, serve};
use songi_server::{Config, Parser, Recovery, Server, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

const ROUNDS: usize = 20;

#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Both sides see the end.
    Both,
    /// Only the client does: the server's side stays open and silent.
    Client,
}

/// What stands between the client and the server.
struct Proxy {
    url: String,
    cuts: broadcast::Sender<Cut>,
    /// The server's sides that nobody uses any more.
    half_open: Arc<Mutex<Vec<(OwnedReadHalf, OwnedWriteHalf)>>>,
}

impl Proxy {
    async fn to(server: &str) -> Result<Self> {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (cuts, _) = broadcast::channel(4);
        let half_open = Arc::new(Mutex::new(Vec::new()));
        let (sender, kept) = (cuts.clone(), half_open.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, sender.subscribe(), kept.clone()));
            }
        });
        Ok(Self {
            url,
            cuts,
            half_open,
        })
    }
}

async fn carry(
    client: TcpStream,
    server: TcpStream,
    mut cuts: broadcast::Receiver<Cut>,
    half_open: Arc<Mutex<Vec<(OwnedReadHalf, OwnedWriteHalf)>>>,
) {
    let (mut client, mut server) = (client.into_split(), server.into_split());
    let cut = tokio::select! {
        () = copy(&mut client.0, &mut server.1) => return,
        () = copy(&mut server.0, &mut client.1) => return,
        cut = cuts.recv() => cut,
    };
    if matches!(cut, Ok(Cut::Client)) {
        half_open.lock().unwrap().push(server);
    }
}

async fn copy(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn check(parser: Parser, name: &str) -> Result<()> {
    let io = Server::with_config(Config {
        recovery: Some(Recovery::default()),
        parser,
        ..Config::default()
    });
    io.on_connection(|socket: Socket| {
        if socket.recovered() {
            assert_eq!(*socket.data::<String>().unwrap(), "mine");
        } else {
            socket.join("room");
            socket.set_data("mine".to_owned());
        }
    });
    let proxy = Proxy::to(&serve(&io).await?).await?;
    let mut client = Script::start("recovery-client", &[&proxy.url, name])?;
    let first = client.line().await?;
    assert_eq!(first["recovered"], false);
    let id = first["id"].as_str().context("no id")?.to_owned();
    // The handle of the first connection serves for all.
    let socket = io.socket(&id).context("no socket")?;

    let mut sent = 0_usize;
    let mut emit = || -> Result<()> {
        match sent % 3 {
            0 => io.emit("n", sent)?,
            1 => io.to("room").emit("n", sent)?,
            _ => socket.emit("n", sent)?,
        }
        sent += 1;
        Ok(())
    };
    emit()?;
    let mut got: Vec<Value> = vec![client.find("n").await?];
    for round in 0..ROUNDS {
        emit()?;
        let cut = if round % 2 == 0 {
            Cut::Client
        } else {
            Cut::Both
        };
        proxy.cuts.send(cut)?;
        for _ in 0..3 {
            emit()?;
        }
        let back = loop {
            let line = client.line().await?;
            match line.get("n") {
                Some(n) => got.push(n.clone()),
                None => break line,
            }
        };
        assert_eq!(back["recovered"], true, "{cut:?} in round {round}");
        assert_eq!(back["id"], id);
    }
    emit()?;
    while got.len() < sent {
        got.push(client.find("n").await?);
    }
    let expected: Vec<_> = (0..sent).map(Value::from).collect();
    assert_eq!(got, expected);
    assert_eq!((io.connections(), io.sockets().len()), (1, 1));
    assert_eq!(proxy.half_open.lock().unwrap().len(), ROUNDS / 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_times_in_a_row() -> Result<()> {
    check(Parser::Json, "json").await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_times_in_a_row_in_messagepack() -> Result<()> {
    check(Parser::Msgpack, "msgpack").await
}
