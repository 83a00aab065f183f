use alloc::{format, string::String, vec::Vec};

use bytes::BytesMut;

use super::*;

mod client;
mod connect;
#[cfg(feature = "http")]
mod http_types;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const HEADERS: [&str; 5] = [
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    KEY,
    "Sec-WebSocket-Version: 13",
];

/// A good request, with the headers that `change` left.
fn request(line: &str, change: impl FnOnce(&mut Vec<String>)) -> String {
    let mut headers = HEADERS.map(String::from).to_vec();
    change(&mut headers);
    format!("{line}\r\n{}\r\n\r\n", headers.join("\r\n"))
}

/// The same with the line that starts with `name` replaced, or without it.
fn with(name: &str, line: Option<&str>) -> String {
    request("GET /chat HTTP/1.1", |headers| {
        headers.retain(|header| !header.starts_with(name));
        headers.extend(line.map(String::from));
    })
}

fn judge_by(policy: &Policy, request: &str) -> Result<Accepted, Rejection> {
    let mut input = BytesMut::from(request);
    let request = RequestReader::default()
        .read(&mut input)?
        .expect("a whole request");
    policy.accept(&request)
}

fn judge(request: &str) -> Result<Accepted, Rejection> {
    judge_by(&Policy::default(), request)
}

fn error(request: &str) -> RequestError {
    judge(request).unwrap_err().error().unwrap()
}

fn rejection(request: &str) -> String {
    String::from_utf8(judge(request).unwrap_err().to_bytes().to_vec()).unwrap()
}

