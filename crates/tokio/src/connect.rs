//! The client's opening handshake, from the URL on.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use songi_websocket::{
    FastStr,
    handshake::{Client, InvalidHeader, InvalidProtocol, InvalidUrl, Response, ResponseError, Url},
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use crate::{Options, Stream, WebSocket, random};

/// The most that is read of the body of a response that refuses.
const BODY_MAX: usize = 16 * 1024;

/// How long to wait for that body.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Why there is no WebSocket.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a WebSocket server.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// A `wss` URL, and the feature `tls` is off.
    #[error("wss needs the feature `tls`")]
    NoTls,
    /// The server answered with another status than 101, or not as RFC 6455 asks.
    #[error("{error}")]
    Response {
        /// What is wrong with the response.
        #[source]
        error: ResponseError,
        /// The first 16 KiB of its body, as far as they came within a second.
        body: Bytes,
    },
    /// All took longer than [`Options::handshake_timeout`].
    #[error("the opening handshake took too long")]
    Timeout,
    /// The stream failed, or ended before the response did.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Connects to a `ws` or `wss` URL.
///
/// # Errors
/// Why there is no connection. A response that refuses is there with its headers and body.
pub async fn connect(url: &str) -> Result<(WebSocket<Stream>, Response), ConnectError> {
    Box::pin(Connect::new(url)?.open()).await
}

/// A connection to be made, with headers, subprotocols and limits.
///
/// ```no_run
/// use songi_tokio::Connect;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut socket, response) = Connect::new("wss://example.com/chat")?
///     .protocol("chat")?
///     .header("Authorization", "Bearer …")?
///     .open()
///     .await?;
/// assert_eq!(response.protocol(), Some("chat"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connect {
    url: Url,
    client: Client,
    options: Options,
    #[cfg(feature = "tls")]
    tls: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
}

impl Connect {
    /// A connection to `url`.
    ///
    /// # Errors
    /// [`ConnectError::Url`], or [`ConnectError::Io`] if the operating system has no randomness
    /// for the nonce.
    pub fn new(url: &str) -> Result<Self, ConnectError> {
        let url: Url = url.parse()?;
        let client = Client::new(&url, random::nonce()?);
        Ok(Self {
            url,
            client,
            options: Options::default(),
            #[cfg(feature = "tls")]
            tls: None,
        })
    }

    /// Offers a subprotocol, after those offered before.
    ///
    /// # Errors
    /// Its name is not a token.
    pub fn protocol(mut self, name: impl Into<FastStr>) -> Result<Self, InvalidProtocol> {
        self.client = self.client.protocol(name)?;
        Ok(self)
    }

    /// Adds a header, such as `Origin`, `Cookie` or `Authorization`.
    ///
    /// # Errors
    /// It is malformed, or belongs to the handshake.
    pub fn header(
        mut self,
        name: impl Into<FastStr>,
        value: impl Into<Bytes>,
    ) -> Result<Self, InvalidHeader> {
        self.client = self.client.header(name, value)?;
        Ok(self)
    }

    /// Offers compression.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: &songi_websocket::Deflate) -> Self {
        self.client = self.client.deflate(deflate);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.client = self.client.limits(options.head_limits);
        self.options = options;
        self
    }

    /// Sets how TLS is done. Without it: rustls with ring, and the roots of Mozilla.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, config: std::sync::Arc<tokio_rustls::rustls::ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Opens the stream and the WebSocket.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn open(mut self) -> Result<(WebSocket<Stream>, Response), ConnectError> {
        let deadline = Instant::now() + self.options.handshake_timeout;
        let stream = timeout_at(deadline, self.open_stream()).await;
        self.handshake(stream.map_err(|_| ConnectError::Timeout)??, deadline)
            .await
    }

    /// Opens the WebSocket over a stream that leads to the server already: through a proxy, over
    /// a Unix socket, with TLS of another kind.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn over<IO: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: IO,
    ) -> Result<(WebSocket<IO>, Response), ConnectError> {
        let deadline = Instant::now() + self.options.handshake_timeout;
        self.handshake(stream, deadline).await
    }

    /// Opens the stream alone, TLS included: to go on with [`over`](Self::over) when something is to
    /// be put around it, such as [`Tapped`](crate::Tapped). How long that may take is the caller's
    /// to decide.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn open_stream(&mut self) -> Result<Stream, ConnectError> {
        let stream = TcpStream::connect((self.url.host(), self.url.port())).await?;
        stream.set_nodelay(true)?;
        if !self.url.is_tls() {
            return Ok(Stream::Tcp(stream));
        }
        #[cfg(feature = "tls")]
        return Ok(Stream::Tls(Box::new(self.start_tls(stream).await?)));
        #[cfg(not(feature = "tls"))]
        Err(ConnectError::NoTls)
    }

    #[cfg(feature = "tls")]
    async fn start_tls(
        &mut self,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

        let config = match self.tls.take() {
            Some(config) => config,
            None => default_tls()?,
        };
        let name = ServerName::try_from(self.url.host().to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        TlsConnector::from(config).connect(name, stream).await
    }

    async fn handshake<IO: AsyncRead + AsyncWrite + Unpin>(
        mut self,
        mut io: IO,
        deadline: Instant,
    ) -> Result<(WebSocket<IO>, Response), ConnectError> {
        let exchange = exchange(&mut self.client, &mut io);
        let (response, leftover) = timeout_at(deadline, exchange)
            .await
            .map_err(|_| ConnectError::Timeout)??;
        let socket = WebSocket::client(io, leftover, self.options.config);
        #[cfg(feature = "deflate")]
        let socket = socket.deflate(response.deflate());
        Ok((socket, response))
    }
}

/// Writes the request and reads the response; returns it with what came behind it.
async fn exchange<IO: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client,
    io: &mut IO,
) -> Result<(Response, BytesMut), ConnectError> {
    io.write_all(&client.request()).await?;
    io.flush().await?;
    let mut input = BytesMut::with_capacity(1024);
    loop {
        if io.read_buf(&mut input).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match client.read(&mut input) {
            Ok(None) => {}
            Ok(Some(response)) => return Ok((response, input)),
            Err(error) => {
                let body = read_body(&error, io, input).await;
                return Err(ConnectError::Response { error, body });
            }
        }
    }
}

/// The body of a refusal, for whoever reads the error: what comes of it soon, up to a limit.
async fn read_body<IO: AsyncRead + Unpin>(
    error: &ResponseError,
    io: &mut IO,
    mut body: BytesMut,
) -> Bytes {
    let ResponseError::Status(response) = error else {
        return Bytes::new();
    };
    let length = response.headers().first("content-length");
    let length = length.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    let wanted = BODY_MAX.min(length.unwrap_or(BODY_MAX));
    let read = async {
        while body.len() < wanted && io.read_buf(&mut body).await? > 0 {}
        io::Result::Ok(())
    };
    // A body that is cut short is still of use.
    let _ = timeout(BODY_TIMEOUT, read).await;
    body.truncate(wanted);
    body.freeze()
}

/// How TLS is done where nothing else is said: rustls with ring, and the roots of Mozilla.
///
/// # Errors
/// When rustls and ring do not fit together.
#[cfg(feature = "tls")]
pub fn default_tls() -> io::Result<std::sync::Arc<tokio_rustls::rustls::ClientConfig>> {
    use std::sync::{Arc, LazyLock};

    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

    static CONFIG: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    });
    CONFIG.clone().map_err(io::Error::other)
}
