//! The head of an HTTP/1.1 message: found in pieces, parsed once.

use alloc::vec::Vec;

use bytes::Bytes;
use faststr::FastStr;

/// How large the head of a request or a response may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes, from the first line to the empty one. Default: 16 KiB.
    pub bytes: usize,
    /// Header lines. Default: 100.
    pub headers: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            bytes: 16 * 1024,
            headers: 100,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadError {
    TooLarge,
    TooManyHeaders,
    Malformed,
}

/// Looks for the end of a head; each byte is looked at once, however the head arrives.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HeadScan {
    scanned: usize,
    line_start: usize,
    /// Lines that are not empty: the first line and the headers.
    lines: usize,
}

/// A head that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadEnd {
    /// Bytes, the empty line included.
    pub(crate) size: usize,
    pub(crate) headers: usize,
}

impl HeadScan {
    /// Goes on where the last call ended; `input` has to start where the head does.
    pub(crate) fn scan(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<HeadEnd>, HeadError> {
        let window = input.get(..limits.bytes).unwrap_or(input);
        while let Some(fresh) = window.get(self.scanned..) {
            let Some(found) = fresh.iter().position(|&byte| byte == b'\n') else {
                break;
            };
            let line_end = self.scanned + found;
            let line = window.get(self.line_start..line_end).unwrap_or_default();
            // A line ends in CR LF, never in LF alone (RFC 9112 §2.2).
            let [line @ .., b'\r'] = line else {
                return Err(HeadError::Malformed);
            };
            self.scanned = line_end + 1;
            self.line_start = self.scanned;
            if line.is_empty() {
                // Empty lines ahead of the first are skipped (RFC 9112 §2.2).
                if self.lines > 0 {
                    return Ok(Some(HeadEnd {
                        size: self.scanned,
                        headers: self.lines - 1,
                    }));
                }
                continue;
            }
            if self.lines > limits.headers {
                return Err(HeadError::TooManyHeaders);
            }
            self.lines += 1;
        }
        self.scanned = window.len();
        if input.len() >= limits.bytes {
            return Err(HeadError::TooLarge);
        }
        Ok(None)
    }
}

/// Header fields by name.
pub(crate) trait Fields {
    /// The values of all lines with this name, in order.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;
}

/// The header fields of a request or a response, in the order in which they came. Names match in
/// any case; values are bytes, for they need not be text.
#[derive(Clone, Default)]
pub struct Headers(Vec<(FastStr, Bytes)>);

impl Headers {
    /// Takes what the parser found in `head`, without copying the values.
    pub(crate) fn new(head: &Bytes, parsed: &[httparse::Header<'_>]) -> Self {
        let field =
            |field: &httparse::Header<'_>| (FastStr::new(field.name), head.slice_ref(field.value));
        Self(parsed.iter().map(field).collect())
    }

    pub(crate) fn push(&mut self, name: FastStr, value: Bytes) {
        self.0.push((name, value));
    }

    /// The first value of this name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }
}

/// From names and values as they came.
impl FromIterator<(FastStr, Bytes)> for Headers {
    fn from_iter<I: IntoIterator<Item = (FastStr, Bytes)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl Fields for Headers {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |(field, _): &&(FastStr, Bytes)| field.eq_ignore_ascii_case(name);
        self.0.iter().filter(named).map(|(_, value)| &**value)
    }
}

/// Names only: values may be cookies and credentials.
impl core::fmt::Debug for Headers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// The value of a field that must stand once: `Ok(None)` if absent, `Err` if repeated.
pub(crate) fn single<'a>(fields: &'a impl Fields, name: &'a str) -> Result<Option<&'a [u8]>, ()> {
    let mut values = fields.values(name);
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HS19: a head that comes byte by byte costs no more than one that comes whole.
    #[test]
    fn each_byte_is_looked_at_once() {
        let field = alloc::format!("X: {}\r\n", "x".repeat(200));
        let head = alloc::format!("GET / HTTP/1.1\r\n{}\r\n", field.repeat(70));
        let limits = HeadLimits::default();
        let mut scan = HeadScan::default();
        for read in 1..head.len() {
            assert_eq!(scan.scan(&head.as_bytes()[..read], &limits), Ok(None));
            assert_eq!(scan.scanned, read);
        }
        let end = HeadEnd {
            size: head.len(),
            headers: 70,
        };
        assert_eq!(scan.scan(head.as_bytes(), &limits), Ok(Some(end)));
    }
}
