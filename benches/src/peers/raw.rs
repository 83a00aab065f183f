//! WebSocket servers that echo, each as its documentation shows it.

use std::convert::Infallible;
use std::future::Future;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};

/// The largest message that is echoed, where a peer's default is less.
const LARGEST: usize = 16 << 20;

/// Serves with peers that read the request themselves.
pub(super) async fn accept<F>(listener: TcpListener, serve: fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("TCP");
        tokio::spawn(serve(stream));
    }
}

/// Serves with peers that take a connection over from hyper.
pub(super) async fn upgrade(
    listener: TcpListener,
    answer: fn(Request<Incoming>) -> Response<Empty<Bytes>>,
) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("TCP");
        let service = hyper::service::service_fn(move |request| {
            let response = answer(request);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
            .with_upgrades();
        tokio::spawn(connection);
    }
}

pub(super) async fn songi_tokio(stream: TcpStream) {
    use songi_tokio::{Event, Message, Options, accept, handshake::Policy};
    let Ok((mut socket, _)) = accept(stream, &Policy::default(), &Options::default()).await else {
        return;
    };
    while let Some(Ok(event)) = socket.recv().await {
        let message = match event {
            Event::Binary(payload) => Message::Binary(payload),
            Event::Text(text) => Message::Text(text),
            _ => continue,
        };
        if socket.send(message).is_err() {
            break;
        }
    }
}

pub(super) async fn tokio_tungstenite(stream: TcpStream) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_binary() || message.is_text()) && socket.send(message).await.is_err() {
            break;
        }
    }
}

pub(super) async fn tokio_websockets(stream: TcpStream) {
    let Ok((_, mut socket)) = tokio_websockets::ServerBuilder::new().accept(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_binary() || message.is_text()) && socket.send(message).await.is_err() {
            break;
        }
    }
}

pub(super) fn fastwebsockets(mut request: Request<Incoming>) -> Response<Empty<Bytes>> {
    use fastwebsockets::{FragmentCollector, OpCode, upgrade};
    let (response, socket) = upgrade::upgrade(&mut request).expect("a handshake");
    tokio::spawn(async move {
        let Ok(mut socket) = socket.await else { return };
        socket.set_max_message_size(LARGEST);
        let mut socket = FragmentCollector::new(socket);
        while let Ok(frame) = socket.read_frame().await {
            let is_data = matches!(frame.opcode, OpCode::Text | OpCode::Binary);
            if is_data && socket.write_frame(frame).await.is_err() {
                break;
            }
        }
    });
    response
}

pub(super) fn yawc(mut request: Request<Incoming>) -> Response<Empty<Bytes>> {
    use yawc::{OpCode, WebSocket};
    let (response, socket) = WebSocket::upgrade(&mut request).expect("a handshake");
    tokio::spawn(async move {
        let Ok(mut socket) = socket.await else { return };
        while let Some(frame) = socket.next().await {
            let is_data = matches!(frame.opcode(), OpCode::Text | OpCode::Binary);
            if is_data && socket.send(frame).await.is_err() {
                break;
            }
        }
    });
    response
}

pub(super) async fn axum(listener: TcpListener) {
    use axum::extract::ws::{Message, WebSocketUpgrade};
    use axum::serve::ListenerExt as _;
    let echo = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket| {
            while let Some(Ok(message)) = socket.recv().await {
                let is_data = matches!(message, Message::Text(_) | Message::Binary(_));
                if is_data && socket.send(message).await.is_err() {
                    break;
                }
            }
        })
    };
    let app = axum::Router::new().route("/", axum::routing::any(echo));
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await.expect("it serves");
}
