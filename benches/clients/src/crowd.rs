//! What the clients are put to.

use std::thread::sleep;
use std::time::Duration;

use crate::process::Process;

/// Events of each client, with acks.
const ACKS: usize = 100;

/// Events that each client receives.
const EVENTS: usize = 100;

/// A process of clients, and their server. They are told what to do in lines, and print a line when
/// it is done: `connect N` connects so many more, `ack N` lets each emit so many events one after
/// the other, and `receive N` lets the first have so many sent to all.
pub(crate) struct Crowd {
    clients: Process,
    _server: Process,
}

impl Crowd {
    pub(crate) const JAVASCRIPT: &str = "socket.io-client";

    fn start(name: &str) -> Self {
        let mut server = Process::own(&["serve"]);
        let url = format!("http://127.0.0.1:{}", server.line());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/client.cjs");
        let clients = if name == Self::JAVASCRIPT {
            Process::node(script, &[&url])
        } else {
            Process::own(&["be", name, &url])
        };
        Self {
            clients,
            _server: server,
        }
    }

    fn tell(&mut self, what: &str, count: usize) {
        self.clients.say(&format!("{what} {count}"));
        assert_eq!(self.clients.line(), "done");
    }

    /// CPU for something that is done so many times, in µs.
    fn measure(&mut self, what: &str, count: usize, times: usize) -> f64 {
        let before = self.clients.cpu();
        self.tell(what, count);
        (self.clients.cpu() - before).as_secs_f64() * 1e6 / times as f64
    }
}

/// Memory for a client that does nothing, in KiB.
pub(crate) fn idle(name: &str, clients: usize) -> f64 {
    let mut crowd = Crowd::start(name);
    // What the first clients set up once is not counted.
    crowd.tell("connect", 10);
    sleep(Duration::from_secs(1));
    let before = crowd.clients.memory();
    crowd.tell("connect", clients);
    sleep(Duration::from_secs(2));
    let grown = crowd.clients.memory().saturating_sub(before);
    grown as f64 / 1024. / clients as f64
}

/// CPU for a client that connects and joins, in µs.
pub(crate) fn connecting(name: &str, clients: usize) -> f64 {
    let mut crowd = Crowd::start(name);
    crowd.tell("connect", 10);
    crowd.measure("connect", clients, clients)
}

/// CPU for an event and its ack, in µs.
pub(crate) fn acks(name: &str, clients: usize) -> f64 {
    let mut crowd = Crowd::start(name);
    crowd.tell("connect", clients);
    crowd.tell("ack", ACKS / 10);
    crowd.measure("ack", ACKS, ACKS * clients)
}

/// CPU for an event that is received, in µs.
pub(crate) fn events(name: &str, clients: usize) -> f64 {
    let mut crowd = Crowd::start(name);
    crowd.tell("connect", clients);
    crowd.tell("receive", EVENTS / 10);
    crowd.measure("receive", EVENTS, EVENTS * clients)
}
