//! What clients of Socket.IO protocol version 4 do otherwise.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use faststr::FastStr;
use serde::{Serialize, Serializer};

use crate::{EncodeError, Packet, RawJson};

/// The version of the Socket.IO protocol that a client speaks. Its Engine.IO tells: version 4 goes
/// with `EIO=3`, and version 5 with `EIO=4`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revision {
    /// Version 4: clients of socket.io 1 and 2. The server lets them into `/` without being asked
    /// (see [`Connection::opened`](super::Connection::opened)), their `CONNECT` has no payload but
    /// may have a query behind the namespace, which becomes its authentication payload, and a
    /// refusal is the bare data or message.
    V4,
    /// Version 5: clients of socket.io 3 and 4.
    #[default]
    V5,
}

/// The most keys of a query that are looked at, as in Node.js.
const MAX_KEYS: usize = 1000;

/// Takes the query off a packet's namespace, and makes a JSON object of it.
pub(super) fn split_query(packet: &mut Packet) -> Result<Option<RawJson>, EncodeError> {
    let Some((name, query)) = packet.namespace.split_once('?') else {
        return Ok(None);
    };
    let auth = RawJson::of(&Query::parse(query))?;
    packet.namespace = FastStr::new(name);
    Ok(Some(auth))
}

/// A query as Node's `querystring` has it: a key that comes twice has a list of values.
#[derive(Serialize)]
struct Query<'a>(BTreeMap<Cow<'a, str>, Values<'a>>);

struct Values<'a>(Vec<Cow<'a, str>>);

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Self {
        let mut keys = BTreeMap::new();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        for pair in pairs.take(MAX_KEYS) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let values = keys.entry(decode(key)).or_insert(Values(Vec::new()));
            values.0.push(decode(value));
        }
        Self(keys)
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [value] => value.serialize(serializer),
            values => values.serialize(serializer),
        }
    }
}

/// Percent-decoded, and with `+` for a blank. As in Node, `%` without two digits stays, and what is
/// not UTF-8 becomes U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        out.push(match (byte, after) {
            (b'+', _) => b' ',
            (b'%', &[high, low, ref after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => byte,
            },
            _ => byte,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_query(query: &str, json: &str) {
        let parsed = RawJson::of(&Query::parse(query)).unwrap();
        assert_eq!(parsed.as_str(), json, "{query}");
    }

    #[test]
    fn as_node_reads_it() {
        assert_query("", "{}");
        assert_query("token=abc&b=1", r#"{"b":"1","token":"abc"}"#);
        assert_query("a=1&a=2&a=3", r#"{"a":["1","2","3"]}"#);
        assert_query("a&=b&&c=", r#"{"":"b","a":"","c":""}"#);
        assert_query("a=b=c", r#"{"a":"b=c"}"#);
        assert_query("a+b=%C3%A9+%22", r#"{"a b":"é \""}"#);
        assert_query(
            "a=%&b=%4&c=%zz&d=%41",
            r#"{"a":"%","b":"%4","c":"%zz","d":"A"}"#,
        );
        assert_query("a=%FF", "{\"a\":\"\u{fffd}\"}");
        assert_query("__proto__=x", r#"{"__proto__":"x"}"#);
    }

    #[test]
    fn no_more_keys_than_node_takes() {
        let query = "a=1&".repeat(5000);
        assert_eq!(Query::parse(&query).0["a"].0.len(), MAX_KEYS);
    }
}
