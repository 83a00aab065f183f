//! A hundred JavaScript clients in ten rooms.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;
use songi_interop::{Script, serve};
use songi_server::{Server, Socket};

const CLIENTS: usize = 100;
const ROOMS: usize = 10;

/// The clients, and what they print, up to a mark that is broadcast to all of them at the end.
struct Clients {
    script: Script,
    ids: Vec<String>,
}

impl Clients {
    async fn start(url: &str) -> Result<Self> {
        let args = [url, &CLIENTS.to_string(), &ROOMS.to_string()];
        let mut script = Script::start("rooms-clients", &args)?;
        let ids = script.find("ids").await?;
        Ok(Self {
            script,
            ids: serde_json::from_value(ids)?,
        })
    }

    /// Who got what was sent with this tag. Nothing that was sent before is still on its way.
    async fn got(&mut self, io: &Server, tag: &str) -> Result<Vec<usize>> {
        let end = format!("end of {tag}");
        io.emit("news", &end)?;
        let (mut got, mut ended) = (Vec::new(), 0);
        while ended < CLIENTS {
            let line = self.script.line().await?;
            let client = line["client"].as_u64().context("no client")? as usize;
            match line["tag"].as_str() {
                Some(name) if name == tag => got.push(client),
                Some(name) if name == end => ended += 1,
                other => panic!("{other:?}"),
            }
        }
        got.sort_unstable();
        Ok(got)
    }
}

fn members(rooms: &[usize]) -> Vec<usize> {
    (0..CLIENTS)
        .filter(|client| rooms.contains(&(client % ROOMS)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_reaches_whom_it_is_for_once_each() -> Result<()> {
    let io = Server::new();
    io.on("join", |socket: Socket, room: String| socket.join(&room));
    let url = serve(&io).await?;
    let mut clients = Clients::start(&url).await?;
    assert_eq!(io.sockets().len(), CLIENTS);
    let distinct: BTreeSet<_> = clients.ids.iter().collect();
    assert_eq!(distinct.len(), CLIENTS);

    io.to("room 3").emit("news", "one room")?;
    assert_eq!(clients.got(&io, "one room").await?, members(&[3]));

    io.to("room 3")
        .to("room 4")
        .in_("room 3")
        .emit("news", "two rooms")?;
    assert_eq!(clients.got(&io, "two rooms").await?, members(&[3, 4]));

    io.except("room 0")
        .except("room 9")
        .emit("news", "except")?;
    assert_eq!(
        clients.got(&io, "except").await?,
        members(&[1, 2, 3, 4, 5, 6, 7, 8])
    );

    io.to("room 5")
        .except(&clients.ids[15])
        .emit("news", "except one")?;
    let without_15: Vec<_> = members(&[5])
        .into_iter()
        .filter(|client| *client != 15)
        .collect();
    assert_eq!(clients.got(&io, "except one").await?, without_15);

    let socket = io.socket(&clients.ids[42]).context("no such socket")?;
    socket.broadcast().emit("news", "broadcast")?;
    let without_42: Vec<_> = (0..CLIENTS).filter(|client| *client != 42).collect();
    assert_eq!(clients.got(&io, "broadcast").await?, without_42);

    socket.to("room 2").to("room 7").emit("news", "to rooms")?;
    let without_42: Vec<_> = members(&[2, 7])
        .into_iter()
        .filter(|client| *client != 42)
        .collect();
    assert_eq!(clients.got(&io, "to rooms").await?, without_42);

    io.to(&clients.ids[8]).emit("news", "own room")?;
    assert_eq!(clients.got(&io, "own room").await?, [8]);

    io.to("nobody is here").emit("news", "nobody")?;
    assert_eq!(clients.got(&io, "nobody").await?, Vec::<usize>::new());

    socket.leave("room 2");
    io.to("room 2").emit("news", "left")?;
    let without_42: Vec<_> = members(&[2])
        .into_iter()
        .filter(|client| *client != 42)
        .collect();
    assert_eq!(clients.got(&io, "left").await?, without_42);

    io.close().await;
    assert_eq!(io.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn a_socket_that_is_gone_is_in_no_room() -> Result<()> {
    let io = Server::new();
    io.on("join", |socket: Socket, room: String| socket.join(&room));
    let url = serve(&io).await?;
    let mut script = Script::start("rooms-clients", &[&url, "3", "1"])?;
    let ids: Vec<Value> = serde_json::from_value(script.find("ids").await?)?;

    let socket = io.sockets().pop().context("no socket")?;
    assert_eq!(socket.rooms().len(), 2);
    socket.disconnect();
    assert!(!socket.connected());
    assert!(socket.rooms().is_empty());
    assert_eq!(io.to("room 0").sockets().len(), ids.len() - 1);
    socket.join("room 0");
    assert!(socket.rooms().is_empty());
    Ok(())
}
