//! Ids that cannot be guessed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use faststr::FastStr;
use rand::Rng as _;
use songi_engineio::handshake::MAX_SID;

/// 120 random bits from a CSPRNG as 20 characters of `A-Za-z0-9_-`. Session ids and socket ids
/// are drawn apart from each other: who knows the one cannot tell the other.
pub(crate) fn random_id() -> FastStr {
    let mut bytes = [0; 15];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// Whether an id of the application's making can be one: it stands in URLs, cookies and JSON.
pub(crate) fn is_valid(id: &str) -> bool {
    (1..=MAX_SID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
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

    #[test]
    fn an_id_goes_through_urls_cookies_and_json_as_it_is() {
        for id in ["a", "node7-0_.~Z", &"x".repeat(128)] {
            assert!(is_valid(id), "{id}");
        }
        for id in [
            "",
            "a b",
            "a;b",
            "a&b",
            "a%62",
            "a\"b",
            "a\r\nb",
            "é",
            &"x".repeat(129),
        ] {
            assert!(!is_valid(id), "{id}");
        }
    }
}