/// RFC 6455 §1.2 and §1.3: the handshake of the RFC, with its subprotocols and its key.
#[test]
fn rfc_example() {
    let policy = Policy::default().protocols(["chat"]).unwrap();
    let request = request("GET /chat HTTP/1.1", |headers| {
        headers.push("Origin: http://server.example.com".into());
        headers.push("Sec-WebSocket-Protocol: chat, superchat".into());
    });
    let accepted = judge_by(&policy, &request).unwrap();
    assert_eq!(accepted.protocol(), Some("chat"));
    assert_eq!(
        accepted.to_bytes(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: chat\r\n\r\n"
    );
}

/// HS8: another known pair of key and answer.
#[test]
fn known_key() {
    let request = with(
        "Sec-WebSocket-Key",
        Some("Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw=="),
    );
    let response = judge(&request).unwrap().to_bytes();
    let response = String::from_utf8(response.to_vec()).unwrap();
    assert!(response.contains("\r\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n"));
}

/// HS1: only GET (RFC 6455 §4.2.1, item 1).
#[test]
fn method() {
    for method in ["POST", "HEAD", "CONNECT", "get"] {
        let request = request(&format!("{method} /chat HTTP/1.1"), |_| {});
        assert_eq!(error(&request), RequestError::Method);
        let rejection = rejection(&request);
        assert!(rejection.starts_with("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n"));
    }
}

/// HS2: only HTTP/1.1 (RFC 6455 §4.2.1, item 1).
#[test]
fn http_version() {
    let old = request("GET / HTTP/1.0", |_| {});
    assert_eq!(error(&old), RequestError::HttpVersion);
    assert!(rejection(&old).starts_with("HTTP/1.1 505 "));
    for line in ["GET / HTTP/2.0", "GET /", "GET / HTTP/1.2"] {
        assert_eq!(
            error(&request(line, |_| {})),
            RequestError::Malformed,
            "{line}"
        );
    }
}

/// HS3: one `Host` (RFC 9112 §3.2).
#[test]
fn host() {
    assert_eq!(error(&with("Host", None)), RequestError::Host);
    let twice = request("GET / HTTP/1.1", |headers| {
        headers.push("host: other".into())
    });
    assert_eq!(error(&twice), RequestError::Host);
    assert_eq!(RequestError::Host.status(), 400);
}

/// HS4: `Upgrade` has to name `websocket`, in any case, in a list (RFC 6455 §4.2.1, item 3).
#[test]
fn upgrade() {
    for line in [
        None,
        Some("Upgrade: h2c"),
        Some("Upgrade: websockets"),
        Some("Upgrade:"),
    ] {
        let request = with("Upgrade", line);
        assert_eq!(error(&request), RequestError::Upgrade);
        let rejection = rejection(&request);
        assert!(
            rejection.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
            "{rejection}"
        );
        assert!(rejection.contains("\r\nUpgrade: websocket\r\n"));
        assert!(rejection.contains("\r\nConnection: Upgrade, close\r\n"));
    }
    for line in [
        "Upgrade: WebSocket",
        "Upgrade: h2c, websocket",
        "upgrade:websocket,h2c",
    ] {
        assert!(judge(&with("Upgrade", Some(line))).is_ok(), "{line}");
    }
}

/// HS5: `Connection` is a list over lines, in any case (RFC 6455 §4.2.1, item 4).
#[test]
fn connection() {
    for lines in [
        "Connection: keep-alive, Upgrade",
        "Connection: upgrade",
        "Connection: keep-alive\r\nConnection:\t UPGRADE ,",
    ] {
        assert!(judge(&with("Connection", Some(lines))).is_ok(), "{lines}");
    }
    for line in [
        None,
        Some("Connection: xupgradex"),
        Some("Connection: keep-alive"),
    ] {
        assert_eq!(error(&with("Connection", line)), RequestError::Connection);
    }
}

/// HS6: the version (RFC 6455 §4.4).
#[test]
fn websocket_version() {
    assert_eq!(
        error(&with("Sec-WebSocket-Version", None)),
        RequestError::MissingVersion
    );
    for line in [
        "8",
        "0",
        "013",
        "13, 8",
        "",
        "13\r\nSec-WebSocket-Version: 13",
    ] {
        let line = format!("Sec-WebSocket-Version: {line}");
        let request = with("Sec-WebSocket-Version", Some(&line));
        assert_eq!(error(&request), RequestError::UnsupportedVersion, "{line}");
        let rejection = rejection(&request);
        assert!(rejection.starts_with("HTTP/1.1 426 "));
        assert!(rejection.contains("\r\nSec-WebSocket-Version: 13\r\n"));
    }
    assert_eq!(RequestError::MissingVersion.status(), 400);
}

/// HS7: the key (RFC 6455 §4.2.1, item 5).
#[test]
fn key() {
    let twice = request("GET / HTTP/1.1", |headers| headers.push(KEY.into()));
    let short = with("Sec-WebSocket-Key", Some("Sec-WebSocket-Key: c2hvcnQ="));
    for request in [with("Sec-WebSocket-Key", None), twice, short] {
        assert_eq!(error(&request), RequestError::Key);
    }
    assert_eq!(RequestError::Key.status(), 400);
}

/// HS9: the origin (RFC 6455 §10.2).
#[test]
fn origin() {
    let from = |origin: &str| {
        request("GET / HTTP/1.1", |headers| {
            headers.push(format!("Origin: {origin}"))
        })
    };
    assert_eq!(error(&from("https://evil.example")), RequestError::Origin);
    assert!(rejection(&from("https://evil.example")).starts_with("HTTP/1.1 403 Forbidden\r\n"));
    assert!(judge(&from("https://server.example.com")).is_ok());
    let policy = Policy::default().origin(Origin::list(["https://friend.example"]));
    assert!(judge_by(&policy, &from("https://friend.example")).is_ok());
    assert!(judge_by(&policy, &from("https://server.example.com")).is_err());
    let policy = Policy::default().origin(Origin::Any);
    assert!(judge_by(&policy, &from("https://evil.example")).is_ok());
    let twice = from("https://server.example.com\r\nOrigin: https://server.example.com");
    assert_eq!(error(&twice), RequestError::DuplicateOrigin);
}

/// HS10: subprotocols (RFC 6455 §4.2.2, item 5.5).
#[test]
fn subprotocols() {
    let policy = Policy::default().protocols(["superchat", "chat"]).unwrap();
    let offer = |lines: &str| {
        let request = with("-", Some(&format!("Sec-WebSocket-Protocol: {lines}")));
        judge_by(&policy, &request).map(|accepted| accepted.protocol().map(String::from))
    };
    // The client's order is its preference.
    assert_eq!(offer("chat, superchat").unwrap().as_deref(), Some("chat"));
    assert_eq!(
        offer("x\r\nSec-WebSocket-Protocol: superchat")
            .unwrap()
            .as_deref(),
        Some("superchat")
    );
    assert_eq!(offer("Chat").unwrap(), None);
    for lines in [
        "",
        ",",
        "a b",
        "chat, chat",
        "chat\r\nSec-WebSocket-Protocol: chat",
        "a/b",
    ] {
        let error = offer(lines).unwrap_err().error();
        assert_eq!(error, Some(RequestError::Protocols), "{lines}");
    }
    let none = judge_by(&policy, &with("-", None)).unwrap();
    assert_eq!(none.protocol(), None);
    assert!(!String::from_utf8_lossy(&none.to_bytes()).contains("Protocol:"));
    assert!(Policy::default().protocols(["a b"]).is_err());
}

/// HS11: extensions that are not known are ignored, a malformed list is not (RFC 6455 §9.1).
#[test]
fn extensions() {
    let offer = |line: &str| {
        judge(&with(
            "-",
            Some(&format!("Sec-WebSocket-Extensions: {line}")),
        ))
    };
    let accepted = offer("permessage-deflate; client_max_window_bits, x-foo").unwrap();
    assert!(!String::from_utf8_lossy(&accepted.to_bytes()).contains("Extensions"));
    assert_eq!(
        offer("a;;b").unwrap_err().error(),
        Some(RequestError::Extensions)
    );
}

/// HS12: the target is a path or a URL (RFC 9112 §3.2).
#[test]
fn target() {
    for (target, path) in [
        ("/chat?room=1", "/chat?room=1"),
        ("http://server.example.com/chat", "/chat"),
        ("http://server.example.com", "/"),
        ("/redirect?to=http://other/", "/redirect?to=http://other/"),
    ] {
        let text = request(&format!("GET {target} HTTP/1.1"), |_| {});
        assert!(judge(&text).is_ok(), "{target}");
        let request = RequestReader::default()
            .read(&mut BytesMut::from(&*text))
            .unwrap()
            .unwrap();
        assert_eq!((request.target(), request.path()), (target, path));
    }
    for target in [
        "*",
        "server.example.com:80",
        "ftp://server.example.com/",
        "http://",
    ] {
        let request = request(&format!("GET {target} HTTP/1.1"), |_| {});
        assert_eq!(error(&request), RequestError::Target, "{target}");
    }
}

/// HS13: an upgrade has no body.
#[test]
fn body() {
    for line in [
        "Content-Length: 5",
        "Content-Length: +0",
        "Content-Length: 0, 5",
        "Content-Length:",
        "Transfer-Encoding: chunked",
    ] {
        assert_eq!(error(&with("-", Some(line))), RequestError::Body, "{line}");
    }
    assert!(judge(&with("-", Some("Content-Length: 0"))).is_ok());
}

/// HS14 and HS15: the head may be cut anywhere, and what follows it is kept.
#[test]
fn every_cut() {
    let head = request("GET /chat HTTP/1.1", |_| {});
    let bytes = [head.as_bytes(), b"\x81\x80frames"].concat();
    for cut in 0..bytes.len() {
        let mut reader = RequestReader::default();
        let mut input = BytesMut::from(&bytes[..cut]);
        let early = reader.read(&mut input).unwrap();
        assert_eq!(early.is_some(), cut >= head.len());
        input.extend_from_slice(&bytes[cut..]);
        let request = early.or_else(|| reader.read(&mut input).unwrap()).unwrap();
        assert_eq!(request.headers().iter().count(), 5);
        assert_eq!(&input[..], b"\x81\x80frames");
    }
}

/// HS16: heads that could be read in two ways (RFC 9112 §2.2, §5.1, §5.2).
#[test]
fn malformed() {
    for (from, to) in [
        ("\r\nUpgrade", "\nUpgrade"),                  // LF alone
        ("websocket\r\n", "websocket\r\n folded\r\n"), // obsolete folding
        ("Upgrade:", "Upgrade :"),                     // space before the colon
        ("websocket", "web\0socket"),                  // NUL
        ("websocket", "web\x01socket"),                // control character
        ("websocket", "web\rsocket"),                  // CR alone
        ("Host:", "Ho st:"),                           // space in a name
        ("Host:", ":"),                                // no name
        ("GET /chat", "GET /ch at"),                   // space in the target
        ("GET /chat", "GET\t/chat"),
        ("GET /chat", "G\u{e9}T /chat"),
    ] {
        let good = request("GET /chat HTTP/1.1", |_| {});
        let bad = good.replacen(from, to, 1);
        assert_ne!(good, bad);
        assert_eq!(error(&bad), RequestError::Malformed, "{from:?} {to:?}");
        assert!(rejection(&bad).starts_with("HTTP/1.1 400 Bad Request\r\n"));
    }
}

/// HS17: values need not be text.
#[test]
fn values_are_bytes() {
    let good = request("GET / HTTP/1.1", |_| {});
    let head = [good.trim_end().as_bytes(), b"\r\nX: \xE9\xFF\r\n\r\n"];
    let mut input = BytesMut::from(&head.concat()[..]);
    let request = RequestReader::default().read(&mut input).unwrap().unwrap();
    assert_eq!(request.headers().first("x"), Some(&b"\xE9\xFF"[..]));
}

/// HS18: the limits of a head, decided alike however it arrives.
#[test]
fn limits() {
    let good = request("GET /chat HTTP/1.1", |_| {});
    let fits = HeadLimits {
        bytes: good.len(),
        headers: 5,
    };
    let tight = HeadLimits {
        bytes: good.len() - 1,
        headers: 5,
    };
    let few = HeadLimits {
        bytes: good.len(),
        headers: 4,
    };
    for piece in [1, 7, usize::MAX] {
        let read = |limits| {
            let (mut reader, mut input) = (RequestReader::new(limits), BytesMut::new());
            for piece in good.as_bytes().chunks(piece) {
                input.extend_from_slice(piece);
                match reader.read(&mut input) {
                    Ok(None) => {}
                    Ok(Some(_)) => return Ok(()),
                    Err(rejection) => return Err(rejection.error().unwrap()),
                }
            }
            panic!("the request was whole");
        };
        assert_eq!(read(fits), Ok(()));
        assert_eq!(
            read(tight),
            Err(RequestError::HeadTooLarge {
                limit: good.len() - 1
            })
        );
        assert_eq!(read(few), Err(RequestError::TooManyHeaders { limit: 4 }));
    }
    assert_eq!(RequestError::HeadTooLarge { limit: 1 }.status(), 431);
    assert_eq!(RequestError::TooManyHeaders { limit: 1 }.status(), 431);
}

/// HS20: headers of the application's, which cannot break the response.
#[test]
fn response_headers() {
    let accepted = judge(&request("GET / HTTP/1.1", |_| {})).unwrap();
    let accepted = accepted
        .header("Set-Cookie", "a=1")
        .unwrap()
        .header("Set-Cookie", "b=2")
        .unwrap();
    let response = String::from_utf8(accepted.to_bytes().to_vec()).unwrap();
    assert!(response.ends_with("\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"));
    let refused = accepted.clone().header("X", "a\r\nY: b").unwrap_err();
    assert_eq!(refused, InvalidHeader::Value("X".into()));
    let refused = accepted.header("Upgrade", "h2c").unwrap_err();
    assert_eq!(refused, InvalidHeader::Reserved("Upgrade".into()));
}

/// HS21: a refusal for the application's own reasons.
#[test]
fn rejections() {
    let rejection = Rejection::new(503)
        .unwrap()
        .header("Retry-After", "5")
        .unwrap()
        .body("full");
    assert_eq!(
        rejection.to_bytes(),
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Retry-After: 5\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfull"
    );
    let empty = Rejection::new(418).unwrap().to_bytes();
    assert_eq!(
        empty,
        "HTTP/1.1 418 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    for status in [0, 100, 101, 199, 600] {
        assert_eq!(Rejection::new(status).unwrap_err(), InvalidStatus(status));
    }
}

/// HS22: the response that upgrades has no body, and none of its headers.
#[test]
fn no_body_headers_in_101() {
    let response = judge(&request("GET / HTTP/1.1", |_| {}))
        .unwrap()
        .to_bytes();
    let response = String::from_utf8(response.to_vec())
        .unwrap()
        .to_ascii_lowercase();
    assert!(!response.contains("content-") && !response.contains("transfer-encoding"));
}
