use serde_json::{Value, json};

use super::*;

fn request() -> Request<()> {
    let peer = Peer {
        address: "192.0.2.1:4321".parse().unwrap(),
        secure: true,
    };
    Request::get("/socket.io/?EIO=4&transport=polling&room=a%20b&room=c&empty")
        .header("Host", "example.com")
        .header("Origin", "https://example.org")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("X-Binary", HeaderValue::from_bytes(b"\xff").unwrap())
        .extension(peer)
        .body(())
        .unwrap()
}

#[test]
fn it_has_what_the_request_had() {
    let request = request();
    let handshake = Handshake::new(&request);
    assert_eq!(&handshake.headers(), request.headers());
    assert_eq!(&handshake.uri(), request.uri());
    assert_eq!(handshake.header("HOST"), Some("example.com"));
    assert_eq!(handshake.host(), Some("example.com"));
    assert_eq!(handshake.header("x-twice"), Some("one"));
    assert_eq!(handshake.header("x-binary"), None);
    assert_eq!(handshake.header("x-none"), None);
    assert_eq!(handshake.query("room").as_deref(), Some("a b"));
    assert_eq!(handshake.query("empty").as_deref(), Some(""));
    assert_eq!(handshake.query("none"), None);
    assert_eq!(handshake.query_pairs().count(), 5);
    assert_eq!(handshake.address().unwrap().port(), 4321);
    assert!(handshake.secure() && handshake.xdomain());
    assert!(handshake.issued() <= SystemTime::now());
}

#[test]
fn it_may_have_next_to_nothing() {
    let handshake = Handshake::new(&Request::new(()));
    assert_eq!(handshake.url(), "/");
    assert!(handshake.headers().is_empty());
    assert_eq!(handshake.query_pairs().next(), None);
    assert_eq!(handshake.address(), None);
    assert!(!handshake.secure() && !handshake.xdomain());
    assert_eq!(handshake.auth::<Value>().unwrap(), json!({}));
}

#[test]
fn each_namespace_has_its_own_auth() {
    let handshake = Handshake::new(&request());
    let admin = handshake.with_auth(r#"{"token":"x"}"#);
    assert_eq!(admin.auth::<Value>().unwrap(), json!({ "token": "x" }));
    assert_eq!(handshake.auth::<Value>().unwrap(), json!({}));
    assert!(admin.auth::<String>().is_err());
}

#[test]
fn secrets_are_not_printed() {
    let request = Request::get("/socket.io/?token=secret1")
        .header("Cookie", "secret2")
        .body(())
        .unwrap();
    let printed = format!("{:?}", Handshake::new(&request).with_auth("\"secret3\""));
    assert!(
        printed.contains("/socket.io/") && !printed.contains("secret"),
        "{printed}"
    );
}
