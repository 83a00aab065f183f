//! The server on a port of its own, for those who have no web framework.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::HOST;
use http::{Request, StatusCode, Version};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};

use super::route::Answering;
use super::{Peer, answer};
use crate::server::Server;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const MAX_HEAD: u32 = 16 * 1024;

/// How long to wait when no file descriptor is left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Server {
    /// Serves on a TCP address until [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        self.serve(TcpListener::bind(address).await?).await
    }

    /// Serves on a listener until [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// When the listener fails for good.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        self.shared.start();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shared.closed.cancelled() => return Ok(()),
            };
            match accepted {
                Ok((stream, address)) => {
                    let task = connection(self.clone(), stream, address);
                    self.shared.tasks.spawn(task);
                }
                // A connection that failed before it was accepted concerns nobody else.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn connection(server: Server, stream: TcpStream, address: SocketAddr) {
    // Small packets are not to wait for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let shared = server.shared.clone();
    let peer = Peer {
        address,
        secure: false,
    };
    let service = service_fn(move |request: Request<_>| {
        let answering = if lacks_host(&request) {
            Answering::Ready(answer::empty(StatusCode::BAD_REQUEST))
        } else if server.is_for_it(&request) {
            Answering::of(&server.shared, request, Some(peer))
        } else {
            Answering::Ready(answer::empty(StatusCode::NOT_FOUND))
        };
        async move { Ok::<_, Infallible>(answering.finish().await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_header_list_size(MAX_HEAD);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);

    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shared.closed.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "HTTP connection");
    }
}

/// RFC 9112 §3.2: a request of HTTP/1.1 without a `Host` is answered with 400. hyper lets it pass.
fn lacks_host<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST)
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
