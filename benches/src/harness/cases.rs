//! The rows of the table.

use std::time::{Duration, Instant};

use anyhow::Result;
use songi_benches::words;
use songi_load::frame::{BINARY, TEXT};
use songi_load::{Crowd, Exchange, LoadError, Outgoing, Pace, RoundTrips, Target, Transport};

use crate::callgrind;
use crate::scripts::{self, Broadcast, Visits};
use crate::server::Server;

const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_millis(1500);

/// What a server is to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    SocketIo,
}

/// One result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    /// The part of the time in which the server had something to do, where that matters: one that
    /// waits for the load handles smaller batches than one that is the bottleneck.
    pub(crate) busy: Option<f64>,
}

/// A row of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) kind: Kind,
    /// Instructions are counted, which takes valgrind and a server that is compiled.
    pub(crate) is_count: bool,
    pub(crate) measure: fn(&str, usize) -> Result<Measured>,
}

const fn raw(
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    measure: fn(&str, usize) -> Result<Measured>,
) -> Case {
    Case {
        name,
        title,
        unit,
        kind: Kind::Raw,
        is_count: false,
        measure,
    }
}

const fn socket_io(
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    measure: fn(&str, usize) -> Result<Measured>,
) -> Case {
    Case {
        kind: Kind::SocketIo,
        ..raw(name, title, unit, measure)
    }
}

const fn count(case: Case) -> Case {
    Case {
        is_count: true,
        ..case
    }
}

const TIME: &str = "µs";
const MEMORY: &str = "KiB";
const INSTRUCTIONS: &str = "instr.";

pub(crate) const CASES: &[Case] = &[
    raw(
        "echo1",
        "echo of 20 B, 100 connections, 1 in flight",
        TIME,
        |name, threads| {
            cpu(
                &Server::start(name, "echo", 20, threads)?,
                &Load::echo(20, 100, 1),
            )
        },
    ),
    raw(
        "echo16",
        "echo of 20 B, 100 connections, 16 in flight on each",
        TIME,
        |name, threads| {
            cpu(
                &Server::start(name, "echo", 20, threads)?,
                &Load::echo(20, 100, 16),
            )
        },
    ),
    raw(
        "echo64k",
        "echo of 64 KiB, 100 connections, 1 in flight",
        TIME,
        |name, threads| {
            cpu(
                &Server::start(name, "echo", 65536, threads)?,
                &Load::echo(65536, 100, 1),
            )
        },
    ),
    count(raw(
        "echo-instructions",
        "instructions in user space for an echo of 20 B",
        INSTRUCTIONS,
        |name, _| {
            callgrind::count(name, "echo", |server, messages| {
                let load = Load::echo(20, 100, 1);
                let mut crowd = Crowd::open(load.target(server), load.connections)?;
                load.script().run_count(&mut crowd, messages)
            })
        },
    )),
    raw(
        "idle-raw",
        "10,000 idle WebSockets, memory of each",
        MEMORY,
        |name, threads| {
            let server = Server::start(name, "echo", 20, threads)?;
            idle(&server, &Target::web_socket(server.address))
        },
    ),
    socket_io(
        "ack1",
        "event and ack, 100 connections, 1 in flight",
        TIME,
        |name, threads| {
            cpu(
                &Server::start(name, "ack", 20, threads)?,
                &Load::ack(20, 100, 1),
            )
        },
    ),
    socket_io(
        "ack1k",
        "event and ack, 1,000 connections, 1 in flight",
        TIME,
        |name, threads| {
            cpu(
                &Server::start(name, "ack", 20, threads)?,
                &Load::ack(20, 1000, 1),
            )
        },
    ),
    socket_io(
        "ack16",
        "event and ack, 100 connections, 16 in flight on each",
        TIME,
        |name, threads| {
            cpu(
                &Server::start(name, "ack", 20, threads)?,
                &Load::ack(20, 100, 16),
            )
        },
    ),
    count(socket_io(
        "ack-instructions",
        "instructions in user space for an event and its ack",
        INSTRUCTIONS,
        |name, _| {
            callgrind::count(name, "ack", |server, messages| {
                let load = Load::ack(20, 100, 1);
                let mut crowd = Crowd::open(load.target(server), load.connections)?;
                load.script().run_count(&mut crowd, messages)
            })
        },
    )),
    socket_io(
        "broadcast",
        "broadcast to 1,000 connections, each delivery",
        TIME,
        |name, threads| broadcast(&Server::start(name, "broadcast", 20, threads)?, 1000),
    ),
    socket_io(
        "broadcast5k",
        "broadcast to 5,000 connections, each delivery",
        TIME,
        |name, threads| broadcast(&Server::start(name, "broadcast", 20, threads)?, 5000),
    ),
    count(socket_io(
        "broadcast-instructions",
        "instructions in user space for a delivery, 1,000 connections",
        INSTRUCTIONS,
        |name, _| {
            callgrind::count(name, "broadcast", |server, messages| {
                let mut crowd = Crowd::open(Target::socket_io(server.address), 1000)?;
                Broadcast::new(&words::all(&words::text(20)), 1000).run_count(&mut crowd, messages)
            })
        },
    )),
    socket_io(
        "polling",
        "event and ack over long-polling, 100 clients",
        TIME,
        |name, threads| {
            let load = Load {
                transport: Transport::Polling,
                ..Load::ack(20, 100, 1)
            };
            cpu(&Server::start(name, "polling", 20, threads)?, &load)
        },
    ),
    socket_io(
        "connect",
        "connect, join, event and ack, close",
        TIME,
        |name, threads| visits(&Server::start(name, "ack", 20, threads)?),
    ),
    socket_io(
        "idle",
        "10,000 idle connections, memory of each",
        MEMORY,
        |name, threads| {
            let server = Server::start(name, "ack", 20, threads)?;
            idle(&server, &Target::socket_io(server.address))
        },
    ),
    socket_io(
        "kept",
        "memory kept when 10,000 connections have gone, for each",
        MEMORY,
        |name, threads| kept(&Server::start(name, "ack", 20, threads)?),
    ),
];

