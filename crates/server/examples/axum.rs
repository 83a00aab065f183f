//! A server mounted in axum, beside the application's own routes, which can emit too:
//! `cargo run -p songi-server --example axum`, then `curl -d 'Hello!' localhost:3000/news`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use songi_server::{Server, Socket};
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
    io.on_connection(|socket: Socket| socket.emit("welcome", "Hello!"));

    let app = Router::new()
        .route("/", get(async || "Socket.IO answers below /socket.io/"))
        .route("/news", post(news))
        .with_state(io.clone())
        // Outermost, so that other layers see only the application's own requests.
        .layer(io.layer());

    // Small packets are not to wait for each other.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

/// Tells everybody what was posted.
async fn news(State(io): State<Server>, text: String) -> Result<String, StatusCode> {
    io.emit("news", text)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(format!("told {} clients\n", io.connections()))
}
