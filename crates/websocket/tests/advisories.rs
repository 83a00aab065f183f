//! Advisories of other WebSocket implementations, each as a test of this one.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use bytes::BytesMut;
use songi_websocket::{
    CloseCode, CloseFrame, Config, Connection, ControlPayload, Message, SendError, Violation,
    handshake::{Accepted, Client, HeadLimits, Policy, Rejection, RequestError, RequestReader},
};

const HEAD: &str = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn judge_with(limits: HeadLimits, extra: &str) -> Result<Accepted, Rejection> {
    let mut input = BytesMut::from(&*format!("{HEAD}{extra}\r\n"));
    let request = RequestReader::new(limits)
        .read(&mut input)?
        .expect("a whole request");
    Policy::default().accept(&request)
}

fn judge(extra: &str) -> Result<Accepted, RequestError> {
    let limits = HeadLimits {
        bytes: 8 << 20,
        headers: 100,
    };
    judge_with(limits, extra).map_err(|rejection| rejection.error().unwrap())
}

fn server() -> Connection {
    Connection::server(Config::default())
}

fn client() -> Connection {
    Connection::client(Config::default(), || [0; 4])
}

fn output(connection: &Connection) -> Vec<u8> {
    connection.slices().collect::<Vec<_>>().concat()
}

/// CVE-2023-43669, RUSTSEC-2023-0065 (tungstenite): a long head in small reads was parsed anew
/// with each of them. Here each byte is looked at once: 4 MiB in single bytes are done in no time,
/// and the default limit ends it long before.
#[test]
fn cve_2023_43669_slow_large_head() {
    let mut reader = RequestReader::new(HeadLimits {
        bytes: 4 << 20,
        headers: 100,
    });
    let mut input = BytesMut::from("GET / HTTP/1.1\r\nX: ");
    let rejection = loop {
        input.extend_from_slice(b"x");
        if let Err(rejection) = reader.read(&mut input) {
            break rejection;
        }
    };
    assert_eq!((rejection.status(), input.len()), (431, 4 << 20));

    let mut reader = RequestReader::default();
    let mut input = BytesMut::from(&*"x".repeat(16 * 1024 - 1));
    assert!(reader.read(&mut input).unwrap().is_none());
    input.extend_from_slice(b"x");
    assert_eq!(reader.read(&mut input).unwrap_err().status(), 431);
}

/// CVE-2024-37890 (ws): many headers.
#[test]
fn cve_2024_37890_many_headers() {
    let many = "X: y\r\n".repeat(10_000);
    assert_eq!(
        judge(&many).unwrap_err(),
        RequestError::TooManyHeaders { limit: 100 }
    );
    let all = judge_with(
        HeadLimits {
            bytes: 1 << 20,
            headers: 20_000,
        },
        &many,
    );
    assert!(all.is_ok());
}

/// CVE-2021-32640 (ws): spaces in `Sec-WebSocket-Protocol`.
#[test]
fn cve_2021_32640_spaces_in_subprotocols() {
    let spaces = " ".repeat(1 << 20);
    assert!(judge(&format!("Sec-WebSocket-Protocol: a{spaces},{spaces}b\r\n")).is_ok());
    let inside = judge(&format!("Sec-WebSocket-Protocol: a{spaces}b\r\n"));
    assert_eq!(inside.unwrap_err(), RequestError::Protocols);
}

/// ws 3.3.1 (2017): extension names of JavaScript's prototype.
#[test]
fn ws_2017_prototype_names() {
    for names in [
        "constructor",
        "__proto__; __proto__=1; __proto__",
        "toString;valueOf=1",
    ] {
        assert!(
            judge(&format!("Sec-WebSocket-Extensions: {names}\r\n")).is_ok(),
            "{names}"
        );
    }
    for names in ["", ";", "=1", "a; =1"] {
        let extensions = judge(&format!("Sec-WebSocket-Extensions: {names}\r\n"));
        assert_eq!(extensions.unwrap_err(), RequestError::Extensions, "{names}");
    }
}

