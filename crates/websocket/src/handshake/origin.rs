//! Which web pages may connect (RFC 6455 §10.2).

use alloc::vec::Vec;

use faststr::FastStr;

/// Which web pages may connect.
///
/// A browser lets any page open a WebSocket to any server, with that server's cookies; only the
/// server can refuse, by the `Origin` header. A request without the header does not come from a
/// web page, and passes.
///
/// ```
/// use songi_websocket::handshake::{Origin, Policy};
///
/// let policy = Policy::default().origin(Origin::list(["https://example.com"]));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Pages of every origin.
    Any,
    /// Pages whose origin has the host and port of the request's `Host` header. The default.
    #[default]
    SameHost,
    /// Pages of these origins, such as `https://example.com`, compared in any case. `null` stands
    /// for pages that hide their origin.
    List(Vec<FastStr>),
}

impl Origin {
    /// The given origins only.
    pub fn list<T: Into<FastStr>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self::List(origins.into_iter().map(Into::into).collect())
    }

    /// Whether a page of this `Origin` may connect to this `Host`; a request without an origin
    /// comes from no page.
    #[must_use]
    pub fn allows(&self, origin: Option<&[u8]>, host: &[u8]) -> bool {
        let Some(origin) = origin else {
            return true;
        };
        match self {
            Self::Any => true,
            Self::SameHost => is_host(origin, host),
            Self::List(origins) => origins
                .iter()
                .any(|allowed| origin.eq_ignore_ascii_case(allowed.as_bytes())),
        }
    }
}

/// Whether a serialised origin (RFC 6454 §6.2) names this host. The scheme's own port may be
/// written or not.
fn is_host(origin: &[u8], host: &[u8]) -> bool {
    let (port, origin): (&[u8], _) = match origin.split_at_checked(8) {
        Some((b"https://", rest)) => (b":443", rest),
        _ => match origin.split_at_checked(7) {
            Some((b"http://", rest)) => (b":80", rest),
            _ => return false,
        },
    };
    let origin = origin.strip_suffix(port).unwrap_or(origin);
    let host = host.strip_suffix(port).unwrap_or(host);
    !origin.is_empty() && origin.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HS9: the same host, whatever the case and however the default port is written.
    #[test]
    fn same_host() {
        for (origin, host, same) in [
            ("http://example.com", "example.com", true),
            ("https://EXAMPLE.com", "example.COM", true),
            ("http://example.com", "example.com:80", true),
            ("https://example.com:443", "example.com", true),
            ("http://example.com:8080", "example.com:8080", true),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("http://example.com:8080", "example.com", false),
            ("http://example.com:443", "example.com", false),
            ("http://evil.com", "example.com", false),
            ("http://example.com.evil.com", "example.com", false),
            ("null", "example.com", false),
            ("null", "null", false),
            ("", "", false),
            ("http://", "", false),
            ("ftp://example.com", "example.com", false),
        ] {
            let allows = Origin::SameHost.allows(Some(origin.as_bytes()), host.as_bytes());
            assert_eq!(allows, same, "{origin} {host}");
        }
    }

    #[test]
    fn list_and_any() {
        let list = Origin::list(["https://a.example", "null"]);
        for (origin, allowed) in [
            (None, true),
            (Some(&b"https://A.example"[..]), true),
            (Some(b"null"), true),
            (Some(b"https://b.example"), false),
            (Some(b"https://a.example.evil"), false),
        ] {
            assert_eq!(list.allows(origin, b"a.example"), allowed);
            assert!(Origin::Any.allows(origin, b"a.example"));
        }
    }
}
