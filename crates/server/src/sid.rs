//! Ids that cannot be guessed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use faststr::FastStr;
use rand::Rng as _;

/// 120 random bits from a CSPRNG as 20 characters of `A-Za-z0-9_-`. Session ids and socket ids
/// are drawn apart from each other: who knows the one cannot tell the other.
pub(crate) fn random_id() -> FastStr {
    let mut bytes = [0; 15];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_have_20_url_safe_characters_and_differ() {
        let ids: HashSet<FastStr> = (0..1000).map(|_| random_id()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            assert_eq!(id.len(), 20);
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
                "{id}"
            );
        }
    }
}