/// CVE-2020-7662, CVE-2020-7663 (websocket-extensions): a quoted string that does not end.
#[test]
fn cve_2020_7662_unclosed_quoted_string() {
    for inside in [
        "\\c".repeat(1 << 20),
        "c".repeat(1 << 20),
        "\\".repeat(1 << 20),
    ] {
        let extensions = judge(&format!("Sec-WebSocket-Extensions: a;b=\"{inside}\r\n"));
        assert_eq!(extensions.unwrap_err(), RequestError::Extensions);
    }
}

/// CVE-2026-14631 (webpack-dev-server): malformed origins.
#[test]
fn cve_2026_14631_malformed_origin() {
    for origin in [
        "null",
        "",
        "://",
        "http://",
        "\u{e9}",
        "[",
        &"x".repeat(64 << 10),
    ] {
        let refused = judge(&format!("Origin: {origin}\r\n"));
        assert_eq!(refused.unwrap_err(), RequestError::Origin, "{origin:.20}");
    }
    let twice = judge("Origin: http://example.com\r\nOrigin: http://example.com\r\n");
    assert_eq!(twice.unwrap_err(), RequestError::DuplicateOrigin);
}

/// CWE-1385: by default a page of another host cannot connect.
#[test]
fn cswsh_cross_origin() {
    let cross = judge_with(HeadLimits::default(), "Origin: https://evil.example\r\n");
    assert_eq!(cross.unwrap_err().status(), 403);
}

/// CVE-2026-1527 (undici): headers that end their line.
#[test]
fn cve_2026_1527_header_injection() {
    let client = Client::new(&"ws://example.com/".parse().unwrap(), [0; 16]);
    for value in ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\0"] {
        assert!(client.clone().header("Cookie", value).is_err());
        assert!(client.clone().protocol(value).is_err());
        assert!(judge("").unwrap().header("Set-Cookie", value).is_err());
        assert!(Rejection::new(401).unwrap().header("X", value).is_err());
    }
    assert!(
        "ws://example.com/\r\nX: y"
            .parse::<songi_websocket::handshake::Url>()
            .is_err()
    );
}

/// Request smuggling: what follows the head is never a body.
#[test]
fn smuggling() {
    for line in [
        "Content-Length: 10",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
    ] {
        assert_eq!(
            judge(&format!("{line}\r\n")).unwrap_err(),
            RequestError::Body
        );
    }
}

/// CVE-2020-13935 (Tomcat), CVE-2020-27813 (gorilla), CVE-2026-1528 (undici), CVE-2026-50161
/// (libre): lengths at the edges of integers, in both roles.
#[test]
fn cve_2020_27813_lengths_at_the_edges() {
    for (length, violation) in [
        (u64::MAX, Violation::LengthOverflow),
        (1 << 63, Violation::LengthOverflow),
        ((1 << 63) - 1, Violation::MessageTooBig { limit: 1 << 20 }),
        (
            u64::from(u32::MAX) + 1,
            Violation::MessageTooBig { limit: 1 << 20 },
        ),
        ((1 << 20) + 1, Violation::MessageTooBig { limit: 1 << 20 }),
    ] {
        for (mut connection, mask) in [(server(), 0x80), (client(), 0)] {
            let header = [&[0x82, mask | 127], &length.to_be_bytes()[..], &[0; 4]].concat();
            let mut input = BytesMut::from(&header[..]);
            assert_eq!(connection.receive(&mut input), Err(violation));
            assert!(!output(&connection).is_empty());
        }
    }
    // A sum of fragments that would overflow.
    let config = Config::default().message_limit(usize::MAX);
    let mut connection = Connection::client(config, || [0; 4]);
    let header = [&[0x02, 1, 7, 0x80, 127][..], &(u64::MAX >> 1).to_be_bytes()].concat();
    let result = connection.receive(&mut BytesMut::from(&header[..]));
    if cfg!(target_pointer_width = "64") {
        assert_eq!(result, Ok(None));
    } else {
        assert_eq!(result, Err(Violation::MessageTooBig { limit: usize::MAX }));
    }
}

