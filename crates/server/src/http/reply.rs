//! How the answer to one request of long-polling is written.

use std::sync::Arc;

use http::header::{CONTENT_ENCODING, VARY};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use songi_engineio::{ContentType, Jsonp, Query};

use super::compress::Encoding;
use super::hooks::Table;
use super::{Answer, answer};
use crate::server::Shared;

/// What the answer to a request needs of the request, which may wait for long: the rest of it is
/// not kept.
pub(super) struct Reply {
    pub(super) jsonp: Option<Jsonp>,
    encoding: Option<Encoding>,
    /// Bodies from so many bytes on are compressed.
    threshold: usize,
    /// What else the headers depend on, where they do.
    headers: Option<Box<Headers>>,
}

struct Headers {
    hooks: Arc<Table>,
    /// For the hooks, where there are any that want it.
    request: Option<Request<()>>,
    /// At the first answer of a session, with the cookie where there is one.
    first: Option<Option<HeaderValue>>,
}

impl Reply {
    pub(super) fn new(shared: &Shared, query: Query, request: Request<()>) -> Self {
        let threshold = shared.config.http_compression;
        let encoding = threshold.and_then(|_| Encoding::accepted(request.headers()));
        let wanted = shared.hooks.want_requests();
        let headers = wanted.then(|| Box::new(Headers::new(shared, Some(request), None)));
        Self {
            jsonp: query.jsonp,
            encoding,
            threshold: threshold.unwrap_or_default(),
            headers,
        }
    }

    /// The answer is the first of the session with this id.
    pub(super) fn first_of(mut self, shared: &Shared, sid: &str) -> Self {
        let first = Some(cookie(shared, sid));
        match &mut self.headers {
            Some(headers) => headers.first = first,
            None => self.headers = Some(Box::new(Headers::new(shared, None, first))),
        }
        self
    }

    /// Writes what the session answers.
    pub(super) async fn write(&self, mut response: songi_engineio::Response) -> Answer {
        let may_compress = response.compress && response.body.len() >= self.threshold;
        let is_payload = matches!(
            response.content_type,
            Some(ContentType::Text | ContentType::Binary)
        );
        if let Some(jsonp) = &self.jsonp {
            response = jsonp.response(response);
        }
        let mut encoded = None;
        if let Some(encoding) = self.encoding.filter(|_| may_compress)
            && let Some(body) = encoding.compress(response.body.clone()).await
        {
            response.body = body;
            encoded = Some(encoding);
        }
        let mut answer = answer::from_engine(response);
        let headers = answer.headers_mut();
        if let Some(encoding) = encoded {
            headers.insert(CONTENT_ENCODING, encoding.header());
            headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if is_payload && self.jsonp.is_some() {
            // Not to be taken for anything but the script that it is.
            headers.insert(
                http::header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            );
        }
        if let Some(more) = &self.headers {
            more.hooks
                .change(headers, more.first.as_ref(), more.request.as_ref());
        }
        answer
    }
}

impl Headers {
    fn new(
        shared: &Shared,
        request: Option<Request<()>>,
        first: Option<Option<HeaderValue>>,
    ) -> Self {
        Self {
            hooks: shared.hooks.table(),
            request,
            first,
        }
    }
}

/// Adds to the response that opens a WebSocket; `first` is the id of a session that it opens.
pub(super) fn write_upgrade(
    shared: &Shared,
    first: Option<&str>,
    response: Response<()>,
    request: &Request<()>,
) -> Answer {
    let mut answer = response.map(|()| Full::default());
    let first = first.map(|sid| cookie(shared, sid));
    let hooks = shared.hooks.table();
    hooks.change(answer.headers_mut(), first.as_ref(), Some(request));
    answer
}

fn cookie(shared: &Shared, sid: &str) -> Option<HeaderValue> {
    let cookie = shared.config.cookie.as_ref()?;
    // Name, path and id have been checked.
    HeaderValue::try_from(cookie.set_cookie(sid)).ok()
}
