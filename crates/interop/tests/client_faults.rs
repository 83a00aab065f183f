//! The Rust client and a JavaScript server, with a network in between that fails.
//!
//! Each run has a seed, from which the faults follow: delays, stalls, cut and half-closed streams.
//! `SONGI_FAULTS` says how many runs there are.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod peer;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use peer::{Peer, quick};
use serde_json::{Value, json};
use songi_client::{Client, Config, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const EVENTS: u64 = 30;

/// Far longer than a client needs, once the network is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// SplitMix64.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A network with faults, as long as `faulty` says so.
async fn network(port: u16, mut random: Random, faulty: Arc<AtomicBool>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let mut streams = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let (there, back) = (Random(random.next()), Random(random.next()));
            let faulty = faulty.clone();
            streams.spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", port)).await?;
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                // What ends one direction by a cut ends both.
                tokio::select! {
                    cut = carry(client_read, server_write, there, &faulty) => cut,
                    cut = carry(server_read, client_write, back, &faulty) => cut,
                }
            });
        }
    });
    Ok(url)
}

/// Carries one direction. Returns when the stream is to be cut.
async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut random: Random,
    faulty: &AtomicBool,
) -> std::io::Result<()> {
    let mut buffer = [0; 700];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            to.shutdown().await?;
            return std::future::pending().await;
        }
        if faulty.load(Ordering::Relaxed) {
            match random.below(100) {
                0..4 => return Ok(()),
                4..6 => {
                    to.shutdown().await?;
                    return std::future::pending().await;
                }
                6..8 => return std::future::pending().await,
                8..25 => tokio::time::sleep(Duration::from_millis(random.below(30))).await,
                // A part arrives before the cut.
                25..27 => {
                    to.write_all(&buffer[..count / 2]).await?;
                    return Ok(());
                }
                _ => {}
            }
        }
        to.write_all(&buffer[..count]).await?;
    }
}

/// One client on one network.
async fn run(seed: u64, port: u16, reconnections: Arc<AtomicU64>) -> Result<()> {
    let mut random = Random(seed);
    let faulty = Arc::new(AtomicBool::new(true));
    let url = network(port, Random(random.next()), faulty.clone()).await?;
    let transports = match seed % 3 {
        0 => vec![Transport::WebSocket],
        1 => vec![Transport::Polling],
        _ => vec![Transport::Polling, Transport::WebSocket],
    };
    let config = Config {
        transports,
        connect_timeout: Duration::from_secs(1),
        retries: if is_retrying(seed) { 10_000 } else { 0 },
        ack_timeout: Duration::from_millis(400),
        ..quick()
    };
    let numbers = Arc::new(Mutex::new(Vec::new()));
    let heard = numbers.clone();
    let socket = Client::new(url)
        .config(config)
        .on("number", move |number: u64| heard.lock().push(number))
        .on_reconnect(move || {
            reconnections.fetch_add(1, Ordering::Relaxed);
        })
        .start()?;
    let mut acks = Vec::new();
    for number in 0..EVENTS {
        if is_retrying(seed) {
            acks.push((number, socket.emit_with_ack::<u64>("count", (seed, number))));
        } else {
            socket.emit("count", (seed, number))?;
        }
        if number == EVENTS / 2 {
            socket.volatile().emit("numbers", 100)?;
        }
        tokio::time::sleep(Duration::from_millis(random.below(20))).await;
    }
    faulty.store(false, Ordering::Relaxed);

    for (number, ack) in acks {
        ensure!(ack.await? == number, "another event's ack");
    }
    // It ends up connected.
    while socket
        .volatile()
        .emit_with_ack::<u64>("echo", seed)
        .await
        .ok()
        != Some(seed)
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let numbers = numbers.lock();
    ensure!(
        numbers.iter().copied().eq(0..numbers.len() as u64),
        "numbers are missing in between, or doubled: {numbers:?}"
    );
    Ok(())
}

/// Whether events are sent until they are acknowledged, or once at most.
fn is_retrying(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_that_should_not_be() -> Result<()> {
    let runs: u64 = match std::env::var("SONGI_FAULTS") {
        Ok(runs) => runs.parse()?,
        Err(_) => 12,
    };
    let io = json!({ "pingInterval": 200, "pingTimeout": 400 });
    let mut peer = Peer::start(json!({ "io": io })).await?;
    let (port, at_once) = (peer.port, Arc::new(Semaphore::new(12)));
    let mut clients = JoinSet::new();
    let reconnections = Arc::new(AtomicU64::new(0));
    for seed in 0..runs {
        let (at_once, reconnections) = (at_once.clone(), reconnections.clone());
        clients.spawn(async move {
            let _permit = at_once.acquire().await?;
            tokio::time::timeout(PATIENCE, run(seed, port, reconnections))
                .await
                .with_context(|| format!("seed {seed}: not connected"))?
                .with_context(|| format!("seed {seed}"))
        });
    }
    let mut counted: HashMap<u64, Vec<(u64, bool)>> = HashMap::new();
    let mut note = |line: &Value| {
        if let (Some(number), Some(client)) = (line["counted"].as_u64(), line["client"].as_u64()) {
            let doubled = line["doubled"] == true;
            counted.entry(client).or_default().push((number, doubled));
        }
    };
    loop {
        tokio::select! {
            line = peer.script.line() => note(&line?),
            finished = clients.join_next() => match finished {
                Some(finished) => finished??,
                None => break,
            },
        }
    }
    // The network did fail.
    assert!(reconnections.load(Ordering::Relaxed) >= runs / 2);
    // What the server has said until now.
    peer.script.send(&json!({})).await?;
    loop {
        let line = peer.script.line().await?;
        if line.get("done").is_some() {
            break;
        }
        note(&line);
    }
    for seed in 0..runs {
        let counted = counted.remove(&seed).unwrap_or_default();
        let first: Vec<_> = counted
            .iter()
            .filter(|(_, doubled)| !doubled)
            .map(|(number, _)| *number)
            .collect();
        assert!(first.is_sorted(), "seed {seed}: out of order: {counted:?}");
        if is_retrying(seed) {
            let all: Vec<_> = (0..EVENTS).collect();
            assert_eq!(first, all, "seed {seed}: lost");
        } else {
            assert_eq!(
                first.len(),
                counted.len(),
                "seed {seed}: doubled: {counted:?}"
            );
        }
    }
    Ok(())
}
