//! What travels between a client and its server, for who wants to see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use songi_engineio::Frame;
use songi_tokio::{Direction, Tapped};

use crate::transport::dial::Stream;

/// What travels between a client and its server: see [`Client::tap`](crate::Client::tap).
#[derive(Debug)]
#[non_exhaustive]
pub enum Traffic<'a> {
    /// A request of long-polling. The body of a POST is an Engine.IO payload: packets with `0x1e`
    /// between them.
    Request(&'a Request<Bytes>),
    /// The response to one. The body of one with status 200 to a GET is a payload too.
    Response(&'a Response<Bytes>),
    /// Bytes of a WebSocket's stream, inside of TLS: the opening handshake, then frames. They come
    /// in the pieces in which they are read and written.
    WebSocket {
        /// Which WebSocket, counted from 1: while one is closed, another may be open already.
        number: u64,
        /// Which way they go.
        direction: Direction,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A message on a WebSocket, uncompressed: one Engine.IO packet. One that is sent is shown
    /// before the bytes of its frame.
    Frame {
        /// Which way it goes.
        direction: Direction,
        /// The packet.
        frame: &'a Frame,
    },
}

/// Who sees it.
pub(crate) struct Tap {
    show: Box<dyn Fn(Traffic<'_>) + Send + Sync>,
    websockets: AtomicU64,
}

impl Tap {
    pub(crate) fn new(show: impl Fn(Traffic<'_>) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            show: Box::new(show),
            websockets: AtomicU64::new(0),
        })
    }

    pub(crate) fn show(&self, traffic: Traffic<'_>) {
        (self.show)(traffic);
    }

    pub(crate) fn on_websocket(self: &Arc<Self>, stream: Stream) -> Stream {
        let number = self.websockets.fetch_add(1, Ordering::Relaxed) + 1;
        let tap = self.clone();
        Box::new(Tapped::new(stream, move |direction, bytes: &[u8]| {
            tap.show(Traffic::WebSocket {
                number,
                direction,
                bytes,
            });
        }))
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}
