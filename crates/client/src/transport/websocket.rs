//! Opening a WebSocket.

use std::sync::Arc;
use std::time::SystemTime;

use songi_tokio::handshake::{InvalidProtocol, ResponseError};
use songi_tokio::{Connect, WebSocket};

use super::dial::Stream;
use crate::error::{ConnectError, InvalidUrl};
use crate::settings::Settings;

/// Opens a WebSocket to the server. How long that may take is the caller's to decide.
pub(crate) async fn open(
    settings: Arc<Settings>,
    query: String,
) -> Result<WebSocket<Stream>, ConnectError> {
    let connect = request(&settings, &query)?;
    let stream = settings.tapped(settings.dialer.dial().await?);
    let (websocket, response) = connect
        .over(stream)
        .await
        .map_err(|error| connect_error(error, &settings))?;
    if settings.config.cookies {
        let mut jar = settings.cookies.lock();
        for (name, value) in response.headers().iter() {
            if name.eq_ignore_ascii_case("set-cookie") {
                jar.store(value, SystemTime::now());
            }
        }
    }
    Ok(websocket)
}

/// The request for a WebSocket. What cannot be sent is found here, before anything is connected.
pub(crate) fn request(settings: &Settings, query: &str) -> Result<Connect, ConnectError> {
    let config = &settings.config;
    let url = settings.target.url(&config.path, query);
    let mut connect = Connect::new(&url)
        .map_err(|error| connect_error(error, settings))?
        .options(config.websocket());
    let mut cookie = Vec::new();
    for (name, value) in &settings.headers {
        if name.eq_ignore_ascii_case("cookie") {
            cookie.extend_from_slice(value);
            continue;
        }
        connect = connect.header(name.clone(), value.clone())?;
    }
    settings.append_cookies(&mut cookie);
    if !cookie.is_empty() {
        connect = connect.header("Cookie", cookie)?;
    }
    for protocol in &settings.protocols {
        connect = connect
            .protocol(protocol.clone())
            .map_err(|InvalidProtocol(name)| ConnectError::Protocol(name))?;
    }
    #[cfg(feature = "deflate")]
    if let Some(deflate) = &settings.deflate {
        connect = connect.deflate(deflate);
    }
    Ok(connect)
}

fn connect_error(error: songi_tokio::ConnectError, settings: &Settings) -> ConnectError {
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
        songi_tokio::ConnectError::Timeout => {
            ConnectError::Timeout(settings.config.connect_timeout)
        }
        songi_tokio::ConnectError::Io(error) => error.into(),
        other => std::io::Error::other(other).into(),
    }
}
