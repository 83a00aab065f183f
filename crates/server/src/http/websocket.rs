use crate::connection::Connection;
use crate::server::Shared;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use std::sync::Arc;
pub(super) fn open<B>(_shared: Arc<Shared>, _request: Request<B>) -> Response<Full<Bytes>> {
    Response::default()
}
pub(super) fn upgrade<B>(
    _connection: Arc<Connection>,
    _request: Request<B>,
) -> Response<Full<Bytes>> {
    Response::default()
}
