//! The script of most loads: messages are answered, counted and timed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::exchange::{Answer, Exchange, Outgoing};
use crate::slots::Slots;
use crate::{Crowd, LoadError, Script, Sender};

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each client keeps so many in flight, and sends the next when one is answered.
    InFlight(usize),
    /// So many a second, over all clients in turn, whether or not the server keeps up. A client has
    /// at most `in_flight` in flight; what is due then waits, and its time counts from when it was
    /// due.
    PerSecond {
        /// Messages a second, all clients together.
        rate: f64,
        /// The most that one client has in flight.
        in_flight: usize,
    },
}

/// Latencies are kept from 1 ns to 60 s, with three digits.
const LONGEST: u64 = 60_000_000_000;

/// The most messages of one client that are due and wait.
const MAX_DUE: usize = 10_000;

/// How long no answer may come in a closed loop, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// Messages that are answered, counted and timed.
#[derive(Debug)]
pub struct RoundTrips {
    messages: Vec<Outgoing>,
    answer: Answer,
    flights: Vec<Flight>,
    schedule: Option<Schedule>,
    started: bool,
    /// When the answers that are being told came.
    now: Instant,
    elapsed: Duration,
    report: Report,
    last_answer: Instant,
    /// Answers of the client whose turn it is that are in order, and not yet counted.
    came: u64,
    patience: Duration,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    /// Messages that were answered.
    pub answers: u64,
    /// Messages of a fixed rate that were not sent, because too many of their client waited.
    pub dropped: u64,
    /// Messages of a fixed rate that were sent, or due, and are not answered yet: their times are
    /// not among the latencies.
    pub unanswered: u64,
    /// For how long.
    pub elapsed: Duration,
    /// Nanoseconds from when a message was sent, or was due, to its answer.
    pub latency: Histogram<u64>,
}

impl Report {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// The messages of one client.
#[derive(Debug)]
struct Flight {
    slots: Slots,
    /// Messages that are due and wait for a slot.
    due: VecDeque<Instant>,
}

impl Flight {
    fn unanswered(&self) -> u64 {
        (self.slots.in_flight() + self.due.len()) as u64
    }
}

#[derive(Debug)]
struct Schedule {
    interval: Duration,
    next: Instant,
    client: usize,
}

impl RoundTrips {
    /// For a crowd of so many clients.
    ///
    /// # Panics
    ///
    /// When the pace has no message in flight, or no rate.
    pub fn new(exchange: &Exchange, clients: usize, pace: Pace) -> Self {
        let now = Instant::now();
        let (slots, schedule) = match pace {
            Pace::InFlight(slots) => (slots, None),
            Pace::PerSecond { rate, in_flight } => {
                assert!(rate > 0., "a rate is above 0");
                let interval = Duration::from_secs_f64(1. / rate);
                let schedule = Schedule {
                    interval,
                    next: now,
                    client: 0,
                };
                (in_flight, Some(schedule))
            }
        };
        assert!(slots > 0, "at least one message is in flight");
        let flight = || Flight {
            slots: Slots::new(exchange.answer(), slots),
            due: VecDeque::new(),
        };
        Self {
            messages: exchange.messages(slots),
            answer: exchange.answer().clone(),
            flights: (0..clients).map(|_| flight()).collect(),
            schedule,
            started: false,
            now,
            elapsed: Duration::ZERO,
            report: Report::new(),
            last_answer: now,
            came: 0,
            patience: PATIENCE,
        }
    }

    /// Runs for so long. Messages in flight stay there, for the next run.
    ///
    /// # Errors
    ///
    /// When a connection is lost, or no answer comes for 10 s.
    pub fn run(&mut self, crowd: &mut Crowd, duration: Duration) -> Result<(), LoadError> {
        self.run_until(crowd, |_, elapsed| elapsed >= duration)
    }

    /// Runs until so many more answers have come.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_count(&mut self, crowd: &mut Crowd, answers: u64) -> Result<(), LoadError> {
        let end = self.report.answers + answers;
        self.run_until(crowd, |report, _| report.answers >= end)
    }

    /// How long no answer may come while messages are in flight, 10 s unless told otherwise. At a
    /// fixed rate it does not count.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Messages that were answered since the last [`reset`](Self::reset).
    pub fn answers(&self) -> u64 {
        self.report.answers
    }

    /// Forgets what was measured: a warm-up has ended.
    pub fn reset(&mut self) {
        self.report = Report::new();
        self.elapsed = Duration::ZERO;
    }

    /// What was measured since the last [`reset`](Self::reset).
    pub fn report(&self) -> Report {
        let unanswered = match self.schedule {
            Some(_) => self.flights.iter().map(Flight::unanswered).sum(),
            None => 0,
        };
        Report {
            elapsed: self.elapsed,
            unanswered,
            ..self.report.clone()
        }
    }

