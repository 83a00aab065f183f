//! Broadcasts with options and acks.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;
mod talk;

use std::time::Duration;

use songi_server::{AckError, BroadcastAckReason, EncodeError, Server, Socket};
use talk::Client;

#[tokio::test]
async fn the_answers_of_all_come_together() {
    let io = Server::new();
    let (mut one, mut two) = (Client::new(&io).await, Client::new(&io).await);
    io.in_(&one.id).sockets_join("room");
    io.in_(&two.id).sockets_join("room");
    let _elsewhere = Client::new(&io).await;

    let acks = io.to("room").emit_with_ack::<u32>("how many", "apples");
    assert_eq!(acks.expected(), 2);
    let (id, event) = one.asked().await;
    assert_eq!(event, r#"["how many","apples"]"#);
    let (other, _) = two.asked().await;
    assert_eq!(id, other, "encoded once");
    two.answer(id, "[2]").await;
    one.answer(id, "[1]").await;
    assert_eq!(acks.await.unwrap(), [2, 1]);
    // Whoever answers twice is not heard.
    one.answer(id, "[7]").await;
}

#[tokio::test]
async fn who_does_not_answer_in_time_leaves_the_answers_of_the_others() {
    let io = Server::new();
    let (mut one, _two) = (Client::new(&io).await, Client::new(&io).await);
    let acks = io
        .timeout(Duration::from_secs(2))
        .emit_with_ack::<u32>("x", ());
    let (id, _) = one.asked().await;
    one.answer(id, "[1]").await;
    let error = acks.await.unwrap_err();
    assert_eq!(error.answers, [1]);
    assert!(
        matches!(error.reason, BroadcastAckReason::Timeout { missing: 1, .. }),
        "{error}"
    );
    // Nothing of it is kept: the same id may be used again by a socket.
    for socket in io.sockets() {
        let again = socket.timeout(Duration::from_millis(1));
        let again = again.emit_with_ack::<u32>("y", ()).await;
        assert!(matches!(again, Err(AckError::Timeout(_))));
    }
}

#[tokio::test]
async fn who_is_gone_is_not_waited_for() {
    let io = Server::new();
    let (mut one, two) = (Client::new(&io).await, Client::new(&io).await);
    let acks = io.emit_with_ack::<u32>("x", ());
    let (id, _) = one.asked().await;
    one.answer(id, "[1]").await;
    two.leave().await;
    let error = acks.await.unwrap_err();
    assert_eq!(error.answers, [1]);
    assert!(
        matches!(
            error.reason,
            BroadcastAckReason::Disconnected { missing: 1 }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_fit_hides_no_other() {
    let io = Server::new();
    let (mut one, mut two) = (Client::new(&io).await, Client::new(&io).await);
    let acks = io.emit_with_ack::<(u32, String)>("x", ());
    let (id, _) = one.asked().await;
    one.answer(id, r#"["text"]"#).await;
    two.asked().await;
    two.answer(id, r#"[2,"two"]"#).await;
    let error = acks.await.unwrap_err();
    assert_eq!(error.answers, [(2, "two".to_owned())]);
    assert!(matches!(error.reason, BroadcastAckReason::Argument(_)));
}

#[tokio::test]
async fn the_answers_can_be_taken_one_by_one() {
    let io = Server::new();
    let (mut one, mut two) = (Client::new(&io).await, Client::new(&io).await);
    let mut acks = io.emit_with_ack::<u32>("x", ());
    let (id, _) = two.asked().await;
    two.answer(id, "[2]").await;
    assert_eq!(acks.next().await.unwrap().unwrap(), 2);
    one.asked().await;
    one.answer(id, "[1]").await;
    assert_eq!(acks.next().await.unwrap().unwrap(), 1);
    assert!(acks.next().await.is_none());
    assert!(acks.next().await.is_none());
}

#[tokio::test]
async fn nobody_answers_where_nobody_is() {
    let io = Server::new();
    let answers = io.to("nobody").emit_with_ack::<u32>("x", ()).await;
    assert!(answers.unwrap().is_empty());
    let reserved = io.emit_with_ack::<u32>("disconnect", ()).await.unwrap_err();
    assert!(matches!(reserved.reason, BroadcastAckReason::Encode(_)));
}

#[tokio::test]
async fn the_acks_of_broadcasts_and_of_single_events_do_not_meet() {
    let io = Server::new();
    let mut client = Client::new(&io).await;
    let socket = io.socket(&client.id).unwrap();
    let all = io.emit_with_ack::<String>("all", ());
    let single = socket.emit_with_ack::<String>("single", ());
    let (first, _) = client.asked().await;
    let (second, _) = client.asked().await;
    assert_ne!(first, second);
    // Old clients in other languages read ids as 31 bits.
    assert!(first < 1 << 31);
    client.answer(second, r#"["single"]"#).await;
    client.answer(first, r#"["all"]"#).await;
    assert_eq!(single.await.unwrap(), "single");
    assert_eq!(all.await.unwrap(), ["all"]);
}

#[tokio::test]
async fn a_volatile_event_is_dropped_where_nobody_reads() {
    let io = Server::new();
    let mut client = Client::new(&io).await;
    // No GET waits.
    io.volatile().emit("lost", 1).unwrap();
    let socket = io.socket(&client.id).unwrap();
    socket.volatile().emit("lost", 2).unwrap();
    socket
        .volatile()
        .to(&client.id)
        .emit("not to itself", 3)
        .unwrap();
    io.compress(false).emit("kept", 4).unwrap();
    assert_eq!(client.next().await, r#"["kept",4]"#);
}

#[tokio::test]
async fn a_socket_reaches_itself_or_all_others() {
    let io = Server::new();
    let (mut one, mut two) = (Client::new(&io).await, Client::new(&io).await);
    let socket = io.socket(&one.id).unwrap();
    socket.compress(false).send("self").unwrap();
    socket.compress(true).broadcast().send("others").unwrap();
    socket
        .compress(false)
        .except(&two.id)
        .send("nobody")
        .unwrap();
    socket.local().send("others here").unwrap();
    io.local().send("all").unwrap();
    assert_eq!(one.next().await, r#"["message","self"]"#);
    assert_eq!(one.next().await, r#"["message","all"]"#);
    assert_eq!(two.next().await, r#"["message","others"]"#);
    assert_eq!(two.next().await, r#"["message","others here"]"#);
    assert_eq!(two.next().await, r#"["message","all"]"#);
}

#[tokio::test]
async fn reserved_names_are_refused_everywhere() {
    let io = Server::new();
    let client = Client::new(&io).await;
    let socket = io.socket(&client.id).unwrap();
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        assert!(matches!(
            io.emit(name, ()),
            Err(EncodeError::ReservedEventName(reserved)) if reserved == name
        ));
        assert!(socket.emit(name, ()).is_err());
        assert!(socket.emit_with_ack::<()>(name, ()).await.is_err());
        assert!(socket.broadcast().emit(name, ()).is_err());
    }
    for name in ["connect", "connection", "new_namespace"] {
        assert!(matches!(
            io.server_side_emit(name, ()),
            Err(EncodeError::ReservedEventName(reserved)) if reserved == name
        ));
        let asked = io.server_side_emit_with_ack::<()>(name, ()).await;
        assert!(matches!(
            asked.unwrap_err().reason,
            BroadcastAckReason::Encode(_)
        ));
    }
    io.emit("connection", ()).unwrap();
}

#[tokio::test]
async fn a_client_that_sends_a_reserved_name_is_disconnected() {
    for name in ["connect", "disconnect", "disconnecting", "newListener"] {
        let io = Server::new();
        let (told, mut ended) = tokio::sync::mpsc::unbounded_channel();
        io.on_disconnect(
            move |_: Socket, reason: String, description: Option<String>| {
                told.send((reason, description)).unwrap();
            },
        );
        let client = Client::new(&io).await;
        client.send(&format!(r#"["{name}"]"#)).await;
        let (reason, description) = ended.recv().await.unwrap();
        assert_eq!(reason, "parse error");
        assert!(description.unwrap().contains("reserved"));
    }
}
