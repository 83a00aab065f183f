//! Web pages of other origins: headers, preflight, and the origin of WebSockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::time::Duration;

use common::{header, headers, send};
use http::header::{AUTHORIZATION, HeaderName};
use http::{Method, Request, StatusCode};
use songi_server::{Config, Cors, Origins, Server};

const OPEN: &str = "/socket.io/?EIO=4&transport=polling";
const OURS: &str = "https://example.com";

fn server(cors: Cors) -> Server {
    Server::with_config(Config {
        cors: Some(cors),
        ..Config::default()
    })
}

/// CVE-2020-28481: no page of another origin may read anything unless the application says so.
#[tokio::test]
async fn no_page_of_another_origin_is_let_in_by_default() {
    let io = Server::new();
    let answer = send(&io, Request::get(OPEN).header("origin", OURS)).await;
    assert_eq!(answer.status(), 200);
    let is_cors = |name: &HeaderName| name.as_str().starts_with("access-control-");
    assert!(!answer.headers().keys().any(is_cors));
    let preflight = send(&io, Request::options(OPEN).header("origin", OURS)).await;
    assert_eq!(preflight.status(), 400);
    assert_eq!(
        preflight.body(),
        r#"{"code":2,"message":"Bad handshake method"}"#
    );
}

#[tokio::test]
async fn any_origin() {
    let io = server(Cors::new(Origins::any()));
    let answer = send(&io, Request::get(OPEN).header("origin", OURS)).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    assert_eq!(header(&answer, "access-control-allow-credentials"), "");
    assert_eq!(header(&answer, "vary"), "");
}

/// Browsers refuse `*` together with credentials.
#[tokio::test]
async fn any_origin_with_credentials_is_named() {
    let io = server(Cors {
        credentials: true,
        ..Cors::new(Origins::any())
    });
    let answer = send(&io, Request::get(OPEN).header("origin", OURS)).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), OURS);
    assert_eq!(header(&answer, "access-control-allow-credentials"), "true");
    assert_eq!(header(&answer, "vary"), "origin");
}

#[tokio::test]
async fn a_list_and_a_condition() {
    let list = server(Cors::new(Origins::list([OURS])));
    let condition = Origins::matching(|origin| origin.ends_with("://example.com"));
    for io in [list, server(Cors::new(condition))] {
        for (origin, allowed) in [
            (Some(OURS), OURS),
            (Some("https://example.com.evil.org"), ""),
            (Some("null"), ""),
            (None, ""),
        ] {
            let mut request = Request::get(OPEN);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let answer = send(&io, request).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(header(&answer, "access-control-allow-origin"), allowed);
            assert_eq!(header(&answer, "vary"), "origin", "{origin:?}");
        }
    }
    // Two origins are none.
    let io = server(Cors::new(Origins::list([OURS])));
    let twice = Request::get(OPEN)
        .header("origin", OURS)
        .header("origin", OURS);
    assert_eq!(
        header(&send(&io, twice).await, "access-control-allow-origin"),
        ""
    );
}

#[tokio::test]
async fn errors_have_the_headers_too() {
    let io = server(Cors::new(Origins::list([OURS])));
    for (method, target, status) in [
        (Method::GET, "/socket.io/?EIO=4&transport=tcp", 400),
        (
            Method::GET,
            "/socket.io/?EIO=4&transport=polling&sid=x",
            400,
        ),
        (Method::POST, OPEN, 400),
        (Method::GET, "/socket.io/?EIO=2&transport=polling", 400),
    ] {
        let request = Request::builder().method(method).uri(target);
        let answer = send(&io, request.header("origin", OURS)).await;
        assert_eq!(answer.status(), status, "{target}");
        assert_eq!(header(&answer, "access-control-allow-origin"), OURS);
        assert_eq!(header(&answer, "content-type"), "application/json");
    }
    let nobody = Request::get("/elsewhere").header("origin", OURS);
    assert_eq!(
        header(&send(&io, nobody).await, "access-control-allow-origin"),
        ""
    );
}

#[tokio::test]
async fn preflight() {
    let io = server(Cors::new(Origins::list([OURS])));
    let preflight = || {
        Request::options(OPEN)
            .header("origin", OURS)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-token")
    };
    let answer = send(&io, preflight()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(answer.body().is_empty());
    assert_eq!(header(&answer, "content-length"), "0");
    assert_eq!(header(&answer, "access-control-allow-origin"), OURS);
    assert_eq!(header(&answer, "access-control-allow-methods"), "GET,POST");
    assert_eq!(
        header(&answer, "access-control-allow-headers"),
        "content-type,x-token"
    );
    assert_eq!(header(&answer, "access-control-max-age"), "");
    assert_eq!(
        headers(&answer, "vary"),
        ["access-control-request-headers", "origin"]
    );

    let io = server(Cors {
        methods: vec![Method::GET],
        allowed_headers: Some(vec![AUTHORIZATION]),
        exposed_headers: vec![HeaderName::from_static("x-node")],
        max_age: Some(Duration::from_secs(600)),
        ..Cors::new(Origins::list([OURS]))
    });
    let answer = send(&io, preflight()).await;
    assert_eq!(header(&answer, "access-control-allow-methods"), "GET");
    assert_eq!(
        header(&answer, "access-control-allow-headers"),
        "authorization"
    );
    assert_eq!(header(&answer, "access-control-expose-headers"), "x-node");
    assert_eq!(header(&answer, "access-control-max-age"), "600");
    assert_eq!(headers(&answer, "vary"), ["origin"]);
}

fn upgrade(origin: Option<&str>) -> http::request::Builder {
    let request = Request::get("/socket.io/?EIO=4&transport=websocket")
        .header("host", "example.com")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    match origin {
        Some(origin) => request.header("origin", origin),
        None => request,
    }
}

/// Cross-site WebSocket hijacking (CWE-1385): browsers ask nobody but the server.
#[tokio::test]
async fn which_pages_may_open_a_websocket_is_a_setting() {
    // A request without a connection cannot be upgraded: it comes as far as that.
    const PASSED: u16 = 501;
    for (origins, origin, status) in [
        (Origins::any(), Some("https://evil.org"), PASSED),
        (Origins::same_host(), None, PASSED),
        (Origins::same_host(), Some(OURS), PASSED),
        (Origins::same_host(), Some("https://evil.org"), 403),
        (Origins::same_host(), Some("null"), 403),
        (Origins::list([OURS]), Some(OURS), PASSED),
        (Origins::list([OURS]), Some("https://evil.org"), 403),
        (Origins::matching(|it| it.is_empty()), Some(OURS), 403),
    ] {
        let io = Server::with_config(Config {
            origins: origins.clone(),
            ..Config::default()
        });
        let answer = send(&io, upgrade(origin)).await;
        assert_eq!(answer.status(), status, "{origins:?} {origin:?}");
        // It concerns WebSockets only.
        let mut polling = Request::get(OPEN);
        if let Some(origin) = origin {
            polling = polling.header("origin", origin);
        }
        assert_eq!(send(&io, polling).await.status(), 200);
    }
}
