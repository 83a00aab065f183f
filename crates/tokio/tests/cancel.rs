//! I3: every future may be dropped at every await point, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use futures_util::FutureExt;
use songi_tokio::{Config, Event, Message, SendError, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// A stream that hesitates before each operation, and then does a little of it.
struct Hesitant {
    stream: DuplexStream,
    ready: [bool; 3],
}

impl Hesitant {
    fn new(stream: DuplexStream) -> Self {
        Self {
            stream,
            ready: [false; 3],
        }
    }

    fn hesitates(&mut self, operation: usize, cx: &Context<'_>) -> bool {
        let ready = self.ready.get_mut(operation).unwrap();
        *ready = !*ready;
        if *ready {
            cx.waker().wake_by_ref();
        }
        *ready
    }
}

impl AsyncRead for Hesitant {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.hesitates(0, cx) {
            return Poll::Pending;
        }
        let mut little = buffer.take(3);
        let before = little.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, &mut little);
        let n = little.filled().len() - before;
        let read = little.filled().to_vec();
        buffer.put_slice(read.get(..n).unwrap());
        result
    }
}

impl AsyncWrite for Hesitant {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.hesitates(1, cx) {
            return Poll::Pending;
        }
        let little = bytes.get(..bytes.len().min(5)).unwrap();
        Pin::new(&mut self.stream).poll_write(cx, little)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hesitates(2, cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hesitates(2, cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Polls `future` once, and drops it.
async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    let done = future.now_or_never();
    tokio::task::yield_now().await;
    done
}

async fn send<IO: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<IO>, message: Message) {
    if let Err(SendError::Full { message, .. }) = socket.send(message) {
        while once(socket.flush()).await.is_none() {}
        socket.send(message).unwrap();
    }
}

fn message(number: usize) -> Message {
    match number % 3 {
        0 => Message::text(number.to_string().repeat(number)),
        1 => Message::binary(vec![7; number * 20]),
        _ => Message::text(format!("{number} 송이")),
    }
}

#[tokio::test]
async fn every_future_may_be_dropped() {
    const COUNT: usize = 40;
    let (a, b) = duplex(64);
    let config = Config::default().queue_limit(500);
    let mut server = WebSocket::server(Hesitant::new(a), BytesMut::new(), config);
    let mut client = WebSocket::client(Hesitant::new(b), BytesMut::new(), config);

    let serving = tokio::spawn(async move {
        loop {
            let Some(event) = once(server.recv()).await else {
                continue;
            };
            match event {
                Some(Ok(Event::Text(text))) => send(&mut server, Message::Text(text)).await,
                Some(Ok(Event::Binary(bytes))) => send(&mut server, Message::Binary(bytes)).await,
                Some(event) => drop(event.unwrap()),
                None => return,
            }
        }
    });

    for number in 0..COUNT {
        send(&mut client, message(number)).await;
        let event = loop {
            if let Some(event) = once(client.recv()).await {
                break event.unwrap().unwrap();
            }
        };
        let echoed = match event {
            Event::Text(text) => Message::Text(text),
            Event::Binary(bytes) => Message::Binary(bytes),
            event => panic!("{event:?}"),
        };
        assert_eq!(echoed, message(number));
    }
    loop {
        if let Some(closed) = once(client.close(None)).await {
            closed.unwrap();
            break;
        }
    }
    serving.await.unwrap();
}
