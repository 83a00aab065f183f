//! Two servers in one process, joined by an adapter as one of a cluster would be: through the
//! public API alone.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;
mod talk;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use songi_server::adapter::{
    Adapter, AdapterError, AdapterFactory, Answers, BroadcastOptions, Local, RoomEvent,
};
use songi_server::handler::BoxFuture;
use songi_server::{
    Arguments, BroadcastAckReason, Config, FastStr, Outgoing, Server, ServerSide, Socket,
    SocketDetails, State,
};
use talk::Client;

/// What carries messages between the nodes, which all are in this process.
#[derive(Clone, Default)]
struct Bus {
    nodes: Arc<Mutex<Vec<Local>>>,
    started: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

struct Node {
    local: Local,
    bus: Bus,
}

impl Bus {
    fn server(&self) -> Server {
        let bus = self.clone();
        Server::with_config(Config {
            adapter: AdapterFactory::new(move |local| {
                bus.nodes.lock().unwrap().push(local.clone());
                let bus = bus.clone();
                Node { local, bus }
            }),
            ..Config::default()
        })
    }
}

impl Node {
    /// The same namespace of the other servers.
    fn others(&self) -> Vec<Local> {
        let nodes = self.bus.nodes.lock().unwrap();
        let same = nodes.iter().filter(|node| node.name() == self.local.name());
        same.filter(|node| !node.is(&self.local)).cloned().collect()
    }

    fn all(&self) -> Vec<Local> {
        let mut nodes = self.others();
        nodes.insert(0, self.local.clone());
        nodes
    }
}

/// A packet as it is on its way: its name and arguments.
fn on_the_wire(packet: &Outgoing) -> (FastStr, Args) {
    let Some(songi_server::PacketKind::Event { name, args, .. }) =
        packet.decode().map(|packet| packet.kind)
    else {
        panic!("{packet:?} is no event")
    };
    let mut reader = args.reader();
    let values = (0..reader.len()).map(|_| reader.next().unwrap());
    (name, Args(values.collect()))
}

/// Several arguments, of which no type is known.
struct Args(Vec<serde_json::Value>);

impl serde::Serialize for Args {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple as _;
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for arg in &self.0 {
            tuple.serialize_element(arg)?;
        }
        tuple.end()
    }
}

impl Adapter for Node {
    fn local(&self) -> &Local {
        &self.local
    }

    fn start(&self) {
        // It is called in a runtime.
        let started = self.bus.started.clone();
        tokio::spawn(async move { started.fetch_add(1, Ordering::Relaxed) });
    }

