//! The way to a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use faststr::FastStr;
use parking_lot::Mutex;
use songi_engineio::Transport;
use songi_socketio::Parser;
use tokio::sync::oneshot;
use tokio_rustls::rustls::ClientConfig;

use crate::config::Config;
use crate::engine::EngineSocket;
use crate::error::{ConnectError, InvalidUrl};
use crate::joining::{Answer, Joining, joined, joining_methods};
use crate::manager::sharing;
use crate::settings::Settings;
use crate::socket::Socket;
use crate::tap::{Tap, Traffic};
use crate::target::Target;
use crate::transport::dial::Dialer;
use crate::transport::proxy::Proxy;
use crate::transport::{cookies::Jar, websocket};

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
    target: Result<Target, InvalidUrl>,
    headers: Vec<(String, Vec<u8>)>,
    protocols: Vec<FastStr>,
    parser: Parser,
    tls: Option<Arc<ClientConfig>>,
    proxy: Option<Result<Proxy, InvalidUrl>>,
    tap: Option<Arc<Tap>>,
    config: Config,
    joining: Joining,
}

impl Client {
    /// A client of a server. The URL is one of `http`, `https`, `ws` or `wss`. As in JavaScript,
    /// its path is the namespace (`/` if there is none), and its query goes with the request.
    pub fn new(url: impl AsRef<str>) -> Self {
        Self {
            target: Target::parse(url.as_ref()),
            headers: Vec::new(),
            protocols: Vec::new(),
            parser: Parser::default(),
            tls: None,
            proxy: None,
            tap: None,
            config: Config::default(),
            joining: Joining::default(),
        }
    }

    /// Sets all settings.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets [`Config::path`].
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.config.path = path.into();
        self
    }

    /// Sets [`Config::connect_timeout`].
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout;
        self
    }

    /// Sets [`Config::transports`].
    #[must_use]
    pub fn transports(mut self, transports: impl Into<Vec<Transport>>) -> Self {
        self.config.transports = transports.into();
        self
    }

    /// Sets [`Config::reconnection`].
    #[must_use]
    pub fn reconnection(mut self, reconnection: bool) -> Self {
        self.config.reconnection = reconnection;
        self
    }

    /// Sets [`Config::force_new`].
    #[must_use]
    pub fn force_new(mut self) -> Self {
        self.config.force_new = true;
        self
    }

    /// Adds a header to the HTTP requests, such as `Authorization` or `Cookie`. One that cannot be
    /// sent is an error of [`connect`](Self::connect).
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Adds a parameter to the query of the request, where the server finds it in
    /// `handshake.query`. The names `EIO`, `transport` and `sid` are the protocol's: they are
    /// ignored here.
    #[must_use]
    pub fn query(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        if let Ok(target) = &mut self.target {
            target.query(name.as_ref(), value.as_ref());
        }
        self
    }

    /// Offers a subprotocol of the WebSocket, after those offered before.
    #[must_use]
    pub fn protocol(mut self, name: impl Into<FastStr>) -> Self {
        self.protocols.push(name.into());
        self
    }

    /// Sets how packets are written and read; the server has to do the same. Default: JSON with
    /// binary attachments.
    #[must_use]
    pub fn parser(mut self, parser: Parser) -> Self {
        self.parser = parser;
        self
    }

    /// Sets how TLS is done. Without it: rustls with ring, and the roots of Mozilla.
    #[must_use]
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Goes through a proxy: `http://[user:password@]host:port` (with `CONNECT`), or the same with
    /// `socks5`. The proxy looks up the server's name.
    #[must_use]
    pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
        self.proxy = Some(Proxy::parse(url.as_ref()));
        self
    }

    /// Shows all that travels to a function, in both directions: requests, bytes of WebSockets and
    /// Engine.IO packets. For who debugs a server. The connection's task calls it, and waits for
    /// it. A client that is watched shares no connection with one that is not.
    ///
    /// ```no_run
    /// use songi_client::{Client, Traffic};
    ///
    /// let client = Client::new("http://localhost:3000").tap(|traffic| {
    ///     if let Traffic::Frame { direction, frame } = traffic {
    ///         eprintln!("{direction:?} {frame:?}");
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn tap(mut self, show: impl Fn(Traffic<'_>) + Send + Sync + 'static) -> Self {
        self.tap = Some(Tap::new(show));
        self
    }

    joining_methods!();

    /// Connects and joins the namespace, within [`Config::connect_timeout`]. From then on the
    /// connection is made again when it was lost. To be called in a tokio runtime, which the
    /// connection's task runs in.
    ///
    /// Cancel safe: dropped, it closes the connection again.
    ///
    /// # Errors
    ///
    /// Says which layer failed, in the first attempt: the URL, the network, the HTTP server, the
    /// Engine.IO server, or the application that refused the namespace.
    pub async fn connect(self) -> Result<Socket, ConnectError> {
        let timeout = self.config.connect_timeout;
        let (answer, answered) = oneshot::channel();
        let socket = self.begin(Some(answer))?;
        joined(socket, answered, timeout).await
    }

    /// Begins to connect, and does not wait for it: the socket is there at once, as in JavaScript.
    /// It connects as soon as it can, trying again as after a lost connection. What is emitted
    /// meanwhile is sent then. To be called in a tokio runtime, which the connection's task runs
    /// in.
    ///
    /// ```no_run
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use songi_client::Client;
    ///
    /// let socket = Client::new("http://localhost:3000")
    ///     .on_connect(|| println!("connected"))
    ///     .start()?;
    /// socket.send("as soon as you are there")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the URL, a header or a subprotocol is malformed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(self) -> Result<Socket, ConnectError> {
        self.begin(None)
    }

    /// Opens an Engine.IO session without Socket.IO on it, within [`Config::connect_timeout`]. The
    /// path of the URL, the handlers, the auth payload and the settings of reconnection, retries
    /// and acks mean nothing here; that [`Config::path`] is that of Socket.IO may have to be
    /// changed.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use songi_client::{Client, EngineEvent, Message};
    ///
    /// let client = Client::new("http://localhost:3000").path("/engine.io/");
    /// let mut session = client.connect_engine().await?;
    /// session.send(Message::text("hello"))?;
    /// while let Some(event) = session.recv().await {
    ///     if let EngineEvent::Message(message) = event {
    ///         println!("{message:?}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_engine(self) -> Result<EngineSocket, ConnectError> {
        let (settings, ..) = self.settings()?;
        EngineSocket::open(Arc::new(settings)).await
    }

    fn begin(self, answer: Option<Answer>) -> Result<Socket, ConnectError> {
        let (settings, joining) = self.settings()?;
        let namespace = settings.target.namespace.clone();
        sharing::join(settings, &namespace, joining, answer)
    }

    /// All that a connection is made with; what is malformed is found before anything is connected.
    fn settings(self) -> Result<(Settings, Joining), ConnectError> {
        let target = self.target?;
        let proxy = self.proxy.transpose()?;
        let settings = Settings {
            headers: self.headers,
            protocols: self.protocols,
            parser: self.parser,
            dialer: Dialer {
                host: target.host().to_owned(),
                port: target.port(),
                secure: target.is_secure(),
                tls: self.tls,
                proxy,
            },
            #[cfg(feature = "deflate")]
            deflate: self.config.deflate.map(songi_tokio::Deflate::new),
            target,
            config: self.config,
            cookies: Mutex::new(Jar::default()),
            tap: self.tap,
        };
        websocket::request(&settings, "")?;
        Ok((settings, self.joining))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("target", &self.target)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
