//! The way through a proxy: HTTP `CONNECT` (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, RFC 1929).

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{Method, Request};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;

use super::dial::Stream;
use crate::error::InvalidUrl;

/// A proxy, from a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    /// User and password.
    login: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

impl Proxy {
    /// `http://[user:password@]host[:port]`, or the same with `socks5`, also written `socks5h`: the
    /// proxy looks the server's name up.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::ProxyScheme)?;
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return Err(InvalidUrl::ProxyScheme),
        };
        let rest = rest.trim_end_matches('/');
        let (login, address) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, address)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (
                    Some((percent_decoded(user), percent_decoded(password))),
                    address,
                )
            }
        };
        // The rules for addresses are the same.
        let address: songi_tokio::handshake::Url = format!("ws://{address}").parse()?;
        let port = if has_port(rest) { address.port() } else { port };
        Ok(Self {
            kind,
            host: address.host().to_owned(),
            port,
            login,
        })
    }

    /// Equal for equal proxies.
    pub(crate) fn key(&self) -> impl std::fmt::Debug {
        (self.kind, &self.host, self.port, &self.login)
    }

    /// A stream to the server.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match self.kind {
            Kind::Http => self.tunnel(stream, host, port).await,
            Kind::Socks5 => {
                let target = (host, port);
                let connected = match &self.login {
                    Some((user, password)) => {
                        Socks5Stream::connect_with_password_and_socket(
                            stream, target, user, password,
                        )
                        .await
                    }
                    None => Socks5Stream::connect_with_socket(stream, target).await,
                };
                Ok(Box::new(connected.map_err(io::Error::other)?))
            }
        }
    }

    async fn tunnel(&self, stream: TcpStream, host: &str, port: u16) -> io::Result<Stream> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // It ends when the response has become a stream or is dropped.
        tokio::spawn(connection.with_upgrades());
        let authority = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(&authority)
            .header(HOST, &authority);
        if let Some((user, password)) = &self.login {
            let login = STANDARD.encode(format!("{user}:{password}"));
            request = request.header(PROXY_AUTHORIZATION, format!("Basic {login}"));
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(io::Error::other(format!(
                "the proxy answered with status {status}"
            )));
        }
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(io::Error::other)?;
        Ok(Box::new(TokioIo::new(upgraded)))
    }
}

/// Without the password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}:{}", self.kind, self.host, self.port)
    }
}

/// Whether an authority ends with a port.
fn has_port(authority: &str) -> bool {
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        && !authority.ends_with(']')
}

fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        let digits = rest
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                bytes = rest.get(2..).unwrap_or_default();
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn urls_of_proxies() {
        let proxy = Proxy::parse("http://me:a%3Ab%@proxy.example:3128/").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example", 3128));
        assert_eq!(proxy.login, Some(("me".into(), "a:b%".into())));
        assert!(!format!("{proxy:?}").contains("a:b"), "{proxy:?}");
        for (url, kind, port) in [
            ("http://p", Kind::Http, 80),
            ("socks5://p", Kind::Socks5, 1080),
            ("SOCKS5H://[::1]", Kind::Socks5, 1080),
            ("socks5://[::1]:9", Kind::Socks5, 9),
        ] {
            let proxy = Proxy::parse(url).unwrap();
            assert_eq!((proxy.kind, proxy.port), (kind, port), "{url}");
        }
        for url in ["", "p:1", "ftp://p", "https://p"] {
            assert_eq!(Proxy::parse(url), Err(InvalidUrl::ProxyScheme), "{url}");
        }
        for url in ["http://", "socks5://a:99999", "http://a b"] {
            assert!(
                matches!(Proxy::parse(url), Err(InvalidUrl::Address(_))),
                "{url}"
            );
        }
    }
}
