//! A server mounted in plain hyper, before the application's own service, over HTTP/1.1 and
//! HTTP/2: `cargo run -p songi-server --example hyper`.

use std::convert::Infallible;
use std::io;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use songi_server::http::Peer;
use songi_server::{Server, Socket};
use tokio::net::TcpListener;
use tower_layer::Layer as _;

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://127.0.0.1:3000");
    serve(listener).await
}

/// Serves everybody who comes.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let io = Server::new();
    io.on("echo", |text: String| text);
    io.on_connection(|socket: Socket| socket.emit("welcome", "Hello!"));

    loop {
        let (stream, address) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(io.layer().layer(Application));
        let service = service_fn(move |mut request: Request<Incoming>| {
            // So that the handshakes know the address.
            let secure = false;
            request.extensions_mut().insert(Peer { address, secure });
            hyper::service::Service::call(&service, request)
        });
        tokio::spawn(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            // WebSockets over HTTP/2 (RFC 8441).
            builder.http2().enable_connect_protocol();
            let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("{address}: {error}");
            }
        });
    }
}

/// What the application itself answers.
#[derive(Clone)]
struct Application;

impl tower_service::Service<Request<Incoming>> for Application {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let text = format!("{} is the application's own", request.uri().path());
        std::future::ready(Ok(Response::new(text)))
    }
}
