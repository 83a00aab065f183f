//! Clients that lose their connection and come back.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::Polling;
use serde_json::{Value, json};
use songi_server::{Auth, Config, DisconnectReason, Recovery, Server, Socket};
use tokio::sync::{Notify, mpsc};

/// A client that remembers what a JavaScript one does.
struct Client {
    polling: Polling,
    packets: VecDeque<String>,
    namespace: &'static str,
    pid: Option<String>,
    offset: Option<String>,
    id: String,
    recovered: bool,
    /// The events that came before the confirmation of the last connection.
    missed: Vec<Value>,
}

impl Client {
    async fn new(io: &Server) -> Self {
        Self::join(io, "").await
    }

    async fn join(io: &Server, namespace: &'static str) -> Self {
        let mut client = Self {
            polling: Polling::open(io).await,
            packets: VecDeque::new(),
            namespace,
            pid: None,
            offset: None,
            id: String::new(),
            recovered: false,
            missed: Vec::new(),
        };
        client.connect().await;
        client
    }

    /// On a new connection; the old one is as it is.
    async fn come_back(&mut self, io: &Server) {
        self.polling = Polling::open(io).await;
        self.packets.clear();
        self.connect().await;
    }

    async fn connect(&mut self) {
        let auth = match (&self.pid, &self.offset) {
            (Some(pid), Some(offset)) => json!({ "pid": pid, "offset": offset }).to_string(),
            _ => String::new(),
        };
        self.send(&format!("40{}{auth}", self.namespace)).await;
        self.missed.clear();
        let connected = loop {
            let packet = self.packet().await;
            if let Some(connected) = packet.strip_prefix(&format!("40{}", self.namespace)) {
                break serde_json::from_str::<Value>(connected).unwrap();
            }
            let event = self.event(&packet);
            self.missed.push(event);
        };
        self.id = connected["sid"].as_str().unwrap().to_owned();
        let pid = connected["pid"].as_str().map(str::to_owned);
        self.recovered = pid.is_some() && pid == self.pid;
        self.pid = pid;
    }

    /// The first argument of an event.
    fn event(&mut self, packet: &str) -> Value {
        let prefix = format!("42{}", self.namespace);
        let event = packet
            .strip_prefix(&prefix)
            .unwrap_or_else(|| panic!("{packet}"));
        let event: Vec<Value> = serde_json::from_str(event).unwrap();
        if let Some(Value::String(offset)) = event.last() {
            self.offset = Some(offset.clone());
        }
        event[1].clone()
    }

    async fn next(&mut self) -> Value {
        let packet = self.packet().await;
        self.event(&packet)
    }

