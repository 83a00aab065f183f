//! Malformed and odd inputs, sent to the JavaScript server and to Songi: what both make of them is
//! recorded in `docs/strictness.md`, which this test compares and writes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod case;
mod messages;
mod outcome;
mod requests;
mod sessions;
mod sockets;
mod table;
mod wire;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result};
use serde::ser::{Serialize, SerializeTuple as _, Serializer};
use serde_json::Value;
use songi_interop::{Script, folder, serve};
use songi_server::{Ack, Bytes, Config, Event, Server, Socket};

use self::outcome::outcome;
use self::table::Row;

/// How many inputs there are at least.
const LEAST: usize = 100;

#[tokio::test]
async fn both_servers_do_what_the_document_says() -> Result<()> {
    let mut script = Script::start("strictness-server", &[])?;
    let javascript = format!("127.0.0.1:{}", script.find("port").await?);
    let songi = serve(&server()).await?;
    let songi = songi.strip_prefix("http://").context("no URL")?;

    let mut sections = Vec::new();
    let mut unexplained = Vec::new();
    let all = [
        requests::sections(),
        sessions::sections(),
        sockets::sections(),
        messages::sections(),
    ];
    for (title, cases) in all.into_iter().flatten() {
        let mut rows = Vec::new();
        for case in cases {
            let about = |who| format!("{title}: {}: {who}", case.name);
            let javascript = outcome(&javascript, &case).await;
            let javascript = javascript.with_context(|| about("JavaScript"))?;
            let songi = outcome(songi, &case)
                .await
                .with_context(|| about("Songi"))?;
            if (javascript == songi) != case.reason.is_empty() {
                unexplained.push(format!("{title}: {}: {javascript} | {songi}", case.name));
            }
            rows.push(Row {
                case,
                javascript,
                songi,
            });
        }
        sections.push((title, rows));
    }
    let document = table::document(&sections);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/strictness.md");
    if env::var_os("SONGI_BLESS").is_some() {
        fs::write(&path, &document)?;
    }
    assert!(
        unexplained.is_empty(),
        "a reason is missing, or there is none to give one:\n{}",
        unexplained.join("\n")
    );
    let count: usize = sections.iter().map(|(_, rows)| rows.len()).sum();
    assert!(count >= LEAST, "{count} inputs");
    let recorded = fs::read_to_string(&path)?;
    for (recorded, now) in recorded.lines().zip(document.lines()) {
        assert_eq!(recorded, now, "see the head of docs/strictness.md");
    }
    assert_eq!(recorded.lines().count(), document.lines().count());
    Ok(())
}

/// The same as `js/strictness-server.mjs`.
fn server() -> Server {
    let bundles = folder().join("node_modules/socket.io-client/dist");
    let io = Server::with_config(Config {
        serve_client: Some(bundles),
        ..Config::default()
    });
    for name in ["/", "/mark", "/auth"] {
        let namespace = io.of(name);
        namespace.on("bytes", |socket: Socket, bytes: Bytes| {
            socket.emit("bytes", bytes.len())
        });
        namespace.on("quiet", || ());
        namespace
            .on_fallback(|socket: Socket, event: Event, ack: Ack| answer(&socket, &event, ack));
    }
    io.of("/auth").use_(
        |auth: Option<Value>| match auth.unwrap_or_default()["token"].as_str() {
            Some("right") => Ok(()),
            _ => Err("wrong token"),
        },
    );
    io
}

/// Sends back what came: as the ack, where one is asked for.
fn answer(socket: &Socket, event: &Event, ack: Ack) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut reader = event.arguments().reader();
    let mut args = Vec::new();
    while !reader.is_empty() {
        args.push(reader.next::<Value>()?);
    }
    if ack.is_expected() {
        ack.send(Several(args));
        return Ok(());
    }
    args.insert(0, Value::from(event.name().as_str()));
    Ok(socket.emit("heard", Several(args))?)
}

/// Several arguments.
struct Several(Vec<Value>);

impl Serialize for Several {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for value in &self.0 {
            tuple.serialize_element(value)?;
        }
        tuple.end()
    }
}
