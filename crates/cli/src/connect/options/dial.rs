//! What is dialled: a client or a WebSocket, as the command line asks for it.

use std::sync::Arc;

use songi::client::rustls::pki_types::CertificateDer;
use songi::client::rustls::pki_types::pem::PemObject as _;
use songi::client::rustls::{ClientConfig, RootCertStore};
use songi::client::{Client, Config, Transport};
use songi::tokio::{self as websocket, Connect};

use super::{Args, Transports};
use crate::connect::Setup;
use crate::connect::data::Data;
use crate::connect::failure::Failure;
use crate::connect::raw::Wire;

impl Args {
    /// A client of Socket.IO or Engine.IO.
    pub(in crate::connect) fn client(
        &self,
        setup: &Setup,
        wire: Option<Arc<Wire>>,
    ) -> Result<Client, Failure> {
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        let url = format!("{}{}?{query}", setup.asked.url, setup.asked.namespace);
        let mut config = Config {
            path: setup.asked.path.clone(),
            connect_timeout: self.timeout,
            reconnection: !self.no_reconnect,
            transports: match self.transport {
                Transports::Auto => Config::default().transports,
                Transports::Polling => vec![Transport::Polling],
                Transports::Websocket => vec![Transport::WebSocket],
                Transports::Upgrade => vec![Transport::Polling, Transport::WebSocket],
            },
            ..Config::default()
        };
        if self.no_deflate {
            config.deflate = None;
        }
        let mut client = Client::new(url).config(config).parser(self.parser());
        for header in &self.headers {
            let (name, value) = header_of(header)?;
            client = client.header(name, value);
        }
        for pair in &self.query {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            client = client.query(name, value);
        }
        for name in &self.subprotocol {
            client = client.protocol(name.clone());
        }
        if let Some(auth) = &self.auth {
            client = client.auth(auth_of(auth)?);
        }
        if let Some(proxy) = &self.proxy {
            client = client.proxy(proxy);
        }
        if let Some(tls) = self.tls()? {
            client = client.tls(tls);
        }
        Ok(match wire {
            Some(wire) => client.tap(move |traffic| wire.see(&traffic)),
            None => client,
        })
    }

    /// A plain WebSocket to be opened.
    pub(in crate::connect) fn websocket(&self, setup: &Setup) -> Result<Connect, Failure> {
        let mut url = self.url.clone();
        for (http, ws) in [("http://", "ws://"), ("https://", "wss://")] {
            if let Some(rest) = self.url.strip_prefix(http) {
                url = format!("{ws}{rest}");
            }
        }
        for pair in &self.query {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(pair);
        }
        let failed = |error| Failure::websocket(&error, &setup.asked);
        let options = websocket::Options::default().handshake_timeout(self.timeout);
        let mut connect = Connect::new(&url).map_err(failed)?.options(options);
        for header in &self.headers {
            let (name, value) = header_of(header)?;
            connect = connect
                .header(name.to_owned(), value.to_owned())
                .map_err(|error| Failure::input(format!("--header {header}: {error}")))?;
        }
        for name in &self.subprotocol {
            connect = connect
                .protocol(name.clone())
                .map_err(|error| Failure::input(format!("--subprotocol: {error}")))?;
        }
        if !self.no_deflate {
            connect = connect.deflate(&websocket::Deflate::new(Default::default()));
        }
        if let Some(tls) = self.tls()? {
            connect = connect.tls(tls);
        }
        Ok(connect)
    }

    fn tls(&self) -> Result<Option<Arc<ClientConfig>>, Failure> {
        let Some(path) = &self.ca else {
            return Ok(None);
        };
        let wrong = |error: String| Failure::input(format!("--ca {}: {error}", path.display()));
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(path);
        for certificate in certificates.map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("it has no certificate".to_owned()));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Some(Arc::new(config)))
    }
}

fn ring() -> songi::client::rustls::crypto::CryptoProvider {
    songi::client::rustls::crypto::ring::default_provider()
}

fn header_of(header: &str) -> Result<(&str, &str), Failure> {
    let (name, value) = header.split_once(':').ok_or_else(|| {
        Failure::input(format!("--header {header}: there is no colon"))
            .hint("such as -H 'Authorization: Bearer …'")
    })?;
    Ok((name.trim(), value.trim()))
}

fn auth_of(text: &str) -> Result<Data, Failure> {
    let read;
    let json = match text.strip_prefix('@') {
        Some(path) => {
            read = std::fs::read_to_string(path)
                .map_err(|error| Failure::input(format!("--auth {path}: {error}")))?;
            read.trim()
        }
        None => text,
    };
    match Data::from_json(json) {
        Ok(auth @ Data::Object(_)) => Ok(auth),
        Ok(_) => Err(Failure::input("--auth: it is no JSON object")),
        Err(error) => Err(Failure::input(format!("--auth: {error}"))),
    }
    .map_err(|failure| failure.hint("such as --auth '{\"token\":\"…\"}', or --auth @FILE"))
}
