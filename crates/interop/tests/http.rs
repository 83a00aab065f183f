//! The HTTP side of the server, as clients in Node.js and in a real browser see it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use songi_interop::{Script, folder, serve};
use songi_server::{Config, Cookie, Cors, DeflateConfig, Handshake, Origins, Server};

fn bundles(package: &str) -> Option<std::path::PathBuf> {
    Some(folder().join("node_modules").join(package).join("dist"))
}

#[tokio::test]
async fn in_node() -> Result<()> {
    let io = Server::with_config(Config {
        allow_eio3: true,
        per_message_deflate: Some(DeflateConfig::default()),
        cookie: Some(Cookie::new("io")?),
        serve_client: bundles("socket.io-client"),
        ..Config::default()
    });
    io.on("echo", |text: String| text);
    io.allow_request(async |request: Handshake| match request.query("token") {
        Some(_) => Ok(()),
        None => Err("no token"),
    });
    io.on_initial_headers(|headers, _| {
        headers.insert("x-first", http::HeaderValue::from_static("yes"));
    });
    let mut client = Script::start("http-client", &[&serve(&io).await?])?;

    let compressed = client.line().await?;
    let extensions = compressed["extensions"].as_str().unwrap();
    assert!(extensions.starts_with("permessage-deflate"), "{compressed}");
    assert!(compressed["read"].as_u64().unwrap() < 2000, "{compressed}");
    assert_eq!(compressed["same"], true);
    let plain = client.line().await?;
    assert_eq!(plain["extensions"], "");
    assert!(plain["read"].as_u64().unwrap() > 25_000, "{plain}");

    let polling = client.line().await?;
    assert_eq!(polling["refused"], "xhr poll error");
    assert_eq!(polling["status"], 403);
    assert_eq!(polling["text"], r#"{"code":4,"message":"no token"}"#);
    assert_eq!(client.find("refused").await?, "websocket error");

    for _version in [4, 3] {
        let engine = client.line().await?;
        assert_eq!(engine["id"].as_str().unwrap().len(), 20);
        assert_eq!(engine["heard"], json!(["0"]));
        assert_eq!(engine["transport"], "websocket");
    }
    let headers = client.line().await?;
    assert_eq!(
        headers,
        json!({ "cookie": "io=sid; Path=/; HttpOnly; SameSite=Lax", "first": "yes" })
    );
    let bundle = client.line().await?;
    assert_eq!(
        bundle,
        json!({
            "bundle": true,
            "encoding": "gzip",
            "type": "application/javascript; charset=utf-8",
            "again": 304,
        })
    );
    Ok(())
}

#[tokio::test]
async fn in_a_browser() -> Result<()> {
    // The origin of the page is known when the script has started.
    let ours = Arc::new(std::sync::OnceLock::<String>::new());
    let known = ours.clone();
    let origins = Origins::matching(move |origin| known.get().is_some_and(|it| it == origin));
    let io = Server::with_config(Config {
        cookie: Some(Cookie::new("io")?),
        cors: Some(Cors {
            credentials: true,
            ..Cors::new(origins.clone())
        }),
        origins,
        serve_client: bundles("socket.io-client"),
        ..Config::default()
    });
    // Version 2 finds no CORS here, and gets by with scripts and forms.
    let version_2 = Server::with_config(Config {
        allow_eio3: true,
        serve_client: bundles("socket.io-client-2"),
        ..Config::default()
    });
    for io in [&io, &version_2] {
        io.on("echo", |text: String| text);
    }
    let (url, url_2) = (serve(&io).await?, serve(&version_2).await?);
    let mut browser = Script::start("http-browser", &[&url, &url_2])?;
    let origin = browser.find("origin").await?;
    ours.set(origin.as_str().unwrap().to_owned()).unwrap();
    browser.send(&json!("go on")).await?;

    const ECHOED: &str = "é\n\"\\n";
    let outcome = |value: &Value| value["outcome"].clone();
    let cors = browser.find("cors").await?;
    assert_eq!(
        cors,
        json!({ "outcome": ECHOED, "cookie": ["io"], "preflight": true, "scripts": false })
    );
    assert_eq!(outcome(&browser.find("other").await?), "refused");
    assert_eq!(outcome(&browser.find("websocket").await?), ECHOED);
    assert_eq!(outcome(&browser.find("otherWebsocket").await?), "refused");
    let jsonp = browser.find("jsonp").await?;
    assert_eq!(
        (outcome(&jsonp), &jsonp["scripts"]),
        (json!(ECHOED), &json!(true))
    );
    assert_eq!(outcome(&browser.find("version2").await?), ECHOED);
    Ok(())
}
