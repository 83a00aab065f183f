//! Extended CONNECT (RFC 8441, RFC 9220): X1 to X6.

use super::*;
use crate::{Config, Connection, Message};

fn client() -> Client {
    let url: Url = "wss://example.com/chat?a=1".parse().unwrap();
    Client::new(&url, [7; 16])
}

/// X1: the setting's number is the same for HTTP/2 and HTTP/3 (RFC 8441 §3, RFC 9220 §3).
#[test]
fn x1_setting() {
    assert_eq!(SETTINGS_ENABLE_CONNECT_PROTOCOL, 8);
}

/// X2: the pseudo-header fields (RFC 8441 §5).
#[test]
fn x2_pseudo_headers() {
    let request = client().connect();
    assert_eq!(&*request.method, "CONNECT");
    assert_eq!(request.protocol.as_deref(), Some("websocket"));
    assert_eq!(request.scheme.as_deref(), Some("https"));
    assert_eq!(request.authority.as_deref(), Some("example.com"));
    assert_eq!(request.path.as_deref(), Some("/chat?a=1"));

    let policy = Policy::default();
    assert_eq!(policy.accept_connect(&request).unwrap().status(), 200);
    let refused = |change: &dyn Fn(&mut ConnectRequest)| {
        let mut request = client().connect();
        change(&mut request);
        let rejection = policy.accept_connect(&request).unwrap_err();
        (rejection.error().unwrap(), rejection.status())
    };
    let target = (RequestError::ConnectTarget, 400);
    assert_eq!(refused(&|it| it.scheme = None), target);
    assert_eq!(refused(&|it| it.authority = None), target);
    assert_eq!(refused(&|it| it.authority = Some("".into())), target);
    assert_eq!(refused(&|it| it.path = None), target);
    assert_eq!(refused(&|it| it.path = Some("*".into())), target);
    assert_eq!(
        refused(&|it| it.method = "GET".into()),
        (RequestError::ConnectMethod, 405)
    );
    for protocol in [None, Some("connect-udp".into())] {
        assert_eq!(
            refused(&|it| it.protocol.clone_from(&protocol)),
            (RequestError::ConnectProtocol, 501)
        );
    }
}

/// X3: neither key nor upgrade; version, origin and subprotocols as before (RFC 8441 §5).
#[test]
fn x3_headers() {
    let request = client().protocol("chat").unwrap().connect();
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sec-websocket-version", "sec-websocket-protocol"]);

    let policy = Policy::default().protocols(["chat"]).unwrap();
    let established = policy.accept_connect(&request).unwrap();
    assert_eq!(established.protocol(), Some("chat"));
    let headers: Vec<_> = established.headers().collect();
    assert_eq!(headers, [("sec-websocket-protocol", &b"chat"[..])]);

    let with = |fields: &[(&'static str, &'static str)]| {
        let mut request = client().connect();
        let field =
            |(name, value): &(&'static str, &'static str)| ((*name).into(), (*value).into());
        request.headers = fields.iter().map(field).collect();
        policy
            .accept_connect(&request)
            .map_err(|it| (it.error().unwrap(), it.status()))
    };
    const VERSION: (&str, &str) = ("sec-websocket-version", "13");
    assert!(with(&[VERSION]).is_ok());
    for (fields, error, status) in [
        (&[][..], RequestError::MissingVersion, 400),
        (
            &[("sec-websocket-version", "8")],
            RequestError::UnsupportedVersion,
            400,
        ),
        (
            &[VERSION, ("connection", "upgrade")],
            RequestError::ConnectHeader,
            400,
        ),
        (
            &[VERSION, ("upgrade", "websocket")],
            RequestError::ConnectHeader,
            400,
        ),
        (
            &[VERSION, ("transfer-encoding", "chunked")],
            RequestError::ConnectHeader,
            400,
        ),
        (
            &[VERSION, ("origin", "https://evil.example")],
            RequestError::Origin,
            403,
        ),
        (
            &[VERSION, ("sec-websocket-protocol", "a b")],
            RequestError::Protocols,
            400,
        ),
        (
            &[VERSION, ("sec-websocket-extensions", "a;;")],
            RequestError::Extensions,
            400,
        ),
    ] {
        assert_eq!(with(fields).err(), Some((error, status)), "{fields:?}");
    }
    // A refusal speaks of no upgrade.
    let mut request = client().connect();
    request.headers = [("sec-websocket-version".into(), "8".into())]
        .into_iter()
        .collect();
    let rejection = policy.accept_connect(&request).unwrap_err();
    assert!(rejection.headers().all(|(name, _)| name != "Upgrade"));
}

/// X4: success is a status of success; the answer needs no proof (RFC 8441 §5).
#[test]
fn x4_responses() {
    let client = client().protocol("chat").unwrap();
    let headers = |fields: &[(&'static str, &'static str)]| -> Headers {
        let field =
            |(name, value): &(&'static str, &'static str)| ((*name).into(), (*value).into());
        fields.iter().map(field).collect()
    };
    let response = client.check_connect(200, headers(&[("sec-websocket-protocol", "chat")]));
    assert_eq!(response.unwrap().protocol(), Some("chat"));
    for status in [101, 301, 400, 501] {
        let error = client.check_connect(status, headers(&[])).unwrap_err();
        assert!(matches!(error, ResponseError::Status(response) if response.status() == status));
    }
    let error = client.check_connect(200, headers(&[("sec-websocket-protocol", "other")]));
    assert!(matches!(error, Err(ResponseError::Protocol)));
    let error = client.check_connect(200, headers(&[("sec-websocket-extensions", "x")]));
    assert!(matches!(error, Err(ResponseError::Extension)));
}

/// X5: the end of the stream without a Close frame is that of TCP (RFC 8441 §5).
#[test]
fn x5_end_of_stream() {
    let mut connection = Connection::server(Config::default());
    assert!(connection.receive_eof().is_err());
}

/// X6: the client's frames are masked all the same (RFC 8441 §5).
#[test]
fn x6_masking() {
    let mut connection = Connection::client(Config::default(), || [1, 2, 3, 4]);
    connection.send(Message::text("a")).unwrap();
    let bytes = connection.slices().collect::<Vec<_>>().concat();
    assert_eq!(bytes, [0x81, 0x81, 1, 2, 3, 4, b'a' ^ 1]);
}
