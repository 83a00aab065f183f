//! What carries one session: requests, and a WebSocket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use songi_engineio::{Frame, RequestId, TransportEnd, TransportId};
use songi_tokio::{Direction, Error, Event, Message, WebSocket};

use crate::error::ConnectError;
use crate::manager::Command;
use crate::settings::Settings;
use crate::tap::Traffic;
use crate::transport::dial::Stream;
use crate::transport::http::{Lane, Reply};
use crate::transport::websocket;

/// Bytes that the WebSocket takes before they are written: enough for a few large writes. What
/// waits beyond it is bounded by the connection.
const WRITE_AHEAD: usize = 64 * 1024;

/// WebSockets that may be closing at a time; the oldest is dropped.
const MAX_CLOSING: usize = 8;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is under way, by its name.
type Pending<K, T> = Option<(K, Boxed<Result<T, ConnectError>>)>;

pub(crate) struct Wires {
    settings: Arc<Settings>,
    /// Which session they are for.
    link: u64,
    gets: Lane,
    posts: Lane,
    get: Pending<RequestId, Reply>,
    post: Pending<RequestId, Reply>,
    opening: Pending<TransportId, WebSocket<Stream>>,
    websocket: Option<(TransportId, Box<WebSocket<Stream>>)>,
    closing: Vec<Boxed<()>>,
}

/// Whose session it is that the wires carry.
pub(crate) trait Bearer {
    /// A request was answered.
    fn response(&mut self, request: RequestId, reply: Result<Reply, ConnectError>);

    /// A WebSocket that was asked for is open.
    fn websocket_opened(&mut self, transport: TransportId);

    /// A WebSocket has ended, or could not be opened.
    fn transport_closed(
        &mut self,
        transport: TransportId,
        end: TransportEnd,
        error: Option<ConnectError>,
    );

    /// A message came.
    fn frame(&mut self, transport: TransportId, frame: Frame);

    /// Whether nothing more should be read for now.
    fn is_behind(&self) -> bool;
}

/// Whether something came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    Input,
    Not,
}

