//! What clients do that is not a round trip.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use songi_load::frame::TEXT;
use songi_load::{Crowd, LoadError, Outgoing, Script, Sender};

/// So many addresses of this machine to connect from.
pub(crate) fn sources(count: u8) -> Vec<IpAddr> {
    (1..=count)
        .map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 1, last)))
        .collect()
}

/// How long a broadcast or a visit may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One client has a message sent to all, and again when all have it.
pub(crate) struct Broadcast {
    message: Outgoing,
    clients: usize,
    missing: usize,
    deliveries: u64,
    last: Instant,
}

impl Broadcast {
    /// So many clients get what this packet asks for.
    pub(crate) fn new(packet: &str, clients: usize) -> Self {
        Self {
            message: Outgoing::new(TEXT, packet.as_bytes()),
            clients,
            missing: 0,
            deliveries: 0,
            last: Instant::now(),
        }
    }

    /// How many deliveries there were.
    pub(crate) fn run(&mut self, crowd: &mut Crowd, duration: Duration) -> Result<u64, LoadError> {
        let started = Instant::now();
        let before = self.deliveries;
        while started.elapsed() < duration {
            self.turn(crowd)?;
        }
        Ok(self.deliveries - before)
    }

    pub(crate) fn run_count(
        &mut self,
        crowd: &mut Crowd,
        deliveries: u64,
    ) -> Result<(), LoadError> {
        while self.deliveries < deliveries {
            self.turn(crowd)?;
        }
        Ok(())
    }

    fn turn(&mut self, crowd: &mut Crowd) -> Result<(), LoadError> {
        if self.missing == 0 {
            self.missing = self.clients;
            self.last = Instant::now();
            crowd.send(0, &self.message)?;
        }
        if self.last.elapsed() > PATIENCE {
            return Err(LoadError::Silent {
                after: PATIENCE,
                waiting: "for a broadcast to reach all",
            });
        }
        crowd.turn(Some(Duration::from_millis(100)), self)
    }
}

impl Script for Broadcast {
    fn message(&mut self, _: usize, payload: &[u8]) {
        if payload.starts_with(b"42") {
            self.missing = self.missing.saturating_sub(1);
            self.deliveries += 1;
        }
    }
}

/// Clients come, ask once and go, one behind the other in each place of the crowd.
pub(crate) struct Visits {
    message: Outgoing,
    answered: Vec<bool>,
    visits: u64,
}

impl Visits {
    pub(crate) fn new(message: Outgoing) -> Self {
        Self {
            message,
            answered: Vec::new(),
            visits: 0,
        }
    }

    /// How many visits there were.
    pub(crate) fn run(&mut self, crowd: &mut Crowd, duration: Duration) -> Result<u64, LoadError> {
        let started = Instant::now();
        let before = self.visits;
        if self.answered.is_empty() {
            self.answered = vec![false; crowd.len()];
            for client in 0..crowd.len() {
                crowd.send(client, &self.message)?;
            }
        }
        while started.elapsed() < duration {
            crowd.turn(Some(Duration::from_millis(100)), self)?;
        }
        Ok(self.visits - before)
    }
}

impl Script for Visits {
    fn message(&mut self, client: usize, payload: &[u8]) {
        self.answered[client] |= payload.starts_with(b"43");
    }

    fn turn(&mut self, client: usize, sender: &mut Sender<'_>) {
        if self.answered[client] {
            self.answered[client] = false;
            sender.end();
        }
    }

    fn ready(&mut self, _: usize, sender: &mut Sender<'_>) {
        sender.send(&self.message);
    }

    fn ended(&mut self, _: usize) -> bool {
        self.visits += 1;
        true
    }
}
