//! The cookie that lets a load balancer send a client's requests to one server.

use alloc::string::String;
use core::fmt::Write as _;

use thiserror::Error;

/// `SameSite` of a cookie (RFC 6265bis §4.1.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// `Strict`.
    Strict,
    /// `Lax`.
    Lax,
    /// `None`: browsers demand `Secure` with it.
    None,
}

/// The `Set-Cookie` of a session's first response.
///
/// ```
/// use songi_engineio::cookie::Cookie;
/// let cookie = Cookie::new("io")?;
/// assert_eq!(cookie.set_cookie("abc"), "io=abc; Path=/; HttpOnly; SameSite=Lax");
/// # Ok::<(), songi_engineio::cookie::CookieError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    name: String,
    path: String,
    /// Whether scripts are kept from it. Default: yes.
    pub http_only: bool,
    /// Whether it travels over TLS only. Default: no.
    pub secure: bool,
    /// When it travels with cross-site requests. Default: [`SameSite::Lax`].
    pub same_site: Option<SameSite>,
    /// Lifetime in seconds. Default: until the browser closes.
    pub max_age: Option<u64>,
}

impl Cookie {
    /// A cookie of this name, for the path `/`.
    ///
    /// # Errors
    /// When the name is not a token (RFC 9110 §5.6.2).
    pub fn new(name: &str) -> Result<Self, CookieError> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(CookieError::Name);
        }
        Ok(Self {
            name: name.into(),
            path: "/".into(),
            http_only: true,
            secure: false,
            same_site: Some(SameSite::Lax),
            max_age: None,
        })
    }

    /// The same cookie for another path.
    ///
    /// # Errors
    /// When the path has a control character, a `;` or a byte that is not ASCII.
    pub fn with_path(mut self, path: &str) -> Result<Self, CookieError> {
        if !path
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
        {
            return Err(CookieError::Path);
        }
        self.path = path.into();
        Ok(self)
    }

    /// The header's value for a session. `sid` is of the driver's making, and a cookie value.
    pub fn set_cookie(&self, sid: &str) -> String {
        let Self { name, path, .. } = self;
        let mut value = alloc::format!("{name}={sid}; Path={path}");
        if let Some(seconds) = self.max_age {
            // Writing to a String does not fail.
            let _ = write!(value, "; Max-Age={seconds}");
        }
        if self.http_only {
            value.push_str("; HttpOnly");
        }
        if self.secure {
            value.push_str("; Secure");
        }
        value.push_str(match self.same_site {
            Some(SameSite::Strict) => "; SameSite=Strict",
            Some(SameSite::Lax) => "; SameSite=Lax",
            Some(SameSite::None) => "; SameSite=None",
            None => "",
        });
        value
    }
}

/// Why a cookie is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CookieError {
    /// The name is not a token.
    #[error("cookie name is not a token")]
    Name,
    /// The path could end the attribute or the header.
    #[error("cookie path has a character that is not allowed")]
    Path,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute() {
        let mut cookie = Cookie::new("io").unwrap().with_path("/a b").unwrap();
        cookie.secure = true;
        cookie.max_age = Some(60);
        cookie.same_site = Some(SameSite::None);
        assert_eq!(
            cookie.set_cookie("s"),
            "io=s; Path=/a b; Max-Age=60; HttpOnly; Secure; SameSite=None"
        );
        cookie.same_site = None;
        cookie.http_only = false;
        cookie.secure = false;
        cookie.max_age = None;
        assert_eq!(cookie.set_cookie("s"), "io=s; Path=/a b");
    }

    #[test]
    fn nothing_can_inject_an_attribute_or_a_header() {
        for name in ["", "a b", "a;b", "a=b", "a\r\nb", "é"] {
            assert_eq!(Cookie::new(name).err(), Some(CookieError::Name), "{name:?}");
        }
        for path in ["/;x", "/\r\nx", "/\0", "/é"] {
            let cookie = Cookie::new("io").unwrap();
            assert_eq!(
                cookie.with_path(path).err(),
                Some(CookieError::Path),
                "{path:?}"
            );
        }
    }
}