impl Wires {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            link: 0,
            gets: Lane::default(),
            posts: Lane::default(),
            get: None,
            post: None,
            opening: None,
            websocket: None,
            closing: Vec::new(),
        }
    }

    /// Serves this session from now on.
    pub(crate) fn attach(&mut self, link: u64) {
        if self.link != link {
            self.detach();
            self.link = link;
        }
    }

    /// Lets go of everything: the session has ended.
    pub(crate) fn detach(&mut self) {
        (self.get, self.post, self.opening) = (None, None, None);
        (self.gets, self.posts) = (Lane::default(), Lane::default());
        if let Some((_, websocket)) = self.websocket.take() {
            self.close(websocket);
        }
    }

    /// Bytes that can be written ahead.
    pub(crate) fn room(&self) -> usize {
        WRITE_AHEAD.saturating_sub(self.queued())
    }

    /// Bytes that wait in the WebSocket.
    pub(crate) fn queued(&self) -> usize {
        self.websocket.as_ref().map_or(0, |(_, it)| it.queued())
    }

    pub(crate) fn perform(&mut self, command: Command) {
        let settings = self.settings.clone();
        match command {
            Command::Get { request, query } => {
                let query = with_timestamp(&query);
                let future = self.gets.clone().request(settings, query, None);
                self.get = Some((request, Box::pin(future)));
            }
            Command::Post {
                request,
                query,
                body,
            } => {
                let query = with_timestamp(&query);
                let future = self.posts.clone().request(settings, query, Some(body));
                self.post = Some((request, Box::pin(future)));
            }
            Command::Open { transport, query } => {
                self.opening = Some((transport, Box::pin(websocket::open(settings, query))));
            }
            Command::Write {
                transport,
                frame,
                compress,
            } => {
                self.settings.show(|| Traffic::Frame {
                    direction: Direction::Sent,
                    frame: &frame,
                });
                if let Some(websocket) = self.websocket(transport) {
                    // It has no limit of its own, and says by its next event when it is closing.
                    let _ = if compress {
                        websocket.send(message(frame))
                    } else {
                        websocket.send_uncompressed(message(frame))
                    };
                }
            }
            Command::Close(transport) => {
                self.opening.take_if(|(opening, _)| *opening == transport);
                let closing = self.websocket.take_if(|(open, _)| *open == transport);
                if let Some((_, websocket)) = closing {
                    self.close(websocket);
                }
            }
        }
    }

    /// Ready when no WebSocket is closing any more.
    pub(crate) fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.closing
            .retain_mut(|closing| closing.as_mut().poll(cx).is_pending());
        if self.closing.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Puts what came into the session.
    pub(crate) fn poll(&mut self, bearer: &mut impl Bearer, cx: &mut Context<'_>) -> Woken {
        let mut woken = Woken::Not;
        if let Some((request, reply)) = poll_one(&mut self.post, cx) {
            bearer.response(request, reply);
            woken = Woken::Input;
        }
        if let Some((transport, opened)) = poll_one(&mut self.opening, cx) {
            match opened {
                Ok(websocket) => {
                    self.websocket = Some((transport, Box::new(websocket)));
                    bearer.websocket_opened(transport);
                }
                Err(error) => {
                    tracing::debug!(%error, "WebSocket");
                    bearer.transport_closed(transport, TransportEnd::Failed, Some(error));
                }
            }
            woken = Woken::Input;
        }
        let behind = bearer.is_behind();
        if !behind && let Some((request, reply)) = poll_one(&mut self.get, cx) {
            bearer.response(request, reply);
            woken = Woken::Input;
        }
        if self.poll_websocket(bearer, behind, cx) == Woken::Input {
            woken = Woken::Input;
        }
        woken
    }

    fn poll_websocket(
        &mut self,
        bearer: &mut impl Bearer,
        behind: bool,
        cx: &mut Context<'_>,
    ) -> Woken {
        let Some((transport, websocket)) = &mut self.websocket else {
            return Woken::Not;
        };
        let transport = *transport;
        if behind || websocket.queued() >= WRITE_AHEAD {
            // Receiving writes too, but only when there is nothing to be read.
            if let Poll::Ready(Err(error)) = websocket.poll_flush(cx) {
                return self.ended(bearer, transport, TransportEnd::Failed, Some(error));
            }
        }
        if behind {
            return Woken::Not;
        }
        let Poll::Ready(event) = websocket.poll_recv(cx) else {
            return Woken::Not;
        };
        match event {
            Some(Ok(Event::Text(text))) => self.received(bearer, transport, Frame::Text(text)),
            Some(Ok(Event::Binary(bytes))) => {
                self.received(bearer, transport, Frame::Binary(bytes));
            }
            Some(Ok(Event::Close(_))) => {
                bearer.transport_closed(transport, TransportEnd::Closed, Some(closed()));
            }
            Some(Ok(_)) => {}
            // As in JavaScript: a stream that ends is no error.
            None | Some(Err(Error::Abnormal(_))) => {
                self.websocket = None;
                bearer.transport_closed(transport, TransportEnd::Closed, Some(closed()));
            }
            Some(Err(error)) => {
                return self.ended(bearer, transport, TransportEnd::Failed, Some(error));
            }
        }
        Woken::Input
    }

    fn received(&self, bearer: &mut impl Bearer, transport: TransportId, frame: Frame) {
        self.settings.show(|| Traffic::Frame {
            direction: Direction::Received,
            frame: &frame,
        });
        bearer.frame(transport, frame);
    }

    fn ended(
        &mut self,
        bearer: &mut impl Bearer,
        transport: TransportId,
        end: TransportEnd,
        error: Option<Error>,
    ) -> Woken {
        // What is left is the close frame, if there is one.
        if let Some((_, websocket)) = self.websocket.take() {
            self.close(websocket);
        }
        if let Some(error) = &error {
            tracing::debug!(%error, "WebSocket");
        }
        bearer.transport_closed(transport, end, error.map(ConnectError::from));
        Woken::Input
    }

    fn websocket(&mut self, transport: TransportId) -> Option<&mut WebSocket<Stream>> {
        let (open, websocket) = self.websocket.as_mut()?;
        (*open == transport).then_some(websocket)
    }

    fn close(&mut self, mut websocket: Box<WebSocket<Stream>>) {
        if self.closing.len() >= MAX_CLOSING {
            drop(self.closing.remove(0));
        }
        self.closing.push(Box::pin(async move {
            if let Err(error) = websocket.close(None).await {
                tracing::debug!(%error, "WebSocket");
            }
        }));
    }
}

fn poll_one<K: Copy, T>(
    slot: &mut Pending<K, T>,
    cx: &mut Context<'_>,
) -> Option<(K, Result<T, ConnectError>)> {
    let (key, future) = slot.as_mut()?;
    let key = *key;
    let Poll::Ready(value) = future.as_mut().poll(cx) else {
        return None;
    };
    *slot = None;
    Some((key, value))
}

/// The server closed the WebSocket, while the session was not open.
fn closed() -> ConnectError {
    ConnectError::Disconnected(crate::DisconnectReason::TransportClose)
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text),
        Frame::Binary(bytes) => Message::Binary(bytes),
    }
}

/// No cache between here and the server has an answer to this: as in JavaScript (`t`).
fn with_timestamp(query: &str) -> String {
    format!("{query}&t={:x}", rand::random::<u64>())
}