impl Case {
    /// Whether a server can be measured so.
    pub(crate) fn concerns(&self, server: &str) -> bool {
        !self.is_count || callgrind::can_count(server)
    }
}

/// Messages that come back, or are acknowledged.
pub(crate) struct Load {
    pub(crate) kind: Kind,
    pub(crate) transport: Transport,
    pub(crate) payload: usize,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
}

impl Load {
    pub(crate) fn echo(payload: usize, connections: usize, in_flight: usize) -> Self {
        Self {
            kind: Kind::Raw,
            transport: Transport::WebSocket,
            payload,
            connections,
            in_flight,
        }
    }

    pub(crate) fn ack(payload: usize, connections: usize, in_flight: usize) -> Self {
        Self {
            kind: Kind::SocketIo,
            ..Self::echo(payload, connections, in_flight)
        }
    }

    pub(crate) fn target(&self, server: &Server) -> Target {
        let target = match self.kind {
            Kind::Raw => Target::web_socket(server.address),
            Kind::SocketIo => Target::socket_io(server.address),
        };
        Target {
            transport: self.transport,
            ..target
        }
    }

    pub(crate) fn exchange(&self) -> Exchange {
        let text = words::text(self.payload);
        match self.kind {
            Kind::Raw => Exchange::in_order(BINARY, text.as_bytes(), b""),
            Kind::SocketIo => Exchange::in_order(TEXT, words::echo(&text).as_bytes(), b"43"),
        }
    }

    pub(crate) fn script(&self) -> RoundTrips {
        let pace = Pace::InFlight(self.in_flight);
        RoundTrips::new(&self.exchange(), self.connections, pace)
    }
}

/// CPU for a message, in µs.
pub(crate) fn cpu(server: &Server, load: &Load) -> Result<Measured> {
    let mut crowd = Crowd::open(load.target(server), load.connections)?;
    let mut script = load.script();
    per(server, |duration| {
        script.reset();
        script.run(&mut crowd, duration)?;
        Ok(script.report().answers)
    })
}

/// CPU for a delivery, in µs: one client has an event sent to all, again when all have it.
fn broadcast(server: &Server, clients: usize) -> Result<Measured> {
    let mut crowd = Crowd::open(Target::socket_io(server.address), clients)?;
    let mut script = Broadcast::new(&words::all(&words::text(20)), clients);
    per(server, |duration| script.run(&mut crowd, duration))
}

/// CPU for a client that comes, asks once and goes, in µs.
fn visits(server: &Server) -> Result<Measured> {
    let mut target = Target::socket_io(server.address);
    // Ports are used up for a minute: more addresses have more of them.
    target.sources = scripts::sources(8);
    let mut crowd = Crowd::open(target, 16)?;
    let message = Outgoing::new(TEXT, words::echo(&words::text(20)).as_bytes());
    let mut script = Visits::new(message);
    per(server, |duration| script.run(&mut crowd, duration))
}

/// Runs a load, and then again to see what the server takes for it, in µs.
pub(crate) fn per(
    server: &Server,
    mut run: impl FnMut(Duration) -> Result<u64, LoadError>,
) -> Result<Measured> {
    run(WARM_UP)?;
    let before = server.times()?;
    let started = Instant::now();
    let count = run(MEASURED)?;
    let elapsed = started.elapsed();
    let after = server.times()?;
    anyhow::ensure!(count > 0, "nothing came");
    Ok(Measured {
        value: (after.cpu - before.cpu).as_secs_f64() * 1e6 / count as f64,
        busy: Some((after.runnable - before.runnable).as_secs_f64() / elapsed.as_secs_f64()),
    })
}

const CROWD: usize = 10_000;

/// What the first connections set up once is not counted.
const FIRST: usize = 10;

/// Memory for a connection that is there and does nothing, in KiB.
fn idle(server: &Server, target: &Target) -> Result<Measured> {
    drop(Crowd::open(target.clone(), FIRST)?);
    let before = server.memory()?;
    let mut crowd = Crowd::open(target.clone(), CROWD)?;
    crowd.idle(Duration::from_secs(2))?;
    grown(server, before)
}

/// Memory that is not given back when all have gone, in KiB for a connection.
fn kept(server: &Server) -> Result<Measured> {
    let target = Target::socket_io(server.address);
    drop(Crowd::open(target.clone(), FIRST)?);
    let before = server.memory()?;
    let mut crowd = Crowd::open(target, CROWD)?;
    crowd.idle(Duration::from_secs(1))?;
    drop(crowd);
    std::thread::sleep(Duration::from_secs(2));
    grown(server, before)
}

fn grown(server: &Server, before: u64) -> Result<Measured> {
    let grown = server.memory()?.saturating_sub(before);
    Ok(Measured {
        value: grown as f64 / 1024. / CROWD as f64,
        busy: None,
    })
}
