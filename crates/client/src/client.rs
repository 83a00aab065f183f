//! The way to a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::ClientConfig;

use crate::config::Config;
use crate::error::ConnectError;
use crate::joining::{Joining, joining_methods, within};
use crate::opening::Opening;
use crate::socket::Socket;
use crate::target::Target;

/// Connects to a server and joins a namespace, with the default settings: see [`Client::new`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = songi_client::connect("http://localhost:3000").await?;
/// socket.send("Hello!")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`Client::connect`].
pub async fn connect(url: impl AsRef<str>) -> Result<Socket, ConnectError> {
    Client::new(url).connect().await
}

/// A connection to be made, and the first namespace to be joined on it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use songi_client::{Bytes, Client, DisconnectReason};
/// use serde_json::json;
///
/// let socket = Client::new("http://localhost:3000/admin")
///     .auth(json!({ "token": "x" }))
///     .on("news", |text: String, image: Bytes| println!("{text}: {} bytes", image.len()))
///     .on_disconnect(|reason: DisconnectReason| println!("{reason}"))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
pub struct Client {
    opening: Opening,
    joining: Joining,
}

impl Client {
    /// A client of a server. The URL is one of `http`, `https`, `ws` or `wss`. As in JavaScript,
    /// its path is the namespace (`/` if there is none), and its query goes with the request.
    pub fn new(url: impl AsRef<str>) -> Self {
        Self {
            opening: Opening {
                target: Target::parse(url.as_ref()),
                headers: Vec::new(),
                tls: None,
                config: Config::default(),
            },
            joining: Joining::default(),
        }
    }

    /// Sets all settings.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.opening.config = config;
        self
    }

    /// Sets [`Config::path`].
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.opening.config.path = path.into();
        self
    }

    /// Sets [`Config::connect_timeout`].
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.opening.config.connect_timeout = timeout;
        self
    }

    /// Adds a header to the HTTP request, such as `Authorization` or `Cookie`. One that cannot be
    /// sent is an error of [`connect`](Self::connect).
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        let header = (name.into(), value.as_ref().to_vec());
        self.opening.headers.push(header);
        self
    }

    /// Adds a parameter to the query of the request, where the server finds it in
    /// `handshake.query`. The names `EIO`, `transport` and `sid` are the protocol's: they are
    /// ignored here.
    #[must_use]
    pub fn query(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        if let Ok(target) = &mut self.opening.target {
            target.query(name.as_ref(), value.as_ref());
        }
        self
    }

    /// Sets how TLS is done. Without it: rustls with ring, and the roots of Mozilla.
    #[must_use]
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.opening.tls = Some(config);
        self
    }

    joining_methods!();

    /// Connects and joins the namespace, within [`Config::connect_timeout`]. To be called in a
    /// tokio runtime, which the connection's task runs in.
    ///
    /// Cancel safe: dropped, it closes the connection again.
    ///
    /// # Errors
    ///
    /// Says which layer failed: the URL, the network, the HTTP server, the Engine.IO server, or
    /// the application that refused the namespace.
    pub async fn connect(self) -> Result<Socket, ConnectError> {
        let Self { opening, joining } = self;
        within(opening.config.connect_timeout, async {
            let namespace = opening.target.as_ref().map_err(|error| *error)?;
            let namespace = namespace.namespace.clone();
            let connection = opening.open().await?;
            let join = connection.join(namespace, joining);
            drop(connection);
            join.await
        })
        .await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("target", &self.opening.target)
            .field("config", &self.opening.config)
            .finish_non_exhaustive()
    }
}
