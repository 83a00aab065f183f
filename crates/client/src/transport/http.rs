//! The requests of long-polling.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::ConnectError;
use crate::settings::Settings;
use crate::tap::Traffic;

/// How long a connection may be idle and still be used: less than servers keep it (Node.js: 5 s),
/// so that a request does not meet the end of its connection.
const IDLE: Duration = Duration::from_secs(4);

type Sender = SendRequest<Full<Bytes>>;

/// One HTTP connection, that is used for one request after the other. A session has one for its
/// GETs and one for its POSTs.
#[derive(Clone, Default)]
pub(crate) struct Lane(Arc<Mutex<Option<(Sender, Instant)>>>);

/// What a server answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Characters that an error keeps of a response's body.
const MAX_ERROR_BODY: usize = 1000;

impl Reply {
    /// What a status other than 200 means.
    pub(crate) fn refusal(status: u16, body: &[u8]) -> ConnectError {
        let body = String::from_utf8_lossy(body);
        let body = body.chars().take(MAX_ERROR_BODY).collect();
        ConnectError::Status { status, body }
    }
}

impl Lane {
    /// Makes a request, a POST if there is a body.
    pub(crate) async fn request(
        self,
        settings: Arc<Settings>,
        query: String,
        body: Option<Bytes>,
    ) -> Result<Reply, ConnectError> {
        let request = request(&settings, &query, body)?;
        settings.show(|| Traffic::Request(&request));
        let mut request = Some(request.map(Full::new));
        let mut lane = self.0.lock().await;
        let kept = lane.take().filter(|(_, since)| since.elapsed() < IDLE);
        let mut kept = kept.map(|(sender, _)| sender);
        while let Some(next) = request.take() {
            let is_kept = kept.is_some();
            let mut sender = match kept.take() {
                Some(sender) => sender,
                None => open(&settings).await?,
            };
            if sender.ready().await.is_err() && is_kept {
                request = Some(next);
                continue;
            }
            match sender.try_send_request(next).await {
                Ok(response) => {
                    let reply = read(response, &settings).await?;
                    *lane = Some((sender, Instant::now()));
                    return Ok(reply);
                }
                // The server has closed a connection that was idle, before the request was sent.
                Err(mut error) => match error.take_message().filter(|_| is_kept) {
                    Some(unsent) => request = Some(unsent),
                    None => return Err(failed(error.into_error())),
                },
            }
        }
        Err(failed("the request was not sent"))
    }
}

async fn open(settings: &Settings) -> Result<Sender, ConnectError> {
    let stream = settings.dialer.dial().await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // It ends with its sender.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "HTTP");
        }
    });
    Ok(sender)
}

fn request(
    settings: &Settings,
    query: &str,
    body: Option<Bytes>,
) -> Result<Request<Bytes>, ConnectError> {
    let method = if body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let mut request = Request::builder()
        .method(method)
        .uri(settings.target.path_and_query(&settings.config.path, query))
        .header(HOST, settings.target.authority());
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "text/plain;charset=UTF-8");
    }
    let mut cookie = Vec::new();
    for (name, value) in &settings.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(failed)?;
        if name == COOKIE {
            cookie.extend_from_slice(value);
            continue;
        }
        let value = HeaderValue::from_bytes(value).map_err(failed)?;
        request = request.header(name, value);
    }
    settings.append_cookies(&mut cookie);
    if !cookie.is_empty() {
        let cookie = HeaderValue::from_bytes(&cookie).map_err(failed)?;
        request = request.header(COOKIE, cookie);
    }
    request.body(body.unwrap_or_default()).map_err(failed)
}

async fn read(response: Response<Incoming>, settings: &Settings) -> Result<Reply, ConnectError> {
    let (head, mut body) = response.into_parts();
    if settings.config.cookies {
        let now = SystemTime::now();
        let mut jar = settings.cookies.lock();
        for cookie in head.headers.get_all(SET_COOKIE) {
            jar.store(cookie.as_bytes(), now);
        }
    }
    let limit = settings.config.max_message_size;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(failed)?.into_data() else {
            continue;
        };
        if bytes.len().saturating_add(data.len()) > limit {
            return Err(failed(
                "the response is larger than Config::max_message_size",
            ));
        }
        bytes.extend_from_slice(&data);
    }
    let response = Response::from_parts(head, bytes.freeze());
    settings.show(|| Traffic::Response(&response));
    Ok(Reply {
        status: response.status().as_u16(),
        body: response.into_body(),
    })
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectError {
    io::Error::other(error).into()
}