/// GHSA-w9fj-cfpg-grvv (Netty), ws #2331: a flood of empty fragments ends at the limit.
#[test]
fn empty_fragment_flood() {
    let mut connection = client();
    let mut input = BytesMut::from(&[0x01, 0][..]);
    (0..20_000).for_each(|_| input.extend_from_slice(&[0x00, 0]));
    let violation = Violation::TooManyFragments { limit: 16_384 };
    assert_eq!(connection.receive(&mut input), Err(violation));
    assert_eq!(violation.close_code(), CloseCode::POLICY);
}

/// CVE-2016-10518 (ws), CVE-2026-45736 (ws): a pong and a Close frame hold what was given and
/// nothing else.
#[test]
fn cve_2016_10518_control_frames_disclose_nothing() {
    for len in 0..=125_u8 {
        let payload: Vec<u8> = (0..len).collect();
        let mut connection = server();
        let ping = [&[0x89, 0x80 | len, 0, 0, 0, 0], &payload[..]].concat();
        connection.receive(&mut BytesMut::from(&ping[..])).unwrap();
        assert_eq!(output(&connection), [&[0x8A, len], &payload[..]].concat());
    }
    for len in [0, 1, 122, 123, 124, 1000] {
        let mut connection = server();
        connection.close(CloseFrame::new(CloseCode::NORMAL, "r".repeat(len)));
        let reason = "r".repeat(len.min(123));
        let head = [0x88, 2 + reason.len() as u8, 3, 232];
        assert_eq!(output(&connection), [&head, reason.as_bytes()].concat());
    }
    assert!(ControlPayload::new(vec![0; 126]).is_err());
}

/// CVE-2016-10542 (ws): there is a limit by default.
#[test]
fn cve_2016_10542_default_limit() {
    let mut connection = client();
    let mut input = BytesMut::from(&[0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 1][..]);
    let violation = Violation::MessageTooBig { limit: 1 << 20 };
    assert_eq!(connection.receive(&mut input), Err(violation));
    assert_eq!(output(&connection), [0x88, 0x82, 0, 0, 0, 0, 3, 241]);
}

/// RUSTSEC-2020-0043 (ws-rs): a peer that does not read.
#[test]
fn rustsec_2020_0043_peer_does_not_read() {
    let mut connection = server();
    let refused = loop {
        if let Err(error) = connection.send(Message::text("x".repeat(1000))) {
            break error;
        }
    };
    assert!(matches!(
        refused,
        SendError::Full {
            limit: 1_048_576,
            ..
        }
    ));
    assert!(connection.queued() <= 1 << 20);
}

/// okhttp, tyrus #954: a flood of pings to a writer that is blocked.
#[test]
fn ping_flood() {
    let mut connection = client();
    for _ in 0..200_000 {
        connection
            .receive(&mut BytesMut::from(&b"\x89\x04ping"[..]))
            .unwrap();
    }
    assert_eq!(connection.queued(), 32 * 10);
}

/// WS-2017-0107 (ws), GHSA-w67g-5rqw-f597 (gorilla): weak masks. This crate has none of its own:
/// each key on the wire is the caller's.
#[test]
fn weak_masks() {
    let mut keys = [[1, 2, 3, 4], [5, 6, 7, 8]].into_iter();
    let mut connection = Connection::client(Config::default(), move || {
        keys.next().expect("a key per frame")
    });
    connection.send(Message::text("")).unwrap();
    connection.send(Message::text("")).unwrap();
    assert_eq!(
        output(&connection),
        b"\x81\x80\x01\x02\x03\x04\x81\x80\x05\x06\x07\x08"
    );
}
