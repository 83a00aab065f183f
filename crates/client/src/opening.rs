//! Opening a connection: the WebSocket, and the first packet of Engine.IO.

use std::sync::Arc;

use songi_engineio::{ClientEvent, ClientOutput, ClientSession, Transport, Violation};
use songi_tokio::handshake::ResponseError;
use songi_tokio::{Connect, Error};
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use crate::config::Config;
use crate::connection::Connection;
use crate::driver::{self, Received, received};
use crate::error::{ConnectError, InvalidUrl};
use crate::reason::DisconnectReason;
use crate::target::Target;

/// Where and how to connect.
pub(crate) struct Opening {
    pub(crate) target: Result<Target, InvalidUrl>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) config: Config,
}

impl Opening {
    /// Opens a session and starts its task.
    pub(crate) async fn open(self) -> Result<Arc<Connection>, ConnectError> {
        let target = self.target?;
        let mut session = ClientSession::websocket(self.config.engine());
        let Some(ClientOutput::OpenWebSocket(transport)) = session.poll_output() else {
            return Err(ConnectError::Open(Violation::Open));
        };
        let url = target.url(&self.config.path, &session.query(Transport::WebSocket));
        let mut connect = Connect::new(&url)
            .map_err(|error| connect_error(error, &self.config))?
            .options(self.config.websocket());
        for (name, value) in self.headers {
            connect = connect.header(name, value)?;
        }
        if let Some(tls) = self.tls {
            connect = connect.tls(tls);
        }
        let (mut websocket, _) = connect
            .open()
            .await
            .map_err(|error| connect_error(error, &self.config))?;

        let origin = Instant::now();
        session.websocket_opened(transport, origin.elapsed());
        let frame = loop {
            match websocket.recv().await.transpose() {
                Ok(Some(event)) => match received(event) {
                    Received::Frame(frame) => break frame,
                    Received::Nothing => {}
                    Received::End => return Err(closed()),
                },
                Ok(None) | Err(Error::Abnormal(_)) => return Err(closed()),
                Err(error) => return Err(error.into()),
            }
        };
        session.frame(transport, frame, origin.elapsed());
        while let Some(output) = session.poll_output() {
            if let ClientOutput::Event(ClientEvent::Closed { violation, .. }) = output {
                return Err(ConnectError::Open(violation.unwrap_or(Violation::Open)));
            }
        }

        let (connection, task) = Connection::new(self.config, origin, session, transport);
        tokio::spawn(driver::drive(connection.clone(), websocket, task));
        Ok(connection)
    }
}

fn closed() -> ConnectError {
    ConnectError::Disconnected(DisconnectReason::TransportClose)
}

fn connect_error(error: songi_tokio::ConnectError, config: &Config) -> ConnectError {
    match error {
        songi_tokio::ConnectError::Url(error) => InvalidUrl::from(error).into(),
        songi_tokio::ConnectError::Response {
            error: ResponseError::Status(response),
            body,
        } => ConnectError::Status {
            status: response.status(),
            body: String::from_utf8_lossy(&body).into_owned(),
        },
        songi_tokio::ConnectError::Response { error, .. } => ConnectError::Handshake(error),
        songi_tokio::ConnectError::Timeout => ConnectError::Timeout(config.connect_timeout),
        songi_tokio::ConnectError::Io(error) => ConnectError::Io(error),
        other => ConnectError::Io(std::io::Error::other(other)),
    }
}