    async fn packet(&mut self) -> String {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return packet;
            }
            let body = tokio::time::timeout(Duration::from_secs(20), self.polling.get());
            let body = body.await.expect("nothing came");
            let packets = body.split('\x1e').filter(|packet| *packet != "2");
            self.packets.extend(packets.map(str::to_owned));
        }
    }

    async fn send(&self, packet: &str) {
        self.polling.post(packet.to_owned()).await;
    }

    /// The connection is closed, but no namespace was left.
    async fn lose(&self, io: &Server) {
        let before = io.connections();
        self.send("1").await;
        while io.connections() >= before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn server(recovery: Recovery) -> Server {
    Server::with_config(Config {
        recovery: Some(recovery),
        ..Config::default()
    })
}

#[tokio::test]
async fn what_was_missed_comes_in_order_and_once_and_before_the_confirmation() {
    let io = server(Recovery::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    io.on_connection(move |socket: Socket| {
        log.lock()
            .unwrap()
            .push((socket.recovered(), socket.rooms().len()));
        if !socket.recovered() {
            socket.join("room");
            socket.set_data("Ann".to_owned());
        }
    });
    let mut client = Client::new(&io).await;
    let first = io.socket(&client.id).unwrap();
    io.emit("n", 0).unwrap();
    assert_eq!(client.next().await, 0);

    // The server knows that it is away.
    client.lose(&io).await;
    assert!(!first.connected());
    io.emit("n", 1).unwrap();
    io.to("room").emit("n", 2).unwrap();
    io.to("another room").emit("n", "not for it").unwrap();
    io.except("room").emit("n", "not for it").unwrap();
    first.broadcast().emit("n", "not for it").unwrap();
    first.emit("n", 3).unwrap();
    io.volatile().emit("n", "lost").unwrap();
    let id = client.id.clone();
    client.come_back(&io).await;
    assert!(client.recovered);
    assert_eq!(client.id, id);
    assert_eq!(client.missed, [1, 2, 3]);
    let socket = io.socket(&id).unwrap();
    assert!(socket.recovered() && !first.recovered());
    assert_eq!(socket.rooms().len(), 2);
    assert_eq!(*socket.data::<String>().unwrap(), "Ann");

    // Both handles are it.
    first.emit("n", 4).unwrap();
    socket.emit("n", 5).unwrap();
    assert_eq!([client.next().await, client.next().await], [4, 5]);
    assert_eq!(*seen.lock().unwrap(), [(false, 1), (true, 2)]);
}

#[tokio::test]
async fn twenty_times_in_a_row_from_half_open_connections() {
    let io = server(Recovery::default());
    let (sender, mut told) = mpsc::unbounded_channel();
    let left = sender.clone();
    io.on_connection(move |socket: Socket| sender.send(format!("on {}", socket.id())));
    io.on_disconnect(move |socket: Socket, reason: DisconnectReason| {
        let left = left.clone();
        async move {
            // It waits, and the handlers of the next connection still come after it.
            tokio::task::yield_now().await;
            left.send(format!("off {} {reason}", socket.id()))
        }
    });
    let mut client = Client::new(&io).await;
    let id = client.id.clone();
    io.emit("n", -1).unwrap();
    assert_eq!(client.next().await, -1);
    for n in 0..20 {
        // Nobody closes the old connection.
        io.emit("n", n).unwrap();
        client.come_back(&io).await;
        assert!(client.recovered, "{n}");
        assert_eq!(client.id, id);
        assert_eq!(client.missed, [n]);
        assert_eq!((io.connections(), io.sockets().len()), (1, 1));
    }
    assert_eq!(told.recv().await.unwrap(), format!("on {id}"));
    for _ in 0..20 {
        let off = format!("off {id} transport close");
        assert_eq!(told.recv().await.unwrap(), off);
        assert_eq!(told.recv().await.unwrap(), format!("on {id}"));
    }
}

/// Each connection's handlers wait for those before it: there is an end to that.
#[tokio::test]
async fn who_comes_back_again_and_again_while_a_handler_waits_is_a_new_client() {
    let io = server(Recovery::default());
    let (go, ended) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (wait, count) = (go.clone(), ended.clone());
    io.on("slow", move || {
        let wait = wait.clone();
        async move { wait.notified().await }
    });
    io.on_disconnect(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let mut client = Client::new(&io).await;
    io.emit("n", 0).unwrap();
    client.next().await;
    client.send(r#"42["slow"]"#).await;
    let mut times = 0;
    loop {
        client.come_back(&io).await;
        if !client.recovered {
            break;
        }
        times += 1;
        assert!(times < 100, "there is no end");
    }
    assert!(times >= 20, "{times}");
    // All have ended but the one that it is now, each once.
    go.notify_one();
    while ended.load(Ordering::Relaxed) <= times {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(ended.load(Ordering::Relaxed), times + 1);
    assert_eq!(io.sockets().len(), 1);
}

#[tokio::test]
async fn who_left_on_purpose_or_broke_the_protocol_is_a_new_client() {
    let io = server(Recovery::default());
    io.on("leave", |socket: Socket| socket.disconnect());
    for ending in ["41", r#"42["leave"]"#, "4nonsense"] {
        let mut client = Client::new(&io).await;
        io.emit("n", 0).unwrap();
        client.next().await;
        let id = client.id.clone();
        client.send(ending).await;
        while io.socket(&id).is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        io.emit("n", 1).unwrap();
        client.come_back(&io).await;
        assert!(!client.recovered, "{ending}");
        assert_ne!(client.id, id);
        assert!(client.missed.is_empty());
        client.lose(&io).await;
    }
}

#[tokio::test]
async fn a_wrong_secret_or_offset_makes_a_new_client_and_harms_nobody() {
    let io = server(Recovery::default());
    let mut client = Client::new(&io).await;
    io.emit("n", 0).unwrap();
    client.next().await;
    let (id, pid, offset) = (client.id.clone(), client.pid.clone(), client.offset.clone());
    for (pid, offset) in [
        (pid.clone(), Some("x".to_owned())),
        (Some(id.clone()), offset.clone()),
        (Some("__proto__".to_owned()), offset.clone()),
    ] {
        let mut thief = Client::new(&io).await;
        (thief.pid, thief.offset) = (pid, offset);
        thief.come_back(&io).await;
        assert!(!thief.recovered);
        assert!(io.socket(&id).unwrap().connected());
    }
    assert_eq!(pid.unwrap().len(), 20);
}

#[tokio::test]
async fn middlewares_are_asked_where_it_is_set() {
    for skip_middlewares in [true, false] {
        let io = server(Recovery {
            skip_middlewares,
            ..Recovery::default()
        });
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        io.authorize(move |socket: Socket| {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                match socket.data::<u32>() {
                    Some(_) if socket.recovered() => Ok(()),
                    None if !socket.recovered() => Ok(()),
                    data => Err(format!("{data:?}")),
                }
            }
        });
        io.on_connection(|socket: Socket| socket.update_data(|n: &mut u32| *n += 1));
        let mut client = Client::new(&io).await;
        io.emit("n", 0).unwrap();
        client.next().await;
        let id = client.id.clone();
        client.come_back(&io).await;
        assert!(client.recovered);
        assert_eq!(client.id, id);
        let expected = if skip_middlewares { 1 } else { 2 };
        assert_eq!(asked.load(Ordering::Relaxed), expected);
        let socket = io.socket(&id).unwrap();
        while *socket.data::<u32>().unwrap() < 2 {
            tokio::task::yield_now().await;
        }
    }
}

/// What its handlers change after the connection is lost counts.
#[tokio::test]
async fn the_events_before_the_loss_are_handled_before_those_after_it() {
    let io = server(Recovery::default());
    let go = Arc::new(Notify::new());
    let wait = go.clone();
    io.on("slow", move |socket: Socket| {
        let wait = wait.clone();
        async move {
            wait.notified().await;
            socket.set_data("slow".to_owned());
        }
    });
    io.on("what", |socket: Socket| {
        socket.emit("data", (*socket.data::<String>().unwrap()).clone())
    });
    let mut client = Client::new(&io).await;
    io.emit("n", 0).unwrap();
    client.next().await;
    client.send(r#"42["slow"]"#).await;
    client.come_back(&io).await;
    assert!(client.recovered);
    client.send(r#"42["what"]"#).await;
    go.notify_one();
    assert_eq!(client.next().await, "slow");
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_time() {
    let io = server(Recovery {
        max_disconnection_duration: Duration::from_millis(100),
        ..Recovery::default()
    });
    /// Any data of an application.
    struct Data(#[expect(dead_code, reason = "it is counted")] Arc<()>);
    impl serde::Serialize for Data {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit()
        }
    }
    let data = Arc::new(());
    let kept = data.clone();
    io.on_connection(move |socket: Socket| socket.set_data(Data(kept.clone())));
    let mut client = Client::new(&io).await;
    io.emit("n", 0).unwrap();
    client.next().await;
    client.lose(&io).await;
    io.emit("n", 1).unwrap();
    // The handler has one, the test another.
    while Arc::strong_count(&data) > 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.come_back(&io).await;
    assert!(!client.recovered);
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_bytes() {
    // The events.
    let io = server(Recovery {
        max_packet_bytes: 10_000,
        ..Recovery::default()
    });
    let mut client = Client::new(&io).await;
    io.emit("n", 0).unwrap();
    client.next().await;
    client.lose(&io).await;
    for _ in 0..20 {
        io.emit("n", "x".repeat(1000)).unwrap();
    }
    client.come_back(&io).await;
    assert!(!client.recovered);

    // The clients.
    let io = server(Recovery {
        max_session_bytes: 10_000,
        ..Recovery::default()
    });
    io.on_connection(|socket: Socket| socket.set_data("x".repeat(6000)));
    let mut clients = [Client::new(&io).await, Client::new(&io).await];
    io.emit("n", 0).unwrap();
    for client in &mut clients {
        client.next().await;
        client.lose(&io).await;
    }
    let [first, second] = &mut clients;
    second.come_back(&io).await;
    assert!(second.recovered);
    first.come_back(&io).await;
    assert!(!first.recovered);
}

/// It would be disconnected again and again.
#[tokio::test]
async fn who_has_missed_more_than_may_wait_is_a_new_client() {
    let io = Server::with_config(Config {
        max_buffered: 5000,
        recovery: Some(Recovery::default()),
        ..Config::default()
    });
    let mut client = Client::new(&io).await;
    io.emit("n", 0).unwrap();
    client.next().await;
    client.lose(&io).await;
    for _ in 0..6 {
        io.emit("n", "x".repeat(1000)).unwrap();
    }
    client.come_back(&io).await;
    assert!(!client.recovered);
    io.emit("n", 1).unwrap();
    assert_eq!(client.next().await, 1);
}

#[tokio::test]
async fn a_dynamic_namespace_stays_as_long_as_somebody_may_come_back() {
    let io = server(Recovery {
        max_disconnection_duration: Duration::from_secs(3),
        ..Recovery::default()
    });
    let parent = io.of_match(|name: &str, _: &Auth| name == "/dynamic");
    let mut client = Client::join(&io, "/dynamic,").await;
    parent.emit("n", 0).unwrap();
    client.next().await;
    client.lose(&io).await;
    parent.emit("n", 1).unwrap();
    client.come_back(&io).await;
    assert!(client.recovered);
    assert_eq!(client.missed, [1]);

    client.lose(&io).await;
    let gone = Arc::new(Notify::new());
    let told = gone.clone();
    io.on_new_namespace(move |_| told.notify_one());
    // It goes when nobody can: then it is made anew.
    tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let other = Client::join(&io, "/dynamic,").await;
            other.send("41/dynamic,").await;
            let made = tokio::time::timeout(Duration::from_millis(1), gone.notified());
            if made.await.is_ok() {
                return;
            }
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_volatile_text_is_not_taken_for_an_offset() {
    let io = server(Recovery::default());
    let mut client = Client::new(&io).await;
    io.emit("n", 0).unwrap();
    client.next().await;
    let waiting = tokio::spawn(async move {
        let next = client.next().await;
        (client, next)
    });
    // Until its GET waits, a volatile event is dropped.
    while !waiting.is_finished() {
        io.volatile().emit("n", "text").unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (mut client, next) = waiting.await.unwrap();
    assert_eq!(next, "text");
    io.emit("n", 1).unwrap();
    client.come_back(&io).await;
    assert!(client.recovered);
    assert_eq!(client.missed, [1]);
}

#[tokio::test]
async fn without_the_setting_there_is_neither_secret_nor_offset() {
    let io = Server::new();
    let mut client = Client::new(&io).await;
    assert!(client.pid.is_none());
    io.emit("n", 0).unwrap();
    assert_eq!(client.packet().await, r#"42["n",0]"#);
    assert!(!io.socket(&client.id).unwrap().recovered());
}