    fn run_until(
        &mut self,
        crowd: &mut Crowd,
        done: impl Fn(&Report, Duration) -> bool,
    ) -> Result<(), LoadError> {
        let started = Instant::now();
        self.now = started;
        self.last_answer = started;
        if !self.started {
            self.started = true;
            self.begin(crowd)?;
        }
        // Where nothing answers, nothing comes that would end the wait for room to send more.
        let is_free = self.schedule.is_none() && matches!(self.answer, Answer::Nothing);
        let mut has_room = is_free;
        while !done(&self.report, started.elapsed()) {
            let timeout = match has_room {
                true => Duration::ZERO,
                false => self.send_due(crowd)?,
            };
            self.now = Instant::now();
            crowd.turn(Some(timeout), self)?;
            if matches!(self.answer, Answer::Nothing) {
                has_room = self.settle(crowd)? && is_free;
            }
            if self.schedule.is_none() && self.now - self.last_answer > self.patience {
                return Err(LoadError::Silent {
                    after: self.patience,
                    waiting: "for an answer",
                });
            }
        }
        self.elapsed += started.elapsed();
        Ok(())
    }

    /// The first messages of a closed loop, or the time from which on others are due.
    fn begin(&mut self, crowd: &mut Crowd) -> Result<(), LoadError> {
        if let Some(schedule) = &mut self.schedule {
            schedule.next = self.now;
            return Ok(());
        }
        for client in 0..self.flights.len() {
            self.fill(crowd, client)?;
        }
        Ok(())
    }

    /// Sends what is due; how long until there is more.
    fn send_due(&mut self, crowd: &mut Crowd) -> Result<Duration, LoadError> {
        loop {
            let Some(schedule) = &mut self.schedule else {
                return Ok(Duration::from_millis(100));
            };
            let now = Instant::now();
            if let Some(left) = schedule.next.checked_duration_since(now) {
                // The kernel waits for whole milliseconds: below that, this thread does not sleep.
                return Ok(match left {
                    left if left < Duration::from_millis(1) => Duration::ZERO,
                    left => Duration::from_millis(left.as_millis() as u64),
                });
            }
            let due = schedule.next;
            let client = schedule.client;
            schedule.next += schedule.interval;
            schedule.client = (client + 1) % self.flights.len().max(1);
            if let Some(flight) = self.flights.get_mut(client) {
                if flight.due.len() < MAX_DUE {
                    flight.due.push_back(due);
                } else {
                    self.report.dropped += 1;
                }
                self.fill(crowd, client)?;
            }
        }
    }

    fn fill(&mut self, crowd: &mut Crowd, client: usize) -> Result<(), LoadError> {
        while let Some(message) = self.next(client) {
            crowd.send(client, message)?;
        }
        Ok(())
    }

    /// Where nothing answers, what the kernel has taken is done; whether there was any.
    fn settle(&mut self, crowd: &mut Crowd) -> Result<bool, LoadError> {
        let before = self.report.answers;
        for client in 0..self.flights.len() {
            if crowd.is_flushed(client) {
                self.came = u64::MAX;
                self.count(client);
                self.fill(crowd, client)?;
            }
        }
        Ok(self.report.answers > before)
    }

    /// The next message that a client is to send now.
    fn next(&mut self, client: usize) -> Option<&Outgoing> {
        let flight = self.flights.get_mut(client)?;
        if !flight.slots.has_free() {
            return None;
        }
        let since = match self.schedule {
            Some(_) => flight.due.pop_front()?,
            None => self.now,
        };
        self.messages.get(flight.slots.take(since)?)
    }

    /// Counts what came in order for a client.
    fn count(&mut self, client: usize) {
        let mut came = std::mem::take(&mut self.came);
        while came > 0 {
            let flight = self.flights.get_mut(client);
            let Some((since, count)) = flight.and_then(|flight| flight.slots.give_back(came))
            else {
                return;
            };
            self.record(since, count);
            came -= count;
        }
    }

    fn record(&mut self, since: Instant, count: u64) {
        let latency = self.now.saturating_duration_since(since).as_nanos();
        let latency = u64::try_from(latency).unwrap_or(LONGEST).min(LONGEST);
        self.report.latency.saturating_record_n(latency, count);
        self.report.answers += count;
        self.last_answer = self.now;
    }
}

impl Script for RoundTrips {
    fn message(&mut self, client: usize, payload: &[u8]) {
        match self.answer.slot(payload) {
            Some(None) => self.came += 1,
            Some(Some(slot)) => {
                let flight = self.flights.get_mut(client);
                let since = flight.and_then(|flight| flight.slots.give_back_slot(slot));
                if let Some(since) = since {
                    self.record(since, 1);
                }
            }
            None => {}
        }
    }

    fn turn(&mut self, client: usize, sender: &mut Sender<'_>) {
        self.count(client);
        while let Some(message) = self.next(client) {
            sender.send(message);
        }
    }

    fn wake(&mut self) {
        self.now = Instant::now();
    }
}

impl Report {
    fn new() -> Self {
        Self {
            answers: 0,
            dropped: 0,
            unanswered: 0,
            elapsed: Duration::ZERO,
            latency: Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order"),
        }
    }
}
