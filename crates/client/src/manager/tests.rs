//! A connection without its task: the test takes what there is to do, and brings what comes.

use std::sync::atomic::Ordering;
use std::task::Waker;

use songi_engineio::{RequestId, Transport};
use songi_socketio::RawJson;

use super::task::Turn;
use super::*;
use crate::transport::http::Reply;
use crate::wires::Bearer;
use crate::{Client, Socket};

/// A connection on long-polling. The runtime has one thread, and the test waits for nothing: so
/// its task never runs.
struct Bench {
    socket: Socket,
    manager: Arc<Manager>,
    session: u64,
    get: Option<RequestId>,
    post: Option<RequestId>,
}

impl Bench {
    /// A client that is in its namespace.
    fn joined(client: Client) -> Self {
        let socket = client.start().unwrap();
        let mut it = Self {
            manager: socket.inner().manager().clone(),
            socket,
            session: 0,
            get: None,
            post: None,
        };
        it.turn();
        it.answer(r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#);
        let turn = it.turn();
        let (stay, _) = turn.joins.first().unwrap();
        it.manager.authenticate(*stay, RawJson::of(&()));
        it.turn();
        let posted = it.post.take().unwrap();
        it.respond(posted, "ok");
        it.answer(r#"40{"sid":"me"}"#);
        assert!(it.socket.connected());
        it
    }

    /// Calls the handlers.
    fn work(&mut self) {
        for socket in self.turn().work {
            socket.work();
        }
    }

    /// Takes what there is to do; the handlers are the caller's to call.
    fn turn(&mut self) -> Turn {
        let mut turn = self.manager.turn(Waker::noop(), usize::MAX);
        self.session = turn.session;
        for command in turn.commands.drain(..) {
            match command {
                Command::Get { request, .. } => self.get = Some(request),
                Command::Post { request, .. } => self.post = Some(request),
                _ => {}
            }
        }
        turn
    }

    /// Answers the GET.
    fn answer(&mut self, body: &str) {
        let request = self.get.take().unwrap();
        self.respond(request, body);
    }

    fn respond(&self, request: RequestId, body: &str) {
        let body = body.to_owned().into();
        let reply = Reply { status: 200, body };
        self.manager
            .session(self.session)
            .response(request, Ok(reply));
    }

    fn backlog(&self) -> usize {
        self.manager.backlog.load(Ordering::Acquire)
    }
}

fn client(config: Config) -> Client {
    Client::new("http://127.0.0.1:1").config(Config {
        transports: vec![Transport::Polling],
        force_new: true,
        ..config
    })
}

#[tokio::test]
async fn one_response_brings_no_more_events_than_may_wait() {
    const EVENTS: usize = 103;
    let handled = Arc::new(Mutex::new(Vec::new()));
    let log = handled.clone();
    let config = Config {
        max_pending_events: 5,
        ..Config::default()
    };
    let mut it = Bench::joined(client(config).on("n", move |n: usize| {
        log.lock().push(n);
    }));
    it.work();
    let events: Vec<_> = (0..EVENTS).map(|n| format!(r#"42["n",{n}]"#)).collect();
    it.answer(&events.join("\u{1e}"));
    loop {
        let left = EVENTS - handled.lock().len();
        if left == 0 {
            break;
        }
        let turn = it.turn();
        assert_eq!(it.backlog(), left.min(5));
        // No request brings more while some are held back.
        assert_eq!(it.get.is_some(), left <= 5);
        for socket in turn.work {
            socket.work();
        }
        assert_eq!(it.backlog(), 0);
    }
    assert!(handled.lock().iter().copied().eq(0..EVENTS));
}

#[tokio::test]
async fn the_beginning_and_the_end_of_a_stay_count_among_what_waits() {
    let mut it = Bench::joined(client(Config::default()));
    assert_eq!(it.backlog(), 1);
    it.turn();
    it.answer("42[\"x\"]\u{1e}41");
    assert_eq!(it.backlog(), 3);
    it.socket.inner().work();
    assert_eq!(it.backlog(), 0);
}

#[tokio::test]
async fn one_event_may_always_wait() {
    let config = Config {
        max_pending_events: 0,
        ..Config::default()
    };
    let mut it = Bench::joined(client(config));
    it.work();
    assert!(!it.manager.is_behind());
    it.turn();
    it.answer("42[\"x\"]\u{1e}42[\"x\"]");
    assert!(it.manager.is_behind());
    assert_eq!(it.backlog(), 1);
}

/// Who listens to the log, and looks whether the lock is free.
struct Listener {
    manager: Arc<Manager>,
    heard: Arc<Mutex<Vec<bool>>>,
}

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn event(&self, _: &tracing::Event<'_>) {
        let is_free = self.manager.core.try_lock().is_some();
        self.heard.lock().push(is_free);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn who_listens_to_the_log_may_use_a_socket() {
    let mut it = Bench::joined(client(Config::default()));
    it.turn();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Listener {
        manager: it.manager.clone(),
        heard: heard.clone(),
    };
    // What breaks the protocol, and what becomes of the connection then.
    tracing::subscriber::with_default(listener, || {
        it.answer("4nonsense");
        let closing = it.turn();
        assert!(!closing.ended);
        let posted = it.post.take().unwrap();
        it.respond(posted, "ok");
        assert!(it.turn().ended);
    });
    let heard = heard.lock();
    assert!(heard.len() >= 2 && heard.iter().all(|free| *free));
}
