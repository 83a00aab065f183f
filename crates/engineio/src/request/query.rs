use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use faststr::FastStr;

use crate::{
    dialect::Dialect,
    handshake::MAX_SID,
    jsonp::Jsonp,
    transport::{Revision, Transport},
};

/// The keys of a query string that the protocol knows; others (`t`, the application's) are skipped.
///
/// A key that is given twice has no value that could fit, as in the JavaScript server.
///
/// ```
/// use songi_engineio::{Query, Revision, Transport};
/// let query = Query::parse("EIO=4&transport=websocket&t=abc&sid=a%2Db");
/// assert_eq!(query.transport, Some(Transport::WebSocket));
/// assert_eq!(query.revision, Some(Revision::V4));
/// assert_eq!(query.sid.as_deref(), Some("a-b"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// `transport`, if it is a known one.
    pub transport: Option<Transport>,
    /// `EIO`, if it is a supported one.
    pub revision: Option<Revision>,
    /// `sid`, if it is there and not empty. One that no session can have (given twice, not UTF-8,
    /// longer than [`MAX_SID`]) is the empty text.
    pub sid: Option<FastStr>,
    /// Whether `b64` is there and not empty: the client takes text only.
    pub base64: bool,
    /// `j`, if it is there and not empty: the request is made by a script element or a form.
    pub jsonp: Option<Jsonp>,
}

impl Query {
    /// Parses what follows the `?`, in one pass; memory does not depend on the length.
    pub fn parse(query: &str) -> Self {
        let (mut transport, mut revision, mut sid) = (Field::Absent, Field::Absent, Field::Absent);
        let (mut base64, mut jsonp) = (false, Field::Absent);
        let mut rest = query;
        while !rest.is_empty() {
            let (pair, after) = split_once(rest, b'&');
            let (key, value) = split_once(pair, b'=');
            rest = after;
            match key {
                "transport" => transport.set(value),
                "EIO" => revision.set(value),
                "sid" => sid.set(value),
                "b64" => base64 |= !value.is_empty(),
                "j" => jsonp.set(value),
                _ => {}
            }
        }
        Self {
            transport: transport
                .decode()
                .and_then(|name| Transport::from_name(&name)),
            revision: revision
                .decode()
                .and_then(|name| Revision::from_name(&name)),
            sid: match sid {
                Field::Absent | Field::Once("") => None,
                Field::Once(_) | Field::Repeated => {
                    let sid = sid.decode();
                    Some(FastStr::new(sid.as_deref().unwrap_or_default()))
                }
            },
            base64,
            jsonp: jsonp
                .decode()
                .filter(|index| !index.is_empty())
                .map(|index| Jsonp::new(&index)),
        }
    }

    /// How the client that opens a session with this query writes packets; `None` when it names
    /// no revision.
    pub fn dialect(&self) -> Option<Dialect> {
        Some(Dialect {
            revision: self.revision?,
            base64: self.base64 || self.jsonp.is_some(),
        })
    }
}

/// A raw value, and whether it is the only one of its key.
#[derive(Clone, Copy)]
enum Field<'a> {
    Absent,
    Once(&'a str),
    Repeated,
}

impl<'a> Field<'a> {
    fn set(&mut self, value: &'a str) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    /// The value without percent-encoding, if it is the only one, UTF-8 and not too long.
    fn decode(self) -> Option<Cow<'a, str>> {
        let Self::Once(raw) = self else { return None };
        if raw.len() > 3 * MAX_SID {
            return None;
        }
        let decoded = if raw.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            Cow::Owned(String::from_utf8(percent_decode(raw.as_bytes())).ok()?)
        } else {
            Cow::Borrowed(raw)
        };
        (decoded.len() <= MAX_SID).then_some(decoded)
    }
}

/// What is before and behind the first of an ASCII character. A query is so short that to search it
/// byte by byte takes less than to begin a faster search.
fn split_once(text: &str, separator: u8) -> (&str, &str) {
    let found = text.bytes().position(|byte| byte == separator);
    let parts = found.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    parts.unwrap_or((text, ""))
}

