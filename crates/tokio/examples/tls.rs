//! An echo server for `wss` URLs, with a certificate that it signs itself, and a client that
//! trusts it: `cargo run -p songi-tokio --example tls`.

use std::{error::Error, io, sync::Arc};

use songi_tokio::{Connect, Event, Message, Options, SendError, accept, handshake::Policy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (acceptor, trust) = identity()?;
    let listener = TcpListener::bind("localhost:0").await?;
    let url = format!("wss://localhost:{}", listener.local_addr()?.port());
    tokio::spawn(serve(listener, acceptor));

    let (mut socket, _response) = Connect::new(&url)?.tls(trust).open().await?;
    socket.send(Message::text("hello"))?;
    if let Some(Event::Text(text)) = socket.recv().await.transpose()? {
        println!("{url} answers: {text}");
    }
    Ok(socket.close(None).await?)
}

/// A new certificate: what the server shows, and what a client needs to trust it. A server in
/// service would load its chain and key from files.
pub(crate) fn identity() -> Result<(TlsAcceptor, Arc<ClientConfig>), Failure> {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate: CertificateDer<'static> = identity.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());

    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::from(key))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((TlsAcceptor::from(Arc::new(server)), Arc::new(client)))
}

pub(crate) async fn serve(listener: TcpListener, acceptor: TlsAcceptor) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(error) = echo(stream, &acceptor).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// One client: TLS, then the opening handshake, then its messages back.
async fn echo(stream: TcpStream, acceptor: &TlsAcceptor) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let policy = Policy::default();
    let (mut socket, _request) = accept(stream, &policy, &Options::default()).await?;
    while let Some(event) = socket.recv().await {
        let message = match event? {
            Event::Text(text) => Message::Text(text),
            Event::Binary(payload) => Message::Binary(payload),
            _ => continue,
        };
        if let Err(SendError::Full { message, .. }) = socket.send(message) {
            socket.flush().await?;
            let _ = socket.send(message);
        }
    }
    Ok(())
}
