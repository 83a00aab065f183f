//! Order holds while the transport changes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::Request;
use axum::http::header::UPGRADE;
use axum::middleware::{Next, from_fn};
use songi_interop::Script;
use songi_server::{Server, Socket};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

const COUNT: u32 = 10_000;

/// Serves with WebSockets that open when the gate does.
async fn serve_with_late_upgrades(io: &Server, gate: Arc<Semaphore>) -> Result<String> {
    let late = from_fn(move |request: Request, next: Next| {
        let gate = gate.clone();
        async move {
            if request.headers().contains_key(UPGRADE) {
                gate.acquire().await.unwrap().forget();
            }
            next.run(request).await
        }
    });
    let app = Router::new().layer(io.layer()).layer(late);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_messages_each_way_through_an_upgrade() -> Result<()> {
    let io = Server::new();
    let (sender, mut received) = mpsc::unbounded_channel();
    io.on("number", move |number: u32| sender.send(number));
    // The client says when something has come and gone, and when the upgrade is done: half of the
    // numbers wait for that, at both ends, so that it always is in the middle.
    let (flowing, upgraded) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (flows, done) = (flowing.clone(), upgraded.clone());
    io.on("flowing", move || flows.add_permits(1));
    io.on("upgraded", move || done.add_permits(1));
    io.on_connection(move |socket: Socket| {
        let upgraded = upgraded.clone();
        tokio::spawn(async move {
            for number in 0..COUNT {
                if number == COUNT / 2 {
                    upgraded.acquire().await.unwrap().forget();
                }
                socket.emit("number", number).unwrap();
                if number % 50 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    });
    let url = serve_with_late_upgrades(&io, flowing).await?;
    let mut client = Script::start("order-client", &[&url, &COUNT.to_string()])?;

    assert_eq!(client.find("connected").await?, "polling");
    let upgraded = client.line().await?;
    assert_eq!(upgraded["upgraded"], "websocket");
    // The upgrade came in the middle: otherwise this would show nothing.
    let sent = upgraded["sent"].as_u64().unwrap_or_default();
    let arrived = upgraded["received"].as_u64().unwrap_or_default();
    assert!(0 < sent && sent < u64::from(COUNT), "{upgraded}");
    assert!(0 < arrived && arrived < u64::from(COUNT), "{upgraded}");

    for number in 0..COUNT {
        assert_eq!(received.recv().await, Some(number));
    }
    let finished = client.line().await?;
    assert_eq!(finished["received"], COUNT, "{finished}");
    assert_eq!(finished["inOrder"], true, "{finished}");
    assert_eq!(finished["transport"], "websocket", "{finished}");
    Ok(())
}
