//! The client's side: HC1 to HC11.

use super::*;

fn client() -> Client {
    Client::new(
        &"ws://example.com/chat".parse().unwrap(),
        *b"the sample nonce",
    )
}

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn read(mut client: Client, response: &str) -> Result<Response, ResponseError> {
    client
        .read(&mut BytesMut::from(response))
        .map(|response| response.expect("a whole head"))
}

/// The error's name, for the errors cannot be compared.
fn error(client: Client, response: &str) -> String {
    let error = format!("{:?}", read(client, response).unwrap_err());
    error
        .split(|byte: char| !byte.is_alphanumeric())
        .next()
        .unwrap()
        .into()
}

/// HC1 to HC4: the request, with the key of the nonce, in the usual order and case.
#[test]
fn request() {
    let client = client()
        .protocol("chat")
        .unwrap()
        .protocol("superchat")
        .unwrap();
    let client = client
        .protocol("chat")
        .unwrap()
        .header("Origin", "http://a")
        .unwrap();
    assert_eq!(
        client.request(),
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
         Origin: http://a\r\n\r\n"
    );
    assert!(client.clone().header("Host", "evil").is_err());
    assert!(client.clone().header("X", "a\nb").is_err());
    assert!(client.protocol("a b").is_err());
}

/// HC5: any other status is an error that shows the response.
#[test]
fn status() {
    for status in [200, 301, 401, 407, 429, 500] {
        let head = format!("HTTP/1.1 {status} X\r\nRetry-After: 5\r\n\r\nbody");
        let mut input = BytesMut::from(&*head);
        let Err(ResponseError::Status(response)) = client().read(&mut input) else {
            panic!("{status}");
        };
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().first("retry-after"), Some(&b"5"[..]));
        assert_eq!(&input[..], b"body");
    }
}

/// HC6: interim responses are skipped, but not for ever (RFC 9110 §15.2).
#[test]
fn interim() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert!(read(client(), &format!("{early}{early}{GOOD}")).is_ok());
    assert_eq!(
        error(client(), &format!("{}{GOOD}", early.repeat(9))),
        "TooManyInterim"
    );
}

/// HC7: what the response has to hold (RFC 6455 §4.1, items 2 to 4).
#[test]
fn required_headers() {
    for (from, to, name) in [
        ("Upgrade: websocket\r\n", "", "Upgrade"),
        ("websocket", "h2c", "Upgrade"),
        ("Connection: Upgrade\r\n", "", "Connection"),
        ("Connection: Upgrade", "Connection: close", "Connection"),
        ("s3pP", "S3pP", "Accept"),
        (
            "xOo=\r\n",
            "xOo=\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "Accept",
        ),
        (
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "",
            "Accept",
        ),
        ("HTTP/1.1", "HTTP/1.0", "Malformed"),
        ("\r\nUpgrade", "\nUpgrade", "Malformed"),
    ] {
        let bad = GOOD.replacen(from, to, 1);
        assert_ne!(bad, GOOD);
        assert_eq!(error(client(), &bad), name, "{from} {to}");
    }
    let loose = GOOD.replace("Connection: Upgrade", "connection: keep-alive, upgrade");
    assert!(read(client(), &loose.replace("websocket", "WebSocket")).is_ok());
}

/// HC8: an extension that was not offered (RFC 6455 §4.1, item 5).
#[test]
fn extension() {
    let bad = GOOD.replace(
        "\r\n\r\n",
        "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    );
    assert_eq!(error(client(), &bad), "Extension");
}

/// HC9: the subprotocol (RFC 6455 §4.1, item 6).
#[test]
fn subprotocol() {
    let chosen = |name: &str| {
        GOOD.replace(
            "\r\n\r\n",
            &format!("\r\nSec-WebSocket-Protocol: {name}\r\n\r\n"),
        )
    };
    let offering = || {
        client()
            .protocol("chat")
            .unwrap()
            .protocol("superchat")
            .unwrap()
    };
    let response = read(offering(), &chosen("superchat")).unwrap();
    assert_eq!(response.protocol(), Some("superchat"));
    assert_eq!(read(offering(), GOOD).unwrap().protocol(), None);
    for name in [
        "other",
        "Chat",
        "",
        "chat, superchat",
        "chat\r\nSec-WebSocket-Protocol: chat",
    ] {
        assert_eq!(error(offering(), &chosen(name)), "Protocol", "{name}");
    }
    assert_eq!(error(client(), &chosen("chat")), "Protocol");
    assert_eq!(error(offering().must_agree(), GOOD), "Protocol");
    assert!(read(client().must_agree(), GOOD).is_ok());
}

/// HC10: cut anywhere, and the frames behind the response are kept.
#[test]
fn every_cut() {
    let bytes = [GOOD.as_bytes(), b"\x81\x02hi"].concat();
    for cut in 0..bytes.len() {
        let (mut client, mut input) = (client(), BytesMut::from(&bytes[..cut]));
        let early = client.read(&mut input).unwrap();
        assert_eq!(early.is_some(), cut >= GOOD.len());
        input.extend_from_slice(&bytes[cut..]);
        assert!(early.is_some() || client.read(&mut input).unwrap().is_some());
        assert_eq!(&input[..], b"\x81\x02hi");
    }
}

/// HC11: the limits of the response's head.
#[test]
fn limits() {
    let limited = |bytes, headers| client().limits(HeadLimits { bytes, headers });
    assert!(read(limited(GOOD.len(), 3), GOOD).is_ok());
    assert_eq!(error(limited(GOOD.len() - 1, 3), GOOD), "HeadTooLarge");
    assert_eq!(error(limited(GOOD.len(), 2), GOOD), "TooManyHeaders");
}
