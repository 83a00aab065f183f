//! Which web pages of other origins may read the answers (Fetch standard, "CORS protocol").

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::Answer;
use super::answer;
use crate::origins::Origins;

/// Which web pages of other origins may talk to the server by HTTP, and how: the headers of every
/// answer, and the answer to preflight requests. See [`Config::cors`](crate::Config::cors).
///
/// It does not concern WebSockets, which browsers open for every page: see
/// [`Config::origins`](crate::Config::origins).
///
/// ```
/// use songi_server::{Config, Cors, Origins, Server};
///
/// let io = Server::with_config(Config {
///     cors: Some(Cors {
///         credentials: true,
///         ..Cors::new(Origins::list(["https://example.com"]))
///     }),
///     ..Config::default()
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Cors {
    /// The origins. Where it is any, every page is answered with `*`, or with its own origin if
    /// there are `credentials`, which browsers do not send to `*`.
    pub origins: Origins,
    /// The methods of a preflight's answer. Default: GET and POST.
    pub methods: Vec<Method>,
    /// The headers that a page may send. Default: `None`, all that it asks for.
    pub allowed_headers: Option<Vec<HeaderName>>,
    /// The headers of an answer that a page may read. Default: none but those that it always may.
    pub exposed_headers: Vec<HeaderName>,
    /// Whether cookies and the like travel with the requests (`withCredentials` in the client).
    /// Default: no.
    pub credentials: bool,
    /// How long a browser may remember the answer to a preflight. Default: as long as it likes.
    pub max_age: Option<Duration>,
}

impl Cors {
    /// The default settings, for these origins.
    pub fn new(origins: Origins) -> Self {
        Self {
            origins,
            methods: vec![Method::GET, Method::POST],
            allowed_headers: None,
            exposed_headers: Vec::new(),
            credentials: false,
            max_age: None,
        }
    }

    /// The headers of every answer.
    pub(super) fn headers<B>(&self, request: &Request<B>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.origins.is_any() && !self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.append(VARY, HeaderValue::from(ORIGIN));
            if let Some(origin) = self.allowed_origin(request) {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
        }
        if self.credentials {
            headers.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
        if let Some(exposed) = list(&self.exposed_headers) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        headers
    }

    /// The answer to a preflight request.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Answer {
        let mut response = answer::empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        if let Some(methods) = list(&self.methods) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if let Some(allowed) = &self.allowed_headers {
            if let Some(allowed) = list(allowed) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            }
        } else {
            headers.append(VARY, HeaderValue::from(ACCESS_CONTROL_REQUEST_HEADERS));
            if let Some(asked) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
        }
        if let Some(age) = self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, age.as_secs().into());
        }
        // Safari waits for a body where this is missing.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        response
    }

    fn allowed_origin<B>(&self, request: &Request<B>) -> Option<HeaderValue> {
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let (origin, None) = (origins.next()?, origins.next()) else {
            return None;
        };
        if !self.origins.allow(origin, request) {
            return None;
        }
        // A copy: the answer may wait long, and is not to keep the request.
        HeaderValue::from_bytes(origin.as_bytes()).ok()
    }
}

/// Elements with commas between them; `None` if there are none.
fn list(elements: &[impl AsRef<str>]) -> Option<HeaderValue> {
    let elements: Vec<&str> = elements.iter().map(AsRef::as_ref).collect();
    HeaderValue::try_from(elements.join(","))
        .ok()
        .filter(|value| !value.is_empty())
}

/// Adds the headers of CORS to an answer, whatever it is.
pub(super) fn add(response: &mut Response<Full<bytes::Bytes>>, cors: HeaderMap) {
    let headers = response.headers_mut();
    let mut name = None;
    for (next, value) in cors {
        name = next.or(name);
        // An answer may vary with something else, too.
        if let Some(name) = &name {
            headers.append(name.clone(), value);
        }
    }
}
