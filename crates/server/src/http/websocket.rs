//! WebSockets: the task that drives one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use songi_engineio::TransportId;
use songi_tokio::WebSocket;
use songi_websocket::deflate::Agreed;
use tokio::net::TcpStream;

use crate::connection::{Accepted, Connection, Stream};
use crate::server::Shared;

/// The WebSocket that an HTTP connection has become.
pub(super) fn accepted(shared: &Shared, upgraded: Upgraded, deflate: Option<&Agreed>) -> Accepted {
    let config = shared.config.websocket();
    let tcp = |io: TokioIo<TcpStream>, unread: &[u8]| {
        Accepted::new(Stream::Tcp(io.into_inner()), unread, config, deflate)
    };
    // On plain TCP nothing of the HTTP connection is kept, whichever builder of hyper's served it.
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return tcp(parts.io, &parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => tcp(parts.io, &parts.read_buf),
        Err(upgraded) => {
            let stream = Stream::Upgraded(Box::new(TokioIo::new(upgraded)));
            Accepted::new(stream, &[], config, deflate)
        }
    }
}

/// Drives a WebSocket of this connection, in a task of its own: what waits for the upgrade is
/// larger than what is needed from then on.
pub(super) fn spawn(connection: Arc<Connection>, id: TransportId) {
    let shared = connection.shared().clone();
    shared.tasks.spawn(Drive {
        id,
        state: State::Carrying(connection),
    });
}

/// Drives a WebSocket to its end. Written by hand, because an `async fn` keeps what it is given
/// twice: for as long as the connection lives, that is half of what it costs.
struct Drive {
    id: TransportId,
    state: State,
}

enum State {
    Carrying(Arc<Connection>),
    /// Only the closing is left.
    Closing(Box<WebSocket<Stream>>),
    Over,
}

impl Future for Drive {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Carrying(connection) => {
                    let end = ready!(connection.poll_websocket(this.id, cx));
                    this.state = match connection.websocket_closed(this.id, end) {
                        Some(mut socket) => {
                            socket.start_close(None);
                            State::Closing(Box::new(socket))
                        }
                        None => State::Over,
                    };
                }
                State::Closing(socket) => {
                    if let Err(error) = ready!(socket.poll_close(cx)) {
                        tracing::debug!(%error, "WebSocket");
                    }
                    this.state = State::Over;
                }
                State::Over => return Poll::Ready(()),
            }
        }
    }
}
