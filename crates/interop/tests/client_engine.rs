//! Engine.IO sessions of the Rust client with a JavaScript server.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod peer;

use anyhow::Result;
use peer::Peer;
use serde_json::json;
use songi_client::{Client, DisconnectReason, EngineEvent, EngineSocket, Message, Transport};

async fn text(session: &mut EngineSocket) -> String {
    match session.recv().await {
        Some(EngineEvent::Message(Message::Text(text))) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_transport_and_the_upgrade() -> Result<()> {
    use Transport::{Polling, WebSocket};
    let peer = Peer::start(json!({})).await?;
    for transports in [vec![Polling], vec![WebSocket], vec![Polling, WebSocket]] {
        let upgrades = transports.len() == 2;
        let client = Client::new(&peer.url).transports(transports.clone());
        let mut session = client.connect_engine().await?;
        assert_eq!(session.transport(), transports.first().copied());
        if upgrades {
            assert_eq!(session.recv().await, Some(EngineEvent::Upgraded));
            assert_eq!(session.transport(), Some(WebSocket));
        }
        // What Socket.IO says on it, by hand.
        session.send(Message::text("0"))?;
        assert!(text(&mut session).await.starts_with(r#"0{"sid":"#));
        session.send(Message::text(r#"21["echo","é"]"#))?;
        assert_eq!(text(&mut session).await, r#"31["é"]"#);
        session.close();
        let closed = EngineEvent::Closed(DisconnectReason::ClientDisconnect);
        assert_eq!(session.recv().await, Some(closed));
        assert_eq!(session.recv().await, None);
    }
    Ok(())
}
