//! The JavaScript client, served from a folder.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::io::Read as _;
use std::path::PathBuf;

use common::{header, send};
use http::{Method, Request};
use songi_server::{Config, Cors, Origins, Server};

/// A folder with bundles, and with what is not to be served.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("songi-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("socket.io.msgpack.min.js")).unwrap();
        for (file, text) in [
            ("socket.io.js", "var io = 1; ".repeat(200)),
            ("socket.io.js.map", "{}".to_owned()),
            ("socket.io.min.js", "io".to_owned()),
            ("secret.js", "secret".to_owned()),
        ] {
            std::fs::write(folder.join(file), text).unwrap();
        }
        Self(folder)
    }

    fn server(&self) -> Server {
        Server::with_config(Config {
            serve_client: Some(self.0.clone()),
            cors: Some(Cors::new(Origins::any())),
            ..Config::default()
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn bundles_are_served_with_all_that_belongs_to_them() {
    let folder = Folder::new("bundles");
    let io = folder.server();
    let answer = send(&io, Request::get("/socket.io/socket.io.js?v=1")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body().len(), 2400);
    assert_eq!(
        header(&answer, "content-type"),
        "application/javascript; charset=utf-8"
    );
    assert_eq!(header(&answer, "cache-control"), "public, max-age=0");
    assert_eq!(header(&answer, "content-length"), "2400");
    assert_eq!(header(&answer, "vary"), "accept-encoding");
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");

    let map = send(&io, Request::get("/socket.io/socket.io.js.map")).await;
    assert_eq!(
        header(&map, "content-type"),
        "application/json; charset=utf-8"
    );

    let head = Request::builder().method(Method::HEAD);
    let head = send(&io, head.uri("/socket.io/socket.io.js")).await;
    assert_eq!(header(&head, "content-length"), "2400");
    assert!(head.body().is_empty());
}

#[tokio::test]
async fn a_bundle_that_is_known_is_not_sent_again() {
    let folder = Folder::new("etag");
    let io = folder.server();
    let get = || Request::get("/socket.io/socket.io.js");
    let etag = header(&send(&io, get()).await, "etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    for (known, status) in [
        (etag.clone(), 304),
        (format!("W/{etag}"), 304),
        (format!("\"x\", {etag}"), 304),
        ("*".to_owned(), 304),
        ("\"x\"".to_owned(), 200),
        (etag.replace('"', ""), 200),
    ] {
        let answer = send(&io, get().header("if-none-match", &known)).await;
        assert_eq!(answer.status(), status, "{known}");
        assert_eq!(answer.body().is_empty(), status == 304);
        assert_eq!(header(&answer, "etag"), etag);
        assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    }
    std::fs::write(folder.0.join("socket.io.js"), "changed").unwrap();
    let answer = send(&io, get().header("if-none-match", &etag)).await;
    assert_eq!(answer.body(), "changed");
}

#[tokio::test]
async fn bundles_are_compressed() {
    let folder = Folder::new("gzip");
    let io = folder.server();
    let get = || Request::get("/socket.io/socket.io.js");
    let plain = send(&io, get()).await;
    for _ in 0..2 {
        let answer = send(&io, get().header("accept-encoding", "gzip")).await;
        assert_eq!(header(&answer, "content-encoding"), "gzip");
        assert_ne!(header(&answer, "etag"), header(&plain, "etag"));
        let mut text = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(&answer.body()[..]);
        decoder.read_to_end(&mut text).unwrap();
        assert_eq!(text, plain.body()[..]);
    }
}

#[tokio::test]
async fn nothing_else_in_the_folder_is() {
    let folder = Folder::new("else");
    let io = folder.server();
    for path in [
        "secret.js",
        "socket.io.JS",
        "./socket.io.js",
        "x/../socket.io.js",
        "../secret.js",
        "%2e%2e/secret.js",
        "socket%2eio.js",
        "socket.io.js/",
        "socket.io.js%00",
        "socket.io.min.js.gz",
        "",
    ] {
        let answer = send(&io, Request::get(format!("/socket.io/{path}"))).await;
        assert_eq!(
            answer.body(),
            r#"{"code":0,"message":"Transport unknown"}"#,
            "{path}"
        );
    }
    // It is not there, and it is a folder.
    for path in ["socket.io.esm.min.js", "socket.io.msgpack.min.js"] {
        let answer = send(&io, Request::get(format!("/socket.io/{path}"))).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    let post = send(&io, Request::post("/socket.io/socket.io.js")).await;
    assert_eq!(post.status(), 400);
    let off = send(&Server::new(), Request::get("/socket.io/socket.io.js")).await;
    assert_eq!(off.status(), 400);
}
