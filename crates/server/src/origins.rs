//! Which web pages may talk to the server.

use std::fmt;
use std::sync::Arc;

use faststr::FastStr;
use http::header::HOST;
use http::{HeaderValue, Request};
use songi_socketio::handler::contain;
use songi_websocket::handshake::Origin;

/// Which web pages may talk to the server, by the `Origin` that browsers tell.
///
/// ```
/// use songi_server::Origins;
///
/// let ours = Origins::list(["https://example.com", "http://localhost:3000"]);
/// let all_of_ours = Origins::matching(|origin| origin.ends_with(".example.com"));
/// ```
#[derive(Clone)]
pub struct Origins(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(Origin),
    Matching(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Origins {
    /// Pages of every origin.
    pub const fn any() -> Self {
        Self(Kind::Fixed(Origin::Any))
    }

    /// Pages whose origin has the host and port of the request's `Host`.
    pub const fn same_host() -> Self {
        Self(Kind::Fixed(Origin::SameHost))
    }

    /// Pages of these origins, such as `https://example.com`, compared in any case.
    pub fn list<T: Into<FastStr>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self(Kind::Fixed(Origin::list(origins)))
    }

    /// Pages whose origin fulfils a condition. It is asked at each request. Where it panics,
    /// it has said no.
    pub fn matching(condition: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Kind::Matching(Arc::new(condition)))
    }

    pub(crate) fn is_any(&self) -> bool {
        matches!(self.0, Kind::Fixed(Origin::Any))
    }

    /// Whether a page of this origin may do what the request asks for. What is no text fulfils no
    /// condition.
    pub(crate) fn allow<B>(&self, origin: &HeaderValue, request: &Request<B>) -> bool {
        match &self.0 {
            Kind::Fixed(fixed) => {
                let authority = request.uri().authority().map(|it| it.as_str().as_bytes());
                let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
                let host = host.or(authority).unwrap_or_default();
                fixed.allows(Some(origin.as_bytes()), host)
            }
            Kind::Matching(condition) => {
                let Ok(origin) = std::str::from_utf8(origin.as_bytes()) else {
                    return false;
                };
                contain(|| condition(origin)).unwrap_or_else(|panic| {
                    tracing::error!(%panic, "a condition on origins");
                    false
                })
            }
        }
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Fixed(fixed) => fixed.fmt(f),
            Kind::Matching(_) => f.write_str("Matching"),
        }
    }
}
