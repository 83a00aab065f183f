//! What sockets have of their own: handlers, middlewares, data, their end.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;
mod talk;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use songi_server::{
    Auth, DisconnectReason, Event, Failure, FastStr, Rejection, Server, Socket, State,
};
use talk::Client;
use tokio::sync::{Semaphore, mpsc};

/// What is told, to be looked at later.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Tells what goes wrong in a server.
    fn errors_of(io: &Server) -> Self {
        let log = Self::default();
        let told = log.clone();
        io.on_error(move |error| {
            let kind = match error.failure {
                Failure::Error(_) => "error",
                Failure::Argument(_) => "argument",
                Failure::Panic(_) => "panic",
                Failure::Rejected(_) => "rejected",
                _ => "other",
            };
            assert_eq!(error.socket.namespace().name(), "/");
            told.add(format!("{}: {kind}: {}", error.event, error.failure));
        });
        log
    }
}

#[tokio::test]
async fn middlewares_of_a_connection_run_in_order_until_one_refuses() {
    let io = Server::new();
    let errors = Log::errors_of(&io);
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    io.use_(move |auth: Value| {
        first.add(auth.to_string());
        Ok::<_, &str>(())
    });
    io.authorize(async |auth: Value| {
        tokio::task::yield_now().await;
        match auth["who"].as_str() {
            Some("panics") => panic!("oh"),
            Some(who) => Err(Rejection::new(format!("not {who}")).with_data(json!({ "code": 7 }))),
            None => Ok(()),
        }
    });
    io.use_(move || {
        second.add("third");
        Ok::<_, String>(())
    });
    let refused = Client::join(&io, "/", r#"{"who":"me"}"#).await.err();
    let expected = json!({ "message": "not me", "data": { "code": 7 } });
    assert_eq!(refused.unwrap(), expected);
    assert_eq!(log.take(), [r#"{"who":"me"}"#]);
    let refused = Client::join(&io, "/", r#"{"who":"panics"}"#).await.err();
    assert_eq!(refused.unwrap(), json!({ "message": "internal error" }));
    assert_eq!(errors.take(), ["connect: panic: panicked: oh"]);
    log.take();
    assert!(Client::join(&io, "/", "{}").await.is_ok());
    assert_eq!(log.take(), ["{}", "third"]);
    assert_eq!(io.sockets().len(), 1);
}

#[tokio::test]
async fn an_event_passes_the_middlewares_of_its_namespace_and_of_its_socket() {
    let io = Server::new();
    let errors = Log::errors_of(&io);
    io.use_event(|event: Event| match event.name().as_str() {
        "forbidden" => Err("forbidden to all"),
        _ => Ok(()),
    });
    io.on_connection(|socket: Socket| {
        socket.use_(async |event: Event| {
            tokio::task::yield_now().await;
            match event.name().as_str() {
                "secret" => Err("forbidden to you"),
                _ => Ok(()),
            }
        });
    });
    io.on_fallback(|event: Event| event.name().clone());
    let mut client = Client::new(&io).await;
    for event in [r#"1["forbidden"]"#, r#"2["secret"]"#, r#"3["public"]"#] {
        client.send(event).await;
    }
    // The others get no ack, and the order stays.
    assert_eq!(client.next().await, r#"3["public"]"#);
    assert_eq!(
        errors.take(),
        [
            "forbidden: rejected: rejected: forbidden to all",
            "secret: rejected: rejected: forbidden to you",
        ]
    );
}

#[tokio::test]
async fn what_goes_wrong_is_reported_and_the_socket_goes_on() {
    let io = Server::new();
    let errors = Log::errors_of(&io);
    io.on("error", || Err::<(), _>(std::fmt::Error));
    io.on("late error", async || {
        tokio::task::yield_now().await;
        Err::<(), _>(std::fmt::Error)
    });
    io.on("argument", |_: u32| {});
    io.on("panic", || -> u32 { panic!("oh") });
    io.on("no state", |_: State<AtomicU32>| {});
    io.on("fine", || "fine");
    io.on_any(|event: Event| {
        if event.name() == "fine" {
            panic!("a listener hinders nobody")
        }
    });
    let mut client = Client::new(&io).await;
    for event in [
        r#"1["error"]"#,
        r#"2["late error"]"#,
        r#"3["argument","x"]"#,
        r#"4["panic"]"#,
        r#"5["no state"]"#,
        r#"6["fine"]"#,
    ] {
        client.send(event).await;
    }
    for id in [1, 2, 3, 5] {
        let answer = client.next().await;
        assert!(
            answer.starts_with(&format!(r#"{id}[{{"error":"#)),
            "{answer}"
        );
    }
    assert_eq!(client.next().await, r#"6["fine"]"#);
    let errors = errors.take();
    for (error, start) in errors.iter().zip([
        "error: error: ",
        "late error: error: ",
        "argument: argument: argument 0: ",
        "panic: panic: panicked: oh",
        "no state: argument: no State<core::sync::atomic::AtomicU32>: see Server::with_state",
        "fine: panic: panicked: a listener hinders nobody",
    ]) {
        assert!(error.starts_with(start), "{errors:?}");
    }
    assert_eq!(errors.len(), 6);
}

#[tokio::test]
async fn an_error_hook_that_panics_hurts_nobody() {
    let io = Server::new();
    io.on_error(|_| panic!("the hook"));
    io.on("panic", || -> u32 { panic!("oh") });
    io.on("fine", || "fine");
    let mut client = Client::new(&io).await;
    client.send(r#"1["panic"]"#).await;
    client.send(r#"2["fine"]"#).await;
    assert_eq!(client.next().await, r#"2["fine"]"#);
}

#[tokio::test]
async fn listeners_hear_all_that_comes_and_goes() {
    let io = Server::new();
    let log = Log::default();
    let listen = |who: &'static str| {
        let log = log.clone();
        move |event: Event| log.add(format!("{who} {} {:?}", event.name(), event.arguments()))
    };
    io.on_any(listen("in"));
    io.prepend_any(listen("in first"));
    io.on_any_outgoing(listen("out"));
    io.prepend_any_outgoing(listen("out first"));
    let mut client = Client::new(&io).await;
    let socket = io.socket(&client.id).unwrap();
    socket.on_any(listen("own in"));
    socket.prepend_any(listen("own in first"));
    socket.on_any_outgoing(listen("own out"));
    socket.prepend_any_outgoing(listen("own out first"));

    client.send(r#"1["unknown",1]"#).await;
    assert_eq!(
        log.take(),
        [
            r#"in first unknown ["unknown",1]"#,
            r#"in unknown ["unknown",1]"#,
            r#"own in first unknown ["unknown",1]"#,
            r#"own in unknown ["unknown",1]"#,
        ]
    );
    let outgoing = [
        r#"out first news ["news",2]"#,
        r#"out news ["news",2]"#,
        r#"own out first news ["news",2]"#,
        r#"own out news ["news",2]"#,
    ];
    socket.emit("news", 2).unwrap();
    assert_eq!(log.take(), outgoing);
    io.emit("news", 2).unwrap();
    assert_eq!(log.take(), outgoing);
    drop(socket.emit_with_ack::<()>("news", 2));
    assert_eq!(log.take(), outgoing);

    io.off_any().off_any_outgoing();
    socket.off_any();
    socket.off_any_outgoing();
    client.send(r#"2["unknown",1]"#).await;
    socket.emit("end", ()).unwrap();
    assert_eq!(log.take(), [""; 0]);
    for _ in 0..3 {
        client.next().await;
    }
    assert_eq!(client.next().await, r#"["end"]"#);
}

#[tokio::test]
async fn a_socket_has_handlers_of_its_own() {
    let io = Server::new();
    let (mut one, mut two) = (Client::new(&io).await, Client::new(&io).await);
    io.on_fallback(|| "fallback");
    let socket = io.socket(&one.id).unwrap();
    let hello = socket.on("hello", |name: String| format!("Hello, {name}!"));
    socket.once("once", || "once");
    socket.once("never", || "never");
    let ask = async |client: &mut Client, event: &str| {
        client.send(&format!("1{event}")).await;
        client.next().await
    };
    assert_eq!(ask(&mut one, r#"["hello","A"]"#).await, r#"1["Hello, A!"]"#);
    assert_eq!(ask(&mut two, r#"["hello","A"]"#).await, r#"1["fallback"]"#);
    assert_eq!(ask(&mut one, r#"["once"]"#).await, r#"1["once"]"#);
    assert_eq!(ask(&mut one, r#"["once"]"#).await, r#"1["fallback"]"#);
    socket.off("never");
    assert_eq!(ask(&mut one, r#"["never"]"#).await, r#"1["fallback"]"#);
    socket.on("hello", || "second");
    socket.remove(&hello);
    assert_eq!(ask(&mut one, r#"["hello","A"]"#).await, r#"1["second"]"#);
    // The namespace's come first.
    io.on("hello", || "shared");
    assert_eq!(ask(&mut one, r#"["hello"]"#).await, r#"1["shared"]"#);
    assert_eq!(one.next().await, r#"1["second"]"#);
}

#[tokio::test]
async fn handlers_of_the_end_are_removed_by_their_names() {
    let io = Server::new();
    let log = Log::default();
    let (shared, own) = (log.clone(), log.clone());
    io.on_disconnecting(move || shared.add("disconnecting"));
    let client = Client::new(&io).await;
    let socket = io.socket(&client.id).unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    socket.on("disconnect", move || own.add("removed"));
    socket.off("disconnect");
    socket.on_disconnect(move || told.send(()).unwrap());
    io.off("disconnecting");
    client.leave().await;
    heard.recv().await.unwrap();
    assert_eq!(log.take(), [""; 0]);
}

#[tokio::test]
async fn what_was_to_be_called_once_is_let_go_of_when_it_is_taken_away() {
    let io = Server::new();
    let client = Client::new(&io).await;
    let socket = io.socket(&client.id).unwrap();
    for event in ["a", "disconnecting", "disconnect"] {
        for by_name in [true, false] {
            let held = Arc::new(());
            let weak = Arc::downgrade(&held);
            let id = socket.once(event, move || Arc::strong_count(&held));
            assert_eq!(weak.strong_count(), 1);
            if by_name {
                drop(id);
                socket.off(event);
            } else {
                socket.remove(&id);
                drop(id);
            }
            assert_eq!(weak.strong_count(), 0, "{event} {by_name}");
        }
    }
    // The end has its names here too.
    let (told, mut heard) = mpsc::unbounded_channel();
    for event in ["disconnecting", "disconnect"] {
        let told = told.clone();
        socket.once(event, move || told.send(event).unwrap());
    }
    client.leave().await;
    assert_eq!(heard.recv().await, Some("disconnecting"));
    assert_eq!(heard.recv().await, Some("disconnect"));
}

#[tokio::test]
async fn own_handlers_go_with_their_socket() {
    let io = Server::new();
    let alive = Arc::new(());
    let (told, mut ended) = mpsc::unbounded_channel();
    let guard = Arc::downgrade(&alive);
    io.on_connection(move |socket: Socket| {
        let (guard, itself, told) = (alive.clone(), socket.clone(), told.clone());
        socket.on("x", move || (itself.connected(), Arc::strong_count(&guard)));
        socket.on_disconnecting(|socket: Socket| socket.join("too late"));
        socket.on_disconnect(move |socket: Socket, reason: DisconnectReason| {
            told.send((socket, reason)).unwrap();
        });
    });
    let client = Client::new(&io).await;
    assert_eq!(guard.strong_count(), 2);
    client.leave().await;
    let (socket, reason) = ended.recv().await.unwrap();
    assert_eq!(reason, DisconnectReason::ClientNamespaceDisconnect);
    while guard.strong_count() > 1 {
        tokio::task::yield_now().await;
    }
    // What comes now is not kept.
    let late = Arc::new(());
    let held = late.clone();
    socket.on("x", move || Arc::strong_count(&held));
    assert_eq!(Arc::strong_count(&late), 1);
}

#[tokio::test]
async fn who_is_disconnecting_knows_its_rooms_and_nobody_else_does() {
    let io = Server::new();
    let (told, mut heard) = mpsc::unbounded_channel();
    let tell = told.clone();
    io.on("disconnecting", move |socket: Socket, reason: String| {
        let others = socket.namespace().to("room").sockets().len();
        tell.send((reason, socket.rooms(), others)).unwrap();
    });
    io.on("disconnect", move |socket: Socket, reason: String| {
        told.send((reason, socket.rooms(), 0)).unwrap();
    });
    let client = Client::new(&io).await;
    let socket = io.socket(&client.id).unwrap();
    socket.join("room");
    socket.disconnect();
    let id = FastStr::new(&client.id);
    let reason = "server namespace disconnect".to_owned();
    let rooms = vec![id, "room".into()];
    assert_eq!(heard.recv().await.unwrap(), (reason.clone(), rooms, 0));
    assert_eq!(heard.recv().await.unwrap(), (reason, Vec::new(), 0));
    assert!(socket.rooms().is_empty());
}

#[tokio::test]
async fn a_socket_keeps_data_of_any_type() {
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct User {
        name: String,
        visits: u32,
    }

    let io = Server::new();
    io.authorize(
        |socket: Socket, auth: Auth, handshake: songi_server::Handshake| {
            let user: User = auth.deserialize().map_err(|error| error.to_string())?;
            assert_eq!(handshake.auth::<User>().unwrap(), user);
            socket.set_data(user);
            Ok::<_, String>(())
        },
    );
    io.on("visit", |socket: Socket| {
        socket.update_data(|user: &mut User| {
            user.visits += 1;
            user.visits
        })
    });
    let mut client = Client::join(&io, "/", r#"{"name":"Jane","visits":1}"#)
        .await
        .unwrap();
    client.send(r#"1["visit"]"#).await;
    assert_eq!(client.next().await, "1[2]");
    let socket = io.socket(&client.id).unwrap();
    let jane = User {
        name: "Jane".to_owned(),
        visits: 2,
    };
    assert_eq!(*socket.data::<User>().unwrap(), jane);
    assert!(socket.data::<String>().is_none());

    socket.join("room");
    let fetched = io.to("room").fetch_sockets().await.unwrap();
    let [remote] = fetched.as_slice() else {
        panic!("{fetched:?}")
    };
    assert_eq!(remote.id(), socket.id());
    assert_eq!(remote.rooms(), socket.rooms());
    assert_eq!(remote.data::<User>().unwrap(), jane);
    assert_eq!(remote.handshake().auth["name"], "Jane");
    assert_eq!(remote.handshake().query["EIO"], "4");
    let details = serde_json::to_value(remote.details()).unwrap();
    let keys: Vec<_> = details["handshake"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "address", "auth", "headers", "issued", "query", "secure", "time", "url", "xdomain"
        ]
    );
    assert_eq!(details["data"], json!({ "name": "Jane", "visits": 2 }));

    remote.emit("news", 1).unwrap();
    assert_eq!(client.next().await, r#"["news",1]"#);
    remote.leave("room");
    remote.join("other");
    assert_eq!(socket.rooms(), [socket.id().as_str(), "other"]);
    remote.disconnect(false);
    assert!(!socket.connected());
}

#[tokio::test]
async fn state_is_shared_by_all_handlers() {
    struct Name(&'static str);
    let io = Server::new()
        .with_state(Name("first"))
        .with_state(Name("last"))
        .with_state(AtomicU32::new(1));
    let count = |count: State<AtomicU32>, name: State<Name>| {
        (name.0, count.fetch_add(1, Ordering::Relaxed))
    };
    io.on("count", count);
    io.of("/other").on("count", count);
    io.authorize(|name: State<Name>| match name.0 {
        "last" => Ok(()),
        _ => Err("another"),
    });
    for (namespace, expected) in [("/", r#"1["last",1]"#), ("/other", r#"1["last",2]"#)] {
        let mut client = Client::join(&io, namespace, "").await.unwrap();
        client.send(r#"1["count"]"#).await;
        assert_eq!(client.next().await, expected);
    }
}

#[tokio::test]
async fn handlers_overlap_where_they_may_and_start_in_order() {
    let io = Server::new();
    let gate = Arc::new(Semaphore::new(0));
    let (told, mut heard) = mpsc::unbounded_channel();
    let (opened, ended) = (gate.clone(), told.clone());
    io.concurrent(2).on("wait", move |n: u32| {
        let (gate, told) = (gate.clone(), told.clone());
        told.send(format!("{n} starts")).unwrap();
        async move {
            gate.acquire().await.unwrap().forget();
            told.send(format!("{n} ends")).unwrap();
        }
    });
    io.on_disconnect(move || ended.send("gone".to_owned()).unwrap());
    let client = Client::new(&io).await;
    for n in 1..=4 {
        client.send(&format!(r#"["wait",{n}]"#)).await;
    }
    client.leave().await;
    assert_eq!(heard.recv().await.unwrap(), "1 starts");
    assert_eq!(heard.recv().await.unwrap(), "2 starts");
    tokio::task::yield_now().await;
    assert!(heard.try_recv().is_err(), "only two may overlap");
    opened.add_permits(4);
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line| line != "gone") {
        lines.push(heard.recv().await.unwrap());
    }
    let starts: Vec<_> = lines
        .iter()
        .filter(|line| line.ends_with("starts"))
        .collect();
    assert_eq!(starts, ["3 starts", "4 starts"]);
    assert_eq!(lines.len(), 7, "{lines:?}");
}
