//! Long-polling: a GET waits for packets, a POST brings them.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use songi_engineio::{Jsonp, Query, RequestId};
use tokio::sync::oneshot;

use super::reply::Reply;
use super::{Answer, answer};
use crate::connection::Connection;

pub(super) async fn get(connection: Arc<Connection>, reply: Reply) -> Answer {
    let (request, answer) = connection.poll_opened();
    let waiting = Waiting {
        connection,
        request,
        answer: Some(answer),
    };
    waiting.answer(reply).await
}

pub(super) async fn post<B>(
    connection: Arc<Connection>,
    query: Query,
    request: Request<()>,
    body: B,
) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .map(|value| value.as_bytes());
    let (id, answer) = connection.post_opened(content_type);
    let reply = Reply::new(connection.shared(), query, request);
    let mut waiting = Waiting {
        connection: connection.clone(),
        request: id,
        answer: Some(answer),
    };

    let limit = connection.shared().config.max_http_buffer_size;
    let body = tokio::select! {
        biased;
        // It was refused, or the session ended: the rest of the body may never come.
        response = waiting.response() => return write(reply, response).await,
        body = read(body, limit) => body,
    };
    match body {
        Ok(body) if reply.jsonp.is_some() => connection.post_body(id, Jsonp::form(&body)),
        Ok(body) => connection.post_body(id, body),
        Err(ReadError::TooLarge) => connection.post_too_large(id),
        // The request ends here: to drop what waits for its answer gives it up.
        Err(ReadError::Broken) => return answer::empty(StatusCode::BAD_REQUEST),
    }
    // The client sends the next POST after this answer, and not before the handlers keep up.
    connection.caught_up().await;
    waiting.answer(reply).await
}

/// Why a body could not be read.
enum ReadError {
    TooLarge,
    Broken,
}

/// Reads a body of at most `limit` bytes. One that is announced as larger is not read at all.
async fn read<B>(body: B, limit: usize) -> Result<Bytes, ReadError>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(ReadError::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge),
        Err(_) => Err(ReadError::Broken),
    }
}

/// A request that waits for its answer. Dropped before, it tells the session that its client has
/// gone.
struct Waiting {
    connection: Arc<Connection>,
    request: RequestId,
    answer: Option<oneshot::Receiver<songi_engineio::Response>>,
}

impl Waiting {
    async fn answer(mut self, reply: Reply) -> Answer {
        let response = self.response().await;
        write(reply, response).await
    }

    /// What the session answers, once; `None` when it has gone with the server.
    async fn response(&mut self) -> Option<songi_engineio::Response> {
        let response = self.answer.as_mut()?.await.ok();
        self.answer = None;
        response
    }
}

async fn write(reply: Reply, response: Option<songi_engineio::Response>) -> Answer {
    match response {
        Some(response) => reply.write(response).await,
        None => answer::empty(StatusCode::SERVICE_UNAVAILABLE),
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.answer.is_some() {
            self.connection.request_aborted(self.request);
        }
    }
}
