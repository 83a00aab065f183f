//! The built binary, and two people who chat by it in a real browser.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use songi::tokio::{Event, connect};
use songi_interop::Script;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A running `songi`. It is killed when dropped.
struct Songi {
    child: Child,
    url: String,
}

impl Songi {
    async fn start(args: &[&str]) -> Result<Self> {
        let mut child = songi(args).spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next_line().await?.context("it ended")?;
        let url = first.rsplit(' ').next().context("no URL")?.to_owned();
        // What it prints later is read, so that it never writes into a closed pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, url })
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

fn songi(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_songi"));
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn two_people_chat_in_a_browser_by_both_transports() -> Result<()> {
    let songi = Songi::start(&["serve", "127.0.0.1:0"]).await?;
    let mut browsers = Script::start("chat-browsers", &[&songi.url])?;
    assert_eq!(browsers.find("members").await?, json!(["Jun", "Mina"]));

    let mut shown = loop {
        let line = browsers.line().await?;
        assert_eq!(line["failed"], Value::Null);
        if line["mina"].is_object() {
            break line;
        }
    };
    assert_eq!(shown["errors"], json!([]), "errors on the pages");

    let (mina, jun) = (shown["mina"].take(), shown["jun"].take());
    assert_eq!(mina["transport"], "polling");
    assert_eq!(mina["websockets"], 0);
    assert_eq!(jun["transport"], "websocket");
    assert_eq!(jun["websockets"], 1);

    let polled = (1..=20).map(|number| format!("polling {number}."));
    let upgraded = (1..=20).map(|number| format!("websocket {number}."));
    let markup = r#"<img src=x onerror="window.attacked=1"><b>bold</b>"#;
    let said: Vec<String> = polled.chain(upgraded).chain([markup.to_owned()]).collect();
    assert_eq!(mina["texts"], json!(said));
    assert_eq!(jun["texts"], json!(said));
    assert_eq!(shown["ari"]["texts"], json!(["alone"]));
    assert_eq!(jun["attacked"], 0);
    assert_eq!(jun["elements"], 0);

    assert_eq!(
        mina["notices"],
        json!(["You are in the room, as Mina.", "Jun joined.", "Jun left."])
    );
    assert_eq!(mina["members"], json!(["Mina"]));
    Ok(())
}

#[tokio::test]
async fn a_path_of_its_own_is_on_the_page() -> Result<()> {
    let songi = Songi::start(&["serve", "127.0.0.1:0", "--path", "/chat/io"]).await?;
    let page = get(&songi, "/").await?;
    assert!(page.contains("data-path=\"/chat/io/\""));
    assert!(page.contains("content-security-policy: default-src 'none'"));
    let opened = get(&songi, "/chat/io/?EIO=4&transport=polling").await?;
    assert!(opened.contains("\"sid\""), "{opened}");
    let elsewhere = get(&songi, "/socket.io/?EIO=4&transport=polling").await?;
    assert!(elsewhere.starts_with("HTTP/1.1 404"), "{elsewhere}");
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() -> Result<()> {
    let first = Songi::start(&["serve", "127.0.0.1:0"]).await?;
    let second = songi(&["serve", first.address()]).output().await?;
    assert_eq!(second.status.code(), Some(1));
    let error = String::from_utf8(second.stderr)?;
    assert!(error.contains("the port is in use"), "{error}");
    assert!(error.contains(first.address()), "{error}");
    assert_eq!(second.stdout, b"");
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_closes_the_connections_and_ends_it() -> Result<()> {
    let mut songi = Songi::start(&["serve", "127.0.0.1:0"]).await?;
    let url = format!(
        "ws://{}/socket.io/?EIO=4&transport=websocket",
        songi.address()
    );
    let (mut socket, _) = connect(&url).await?;
    let opened = socket.recv().await.context("it ended")??;
    assert!(matches!(opened, Event::Text(text) if text.starts_with("0{")));

    let pid = songi.child.id().context("it ended")?.to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().await?;
    assert!(sent.success());
    let mut closed = false;
    while let Some(event) = socket.recv().await {
        closed |= matches!(event?, Event::Close(_));
    }
    assert!(closed, "the connection was cut off");
    assert_eq!(songi.child.wait().await?.code(), Some(0));
    Ok(())
}

async fn get(songi: &Songi, target: &str) -> Result<String> {
    request(songi.address(), target).await
}

/// The whole answer to a GET.
async fn request(address: &str, target: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
