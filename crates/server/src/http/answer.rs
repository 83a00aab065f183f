//! HTTP responses.

use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode, Version};
use http_body_util::Full;
use songi_engineio::RequestError;

use super::Answer;

/// The answer to a request of long-polling.
pub(super) fn from_engine(answer: songi_engineio::Response) -> Answer {
    let mut response = Response::new(Full::new(answer.body));
    // The session gives statuses that exist.
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(content_type) = answer.content_type {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(content_type.as_str()),
        );
    }
    response
}

/// The answer to a request that is refused.
pub(super) fn refusal(error: &RequestError, upgrade: bool, version: Version) -> Answer {
    let mut response = from_engine(error.response(upgrade));
    if upgrade {
        end_connection(&mut response, version);
    }
    response
}

/// The connection of a refused upgrade ends with the answer. HTTP/2 knows streams only.
pub(super) fn end_connection(response: &mut Answer, version: Version) {
    response.headers_mut().remove(CONNECTION);
    if version <= Version::HTTP_11 {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// A response with a status and nothing else.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
