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

/// A GET, which waits for packets.
pub(super) struct Get(Waiting);

impl Get {
    pub(super) fn new(connection: Arc<Connection>, reply: Reply) -> Self {
        let (id, answer) = connection.poll_opened();
        Self(Waiting {
            connection,
            id,
            answer: Some(answer),
            reply,
        })
    }

    pub(super) async fn answer(&mut self) -> Answer {
        self.0.answer().await
    }
}

/// A POST, which brings packets.
pub(super) struct Post<B> {
    waiting: Waiting,
    body: B,
}

impl<B> Post<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    pub(super) fn new(
        connection: Arc<Connection>,
        query: Query,
        request: Request<()>,
        body: B,
    ) -> Self {
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| value.as_bytes());
        let (id, answer) = connection.post_opened(content_type);
        let reply = Reply::new(connection.shared(), query, request);
        let waiting = Waiting {
            connection,
            id,
            answer: Some(answer),
            reply,
        };
        Self { waiting, body }
    }

    pub(super) async fn answer(self) -> Answer {
        let Self { mut waiting, body } = self;
        let limit = waiting.connection.shared().config.max_http_buffer_size;
        let body = tokio::select! {
            biased;
            // It was refused, or the session ended: the rest of the body may never come.
            response = waiting.response() => return waiting.write(response).await,
            body = read(body, limit) => body,
        };
        let (connection, id) = (&waiting.connection, waiting.id);
        match body {
            Ok(body) if waiting.reply.jsonp.is_some() => {
                connection.post_body(id, Jsonp::form(&body));
            }
            Ok(body) => connection.post_body(id, body),
            Err(ReadError::TooLarge) => connection.post_too_large(id),
            // The request ends here: to drop what waits for its answer gives it up.
            Err(ReadError::Broken) => return answer::empty(StatusCode::BAD_REQUEST),
        }
        // The client sends the next POST after this answer, and not before the handlers keep up.
        connection.caught_up().await;
        waiting.answer().await
    }
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
    id: RequestId,
    answer: Option<oneshot::Receiver<songi_engineio::Response>>,
    reply: Reply,
}

impl Waiting {
    async fn answer(&mut self) -> Answer {
        let response = self.response().await;
        self.write(response).await
    }

    /// What the session answers, once; `None` when it has gone with the server.
    async fn response(&mut self) -> Option<songi_engineio::Response> {
        let response = self.answer.as_mut()?.await.ok();
        self.answer = None;
        response
    }

    async fn write(&self, response: Option<songi_engineio::Response>) -> Answer {
        match response {
            Some(response) => self.reply.write(response).await,
            None => answer::empty(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.answer.is_some() {
            self.connection.request_aborted(self.id);
        }
    }
}
