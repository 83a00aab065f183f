//! The server's opening handshake over a stream.

use std::{io, time::Duration};

use bytes::BytesMut;
use songi_websocket::{
    Config,
    handshake::{Accepted, Policy, Rejection, Request, RequestReader},
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use crate::{Options, WebSocket};

/// How long a refused client may go on sending before the stream is dropped.
const LINGER: Duration = Duration::from_secs(1);

/// Why there is no WebSocket.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The request was refused, and the client told so.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The handshake took longer than [`Options::handshake_timeout`].
    #[error("the opening handshake took too long")]
    Timeout,
    /// The stream failed, or ended before the request did.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a client's request, judges it by `policy` and answers it.
///
/// ```no_run
/// use songi_tokio::{Options, accept, handshake::Policy};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let (stream, _) = listener.accept().await?;
/// let (mut socket, request) = accept(stream, &Policy::default(), &Options::default()).await?;
/// println!("{}", request.target());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`AcceptError::Rejected`] once the refusal was sent; the stream is gone in any case.
pub async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(
    io: IO,
    policy: &Policy,
    options: &Options,
) -> Result<(WebSocket<IO>, Request), AcceptError> {
    let handshake = async {
        let incoming = Incoming::read(io, options).await?;
        match policy.accept(incoming.request()) {
            Ok(accepted) => incoming.accept(&accepted).await,
            Err(rejection) => {
                incoming.reject(&rejection).await?;
                Err(rejection.into())
            }
        }
    };
    // On the heap, so that the task in which the connection goes on has no room for it all the time.
    Box::pin(handshake).await
}

/// A client's request that waits for its answer: for a server that decides for itself, or adds
/// headers.
///
/// ```no_run
/// use songi_tokio::{Incoming, Options, handshake::{Policy, Rejection}};
///
/// # async fn run(stream: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let incoming = Incoming::read(stream, &Options::default()).await?;
/// if incoming.request().path() != "/chat" {
///     incoming.reject(&Rejection::new(404)?).await?;
///     return Ok(());
/// }
/// let accepted = Policy::default().accept(incoming.request())?.header("Set-Cookie", "a=1")?;
/// let (mut socket, _request) = incoming.accept(&accepted).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Incoming<IO> {
    io: IO,
    request: Request,
    leftover: BytesMut,
    config: Config,
    deadline: Instant,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Incoming<IO> {
    /// Reads the head of a request. One that is not HTTP is refused at once.
    ///
    /// # Errors
    /// As [`accept`].
    pub async fn read(mut io: IO, options: &Options) -> Result<Self, AcceptError> {
        let deadline = Instant::now() + options.handshake_timeout;
        let mut reader = RequestReader::new(options.head_limits);
        let mut input = BytesMut::with_capacity(1024);
        loop {
            let read = timeout_at(deadline, io.read_buf(&mut input)).await;
            if read.map_err(|_| AcceptError::Timeout)?? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            match reader.read(&mut input) {
                Ok(None) => {}
                Ok(Some(request)) => {
                    let leftover = std::mem::take(&mut input);
                    let config = options.config;
                    return Ok(Self {
                        io,
                        request,
                        leftover,
                        config,
                        deadline,
                    });
                }
                Err(rejection) => {
                    Box::pin(refuse(&mut io, &rejection, deadline)).await?;
                    return Err(rejection.into());
                }
            }
        }
    }

    /// The request.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Sends the response that upgrades the connection.
    ///
    /// # Errors
    /// As [`accept`].
    pub async fn accept(
        mut self,
        accepted: &Accepted,
    ) -> Result<(WebSocket<IO>, Request), AcceptError> {
        write(&mut self.io, &accepted.to_bytes(), self.deadline).await?;
        let socket = WebSocket::server(self.io, self.leftover, self.config);
        #[cfg(feature = "deflate")]
        let socket = socket.deflate(accepted.deflate());
        Ok((socket, self.request))
    }

    /// Sends a refusal and closes the stream.
    ///
    /// # Errors
    /// [`AcceptError::Timeout`] or [`AcceptError::Io`] if it could not be sent.
    pub async fn reject(mut self, rejection: &Rejection) -> Result<(), AcceptError> {
        Box::pin(refuse(&mut self.io, rejection, self.deadline)).await
    }
}

async fn write<IO: AsyncWrite + Unpin>(
    io: &mut IO,
    bytes: &[u8],
    deadline: Instant,
) -> Result<(), AcceptError> {
    let written = timeout_at(deadline, async {
        io.write_all(bytes).await?;
        io.flush().await
    });
    written.await.map_err(|_| AcceptError::Timeout)??;
    Ok(())
}

/// Sends a refusal; then reads on for a moment, for a stream that is dropped with unread input may
/// be reset, and the reset can overtake the refusal.
async fn refuse<IO: AsyncRead + AsyncWrite + Unpin>(
    io: &mut IO,
    rejection: &Rejection,
    deadline: Instant,
) -> Result<(), AcceptError> {
    write(io, &rejection.to_bytes(), deadline).await?;
    let drain = async {
        io.shutdown().await?;
        let mut discarded = [0; 1024];
        while io.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    // The refusal is out: how the stream ends is of no interest.
    let _ = timeout(LINGER, drain).await;
    Ok(())
}
