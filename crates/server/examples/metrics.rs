//! What the server counts, as a page for Prometheus, in axum:
//! `cargo run -p songi-server --example metrics`, then `curl localhost:3000/metrics`.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use songi_server::Server;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://127.0.0.1:3000");
    serve(listener).await
}

/// Serves everybody who comes.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let io = Server::new();
    io.on("echo", |text: String| text);
    let app = Router::new()
        // Not for everybody's eyes: put it on a port of its own, or behind what protects it.
        .route("/metrics", get(metrics))
        .with_state(io.clone())
        .layer(io.layer());
    axum::serve(listener, app).await
}

async fn metrics(State(io): State<Server>) -> impl IntoResponse {
    let page = io.metrics().to_prometheus();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], page)
}
