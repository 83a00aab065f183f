//! The HTTP request that a client began with.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, Uri};
use songi_socketio::ArgumentError;
use songi_socketio::handler::{EventContext, FromEvent};

use crate::socket::Socket;

/// What is known of a client from its first HTTP request (Socket.IO documentation, "Server API:
/// socket.handshake"). Cloning is cheap.
///
/// As a handler's parameter it takes no argument.
///
/// ```
/// use songi_server::{Handshake, Server};
///
/// let io = Server::new();
/// io.of("/admin").authorize(|handshake: Handshake| {
///     match handshake.headers().get("x-token") {
///         Some(token) if token == "secret" => Ok(()),
///         _ => Err("not authorized"),
///     }
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Handshake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    headers: HeaderMap,
    uri: Uri,
    issued: SystemTime,
}

impl Handshake {
    pub(crate) fn new(headers: HeaderMap, uri: Uri) -> Self {
        Self(Arc::new(Inner {
            headers,
            uri,
            issued: SystemTime::now(),
        }))
    }

    /// The headers of the request.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The target of the request, with its query.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// When the request came.
    pub fn issued(&self) -> SystemTime {
        self.0.issued
    }
}

impl FromEvent<Socket> for Handshake {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(event.socket().handshake().clone())
    }
}
