//! The Rust servers, with the same handlers, each on one thread.

use std::time::Duration;

use tokio::net::TcpListener;

/// Nobody is pinged while something is measured.
const NEVER: Duration = Duration::from_secs(3600);

/// Serves until the process ends.
pub fn serve(name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        match name {
            "songi" => songi(listener).await,
            "socketioxide" => socketioxide(listener).await,
            name => panic!("no server is called {name}"),
        }
    });
}

async fn songi(listener: TcpListener) {
    use songi_server::{Config, Server, Socket};
    let io = Server::with_config(Config {
        ping_interval: NEVER,
        ping_timeout: NEVER,
        ..Config::default()
    });
    io.on("echo", |text: String| text);
    io.on("all", |socket: Socket, text: String| {
        socket.namespace().emit("all", text)
    });
    io.serve(listener).await.expect("it serves");
}

async fn socketioxide(listener: TcpListener) {
    use socketioxide::SocketIo;
    use socketioxide::extract::{AckSender, Data, SocketRef};
    let (service, io) = SocketIo::builder()
        .ping_interval(NEVER)
        .ping_timeout(NEVER)
        .build_svc();
    io.ns("/", async |socket: SocketRef| {
        socket.on("echo", async |Data(text): Data<String>, ack: AckSender| {
            let _ = ack.send(&text);
        });
        socket.on("all", async |io: SocketIo, Data(text): Data<String>| {
            let _ = io.emit("all", &text).await;
        });
    });
    let http = hyper::server::conn::http1::Builder::new();
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("TCP");
        let stream = hyper_util::rt::TokioIo::new(stream);
        tokio::spawn(
            http.serve_connection(stream, service.clone())
                .with_upgrades(),
        );
    }
}
