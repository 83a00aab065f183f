//! The cookies that a server sets: a load balancer finds by them the process that has the session.
//!
//! There is one server, so that of a cookie's attributes only its life is of interest (RFC 6265
//! §5.2.1, §5.2.2).

use std::time::{Duration, SystemTime};

/// Cookies that are kept; a new one beyond them is ignored. RFC 6265 §6.1 asks for 50.
const MAX_COOKIES: usize = 50;

/// Bytes of name and value of one cookie; a larger one is ignored. RFC 6265 §6.1 asks for 4096.
const MAX_COOKIE_BYTES: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Jar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    expires: Option<SystemTime>,
}

impl Jar {
    /// Takes a `Set-Cookie` header. What is malformed is ignored.
    pub(crate) fn store(&mut self, header: &[u8], now: SystemTime) {
        let Some(cookie) = std::str::from_utf8(header)
            .ok()
            .and_then(|header| Cookie::parse(header, now))
        else {
            return;
        };
        self.0.retain(|kept| kept.name != cookie.name);
        if !cookie.is_over(now) && self.0.len() < MAX_COOKIES {
            self.0.push(cookie);
        }
    }

    /// Appends the cookies to the value of a `Cookie` header.
    pub(crate) fn append(&mut self, value: &mut Vec<u8>, now: SystemTime) {
        self.0.retain(|cookie| !cookie.is_over(now));
        for cookie in &self.0 {
            if !value.is_empty() {
                value.extend_from_slice(b"; ");
            }
            value.extend_from_slice(format!("{}={}", cookie.name, cookie.value).as_bytes());
        }
    }
}

impl Cookie {
    fn parse(header: &str, now: SystemTime) -> Option<Self> {
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let blank = [' ', '\t'];
        let (name, value) = (name.trim_matches(blank), value.trim_matches(blank));
        // It goes into a header of ours.
        let plain = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        };
        if name.is_empty()
            || name.len() + value.len() > MAX_COOKIE_BYTES
            || !plain(name)
            || !plain(value)
        {
            return None;
        }
        let (mut expires, mut max_age) = (None, None);
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            let (attribute, value) = (attribute.trim(), value.trim());
            if attribute.eq_ignore_ascii_case("expires") {
                expires = httpdate::parse_http_date(value).ok();
            } else if attribute.eq_ignore_ascii_case("max-age") {
                max_age = value.parse::<i64>().ok();
            }
        }
        // Max-Age has precedence.
        if let Some(seconds) = max_age {
            let age = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
            expires = now.checked_add(age);
        }
        Some(Self {
            name: name.to_owned(),
            value: value.to_owned(),
            expires,
        })
    }

    fn is_over(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(jar: &mut Jar, now: SystemTime) -> String {
        let mut value = Vec::new();
        jar.append(&mut value, now);
        String::from_utf8_lossy(&value).into_owned()
    }

    #[test]
    fn cookies_are_kept_replaced_and_let_go_of() {
        let now = SystemTime::now();
        let mut jar = Jar::default();
        jar.store(b"io=abc; Path=/; HttpOnly; SameSite=Lax", now);
        jar.store(b"lb = 1 ;Max-Age=10", now);
        jar.store(b"b=\"x y\"; expires=Thu, 01 Jan 2150 00:00:00 GMT", now);
        assert_eq!(sent(&mut jar, now), "io=abc; lb=1; b=\"x y\"");
        jar.store(b"io=def", now);
        assert_eq!(sent(&mut jar, now), "lb=1; b=\"x y\"; io=def");
        let later = now + Duration::from_secs(10);
        assert_eq!(sent(&mut jar, later), "b=\"x y\"; io=def");
        jar.store(b"b=; expires=Thu, 01 Jan 1970 00:00:00 GMT", now);
        jar.store(
            b"io=; Max-Age=-5; expires=Thu, 01 Jan 2150 00:00:00 GMT",
            now,
        );
        assert_eq!(sent(&mut jar, now), "");
        let mut value = b"mine=1".to_vec();
        jar.store(b"x=y", now);
        jar.append(&mut value, now);
        assert_eq!(value, b"mine=1; x=y");
    }

    #[test]
    fn what_is_malformed_or_too_much_is_ignored() {
        let now = SystemTime::now();
        let mut jar = Jar::default();
        for header in ["", "a", "=b", "a=\u{e9}", "a=\r\nx: y", "a\0=b"] {
            jar.store(header.as_bytes(), now);
        }
        jar.store(b"a=\xff", now);
        jar.store(
            format!("a={}", "x".repeat(MAX_COOKIE_BYTES)).as_bytes(),
            now,
        );
        assert_eq!(sent(&mut jar, now), "");
        for n in 0..1000 {
            jar.store(format!("c{n}=1").as_bytes(), now);
        }
        assert_eq!(jar.0.len(), MAX_COOKIES);
    }
}
