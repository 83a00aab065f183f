//! A stream to the server: TCP, perhaps through a proxy, perhaps with TLS.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::proxy::Proxy;

/// Whatever leads to the server.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(crate) type Stream = Box<dyn Io>;

/// Where a stream leads and how.
pub(crate) struct Dialer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) secure: bool,
    /// In place of the default.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) proxy: Option<Proxy>,
}

impl Dialer {
    pub(crate) async fn dial(&self) -> io::Result<Stream> {
        let stream: Stream = match &self.proxy {
            Some(proxy) => proxy.connect(&self.host, self.port).await?,
            None => {
                let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        if !self.secure {
            return Ok(stream);
        }
        let config = match &self.tls {
            Some(config) => config.clone(),
            None => songi_tokio::default_tls()?,
        };
        let name = ServerName::try_from(self.host.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}
