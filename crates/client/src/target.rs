//! What a URL says: where the server is, and which namespace is meant.

use faststr::FastStr;

use crate::error::InvalidUrl;

/// A server's address and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `ws` or `wss`.
    scheme: &'static str,
    /// Host and port, as given.
    authority: String,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// The path of the URL.
    pub(crate) namespace: FastStr,
    /// `a=b&c=d`, percent-encoded.
    query: String,
}

/// Parameters that belong to the protocol: an application cannot set them.
const RESERVED: [&str; 3] = ["EIO", "transport", "sid"];

impl Target {
    /// Takes a URL apart. As in JavaScript, its path is the namespace and its query goes with the
    /// request.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            _ => return Err(InvalidUrl::Scheme),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match address.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (address, "/".to_owned()),
        };
        let mut target = Self {
            scheme,
            authority: authority.to_owned(),
            host: String::new(),
            port: 0,
            namespace: path.into(),
            query: String::new(),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            target.push(name, value);
        }
        // What is wrong with it is found before anything is connected.
        let url: songi_tokio::handshake::Url = target.url("/", "").parse()?;
        target.host = url.host().to_owned();
        target.port = url.port();
        Ok(target)
    }

    /// Adds a parameter to the query.
    pub(crate) fn query(&mut self, name: &str, value: &str) {
        self.push(&percent_encoded(name), &percent_encoded(value));
    }

    /// The URL of the WebSocket.
    pub(crate) fn url(&self, path: &str, protocol_query: &str) -> String {
        let path_and_query = self.path_and_query(path, protocol_query);
        format!("{}://{}{path_and_query}", self.scheme, self.authority)
    }

    /// What is asked for in a request.
    pub(crate) fn path_and_query(&self, path: &str, protocol_query: &str) -> String {
        let query = &self.query;
        let path = path.trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        let and = if query.is_empty() { "" } else { "&" };
        format!("/{path}{slash}?{protocol_query}{and}{query}")
    }

    /// Host and port, for the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == "wss"
    }

    fn push(&mut self, name: &str, value: &str) {
        if RESERVED.contains(&name) {
            return;
        }
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(name);
        self.query.push('=');
        self.query.push_str(value);
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn url_of(url: &str) -> String {
        Target::parse(url).unwrap().url("/socket.io/", "EIO=4")
    }

    #[test]
    fn the_path_is_the_namespace() {
        for (url, namespace) in [
            ("http://localhost:3000", "/"),
            ("http://localhost:3000/", "/"),
            ("ws://localhost/admin", "/admin"),
            ("https://localhost/a/b?c=/d", "/a/b"),
            ("http://localhost?c=d", "/"),
            ("http://localhost/송이#x", "/송이"),
        ] {
            assert_eq!(Target::parse(url).unwrap().namespace, namespace, "{url}");
        }
    }

    #[test]
    fn the_scheme_becomes_that_of_a_websocket() {
        for (url, expected) in [
            ("http://a", "ws://a/socket.io/?EIO=4"),
            ("WS://a:1", "ws://a:1/socket.io/?EIO=4"),
            ("https://[::1]:2/x", "wss://[::1]:2/socket.io/?EIO=4"),
            ("wss://a", "wss://a/socket.io/?EIO=4"),
        ] {
            assert_eq!(url_of(url), expected);
        }
    }

    #[test]
    fn the_query_goes_with_the_request_but_what_is_reserved_does_not() {
        assert_eq!(
            url_of("http://a/x?b=%201&EIO=3&c&sid=me"),
            "ws://a/socket.io/?EIO=4&b=%201&c="
        );
        let mut target = Target::parse("http://a").unwrap();
        target.query("a b", "c&d=é");
        target.query("transport", "pigeon");
        assert_eq!(
            target.url("", "EIO=4"),
            "ws://a/?EIO=4&a%20b=c%26d%3D%C3%A9"
        );
    }

    #[test]
    fn a_path_has_slashes_at_both_ends() {
        let target = Target::parse("http://a").unwrap();
        for path in ["x/y", "/x/y", "x/y/", "/x/y/"] {
            assert_eq!(target.url(path, "q"), "ws://a/x/y/?q");
        }
    }

    #[test]
    fn malformed_urls() {
        use songi_tokio::handshake::InvalidUrl as Address;
        for (url, error) in [
            ("", InvalidUrl::Scheme),
            ("localhost:3000", InvalidUrl::Scheme),
            ("ftp://localhost", InvalidUrl::Scheme),
            ("http://", Address::Host.into()),
            ("http:///admin", Address::Host.into()),
            ("http://a:b", Address::Port.into()),
            ("http://a:99999/x", Address::Port.into()),
            ("http://me@a", Address::UserInfo.into()),
            ("http://a?b=\r\nc", Address::Character.into()),
        ] {
            assert_eq!(Target::parse(url), Err(error), "{url}");
        }
    }
}
