//! Operators, dynamic namespaces, middlewares and handlers of single sockets, with JavaScript
//! clients.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;
use songi_interop::{Script, serve};
use songi_server::{Auth, BroadcastAckReason, Event, FastStr, Rejection, Server, Socket};
use tokio::sync::mpsc;

#[derive(Deserialize)]
struct Tenant {
    tenant: u32,
}

fn server(left: mpsc::UnboundedSender<(String, usize)>) -> Server {
    let io = Server::new();
    io.on_connection(|socket: Socket| {
        socket.join("voters");
        socket.on("own", |socket: Socket| socket.id().clone());
        socket.once("once", || "the first time");
    });
    io.use_event(|event: Event| match event.name().as_str() {
        "forbidden" => Err("forbidden"),
        _ => Ok(()),
    });
    io.on("forbidden", || "let through")
        .on("leave", |socket: Socket| socket.disconnect())
        .on("close all", |io: Socket| {
            io.namespace().to(io.id()).disconnect_sockets(true);
        })
        .on_fallback(|| "fallback")
        .on_disconnecting(move |socket: Socket, reason: String| {
            left.send((reason, socket.rooms().len())).unwrap();
        });

    let tenants = io.of_match(|name: &str, auth: &Auth| {
        let (name, auth) = (FastStr::new(name), auth.deserialize::<Tenant>());
        async move { auth.is_ok_and(|auth| name == format!("/tenant-{}", auth.tenant)) }
    });
    tenants.authorize(|auth: Tenant| match auth.tenant {
        13 => Err(Rejection::new("unlucky").with_data(json!({ "tenant": 13 }))),
        _ => Ok(()),
    });
    tenants.on("where", |socket: Socket| socket.namespace().name().clone());
    io
}

#[tokio::test(flavor = "multi_thread")]
async fn as_a_javascript_client_sees_it() -> Result<()> {
    let (sender, mut left) = mpsc::unbounded_channel();
    let io = server(sender);
    let url = serve(&io).await?;
    let mut client = Script::start("events-client", &[&url])?;
    let ids: Vec<String> = serde_json::from_value(client.find("ids").await?)?;

    let two = io.to(&ids[0]).to(&ids[1]).to("nobody");
    let mut answers = two.emit_with_ack::<u32>("vote", "lunch").await.unwrap();
    answers.sort_unstable();
    assert_eq!(answers, [0, 1]);

    let vote = io.to("voters").timeout(Duration::from_secs(3));
    let error = vote
        .emit_with_ack::<u32>("vote", "lunch")
        .await
        .unwrap_err();
    let mut answers = error.answers;
    answers.sort_unstable();
    assert_eq!(answers, [0, 1]);
    assert!(matches!(
        error.reason,
        BroadcastAckReason::Timeout { missing: 1, .. }
    ));
    assert_eq!(client.find("dynamic").await?, "/tenant-1");
    let wrong = client.find("wrongTenant").await?;
    assert_eq!(wrong, json!({ "message": "Invalid namespace" }));
    let refused = client.find("middleware").await?;
    assert_eq!(
        refused,
        json!({ "message": "unlucky", "data": { "tenant": 13 } })
    );
    assert_eq!(client.find("refused").await?, "operation has timed out");
    assert_eq!(client.find("own").await?, ids[0].as_str());
    assert_eq!(
        client.find("once").await?,
        json!(["the first time", "fallback"])
    );
    assert_eq!(client.find("reason").await?, "io server disconnect");
    let reason = "server namespace disconnect".to_owned();
    assert_eq!(left.recv().await, Some((reason.clone(), 2)));
    client.find("closed").await?;
    assert_eq!(left.recv().await, Some((reason, 2)));
    assert_eq!(io.fetch_sockets().await?.len(), 1);
    Ok(())
}
