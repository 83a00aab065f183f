//! The tower `Layer` and `Service`.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use super::route::Answering;
use crate::server::Server;

/// Puts a [`Server`] in front of another service: made by [`Server::layer`].
#[derive(Clone, Debug)]
pub struct ServerLayer {
    server: Server,
}

/// A [`Server`] in front of another service: requests whose path starts with
/// [`Config::path`](crate::Config::path) are its own, all others go on to the other service.
///
/// A request begins to act when the service is called, not when the future is first polled: call it
/// within a tokio runtime.
#[derive(Clone, Debug)]
pub struct ServerService<S = NotFound> {
    server: Server,
    inner: S,
}

impl Server {
    /// Whether a request is for this server.
    pub(super) fn is_for_it<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        self.shared.config.below_path(path).is_some()
    }
}

/// Answers every request with 404.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotFound;

impl ServerLayer {
    pub(crate) fn new(server: Server) -> Self {
        Self { server }
    }
}

impl ServerService {
    pub(crate) fn alone(server: Server) -> Self {
        Self {
            server,
            inner: NotFound,
        }
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerService {
            server: self.server.clone(),
            inner,
        }
    }
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    R: 'static,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.server.is_for_it(&request) {
            let answering = Answering::of(&self.server.shared, request, None);
            return Box::pin(async move { Ok(answering.finish().await.map(Either::Left)) });
        }
        let inner = self.inner.call(request);
        Box::pin(async move { Ok(inner.await?.map(Either::Right)) })
    }
}

impl<B> Service<Request<B>> for NotFound {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<B>) -> Self::Future {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        ready(Ok(response))
    }
}
