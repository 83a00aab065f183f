//! Socket.IO servers.

use axum::Router;
use tokio::net::TcpListener;

use super::Heartbeat;

pub(super) async fn songi(listener: TcpListener, heartbeat: Heartbeat) {
    let io = songi_server(heartbeat);
    io.serve(listener).await.expect("it serves");
}

pub(super) fn songi_server(heartbeat: Heartbeat) -> songi_server::Server {
    use songi_server::{Config, Server, Socket};
    let io = Server::with_config(Config {
        ping_interval: heartbeat.interval,
        ping_timeout: heartbeat.timeout,
        ..Config::default()
    });
    io.on("echo", |text: String| text);
    io.on("all", |socket: Socket, text: String| {
        socket.namespace().emit("all", text)
    });
    io.on("join", |socket: Socket, room: String| socket.join(&room));
    io.on("room", |socket: Socket, room: String, text: String| {
        socket.namespace().to(&room).emit("all", text)
    });
    io
}

pub(super) async fn socketioxide(listener: TcpListener, heartbeat: Heartbeat) {
    use axum::serve::ListenerExt as _;
    use socketioxide::SocketIo;
    use socketioxide::extract::{AckSender, Data, SocketRef};
    let (layer, io) = SocketIo::builder()
        .ping_interval(heartbeat.interval)
        .ping_timeout(heartbeat.timeout)
        .build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("echo", async |Data(text): Data<String>, ack: AckSender| {
            let _ = ack.send(&text);
        });
        socket.on("all", async |io: SocketIo, Data(text): Data<String>| {
            let _ = io.emit("all", &text).await;
        });
        socket.on(
            "join",
            async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
                socket.join(room);
                let _ = ack.send(&());
            },
        );
        socket.on(
            "room",
            async |io: SocketIo, Data((room, text)): Data<(String, String)>| {
                let _ = io.to(room).emit("all", &text).await;
            },
        );
    });
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let app: Router = Router::new().layer(layer);
    axum::serve(listener, app).await.expect("it serves");
}
