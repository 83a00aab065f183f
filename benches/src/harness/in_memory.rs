//! Idle connections without sockets, as many as memory holds: what Songi's server keeps for each.
//!
//! A process may only have so many files, and the kernel keeps some KiB for each socket. Here each
//! connection is a pipe that answers by itself as a client would: it asks for a WebSocket, joins the
//! main namespace and answers pings. The server does with it what it does with any stream that a
//! web server hands over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::Result;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use songi_load::frame::{TEXT, masked};
use songi_server::{Config, Server};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime;

use crate::idle::System;
use crate::threads::own_cpu;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Steps at which memory is looked at.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 500_000, 1_000_000])]
    steps: Vec<u64>,
    /// Seconds between two pings of the server, which also are its patience for the pong.
    #[arg(long, default_value_t = 25)]
    ping: u64,
}

/// Connections that are made at the same time.
const AT_ONCE: u64 = 1000;

/// So much memory is left to others, in bytes.
const SPARE: u64 = 2 << 30;

/// Connections that have joined, and pings that were answered.
static JOINED: AtomicU64 = AtomicU64::new(0);
static PONGS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn run(args: &Args) -> Result<()> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(crowd(args))
}

async fn crowd(args: &Args) -> Result<()> {
    let ping = Duration::from_secs(args.ping);
    let io = Server::with_config(Config {
        ping_interval: ping,
        ping_timeout: ping,
        ..Config::default()
    });
    grow(&io, 10).await?;
    let before = System::read()?;
    println!("| connections | memory, each | CPU for heartbeats, each | heartbeats, each |");
    println!("|---:|---:|---:|---:|");
    for step in &args.steps {
        let grown = grow(&io, *step).await;
        let joined = JOINED.load(Ordering::Relaxed);
        let (cpu, pongs) = (own_cpu(), PONGS.load(Ordering::Relaxed));
        let started = Instant::now();
        tokio::time::sleep(ping + Duration::from_secs(5)).await;
        let cpu = own_cpu() - cpu;
        let pongs = PONGS.load(Ordering::Relaxed) - pongs;
        anyhow::ensure!(pongs >= joined, "only {pongs} of {joined} were pinged");
        let own = System::read()?.own - before.own;
        println!(
            "| {joined} | {:.2} KiB | {:.2} µs | {:.2} in {} s |",
            own as f64 / 1024. / joined as f64,
            cpu.as_secs_f64() * 1e6 / pongs as f64,
            pongs as f64 / joined as f64,
            started.elapsed().as_secs(),
        );
        grown?;
    }
    println!(
        "\nof the memory, {} B each are the client's end",
        size_of::<Pipe>()
    );
    Ok(())
}

async fn grow(io: &Server, connections: u64) -> Result<()> {
    let mut begun = JOINED.load(Ordering::Relaxed);
    while begun < connections {
        let now = AT_ONCE.min(connections - begun);
        for _ in 0..now {
            let service = TowerToHyperService::new(io.service());
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(Pipe::new()), service)
                .with_upgrades();
            tokio::spawn(connection);
        }
        begun += now;
        let started = Instant::now();
        while JOINED.load(Ordering::Relaxed) < begun {
            anyhow::ensure!(started.elapsed() < Duration::from_secs(30), "nobody joins");
            tokio::task::yield_now().await;
        }
        let left = System::read()?.available;
        let joined = JOINED.load(Ordering::Relaxed);
        anyhow::ensure!(
            left > SPARE,
            "stopped at {joined}: 2 GiB of memory are left"
        );
    }
    Ok(())
}

/// The client's end of a connection.
struct Pipe {
    /// What the client says next.
    said: Vec<u8>,
    reader: Option<Waker>,
}

impl Pipe {
    fn new() -> Self {
        let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        Self {
            said: request.into(),
            reader: None,
        }
    }

    /// The client hears something, which is whole because it is short.
    fn hear(&mut self, bytes: &[u8]) {
        let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        if bytes.ends_with(b"\x81\x012") {
            PONGS.fetch_add(1, Ordering::Relaxed);
            self.say("3");
        } else if has(b"0{\"sid\"") && !has(b"40{") {
            self.say("40");
        } else if has(b"40{") {
            JOINED.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn say(&mut self, text: &str) {
        self.said.extend(masked(TEXT, text.as_bytes()));
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.said.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = self.said.len().min(buffer.remaining());
        buffer.put_slice(&self.said[..length]);
        self.said.drain(..length);
        // Who says nothing keeps no buffer.
        self.said.shrink_to_fit();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.hear(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.poll_write(cx, &bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