/// `%xx` and `+` as in `application/x-www-form-urlencoded`; a malformed escape stands for itself.
pub(crate) fn percent_decode(mut raw: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(raw.len());
    while let Some((&first, rest)) = raw.split_first() {
        raw = rest;
        match (first, rest) {
            (b'%', [high, low, after @ ..]) if let Some(byte) = hex(*high, *low) => {
                decoded.push(byte);
                raw = after;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(first),
        }
    }
    decoded
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_query_of_a_client() {
        let query = Query::parse("EIO=4&transport=polling&t=PbB0xuu&sid=AiiKfP6JjxYQi4oGAAAA");
        assert_eq!(
            query,
            Query {
                transport: Some(Transport::Polling),
                revision: Some(Revision::V4),
                sid: Some("AiiKfP6JjxYQi4oGAAAA".into()),
                ..Query::default()
            }
        );
        assert_eq!(Query::parse(""), Query::default());
        assert_eq!(Query::parse("&&=&=x&t"), Query::default());
    }

    #[test]
    fn values_are_percent_decoded() {
        let query = Query::parse("EIO=%34&transport=%70olling&sid=a%20%2B+%c3%A9");
        assert_eq!(query.revision, Some(Revision::V4));
        assert_eq!(query.transport, Some(Transport::Polling));
        assert_eq!(query.sid.as_deref(), Some("a + é"));
        for raw in ["a%", "a%2", "a%zz", "%%%"] {
            assert_eq!(
                Query::parse(&alloc::format!("sid={raw}")).sid.as_deref(),
                Some(raw)
            );
        }
    }

    #[test]
    fn only_exact_names_count() {
        for query in [
            "transport=Polling",
            "transport=__proto__",
            "transport=",
            "transport=poll",
            "Transport=polling",
        ] {
            assert_eq!(Query::parse(query).transport, None, "{query}");
        }
        for query in [
            "EIO=2", "EIO=5", "EIO=04", "EIO=03", "EIO=abc", "EIO=", "eio=4", "EIO=4.0",
        ] {
            assert_eq!(Query::parse(query).revision, None, "{query}");
        }
    }

    #[test]
    fn the_dialect_of_a_client() {
        let dialect = |query| Query::parse(query).dialect();
        let of = |revision, base64| Some(Dialect { revision, base64 });
        assert_eq!(dialect("EIO=4"), of(Revision::V4, false));
        assert_eq!(dialect("EIO=3"), of(Revision::V3, false));
        assert_eq!(dialect("EIO=3&b64=1"), of(Revision::V3, true));
        assert_eq!(dialect("EIO=4&b64=true"), of(Revision::V4, true));
        assert_eq!(dialect("EIO=3&b64="), of(Revision::V3, false));
        // A script element takes text only.
        assert_eq!(dialect("EIO=3&j=0"), of(Revision::V3, true));
        assert_eq!(dialect("b64=1"), None);
        assert_eq!(Query::parse("j=7").jsonp, Some(Jsonp::new("7")));
        for query in ["j=", "j", "j=1&j=2", "J=1"] {
            assert_eq!(Query::parse(query).jsonp, None, "{query}");
        }
    }

    #[test]
    fn a_repeated_key_fits_nothing() {
        let query = Query::parse("EIO=4&EIO=4&transport=polling&transport=polling&sid=a&sid=a");
        assert_eq!(
            query,
            Query {
                transport: None,
                revision: None,
                sid: Some("".into()),
                ..Query::default()
            }
        );
    }

    #[test]
    fn an_empty_sid_is_none_and_an_impossible_one_is_empty() {
        assert_eq!(Query::parse("sid=").sid, None);
        assert_eq!(Query::parse("sid").sid, None);
        assert_eq!(Query::parse("sid=%ff").sid.as_deref(), Some(""));
        let longest = "x".repeat(MAX_SID);
        assert_eq!(
            Query::parse(&alloc::format!("sid={longest}"))
                .sid
                .as_deref(),
            Some(&*longest)
        );
        assert_eq!(
            Query::parse(&alloc::format!("sid={longest}x"))
                .sid
                .as_deref(),
            Some("")
        );
        let escaped = "%41".repeat(MAX_SID);
        assert_eq!(
            Query::parse(&alloc::format!("sid={escaped}"))
                .sid
                .map(|s| s.len()),
            Some(MAX_SID)
        );
        assert_eq!(
            Query::parse(&alloc::format!("sid={escaped}%41"))
                .sid
                .as_deref(),
            Some("")
        );
    }
}