    fn close(&self) -> BoxFuture<()> {
        let closed = self.bus.closed.clone();
        Box::pin(async move {
            closed.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn server_count(&self) -> BoxFuture<Result<usize, AdapterError>> {
        let count = self.all().len();
        Box::pin(async move { Ok(count) })
    }

    fn broadcast(&self, packet: &Outgoing, options: &BroadcastOptions) {
        self.local.broadcast(packet, options);
        let (name, args) = on_the_wire(packet);
        for other in self.others() {
            let packet = Outgoing::event(other.name(), None, &name, &args).unwrap();
            other.broadcast(&packet, options);
        }
    }

    fn broadcast_with_ack(
        &self,
        packet: &Outgoing,
        id: u64,
        options: &BroadcastOptions,
        answers: Answers,
    ) {
        self.local.broadcast_with_ack(packet, id, options, &answers);
        let (name, args) = on_the_wire(packet);
        for other in self.others() {
            let id = other.next_ack_id();
            let packet = Outgoing::event(other.name(), Some(id), &name, &args).unwrap();
            // The other server collects by itself, and says what it gets.
            let (theirs, mut collected) = Answers::channel();
            let count = other.broadcast_with_ack(&packet, id, options, &theirs);
            drop(theirs);
            answers.expect(count);
            let answers = answers.clone();
            tokio::spawn(async move {
                while let Some(answer) = collected.next().await {
                    answers.answer(answer);
                }
            });
        }
    }

    fn fetch_sockets(
        &self,
        options: &BroadcastOptions,
    ) -> BoxFuture<Result<Vec<SocketDetails>, AdapterError>> {
        let sockets = self.all();
        let sockets = sockets.iter().flat_map(|node| node.fetch_sockets(options));
        let json = serde_json::to_string(&sockets.collect::<Vec<_>>()).unwrap();
        Box::pin(async move { Ok(serde_json::from_str(&json).unwrap()) })
    }

    fn add_sockets(&self, options: &BroadcastOptions, rooms: &[FastStr]) {
        self.all()
            .iter()
            .for_each(|node| node.add_sockets(options, rooms));
    }

    fn del_sockets(&self, options: &BroadcastOptions, rooms: &[FastStr]) {
        self.all()
            .iter()
            .for_each(|node| node.del_sockets(options, rooms));
    }

    fn disconnect_sockets(&self, options: &BroadcastOptions, close: bool) {
        self.all()
            .iter()
            .for_each(|node| node.disconnect_sockets(options, close));
    }

    fn server_side_emit(&self, event: &FastStr, args: &Arguments, answers: Option<Answers>) {
        let others = self.others();
        if let Some(answers) = &answers {
            answers.expect(others.len());
        }
        for other in others {
            other.server_side_event(event.clone(), args.clone(), answers.clone());
        }
    }
}

#[tokio::test]
async fn an_event_reaches_the_clients_of_all_servers() {
    let bus = Bus::default();
    let (here, there) = (bus.server(), bus.server());
    let (mut one, mut two) = (Client::new(&here).await, Client::new(&there).await);
    here.emit("all", (1, "a")).unwrap();
    here.local().emit("here", ()).unwrap();
    here.to(&two.id).emit("there", ()).unwrap();
    here.except(&two.id).emit("not there", ()).unwrap();
    let socket = there.socket(&two.id).unwrap();
    socket.broadcast().emit("others", ()).unwrap();
    here.emit("end", ()).unwrap();
    for expected in [
        r#"["all",1,"a"]"#,
        r#"["here"]"#,
        r#"["not there"]"#,
        r#"["others"]"#,
        r#"["end"]"#,
    ] {
        assert_eq!(one.next().await, expected);
    }
    for expected in [r#"["all",1,"a"]"#, r#"["there"]"#, r#"["end"]"#] {
        assert_eq!(two.next().await, expected);
    }
    assert_eq!(here.adapter().server_count().await, Ok(2));
}

#[tokio::test]
async fn the_clients_of_all_servers_answer() {
    let bus = Bus::default();
    let (here, there) = (bus.server(), bus.server());
    let (mut one, mut two) = (Client::new(&here).await, Client::new(&there).await);
    let mut acks = here.emit_with_ack::<u32>("x", ());
    assert_eq!(acks.expected(), 2);
    let (id, _) = two.asked().await;
    two.answer(id, "[2]").await;
    assert_eq!(acks.next().await.unwrap().unwrap(), 2);
    let (id, _) = one.asked().await;
    one.answer(id, "[1]").await;
    assert_eq!(acks.await.unwrap(), [1]);

    let acks = here
        .timeout(Duration::from_millis(50))
        .emit_with_ack::<u32>("x", ());
    let error = acks.await.unwrap_err();
    assert!(matches!(
        error.reason,
        BroadcastAckReason::Timeout { missing: 2, .. }
    ));
    let acks = here.local().timeout(Duration::from_millis(50));
    let error = acks.emit_with_ack::<u32>("x", ()).await.unwrap_err();
    assert!(matches!(
        error.reason,
        BroadcastAckReason::Timeout { missing: 1, .. }
    ));
}

#[tokio::test]
async fn the_sockets_of_all_servers_are_managed() {
    let bus = Bus::default();
    let (here, there) = (bus.server(), bus.server());
    let (mut one, two) = (Client::new(&here).await, Client::new(&there).await);
    let remote = there.socket(&two.id).unwrap();
    remote.set_data("two");
    let fetched = here.fetch_sockets().await.unwrap();
    let mut ids: Vec<_> = fetched.iter().map(|socket| socket.id().as_str()).collect();
    ids.sort_unstable();
    let mut expected = [one.id.as_str(), two.id.as_str()];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(here.local().fetch_sockets().await.unwrap().len(), 1);

    here.to(&two.id).sockets_join("room");
    assert_eq!(remote.rooms(), [two.id.as_str(), "room"]);
    let fetched = here.in_("room").fetch_sockets().await.unwrap();
    assert_eq!(fetched.len(), 1);
    assert_eq!(fetched[0].data::<String>().unwrap(), "two");
    assert_eq!(fetched[0].rooms(), [two.id.as_str(), "room"]);
    here.local().sockets_leave("room");
    assert_eq!(remote.rooms().len(), 2);
    fetched[0].leave("room");
    assert_eq!(remote.rooms().len(), 1);

    let local = here.socket(&one.id).unwrap();
    there.except(&one.id).disconnect_sockets(false);
    assert!(!remote.connected() && local.connected());
    there.disconnect_sockets(true);
    assert!(!local.connected());
    assert_eq!(one.packet().await, "41");
    assert_eq!(one.packet().await, "1");
    assert_eq!((here.connections(), there.connections()), (0, 1));
}

#[tokio::test]
async fn servers_talk_to_each_other() {
    let bus = Bus::default();
    let [here, there, elsewhere] = [1, 2, 3].map(|n: u32| bus.server().with_state(n));
    for server in [&here, &there, &elsewhere] {
        server.on_server_side(
            "add",
            async |place: ServerSide, n: State<u32>, a: u32, b: u32| {
                tokio::task::yield_now().await;
                assert_eq!(place.namespace().name(), "/");
                a + b + *n
            },
        );
        // A second handler answers no second time.
        server.on_server_side("add", |_: u32| 0);
    }
    let mut answers = here
        .server_side_emit_with_ack::<u32>("add", (10, 20))
        .await
        .unwrap();
    answers.sort_unstable();
    assert_eq!(answers, [32, 33], "never the server itself");

    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    there.on_server_side("hello", move |name: String| told.send(name).unwrap());
    here.server_side_emit("hello", "world").unwrap();
    assert_eq!(heard.recv().await.unwrap(), "world");

    let nobody = here.server_side_emit_with_ack::<()>("nobody listens", ());
    let error = nobody.await.unwrap_err();
    assert!(matches!(
        error.reason,
        BroadcastAckReason::Disconnected { missing: 2 }
    ));

    // A server that is alone hears nobody, and not itself.
    let alone = Server::new();
    alone.on_server_side("add", |a: u32| a);
    let answers = alone.server_side_emit_with_ack::<u32>("add", 1).await;
    assert!(answers.unwrap().is_empty());
}

#[tokio::test]
async fn adapters_start_in_the_runtime_once_and_are_closed() {
    let bus = Bus::default();
    let io = {
        // Where there is no runtime.
        let bus = bus.clone();
        std::thread::spawn(move || {
            let io = bus.server();
            io.of("/early");
            io
        })
        .join()
        .unwrap()
    };
    assert_eq!(bus.started.load(Ordering::Relaxed), 0);
    let started = async |count: usize| {
        while bus.started.load(Ordering::Relaxed) < count {
            tokio::task::yield_now().await;
        }
        assert_eq!(bus.started.load(Ordering::Relaxed), count);
    };
    let one = Client::new(&io).await;
    let two = Client::new(&io).await;
    started(2).await;
    io.of("/late");
    started(3).await;
    io.of_match(|_: &str, _: &songi_server::Auth| true);
    let child = Client::join(&io, "/child", "").await.unwrap();
    started(4).await;
    child.leave().await;
    while bus.closed.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    for client in [one, two, child] {
        client.raw("1").await;
    }
    io.close().await;
    assert_eq!(bus.closed.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn what_happens_to_rooms_is_told() {
    let io = Server::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let told = log.clone();
    io.on_room_event(move |event| {
        let line = match event {
            RoomEvent::Create { room } => format!("create {room}"),
            RoomEvent::Join { room, sid } => format!("join {room} {sid}"),
            RoomEvent::Leave { room, sid } => format!("leave {room} {sid}"),
            RoomEvent::Delete { room } => format!("delete {room}"),
        };
        told.lock().unwrap().push(line);
    });
    // One that panics hurts nobody.
    io.on_room_event(|_| panic!("on purpose"));
    let take = || std::mem::take(&mut *log.lock().unwrap());
    let (one, two) = (Client::new(&io).await, Client::new(&io).await);
    let (a, b) = (&one.id, &two.id);
    assert_eq!(
        take(),
        [
            format!("create {a}"),
            format!("join {a} {a}"),
            format!("create {b}"),
            format!("join {b} {b}"),
        ]
    );
    let sockets: [Socket; 2] = [io.socket(a).unwrap(), io.socket(b).unwrap()];
    sockets[0].join("room");
    sockets[0].join("room");
    sockets[1].join("room");
    assert_eq!(io.rooms(), ["room"]);
    sockets[1].leave("room");
    sockets[1].leave("room");
    assert_eq!(
        take(),
        [
            "create room".to_owned(),
            format!("join room {a}"),
            format!("join room {b}"),
            format!("leave room {b}"),
        ]
    );
    one.leave().await;
    assert_eq!(
        take(),
        [
            format!("leave room {a}"),
            "delete room".to_owned(),
            format!("leave {a} {a}"),
            format!("delete {a}"),
        ]
    );
    assert!(io.rooms().is_empty());
}
