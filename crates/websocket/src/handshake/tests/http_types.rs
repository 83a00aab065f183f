//! The crate `http`: HS23.

use super::*;

/// HS23: the same rules for the types of the crate `http`.
#[test]
fn same_rules() {
    let with = |name: &str, value: &str| {
        let mut builder = ::http::Request::get("/chat");
        for header in HEADERS {
            let (name, value) = header.split_once(": ").unwrap();
            builder = builder.header(name, value);
        }
        let mut request = builder.body(()).unwrap();
        let name = ::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let policy = Policy::default().protocols(["chat"]).unwrap();
    let response = accept(&with("sec-websocket-protocol", "a, chat"), &policy).unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["connection"], "Upgrade");

    for (name, value, error) in [
        ("upgrade", "h2c", RequestError::Upgrade),
        ("connection", "close", RequestError::Connection),
        (
            "sec-websocket-version",
            "8",
            RequestError::UnsupportedVersion,
        ),
        ("sec-websocket-key", "short", RequestError::Key),
        ("origin", "http://evil.example", RequestError::Origin),
        ("content-length", "1", RequestError::Body),
    ] {
        let rejection = accept(&with(name, value), &policy).unwrap_err();
        assert_eq!(rejection.error(), Some(error));
        let response = ::http::Response::from(&rejection);
        assert_eq!(response.status(), error.status());
        if error.status() == 426 {
            assert_eq!(response.headers()["upgrade"], "websocket");
        }
    }
    let mut request = with("x", "y");
    *request.method_mut() = ::http::Method::POST;
    assert_eq!(accept(&request, &policy).unwrap_err().status(), 405);
    let mut request = with("x", "y");
    *request.version_mut() = ::http::Version::HTTP_2;
    assert_eq!(accept(&request, &policy).unwrap_err().status(), 505);
    for target in ["*", "example.com:80"] {
        let mut request = with("x", "y");
        *request.uri_mut() = target.parse().unwrap();
        assert_eq!(
            accept(&request, &policy).unwrap_err().error(),
            Some(RequestError::Target)
        );
    }
}
