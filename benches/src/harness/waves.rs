//! How much faster a server with more threads is, where the load does not take its cores.
//!
//! The load sends all at once and sleeps until the server has nothing to do; what it was sent waits
//! in the kernel until then. So all cores are the server's for nearly all of the time.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use songi_benches::words;
use songi_load::frame::TEXT;
use songi_load::{Crowd, Outgoing, Script, Target};

use crate::server::Server;
use crate::servers;

/// Waves in a round.
const WAVES: usize = 20;

/// How often the load looks whether the server is done: what is measured is good to about that.
const LOOK: Duration = Duration::from_micros(500);

const PATIENCE: Duration = Duration::from_secs(10);

/// Clients that all send at once, and what comes of it.
pub(crate) struct Wave {
    pub(crate) name: String,
    clients: usize,
    /// How many of them send.
    senders: usize,
    /// How often each sends it.
    times: usize,
    packet: String,
    /// What the clients are sent starts with this.
    answer: &'static [u8],
    answers: usize,
}

impl Wave {
    pub(crate) fn acks(times: usize) -> Self {
        let clients = 1000;
        Self {
            name: format!("{times} acks for each of 1,000"),
            clients,
            senders: clients,
            times,
            packet: words::echo(&words::text(20)),
            answer: b"43",
            answers: clients * times,
        }
    }

    pub(crate) fn broadcast() -> Self {
        let clients = 5000;
        Self {
            name: "a broadcast to 5,000".to_owned(),
            clients,
            senders: 1,
            times: 1,
            packet: words::all(&words::text(20)),
            answer: b"42",
            answers: clients,
        }
    }

    /// What a wave takes, as the median of many.
    pub(crate) fn measure(&self, name: &str, threads: usize) -> Result<Measured> {
        let server = Server::spawn(servers::command(name, threads)?)?;
        let mut crowd = Crowd::open(Target::socket_io(server.address), self.clients)?;
        let message = Outgoing::new(TEXT, self.packet.as_bytes()).repeated(self.times);
        let mut waves = Vec::with_capacity(WAVES);
        for _ in 0..WAVES {
            let before = server.cpu()?;
            let started = Instant::now();
            for client in 0..self.senders {
                crowd.send(client, &message)?;
            }
            let elapsed = until_idle(&server, started)?;
            let cpu = server.cpu()? - before;
            waves.push(Measured {
                elapsed,
                cpu: cpu / self.answers as u32,
            });
            self.drain(&mut crowd)?;
        }
        waves.sort_by_key(|wave| wave.elapsed);
        Ok(waves[WAVES / 2])
    }

    fn drain(&self, crowd: &mut Crowd) -> Result<()> {
        let started = Instant::now();
        let mut count = Count {
            of: self.answer,
            seen: 0,
        };
        while count.seen < self.answers {
            ensure!(started.elapsed() < PATIENCE, "{} came", count.seen);
            crowd.turn(Some(LOOK), &mut count)?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) elapsed: Duration,
    /// For each answer.
    pub(crate) cpu: Duration,
}

fn until_idle(server: &Server, started: Instant) -> Result<Duration> {
    loop {
        thread::sleep(LOOK);
        let elapsed = started.elapsed();
        ensure!(elapsed < PATIENCE, "it is still busy");
        // A thread that has handed its work over sleeps before the other runs.
        if server.is_idle()? && server.is_idle()? {
            return Ok(elapsed);
        }
    }
}

struct Count {
    of: &'static [u8],
    seen: usize,
}

impl Script for Count {
    fn message(&mut self, _: usize, payload: &[u8]) {
        self.seen += usize::from(payload.starts_with(self.of));
    }
}
