//! `ws` and `wss` URLs (RFC 6455 §3).

use core::{fmt, str::FromStr};

use faststr::FastStr;

/// The URL of a WebSocket server.
///
/// ```
/// use songi_websocket::handshake::Url;
///
/// let url: Url = "wss://example.com/chat?room=1".parse()?;
/// assert!(url.is_tls());
/// assert_eq!((url.host(), url.port(), url.target()), ("example.com", 443, "/chat?room=1"));
/// # Ok::<(), songi_websocket::handshake::InvalidUrl>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    /// Without the brackets of an IPv6 address.
    host: FastStr,
    port: u16,
    target: FastStr,
}

/// Why a text is not the URL of a WebSocket server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// The scheme is neither `ws` nor `wss`.
    #[error("the scheme is neither ws nor wss")]
    Scheme,
    /// There is a user name or a password, which such a URL does not have (RFC 6455 §3).
    #[error("a WebSocket URL has no user name")]
    UserInfo,
    /// The host is missing or malformed.
    #[error("the host is missing or malformed")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// There is a fragment, which such a URL does not have (RFC 6455 §3).
    #[error("a WebSocket URL has no fragment")]
    Fragment,
    /// A character that has to be percent-encoded.
    #[error("the URL holds a character that has to be percent-encoded")]
    Character,
}

impl Url {
    /// Whether the scheme is `wss`.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, given or the scheme's own.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, for the request line.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The `Host` header: the port only where it is not the scheme's own.
    pub(crate) fn authority(&self) -> FastStr {
        let (open, close) = if self.host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        let host = &self.host;
        if self.port == default_port(self.tls) {
            return FastStr::from_string(alloc::format!("{open}{host}{close}"));
        }
        FastStr::from_string(alloc::format!("{open}{host}{close}:{}", self.port))
    }
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(url: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::Scheme)?;
        let tls = match () {
            () if scheme.eq_ignore_ascii_case("ws") => false,
            () if scheme.eq_ignore_ascii_case("wss") => true,
            () => return Err(InvalidUrl::Scheme),
        };
        if rest.contains('#') {
            return Err(InvalidUrl::Fragment);
        }
        let path = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(path).ok_or(InvalidUrl::Host)?;
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidUrl::Character);
        }
        if authority.contains('@') {
            return Err(InvalidUrl::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None | Some("") => default_port(tls),
            Some(port) => parse_port(port).ok_or(InvalidUrl::Port)?,
        };
        let target = match target {
            "" => FastStr::from_static_str("/"),
            query if query.starts_with('?') => FastStr::from_string(alloc::format!("/{query}")),
            target => FastStr::new(target),
        };
        Ok(Self {
            tls,
            host: FastStr::new(host),
            port,
            target,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.target)
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), InvalidUrl> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(InvalidUrl::Host)?;
        host.parse::<core::net::Ipv6Addr>()
            .map_err(|_| InvalidUrl::Host)?;
        return match port.strip_prefix(':') {
            None if !port.is_empty() => Err(InvalidUrl::Host),
            port => Ok((host, port)),
        };
    }
    let (host, port) = match authority.split_once(':') {
        None => (authority, None),
        Some((host, port)) => (host, Some(port)),
    };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    if host.is_empty() || !host.bytes().all(valid) {
        return Err(InvalidUrl::Host);
    }
    Ok((host, port))
}

fn parse_port(port: &str) -> Option<u16> {
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    port.parse().ok().filter(|port| *port != 0)
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// HC2 and HC3: what goes into the request line and into `Host`.
    #[test]
    fn parts() {
        for (url, authority, target) in [
            ("ws://example.com", "example.com", "/"),
            ("WS://example.com:80/", "example.com", "/"),
            ("wss://example.com:443?a=b", "example.com", "/?a=b"),
            ("ws://example.com:443/a/b?c", "example.com:443", "/a/b?c"),
            ("ws://[::1]:3000/x", "[::1]:3000", "/x"),
            ("wss://[2001:db8::1]", "[2001:db8::1]", "/"),
            ("ws://127.0.0.1:/", "127.0.0.1", "/"),
        ] {
            let parsed: Url = url.parse().unwrap();
            assert_eq!(
                (&*parsed.authority(), parsed.target()),
                (authority, target),
                "{url}"
            );
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{url}");
        }
    }

    #[test]
    fn refused() {
        for (url, error) in [
            ("http://example.com", InvalidUrl::Scheme),
            ("example.com", InvalidUrl::Scheme),
            ("ws://user:secret@example.com", InvalidUrl::UserInfo),
            ("ws://", InvalidUrl::Host),
            ("ws:///path", InvalidUrl::Host),
            ("ws://[::1", InvalidUrl::Host),
            ("ws://[x]", InvalidUrl::Host),
            ("ws://[::1]x", InvalidUrl::Host),
            ("ws://exa mple.com", InvalidUrl::Host),
            ("ws://a\r\nb/", InvalidUrl::Host),
            ("ws://a:0", InvalidUrl::Port),
            ("ws://a:65536", InvalidUrl::Port),
            ("ws://a:+1", InvalidUrl::Port),
            ("ws://a/#b", InvalidUrl::Fragment),
            ("ws://a#b", InvalidUrl::Fragment),
            ("ws://a/ b", InvalidUrl::Character),
            ("ws://a/\r\nX: y", InvalidUrl::Character),
            ("ws://a/\u{e9}", InvalidUrl::Character),
        ] {
            assert_eq!(url.parse::<Url>(), Err(error), "{url}");
        }
    }
}
