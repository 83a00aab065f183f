//! Any number of clients of one server, on one thread.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::client::{Client, Prepared, Sender, Stage};
use crate::exchange::Outgoing;
use crate::{LoadError, Target};

/// How long a server may say nothing while connections are being made.
const PATIENCE: Duration = Duration::from_secs(10);

/// What clients do with what comes.
pub trait Script {
    /// A message came. Of a long one that took several reads, `payload` is the first 4 KiB.
    fn message(&mut self, client: usize, payload: &[u8]);

    /// The crowd woke up: something has come, perhaps for several clients.
    fn wake(&mut self) {}

    /// All that has come was told, or there is room to send again.
    fn turn(&mut self, client: usize, sender: &mut Sender<'_>) {
        let _ = (client, sender);
    }

    /// A client is in.
    fn ready(&mut self, client: usize, sender: &mut Sender<'_>) {
        let _ = (client, sender);
    }

    /// A client that was told to end has ended; whether another takes its place.
    fn ended(&mut self, client: usize) -> bool {
        let _ = client;
        false
    }
}

/// A script that does nothing.
#[derive(Debug)]
struct Silence;

impl Script for Silence {
    fn message(&mut self, _: usize, _: &[u8]) {}
}

/// Clients of one server.
#[derive(Debug)]
pub struct Crowd {
    poll: Poll,
    events: Events,
    prepared: Prepared,
    clients: Vec<Client>,
    /// Connections that were begun, which decides where the next one comes from.
    begun: usize,
    /// Clients that are not yet in.
    opening: usize,
    buffer: Vec<u8>,
}

impl Crowd {
    /// Opens so many clients, and returns when all are in.
    ///
    /// # Errors
    ///
    /// When one of them is not let in, or nothing happens for 10 s.
    pub fn open(target: Target, clients: usize) -> Result<Self, LoadError> {
        let mut crowd = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            prepared: Prepared::new(target),
            clients: Vec::with_capacity(clients),
            begun: 0,
            opening: 0,
            buffer: vec![0; 256 * 1024],
        };
        crowd.grow(clients)?;
        Ok(crowd)
    }

    /// Opens clients until there are so many, and returns when all are in.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn grow(&mut self, clients: usize) -> Result<(), LoadError> {
        let mut active = Instant::now();
        while self.clients.len() < clients || self.opening > 0 {
            while self.clients.len() < clients && self.opening < self.prepared.target.at_once {
                let client = self.begin(self.clients.len())?;
                self.clients.push(client);
            }
            let before = self.opening;
            self.turn(Some(Duration::from_millis(100)), &mut Silence)?;
            if self.opening < before {
                active = Instant::now();
            }
            if active.elapsed() > PATIENCE {
                return Err(LoadError::Silent {
                    after: PATIENCE,
                    waiting: "to be let in",
                });
            }
        }
        Ok(())
    }

    /// The number of clients.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are no clients.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Waits until something comes, for at most so long, and lets the script answer it.
    ///
    /// # Errors
    ///
    /// When a connection ends that was not told to.
    pub fn turn(
        &mut self,
        timeout: Option<Duration>,
        script: &mut impl Script,
    ) -> Result<(), LoadError> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        script.wake();
        let mut ended = Vec::new();
        for event in &self.events {
            let index = event.token().0 / Client::TOKENS;
            let half = event.token().0 % Client::TOKENS;
            let Some(client) = self.clients.get_mut(index) else {
                continue;
            };
            let before = client.stage();
            if before == Stage::Closed {
                continue;
            }
            if event.is_readable() || event.is_error() {
                client.read(half, &self.prepared, &mut self.buffer, &mut |payload| {
                    script.message(index, payload);
                })?;
            }
            if event.is_writable() {
                client.flush()?;
            }
            match (before, client.stage()) {
                (Stage::Ready, Stage::Ready) => {
                    script.turn(index, &mut client.sender(&self.prepared));
                }
                (Stage::Ready | Stage::Ending, _) => {}
                (_, Stage::Ready) => {
                    self.opening -= 1;
                    script.ready(index, &mut client.sender(&self.prepared));
                }
                _ => {}
            }
            match client.stage() {
                Stage::Closed => ended.push(index),
                _ => client.flush()?,
            }
        }
        for index in ended {
            if script.ended(index) {
                let client = self.begin(index)?;
                if let Some(place) = self.clients.get_mut(index) {
                    *place = client;
                }
            }
        }
        Ok(())
    }

    /// Sends a message at once, as far as the kernel takes it.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn send(&mut self, client: usize, message: &Outgoing) -> Result<(), LoadError> {
        let Some(client) = self.clients.get_mut(client) else {
            return Ok(());
        };
        client.sender(&self.prepared).send(message);
        client.flush()
    }

    /// Whether the kernel has taken all that a client was to send.
    pub fn is_flushed(&mut self, client: usize) -> bool {
        match self.clients.get_mut(client) {
            Some(client) => client.sender(&self.prepared).is_flushed(),
            None => true,
        }
    }

    /// Answers heartbeats for so long, and does nothing else.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub fn idle(&mut self, duration: Duration) -> Result<(), LoadError> {
        self.clients.iter_mut().for_each(Client::shrink);
        let started = Instant::now();
        while let Some(left) = duration.checked_sub(started.elapsed()) {
            self.turn(Some(left), &mut Silence)?;
        }
        Ok(())
    }

    fn begin(&mut self, index: usize) -> Result<Client, LoadError> {
        let source = self.prepared.target.source(self.begun);
        let client = Client::connect(&self.prepared, source, self.poll.registry(), index)?;
        self.begun += 1;
        self.opening += 1;
        Ok(client)
    }
}
