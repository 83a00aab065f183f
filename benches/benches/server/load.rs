//! What the servers are put to.

use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::client::{Client, frame};
use super::process::Server;

const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_millis(1500);

/// An event of 20 bytes of text that asks for an ack.
const ECHO: &str = r#"421["echo","Songs of the pine So"]"#;
/// The same for everybody.
const ALL: &str = r#"42["all","Songs of the pine So"]"#;

/// Each client keeps so many events in flight: CPU for an event and its ack, in µs.
pub fn acks(server: &Server, clients: usize, window: usize) -> f64 {
    let event = frame(ECHO);
    let mut crowd = Crowd::join(server, clients);
    for client in &mut crowd.clients {
        client.send(&event, window);
    }
    crowd.measure(server, |client, packets| {
        client.send(&event, packets);
        packets
    })
}

/// One client has an event sent to all, again when all have it: CPU for a delivery, in µs.
pub fn broadcasts(server: &Server, clients: usize) -> f64 {
    let event = frame(ALL);
    let mut crowd = Crowd::join(server, clients);
    let mut caller = Client::join(server.address);
    caller.send(&event, 1);
    let mut buffer = [0; 4096];
    let mut missing = clients;
    crowd.measure(server, |_, packets| {
        missing = missing.saturating_sub(packets);
        if missing == 0 {
            caller.receive(&mut buffer);
            caller.send(&event, 1);
            missing = clients;
        }
        packets
    })
}

/// One client after the other comes, asks once and goes: CPU for each, in µs.
pub fn visits(server: &Server) -> f64 {
    let event = frame(ECHO);
    let run = |duration: Duration| {
        let started = Instant::now();
        let mut visits = 0;
        while started.elapsed() < duration {
            Client::join(server.address).ask(&event);
            visits += 1;
        }
        visits
    };
    run(WARM_UP);
    let before = server.cpu();
    let visits = run(MEASURED);
    per(server.cpu() - before, visits)
}

/// Memory for a connection that is joined and does nothing, in KiB.
pub fn idle(server: &Server, clients: usize) -> f64 {
    // What the first connections set up once is not counted.
    drop(Crowd::join(server, 10));
    let before = server.memory();
    let crowd = Crowd::join(server, clients);
    std::thread::sleep(Duration::from_secs(2));
    let grown = server.memory().saturating_sub(before);
    drop(crowd);
    grown as f64 / 1024. / clients as f64
}

fn per(cpu: Duration, count: usize) -> f64 {
    assert!(count > 0, "nothing came");
    cpu.as_secs_f64() * 1e6 / count as f64
}

struct Crowd {
    poll: Poll,
    clients: Vec<Client>,
}

impl Crowd {
    fn join(server: &Server, clients: usize) -> Self {
        let poll = Poll::new().expect("epoll");
        let join = |index| {
            let mut client = Client::join(server.address);
            poll.registry()
                .register(&mut client.stream, Token(index), Interest::READABLE)
                .expect("epoll");
            client
        };
        let clients = (0..clients).map(join).collect();
        Self { poll, clients }
    }

    /// Lets `answer` react to what comes, and counts what it says.
    fn measure(
        &mut self,
        server: &Server,
        mut answer: impl FnMut(&mut Client, usize) -> usize,
    ) -> f64 {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        let mut run = |duration: Duration| {
            let started = Instant::now();
            let mut count = 0;
            while started.elapsed() < duration {
                self.poll
                    .poll(&mut events, Some(Duration::from_millis(100)))
                    .expect("epoll");
                for event in &events {
                    let client = &mut self.clients[event.token().0];
                    let packets = client.receive(&mut buffer);
                    count += answer(client, packets);
                }
            }
            count
        };
        run(WARM_UP);
        let before = server.cpu();
        let count = run(MEASURED);
        per(server.cpu() - before, count)
    }
}
