//! Why connections end, at both ends: the JavaScript server and Songi say the same, and leave the
//! JavaScript client with the same reason.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use songi_interop::{Script, serve};
use songi_server::{Config, DisconnectReason, Server, Socket};
use tokio::sync::mpsc;

/// Far more than it ever takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What ends a connection.
struct Case {
    /// What the client does, or the event by which it asks the server to.
    action: &'static str,
    transports: &'static [&'static str],
    /// What the server says.
    server: &'static str,
    /// What the client says, and whether it comes back by itself.
    client: (&'static str, bool),
}

/// Where it matters with long-polling whether a GET waits when it happens, only WebSockets are
/// looked at.
const BOTH: &[&str] = &["polling", "websocket"];

const CASES: &[Case] = &[
    Case {
        action: "leave",
        transports: BOTH,
        server: "client namespace disconnect",
        client: ("io client disconnect", false),
    },
    Case {
        action: "disconnect me",
        transports: BOTH,
        server: "server namespace disconnect",
        client: ("io server disconnect", false),
    },
    Case {
        action: "close me",
        transports: BOTH,
        server: "server namespace disconnect",
        client: ("io server disconnect", false),
    },
    Case {
        action: "disconnect all",
        transports: BOTH,
        server: "server namespace disconnect",
        client: ("io server disconnect", false),
    },
    Case {
        action: "close all",
        transports: BOTH,
        server: "server namespace disconnect",
        client: ("io server disconnect", false),
    },
    Case {
        action: "close the engine",
        transports: BOTH,
        server: "transport close",
        client: ("forced close", true),
    },
    Case {
        action: "break off",
        transports: &["websocket"],
        server: "transport close",
        client: ("transport close", true),
    },
    Case {
        action: "no frame",
        transports: &["websocket"],
        server: "transport error",
        client: ("transport close", true),
    },
    Case {
        action: "no packet",
        transports: &["websocket"],
        server: "parse error",
        client: ("transport close", true),
    },
    Case {
        action: "no packet of Socket.IO",
        transports: BOTH,
        server: "parse error",
        client: ("transport close", true),
    },
    Case {
        action: "no pongs",
        transports: &["websocket"],
        server: "ping timeout",
        client: ("transport close", true),
    },
    Case {
        action: "wait",
        transports: &["websocket"],
        server: "server shutting down",
        client: ("transport close", true),
    },
];

/// A server of either kind.
enum Peer {
    JavaScript(Box<Script>),
    Songi(Server, mpsc::UnboundedReceiver<DisconnectReason>),
}

impl Peer {
    async fn javascript((interval, timeout): Ping) -> Result<(Self, String)> {
        let [interval, timeout] = [interval, timeout].map(|time| time.as_millis().to_string());
        let mut script = Script::start("reasons-server", &[&interval, &timeout])?;
        let url = format!("http://127.0.0.1:{}", script.find("port").await?);
        Ok((Self::JavaScript(Box::new(script)), url))
    }

    async fn songi((ping_interval, ping_timeout): Ping) -> Result<(Self, String)> {
        let io = Server::with_config(Config {
            ping_interval,
            ping_timeout,
            ..Config::default()
        });
        let (sender, left) = mpsc::unbounded_channel();
        io.on_disconnect(move |reason: DisconnectReason| sender.send(reason));
        io.on("disconnect me", |socket: Socket| socket.disconnect());
        io.on("close me", |socket: Socket| socket.disconnect_connection());
        let all = |close| move |socket: Socket| socket.namespace().disconnect_sockets(close);
        io.on("disconnect all", all(false));
        io.on("close all", all(true));
        let url = serve(&io).await?;
        Ok((Self::Songi(io, left), url))
    }

    async fn close(&mut self) -> Result<()> {
        match self {
            Self::JavaScript(script) => script.send(&json!("close")).await,
            Self::Songi(io, _) => {
                io.close().await;
                Ok(())
            }
        }
    }

    async fn left(&mut self) -> Result<String> {
        match self {
            Self::JavaScript(script) => {
                let left = script.find("left").await?;
                Ok(left.as_str().unwrap().to_owned())
            }
            Self::Songi(_, left) => {
                let left = tokio::time::timeout(PATIENCE, left.recv()).await?;
                Ok(left.context("nobody left")?.as_str().to_owned())
            }
        }
    }
}

async fn check((mut peer, url): (Peer, String), case: &Case, transport: &str) -> Result<()> {
    let about = format!("{} over {transport}", case.action);
    let mut client = Script::start("reasons-client", &[&url, transport, case.action])?;
    if case.action == "wait" {
        client.find("waiting").await?;
        peer.close().await?;
    }
    let server = match (&peer, case.action) {
        // It knows that a packet is wrong, but not any more when it has closed the connection.
        (Peer::JavaScript(_), "no packet of Socket.IO") => "forced close",
        _ => case.server,
    };
    let left = peer.left().await.with_context(|| about.clone())?;
    assert_eq!(left, server, "{about}");
    let line: Value = client.line().await?;
    let (reason, active) = case.client;
    let expected = json!({ "disconnected": reason, "active": active });
    assert_eq!(line, expected, "{about}");
    Ok(())
}

/// The interval of pings, and how long their answers may take.
type Ping = (Duration, Duration);

fn ping(case: &Case) -> Ping {
    match case.action {
        // The client waits for pings as long as both together: the first comes a second before that,
        // and the server gives up a second before the client would.
        "no pongs" => (Duration::from_secs(1), Duration::from_secs(1)),
        _ => (Duration::from_secs(25), Duration::from_secs(20)),
    }
}

#[tokio::test]
async fn of_the_javascript_server() -> Result<()> {
    for case in CASES {
        for transport in case.transports {
            check(Peer::javascript(ping(case)).await?, case, transport).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn of_songi() -> Result<()> {
    for case in CASES {
        for transport in case.transports {
            check(Peer::songi(ping(case)).await?, case, transport).await?;
        }
    }
    Ok(())
}
