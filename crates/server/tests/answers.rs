//! How the answers of long-polling are written: compression, JSONP, cookie.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::io::Read as _;

use common::{Polling, header, headers, request, send, send_body};
use flate2::read::{GzDecoder, ZlibDecoder};
use http::{Method, Request};
use serde_json::Value;
use songi_server::{Config, Cookie, Message, SameSite, Server, Socket};

const OPEN: &str = "/socket.io/?EIO=4&transport=polling";

fn target(client: &Polling) -> String {
    format!("{OPEN}&sid={}", client.sid())
}

/// A server that says something long to who joins.
fn talkative(http_compression: Option<usize>) -> Server {
    let io = Server::with_config(Config {
        http_compression,
        ..Config::default()
    });
    io.on("say", |socket: Socket, length: usize| {
        socket.emit("said", "x".repeat(length))
    });
    io
}

#[tokio::test]
async fn large_bodies_are_compressed_as_the_client_has_it() {
    let io = talkative(Some(1024));
    let (client, _) = Polling::connect(&io).await;
    // The packet around the text has 13 characters.
    for (accepted, length, encoding) in [
        ("gzip, deflate", 1011, "gzip"),
        ("deflate, gzip;q=0.5", 1011, "deflate"),
        ("gzip", 200_000, "gzip"),
        ("gzip", 1010, ""),
        ("br", 5000, ""),
        ("gzip;q=0", 5000, ""),
    ] {
        client.post(format!(r#"42["say",{length}]"#)).await;
        let request = Request::get(target(&client)).header("accept-encoding", accepted);
        let answer = send(&io, request).await;
        assert_eq!(header(&answer, "content-encoding"), encoding, "{accepted}");
        let mut text = String::new();
        let body = &answer.body()[..];
        match encoding {
            "gzip" => GzDecoder::new(body).read_to_string(&mut text).unwrap(),
            "deflate" => ZlibDecoder::new(body).read_to_string(&mut text).unwrap(),
            _ => (&body[..]).read_to_string(&mut text).unwrap(),
        };
        assert_eq!(text, format!(r#"42["said","{}"]"#, "x".repeat(length)));
        if !encoding.is_empty() {
            assert!(body.len() < text.len() / 10);
            assert_eq!(header(&answer, "vary"), "accept-encoding");
            assert_eq!(header(&answer, "content-type"), "text/plain; charset=UTF-8");
        }
    }
}

#[tokio::test]
async fn compression_can_be_turned_off() {
    let io = talkative(None);
    let (client, _) = Polling::connect(&io).await;
    client.post(r#"42["say",5000]"#).await;
    let request = Request::get(target(&client)).header("accept-encoding", "gzip");
    let answer = send(&io, request).await;
    assert_eq!(header(&answer, "content-encoding"), "");
    assert_eq!(answer.body().len(), 5013);
}

#[tokio::test]
async fn an_initial_packet_comes_with_the_handshake() {
    let io = Server::with_config(Config {
        initial_packet: Some(Message::Text("hello".into())),
        ..Config::default()
    });
    let answer = send(&io, Request::get(OPEN)).await;
    let body = std::str::from_utf8(answer.body()).unwrap();
    let (handshake, packet) = body.split_once('\u{1e}').unwrap();
    assert!(handshake.starts_with("0{"), "{handshake}");
    assert_eq!(packet, "4hello");
}

#[tokio::test]
async fn jsonp_both_ways() {
    let io = Server::new();
    io.on("echo", |text: String| text);
    let answer = send(&io, Request::get(format!("{OPEN}&j=0"))).await;
    assert_eq!(
        header(&answer, "content-type"),
        "text/javascript; charset=UTF-8"
    );
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    let script = std::str::from_utf8(answer.body()).unwrap();
    let payload = script.strip_prefix("___eio[0](").unwrap();
    let payload: String = serde_json::from_str(payload.strip_suffix(");").unwrap()).unwrap();
    let handshake: Value = serde_json::from_str(&payload[1..]).unwrap();
    let target = format!("{OPEN}&sid={}", handshake["sid"].as_str().unwrap());

    let post = |form: &'static str| {
        let request = Request::post(format!("{target}&j=1"))
            .header("content-type", "application/x-www-form-urlencoded");
        send_body(&io, request, form)
    };
    assert_eq!(post("d=40").await.status(), 200);
    // An event with a line feed, a quotation mark and U+2028 in it.
    let answer = post("d=421%5B%22echo%22%2C%22a%5C%5Cn%5C%22%E2%80%A8%22%5D").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"ok"[..])
    );
    let mut scripts = String::new();
    while !scripts.contains("431") {
        // Only the digits are reflected.
        let answer = send(&io, Request::get(format!("{target}&j=2%29alert(1)"))).await;
        assert_eq!(answer.status(), 200);
        scripts.push_str(std::str::from_utf8(answer.body()).unwrap());
    }
    assert!(scripts.starts_with("___eio[21](\""), "{scripts}");
    assert!(scripts.contains(r#"431[\"a\\n\\\"\u2028\"]"#), "{scripts}");

    // A form without the field is no payload.
    assert_eq!(post("x=40").await.status(), 400);
    let (_, body) = request(&io, Method::GET, &target, "").await;
    assert!(body.contains(r#""code":1"#), "{body}");
}

#[tokio::test]
async fn errors_are_no_scripts() {
    let io = Server::new();
    let answer = send(&io, Request::get(format!("{OPEN}&j=0&sid=x"))).await;
    assert_eq!(header(&answer, "content-type"), "application/json");
}

#[tokio::test]
async fn the_cookie_comes_with_the_first_answer_only() {
    let mut cookie = Cookie::new("io").unwrap().with_path("/chat").unwrap();
    cookie.max_age = Some(60);
    cookie.secure = true;
    cookie.same_site = Some(SameSite::None);
    let io = Server::with_config(Config {
        cookie: Some(cookie),
        ..Config::default()
    });
    let answer = send(&io, Request::get(OPEN)).await;
    let handshake: Value = serde_json::from_slice(&answer.body()[1..]).unwrap();
    let sid = handshake["sid"].as_str().unwrap();
    assert_eq!(
        headers(&answer, "set-cookie"),
        [format!(
            "io={sid}; Path=/chat; Max-Age=60; HttpOnly; Secure; SameSite=None"
        )]
    );
    let target = format!("{OPEN}&sid={sid}");
    let answer = send_body(&io, Request::post(&target), "40").await;
    assert_eq!(header(&answer, "set-cookie"), "");
    let answer = send(&io, Request::get(&target)).await;
    assert_eq!(header(&answer, "set-cookie"), "");
    let answer = send(&io, Request::get("/socket.io/?EIO=4&transport=tcp")).await;
    assert_eq!(header(&answer, "set-cookie"), "");
}
