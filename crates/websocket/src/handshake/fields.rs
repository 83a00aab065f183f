//! Header fields that an application adds.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use faststr::FastStr;

use super::list::is_token;

/// A header that an application may not add.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The name is not a token (RFC 9110 §5.1).
    #[error("{0:?} is not a header name")]
    Name(FastStr),
    /// The value holds CR, LF, NUL or another control character (RFC 9110 §5.5).
    #[error("the value of {0} holds a control character")]
    Value(FastStr),
    /// The handshake itself writes this header.
    #[error("{0} belongs to the handshake")]
    Reserved(FastStr),
}

/// Checked header fields, in order; a repeated name stays repeated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(FastStr, Bytes)>);

impl Fields {
    /// Appends a field, unless it could break the head or the handshake.
    pub(crate) fn push(&mut self, name: FastStr, value: Bytes) -> Result<(), InvalidHeader> {
        if !is_token(name.as_bytes()) {
            return Err(InvalidHeader::Name(name));
        }
        if is_reserved(&name) {
            return Err(InvalidHeader::Reserved(name));
        }
        if value
            .iter()
            .any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7F)
        {
            return Err(InvalidHeader::Value(name));
        }
        self.0.push((name, value));
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Appends one header line.
pub(crate) fn line(out: &mut BytesMut, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

fn is_reserved(name: &str) -> bool {
    const NAMES: [&str; 5] = [
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
        || name
            .get(..14)
            .is_some_and(|start| start.eq_ignore_ascii_case("sec-websocket-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HS20: nothing that an application adds can end a line or stand in for the handshake.
    #[test]
    fn refuses_injection_and_reserved_names() {
        let mut fields = Fields::default();
        let mut push = |name: &'static str, value: &'static [u8]| {
            fields.push(name.into(), Bytes::from_static(value))
        };
        for value in [&b"a\r\nX: y"[..], b"\n", b"\r", b"\0", b"\x7f", b"\x1b[0m"] {
            assert_eq!(push("X-A", value), Err(InvalidHeader::Value("X-A".into())));
        }
        for name in ["", "a b", "a:", "a\r\nb", "\u{e9}"] {
            assert_eq!(push(name, b"v"), Err(InvalidHeader::Name(name.into())));
        }
        for name in [
            "Upgrade",
            "CONNECTION",
            "sec-websocket-accept",
            "Content-Length",
            "host",
        ] {
            assert_eq!(push(name, b"v"), Err(InvalidHeader::Reserved(name.into())));
        }
        assert_eq!(push("Set-Cookie", b"a=1"), Ok(()));
        assert_eq!(push("Set-Cookie", b"b=\xe9\t2"), Ok(()));
        let mut out = BytesMut::new();
        for (name, value) in fields.iter() {
            line(&mut out, name, value);
        }
        assert_eq!(&out[..], b"Set-Cookie: a=1\r\nSet-Cookie: b=\xe9\t2\r\n");
    }
}
