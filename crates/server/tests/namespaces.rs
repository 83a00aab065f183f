//! Namespaces that clients make.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;
mod talk;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use songi_server::{Auth, Config, Namespace, Server, Socket};
use talk::Client;

fn rooms(name: &str, _: &Auth) -> bool {
    name.starts_with("/room-")
}

#[tokio::test]
async fn a_client_makes_a_namespace_that_matches() {
    let io = Server::new();
    let parent = io.of_match(rooms);
    parent.on("where", |socket: Socket| socket.namespace().name().clone());
    let mut one = Client::join(&io, "/room-1", "").await.unwrap();
    let mut two = Client::join(&io, "/room-2", "").await.unwrap();
    one.send(r#"1["where"]"#).await;
    assert_eq!(one.next().await, r#"1["/room-1"]"#);
    two.send(r#"1["where"]"#).await;
    assert_eq!(two.next().await, r#"1["/room-2"]"#);

    let refused = Client::join(&io, "/lobby", "").await.err().unwrap();
    assert_eq!(refused, json!({ "message": "Invalid namespace" }));
    // The parent itself is none.
    let refused = Client::join(&io, parent.name(), "").await.err().unwrap();
    assert_eq!(refused, json!({ "message": "Invalid namespace" }));
}

#[tokio::test]
async fn what_is_sent_to_the_parent_goes_to_all_children() {
    let io = Server::new();
    let parent = io.of_match(rooms);
    let mut one = Client::join(&io, "/room-1", "").await.unwrap();
    let mut two = Client::join(&io, "/room-2", "").await.unwrap();
    let mut main = Client::new(&io).await;
    parent.emit("news", 1).unwrap();
    parent.to(&one.id).emit("news", 2).unwrap();
    io.emit("news", 3).unwrap();
    assert_eq!(one.next().await, r#"["news",1]"#);
    assert_eq!(one.next().await, r#"["news",2]"#);
    assert_eq!(two.next().await, r#"["news",1]"#);
    assert_eq!(main.next().await, r#"["news",3]"#);
    assert_eq!(parent.sockets().len(), 2);
    assert_eq!(parent.fetch_sockets().await.unwrap().len(), 2);

    let acks = parent.emit_with_ack::<u32>("x", ());
    assert_eq!(acks.expected(), 2);
    let (id, _) = one.asked().await;
    one.answer(id, "[1]").await;
    let (id, _) = two.asked().await;
    two.answer(id, "[2]").await;
    assert_eq!(acks.await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn handlers_of_the_parent_are_those_of_its_children_now_and_later() {
    let io = Server::new();
    let parent = io.of_match(rooms);
    parent.on("early", || "early");
    let mut one = Client::join(&io, "/room-1", "").await.unwrap();
    parent.on("late", || "late");
    io.of("/room-1").on("own", || "own");
    let mut two = Client::join(&io, "/room-2", "").await.unwrap();
    for client in [&mut one, &mut two] {
        client.send(r#"1["early"]"#).await;
        assert_eq!(client.next().await, r#"1["early"]"#);
        client.send(r#"2["late"]"#).await;
        assert_eq!(client.next().await, r#"2["late"]"#);
        client.send(r#"3["own"]"#).await;
    }
    assert_eq!(one.next().await, r#"3["own"]"#);
    parent.off("early").emit("end", ()).unwrap();
    assert_eq!(two.next().await, r#"["end"]"#);
    two.send(r#"4["early"]"#).await;
    two.send(r#"5["late"]"#).await;
    assert_eq!(two.next().await, r#"5["late"]"#);
}

#[tokio::test]
async fn a_matcher_may_wait_and_sees_what_the_client_says() {
    let io = Server::new();
    io.of_match(|name: &str, auth: &Auth| {
        let name = name.to_owned();
        let auth = auth.deserialize::<std::collections::HashMap<String, String>>();
        async move {
            tokio::task::yield_now().await;
            name == format!("/{}", auth.unwrap()["tenant"])
        }
    });
    let client = Client::join(&io, "/acme", r#"{"tenant":"acme"}"#).await;
    assert!(client.is_ok());
    // Every client is looked at, not only the first.
    let other = Client::join(&io, "/acme", r#"{"tenant":"other"}"#).await;
    assert_eq!(
        other.err().unwrap(),
        json!({ "message": "Invalid namespace" })
    );
    let other = Client::join(&io, "/other", r#"{"tenant":"acme"}"#).await;
    assert_eq!(
        other.err().unwrap(),
        json!({ "message": "Invalid namespace" })
    );
    // Without the key the matcher panics, which ends nothing else.
    let other = Client::join(&io, "/other", "").await;
    assert_eq!(other.err().unwrap(), json!({ "message": "internal error" }));
}

#[tokio::test]
async fn the_first_matcher_that_says_yes_makes_it() {
    let io = Server::new();
    io.of_match(|_: &str, _: &Auth| false).on("who", || 0);
    io.of_match(rooms).on("who", || 1);
    io.of_match(|_: &str, _: &Auth| true).on("who", || 2);
    for (name, who) in [("/room-1", "1[1]"), ("/lobby", "1[2]")] {
        let mut client = Client::join(&io, name, "").await.unwrap();
        client.send(r#"1["who"]"#).await;
        assert_eq!(client.next().await, who);
    }
}

#[tokio::test]
async fn the_middlewares_of_the_parent_are_asked() {
    let io = Server::new();
    io.of_match(rooms)
        .authorize(|socket: Socket| match socket.namespace().name().as_str() {
            "/room-1" => Ok(()),
            _ => Err("full"),
        });
    assert!(Client::join(&io, "/room-1", "").await.is_ok());
    let refused = Client::join(&io, "/room-2", "").await.err().unwrap();
    assert_eq!(refused, json!({ "message": "full" }));
}

#[tokio::test]
async fn every_new_namespace_is_told_before_anybody_is_in_it() {
    let io = Server::new();
    let names = Arc::new(Mutex::new(Vec::new()));
    let told = names.clone();
    io.on_new_namespace(move |namespace: Namespace| {
        namespace.on("told", || "told");
        told.lock().unwrap().push(namespace.name().to_string());
    });
    io.of_match(rooms);
    io.of("fixed");
    io.of("/fixed");
    let mut client = Client::join(&io, "/room-1", "").await.unwrap();
    let _second = Client::join(&io, "/room-1", "").await.unwrap();
    client.send(r#"1["told"]"#).await;
    assert_eq!(client.next().await, r#"1["told"]"#);
    assert_eq!(*names.lock().unwrap(), ["/fixed", "/room-1"]);
}

#[tokio::test]
async fn who_comes_at_the_same_time_is_in_the_same_namespace() {
    let made = Arc::new(AtomicUsize::new(0));
    let io = Server::new();
    let parent = io.of_match(|_: &str, _: &Auth| async {
        tokio::task::yield_now().await;
        true
    });
    let count = made.clone();
    io.on_new_namespace(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let clients = (0..10).map(|_| Client::join(&io, "/x", ""));
    let clients = futures_util::future::join_all(clients).await;
    assert!(clients.iter().all(Result::is_ok));
    assert_eq!(made.load(Ordering::Relaxed), 1);
    assert_eq!(parent.sockets().len(), 10);
    assert_eq!(io.of("/x").sockets().len(), 10);
}

#[tokio::test]
async fn an_empty_namespace_goes_and_makes_room_for_another() {
    let io = Server::with_config(Config {
        max_dynamic_namespaces: 2,
        ..Config::default()
    });
    let parent = io.of_match(|_: &str, _: &Auth| true);
    parent.authorize(|socket: Socket| match socket.namespace().name().as_str() {
        "/refused" => Err("no"),
        _ => Ok(()),
    });
    // Who is refused leaves nothing behind.
    for _ in 0..3 {
        assert!(Client::join(&io, "/refused", "").await.is_err());
    }
    let one = Client::join(&io, "/1", "").await.unwrap();
    let also_one = Client::join(&io, "/1", "").await.unwrap();
    let _two = Client::join(&io, "/2", "").await.unwrap();
    let refused = Client::join(&io, "/3", "").await.err().unwrap();
    assert_eq!(refused, json!({ "message": "too many namespaces" }));
    one.leave().await;
    assert!(Client::join(&io, "/3", "").await.is_err());
    also_one.leave().await;
    assert!(Client::join(&io, "/3", "").await.is_ok());
    // A namespace of the application does not count.
    io.of("/4");
    assert!(Client::join(&io, "/4", "").await.is_ok());
}

#[tokio::test]
async fn an_empty_namespace_stays_where_it_is_to() {
    let io = Server::with_config(Config {
        max_dynamic_namespaces: 1,
        cleanup_empty_child_namespaces: false,
        ..Config::default()
    });
    io.of_match(|_: &str, _: &Auth| true);
    Client::join(&io, "/1", "").await.unwrap().leave().await;
    assert!(Client::join(&io, "/2", "").await.is_err());
    assert!(Client::join(&io, "/1", "").await.is_ok());
}
