//! What the server counts and tells.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    unreachable_pub,
    reason = "a test may panic, and an example has a main function"
)]

mod common;
#[path = "../examples/metrics.rs"]
mod example;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Polling, request};
use http::Method;
use songi_server::{Auth, DisconnectReason, Server, Socket};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[tokio::test]
async fn what_happens_is_counted() {
    let io = Server::new();
    io.of("/fixed");
    io.of_match(|name: &str, _: &Auth| name == "/dynamic");
    io.on("fail", || Err::<(), _>(std::fmt::Error));
    io.on("panic", || -> () { panic!("on purpose") });
    io.on("number", |_: u32| ());
    io.use_event(|event: songi_server::Event| match event.name().as_str() {
        "refused" => Err("refused"),
        _ => Ok(()),
    });
    assert_eq!(io.metrics().connections_polling, 0);

    let (client, id) = Polling::connect(&io).await;
    client.post("40/dynamic,").await;
    client.post("40/nowhere,").await;
    let answers = client.get().await;
    assert!(answers.contains("40/dynamic,") && answers.contains("44/nowhere,"));
    client.post(r#"42["fail"]"#).await;
    client.post(r#"42["panic"]"#).await;
    client.post(r#"42["number","one"]"#).await;
    client.post(r#"42["refused"]"#).await;
    io.emit("news", "1234").unwrap();
    let metrics = io.metrics();
    assert_eq!(
        (metrics.connections_polling, metrics.opened_polling),
        (1, 1)
    );
    assert_eq!(metrics.sockets, [("/".into(), 1), ("/fixed".into(), 0)]);
    assert_eq!((metrics.sockets_dynamic, metrics.refused_joins), (1, 1));
    let failures = metrics.handler_failures;
    assert_eq!((failures.error, failures.panic), (1, 1));
    assert_eq!((failures.argument, failures.rejected), (1, 1));
    // Three to join, four events; two let in, one not, one event.
    assert_eq!((metrics.packets_in, metrics.packets_out), (7, 4));
    let event = r#"42["news","1234"]"#.len();
    assert!(metrics.bytes_out > event as u64);
    assert!((event..event + 200).contains(&metrics.buffered_bytes));
    assert_eq!(metrics.buffered_bytes_max, metrics.buffered_bytes);
    assert_eq!(metrics.pending_events, 0);

    // What a connection has counted outlives it.
    io.socket(&id).unwrap().disconnect_connection();
    client.get().await;
    while io.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let after = io.metrics();
    assert_eq!((after.packets_in, after.bytes_in), (7, metrics.bytes_in));
    assert_eq!((after.connections_polling, after.opened_polling), (0, 1));
    assert_eq!((after.buffered_bytes, after.sockets_dynamic), (0, 0));
    let reasons: Vec<_> = after
        .disconnects
        .iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(reasons, [&(DisconnectReason::ServerNamespaceDisconnect, 2)]);

    request(&io, Method::GET, "/socket.io/?EIO=4&transport=pigeon", "").await;
    request(
        &io,
        Method::GET,
        "/socket.io/?EIO=4&transport=polling&sid=x",
        "",
    )
    .await;
    assert_eq!(io.metrics().refused_requests, [1, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn the_page_of_the_example() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(example::serve(listener));
    let mut pages = Vec::new();
    for target in ["/socket.io/?EIO=4&transport=polling", "/metrics"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        pages.push(answer);
    }
    let page = &pages[1];
    assert!(
        page.contains("content-type: text/plain; version=0.0.4"),
        "{page}"
    );
    assert!(
        page.contains("\nsongi_connections{transport=\"polling\"} 1\n"),
        "{page}"
    );
}

/// Every name is in the document, and every name there is used.
#[test]
fn the_names_are_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeSet::new();
    names_in(&root.join("src"), &mut used);
    let document = std::fs::read_to_string(root.join("../../docs/observability.md")).unwrap();
    let documented: BTreeSet<_> = document
        .split('`')
        .filter(|name| name.starts_with("songi."))
        .map(str::to_owned)
        .collect();
    assert_eq!(used, documented);
    let io = Server::new();
    for line in io.metrics().to_prometheus().lines() {
        if let Some(name) = line.strip_prefix("# TYPE ") {
            let name = name.split(' ').next().unwrap();
            assert!(document.contains(&format!("`{name}`")), "{name}");
        }
    }
}

fn names_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names_in(&path, names);
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let texts = source.split('"').filter(|text| text.starts_with("songi."));
        names.extend(texts.map(str::to_owned));
    }
}

#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<&'static str>>>);

impl Subscriber for Names {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.0.lock().unwrap().push(span.metadata().name());
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(event.metadata().name());
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_life_of_a_client_is_told() {
    let names = Names::default();
    let _guard = tracing::subscriber::set_default(names.clone());
    let io = Server::new();
    io.on("leave", |socket: Socket| socket.disconnect());
    io.on_disconnect(|| Err::<(), _>(std::fmt::Error));
    let (client, _) = Polling::connect(&io).await;
    client.post(r#"42["leave"]"#).await;
    client.get().await;
    client.post("1").await;
    while io.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let names: Vec<_> = names.0.lock().unwrap().clone();
    let ours: Vec<_> = names
        .into_iter()
        .filter(|name| name.starts_with("songi."))
        .collect();
    assert_eq!(
        ours,
        [
            "songi.connection.opened",
            "songi.socket.connected",
            "songi.handle",
            "songi.handle",
            "songi.socket.disconnected",
            "songi.handle",
            "songi.handler.failed",
            "songi.connection.closed",
        ]
    );
}
