//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §4.2.2, step 5.4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The key in base64, as it stands in the request.
pub(crate) type Key = [u8; 24];

/// The answer to a key, in base64.
pub(crate) type Accept = [u8; 28];

/// A client's key from its nonce.
pub(crate) fn from_nonce(nonce: [u8; 16]) -> Key {
    let mut key = [b'='; 24];
    let _ = STANDARD.encode_slice(nonce, &mut key);
    key
}

/// Takes a key that is the base64 form of 16 bytes (RFC 6455 §4.1).
pub(crate) fn parse(value: &[u8]) -> Option<Key> {
    let key = Key::try_from(value).ok()?;
    let mut nonce = [0; 18];
    match STANDARD.decode_slice(key, &mut nonce) {
        Ok(16) => Some(key),
        _ => None,
    }
}

/// The value that proves that the server read `key`.
pub(crate) fn accept(key: &Key) -> Accept {
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut accept = [b'='; 28];
    let _ = STANDARD.encode_slice(hash, &mut accept);
    accept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HS8: the example of RFC 6455 §1.3, and a key of the field.
    #[test]
    fn accept_examples() {
        for (key, expected) in [
            (b"dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            (b"x3JJHMbDL1EzLkh9GBhXDw==", b"HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
        ] {
            assert_eq!(&accept(key), expected);
        }
        assert_eq!(
            &from_nonce(*b"the sample nonce"),
            b"dGhlIHNhbXBsZSBub25jZQ=="
        );
    }

    /// HS7: base64 of exactly 16 bytes (RFC 6455 §4.2.1, item 5).
    #[test]
    fn keys_that_are_none() {
        assert!(parse(b"dGhlIHNhbXBsZSBub25jZQ==").is_some());
        for value in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",    // no padding
            b"dGhlIHNhbXBsZSBub25jZQ=",   // short padding
            b"dGhlIHNhbXBsZSBub25j",      // 15 bytes
            b"dGhlIHNhbXBsZSBub25jZTE=",  // 17 bytes
            b"dGhlIHNhbXBsZSBub25jZR==",  // bits behind the end
            b"dGhlIHNhbXBsZSBub25j*Q==",  // not the alphabet
            b"dGhlIHNhbXBsZSBub25jZQ== ", // longer
        ] {
            assert_eq!(parse(value), None, "{:?}", core::str::from_utf8(value));
        }
    }
}
