//! `songi bench` against a server of Songi's, a raw WebSocket and the JavaScript server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use serde_json::Value;
use songi::server::{Server, Socket};
use songi::tokio::{Event, Message, Options, accept, handshake::Policy};
use songi_interop::Script;
use tokio::net::{TcpListener, TcpSocket};
use tokio::process::Command;

async fn bench(args: &[&str]) -> Result<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_songi"))
        .arg("bench")
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?)
}

/// What a short load of four connections gives as JSON.
async fn measured(args: &[&str]) -> Result<Value> {
    let short = ["--json", "-c", "4", "-d", "0.5", "--warm-up", "0.1"];
    // Far longer than an answer takes.
    let patient = ["--timeout", "60"];
    let output = bench(&[&short[..], &patient, args].concat()).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    let report: Value = serde_json::from_slice(&output.stdout)?;
    assert!(report["count"].as_u64() > Some(0), "{args:?}: {report}");
    let latency = |name: &str| report["latency_ns"][name].as_u64().unwrap();
    assert!(latency("min") <= latency("p50") && latency("p50") <= latency("p99"));
    assert!(latency("p99") <= latency("max"));
    Ok(report)
}

/// What is said when it fails.
async fn refused(args: &[&str]) -> Result<String> {
    let output = bench(args).await?;
    assert!(!output.status.success());
    assert_eq!(String::from_utf8(output.stdout)?, "");
    Ok(String::from_utf8(output.stderr)?)
}

/// A server whose address is told; what its handlers have answered is counted.
async fn serve() -> Result<(String, Arc<AtomicU64>)> {
    let answered = Arc::new(AtomicU64::new(0));
    let io = Server::new();
    let count = Arc::clone(&answered);
    io.on("echo", move |text: String| {
        count.fetch_add(1, Ordering::Relaxed);
        text
    });
    io.on("sum", |a: i64, b: i64| a + b);
    io.on("say", |socket: Socket, text: String| {
        socket.emit("said", text)
    });
    io.on("hear", |_: Socket, _: String| {});
    let members = io.of("/members");
    members.authorize(
        |socket: Socket| match socket.handshake().headers().get("x-key") {
            Some(_) => Ok(()),
            None => Err("no key"),
        },
    );
    members.on("echo", |text: String| text);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { io.serve(listener).await });
    Ok((url, answered))
}

#[tokio::test]
async fn round_trips_are_those_that_the_server_has_answered() -> Result<()> {
    let (url, answered) = serve().await?;
    for args in [&["-n", "16"][..], &["--rate", "2000"], &["-t", "polling"]] {
        let before = answered.load(Ordering::Relaxed);
        let report = measured(&[&[url.as_str()], args].concat()).await?;
        let count = answered.load(Ordering::Relaxed) - before;
        assert!(report["count"].as_u64() <= Some(count), "{report} {count}");
    }
    Ok(())
}

#[tokio::test]
async fn other_events_arguments_answers_and_namespaces_are_measured_too() -> Result<()> {
    let (url, _) = serve().await?;
    measured(&[&url, "-e", "sum", "--args", "1,2"]).await?;
    measured(&[&url, "-e", "say", "-a", "event"]).await?;
    measured(&[&url, "-e", "hear", "-a", "none"]).await?;
    let members = format!("{url}/members");
    measured(&[&members, "-H", "X-Key: 1", "--auth", "{}"]).await?;
    let error = refused(&[&members]).await?;
    assert!(error.contains("refused the namespace"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_is_not_answered_is_told_before_the_load() -> Result<()> {
    let (url, _) = serve().await?;
    let error = refused(&[&url, "-e", "nothing", "--timeout", "0.2"]).await?;
    assert!(
        error.contains("does not acknowledge the event `nothing`"),
        "{error}"
    );
    let error = refused(&[&url, "--raw"]).await?;
    assert!(error.contains("the server answered 404"), "{error}");
    // A port that nobody listens on, and nobody else gets meanwhile.
    let nobody = TcpSocket::new_v4()?;
    nobody.bind(([127, 0, 0, 1], 0).into())?;
    let error = refused(&[&format!("http://{}", nobody.local_addr()?)]).await?;
    assert!(error.contains("cannot connect"), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_report_for_a_reader_has_percentiles() -> Result<()> {
    let (url, _) = serve().await?;
    let output = bench(&[&url, "-c", "2", "-d", "0.3", "--warm-up", "0"]).await?;
    let text = String::from_utf8(output.stdout)?;
    assert!(text.contains("over 2 connections"), "{text}");
    assert!(text.contains("p99.9"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_raw_websocket_echoes() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut socket, _) =
                    accept(stream, &Policy::default(), &Options::default()).await?;
                while let Some(event) = socket.recv().await {
                    match event? {
                        Event::Text(text) => socket.send(Message::Text(text))?,
                        Event::Binary(payload) => socket.send(Message::Binary(payload))?,
                        _ => {}
                    }
                }
                anyhow::Ok(())
            });
        }
    });
    measured(&[&url, "--raw", "-n", "8"]).await?;
    measured(&[&url, "--raw", "--binary", "-p", "100000"]).await?;
    Ok(())
}

#[tokio::test]
async fn the_javascript_server_is_measured() -> Result<()> {
    let mut server = Script::start("peer-server", &[])?;
    let port = server.find("port").await?;
    let url = format!("http://127.0.0.1:{port}");
    measured(&[&url, "-n", "4"]).await?;
    measured(&[&url, "-t", "polling"]).await?;
    Ok(())
}
