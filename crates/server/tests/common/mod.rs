//! A long-polling client without a socket: it calls the server as a service.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test takes what it needs"
)]

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use songi_server::Server;
use tower_service::Service as _;

pub struct Polling {
    io: Server,
    sid: String,
}

/// Sends one request and reads the whole answer.
pub async fn request(
    io: &Server,
    method: Method,
    target: &str,
    body: impl Into<Bytes>,
) -> (StatusCode, String) {
    let response = respond(io, method, target, body).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

pub async fn respond(
    io: &Server,
    method: Method,
    target: &str,
    body: impl Into<Bytes>,
) -> Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>> {
    let body: Full<Bytes> = Full::new(body.into());
    let request = Request::builder()
        .method(method)
        .uri(target)
        .body(body)
        .unwrap();
    io.service().call(request).await.unwrap()
}

impl Polling {
    /// Opens a session; joins no namespace yet.
    pub async fn open(io: &Server) -> Self {
        let (status, body) =
            request(io, Method::GET, "/socket.io/?EIO=4&transport=polling", "").await;
        assert_eq!(status, 200, "{body}");
        let handshake: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
        Self {
            io: io.clone(),
            sid: handshake["sid"].as_str().unwrap().to_owned(),
        }
    }

    /// Opens a session and joins the main namespace; gives the id of the socket, too.
    pub async fn connect(io: &Server) -> (Self, String) {
        let client = Self::open(io).await;
        client.post("40").await;
        let packets = client.get().await;
        let connected = packets
            .strip_prefix("40")
            .unwrap_or_else(|| panic!("{packets}"));
        let connected = connected.split('\x1e').next().unwrap();
        let connected: Value = serde_json::from_str(connected).unwrap();
        (client, connected["sid"].as_str().unwrap().to_owned())
    }

    pub fn sid(&self) -> &str {
        &self.sid
    }

    pub async fn get(&self) -> String {
        let (status, body) = self.request(Method::GET, "").await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub async fn post(&self, body: impl Into<Bytes>) {
        let (status, answer) = self.request(Method::POST, body).await;
        assert_eq!((status, answer.as_str()), (StatusCode::OK, "ok"));
    }

    pub async fn request(&self, method: Method, body: impl Into<Bytes>) -> (StatusCode, String) {
        let target = format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid);
        request(&self.io, method, &target, body).await
    }
}

/// Sends a request of any make, and reads the whole answer.
pub async fn send(io: &Server, request: http::request::Builder) -> Response<Bytes> {
    send_body(io, request, "").await
}

pub async fn send_body(
    io: &Server,
    request: http::request::Builder,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let body: Full<Bytes> = Full::new(body.into());
    let answer = io
        .service()
        .call(request.body(body).unwrap())
        .await
        .unwrap();
    let (head, body) = answer.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

/// A header of an answer, as a text; empty where there is none.
pub fn header<'a, T>(answer: &'a Response<T>, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// All headers of this name.
pub fn headers<T>(answer: &Response<T>, name: &str) -> Vec<String> {
    let values = answer.headers().get_all(name).iter();
    values
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}
