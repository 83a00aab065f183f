//! WebSockets: the task that drives one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use songi_engineio::{Frame, TransportEnd, TransportId};
use songi_tokio::WebSocket;
use songi_websocket::deflate::Agreed;
use songi_websocket::{Event, Message};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::connection::{Connection, Queued};

/// Bytes that a WebSocket takes from its queue before they are written: enough for a few large
/// writes. What waits beyond it is bounded by the connection.
const WRITE_AHEAD: usize = 64 * 1024;

/// Drives a WebSocket over what an HTTP connection has become, in a task of its own: what waits for
/// the upgrade is larger than what is needed from then on.
pub(super) fn spawn_upgraded(
    connection: Arc<Connection>,
    id: TransportId,
    upgraded: Upgraded,
    deflate: Option<&Agreed>,
) {
    // On plain TCP nothing of the HTTP connection is kept, whichever builder of hyper's served it.
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            return spawn(
                connection,
                id,
                parts.io.into_inner(),
                &parts.read_buf,
                deflate,
            );
        }
        Err(upgraded) => upgraded,
    };
    match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => spawn(
            connection,
            id,
            parts.io.into_inner(),
            &parts.read_buf,
            deflate,
        ),
        Err(upgraded) => spawn(connection, id, TokioIo::new(upgraded), &[], deflate),
    }
}

fn spawn<IO>(
    connection: Arc<Connection>,
    id: TransportId,
    io: IO,
    unread: &[u8],
    deflate: Option<&Agreed>,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shared = connection.shared().clone();
    // Copied: an empty slice too would keep the whole buffer that HTTP was read into.
    let unread = BytesMut::from(unread);
    let socket = WebSocket::server(io, unread, shared.config.websocket());
    let socket = socket.deflate(deflate);
    shared.tasks.spawn(Drive {
        connection: Some(connection),
        id,
        socket,
    });
}

/// Drives a WebSocket to its end. Written by hand, because an `async fn` keeps what it is given
/// twice: for as long as the connection lives, that is half of what it costs.
struct Drive<IO> {
    /// `None` when only the closing is left.
    connection: Option<Arc<Connection>>,
    id: TransportId,
    socket: WebSocket<IO>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Future for Drive<IO> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let Some(connection) = &this.connection {
            let end = ready!(poll_carry(connection, this.id, &mut this.socket, cx));
            connection.websocket_closed(this.id, end);
            this.connection = None;
            this.socket.start_close(None);
        }
        if let Err(error) = ready!(this.socket.poll_close(cx)) {
            tracing::debug!(%error, "WebSocket");
        }
        Poll::Ready(())
    }
}

/// Carries frames both ways until either side ends it.
fn poll_carry<IO>(
    connection: &Arc<Connection>,
    id: TransportId,
    socket: &mut WebSocket<IO>,
    cx: &mut Context<'_>,
) -> Poll<TransportEnd>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        // All that one read brought, before anything is written.
        while !connection.is_behind()
            && let Some(event) = socket.next_buffered()
        {
            if let Some(end) = deliver(connection, id, Some(Ok(event))) {
                return Poll::Ready(end);
            }
        }
        if socket.queued() >= WRITE_AHEAD
            && let Poll::Ready(Err(error)) = socket.poll_flush(cx)
        {
            return Poll::Ready(end_by(&error));
        }
        let congested = socket.queued() >= WRITE_AHEAD;
        if !congested {
            let taken = connection.take_frames(id, cx.waker());
            for Queued {
                frame, compress, ..
            } in taken.frames
            {
                let message = match frame {
                    Frame::Text(text) => Message::Text(text),
                    Frame::Binary(bytes) => Message::Binary(bytes),
                };
                let sent = if compress {
                    socket.send(message)
                } else {
                    socket.send_uncompressed(message)
                };
                // Its own limit is beyond what a connection lets wait.
                if sent.is_err() {
                    return Poll::Ready(TransportEnd::Closed);
                }
            }
            if taken.closing {
                return Poll::Ready(TransportEnd::Closed);
            }
        } else {
            connection.congested(id);
        }
        let polled = if connection.is_behind() {
            // The handlers wake this task when they have caught up.
            match socket.poll_flush(cx) {
                Poll::Ready(Err(error)) => return Poll::Ready(end_by(&error)),
                _ => Poll::Pending,
            }
        } else {
            // Writes what is queued before it waits.
            socket.poll_recv(cx)
        };
        let Poll::Ready(received) = polled else {
            // Room that was made just now wakes nobody.
            if congested && socket.queued() < WRITE_AHEAD {
                continue;
            }
            connection.written(socket.queued());
            return Poll::Pending;
        };
        if let Some(end) = deliver(connection, id, received) {
            return Poll::Ready(end);
        }
    }
}

/// Passes on what was received; or how the WebSocket has ended.
fn deliver(
    connection: &Arc<Connection>,
    id: TransportId,
    received: Option<Result<Event, songi_tokio::Error>>,
) -> Option<TransportEnd> {
    let frame = match received {
        Some(Ok(Event::Text(text))) => Frame::Text(text),
        Some(Ok(Event::Binary(bytes))) => Frame::Binary(bytes),
        Some(Ok(Event::Close(_))) | None => return Some(TransportEnd::Closed),
        Some(Ok(_)) => return None,
        Some(Err(error)) => {
            tracing::debug!(%error, "WebSocket");
            return Some(end_by(&error));
        }
    };
    connection.frame(id, frame);
    None
}

/// A connection that breaks off was closed, as with the JavaScript server; one failed that carried
/// what is no WebSocket.
fn end_by(error: &songi_tokio::Error) -> TransportEnd {
    match error {
        songi_tokio::Error::Violation(_) => TransportEnd::Failed,
        _ => TransportEnd::Closed,
    }
}
