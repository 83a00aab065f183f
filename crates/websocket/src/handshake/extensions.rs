//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use super::list::{is_token_byte, trim};

/// Whether a header line follows the grammar of an extension list. Linear in its length.
pub(crate) fn is_well_formed(line: &[u8]) -> bool {
    let mut rest = trim(line);
    let mut any = false;
    loop {
        // Empty elements are allowed for (RFC 9110 §5.6.1.2).
        while let [b',' | b' ' | b'\t', tail @ ..] = rest {
            rest = tail;
        }
        if rest.is_empty() {
            return any;
        }
        any = true;
        let Some(tail) = token(rest).and_then(parameters) else {
            return false;
        };
        rest = match tail {
            [] => return true,
            [b',', tail @ ..] => tail,
            _ => return false,
        };
    }
}

/// Skips `*( OWS ";" OWS name [ "=" value ] ) OWS`.
fn parameters(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = spaces(rest);
        let [b';', tail @ ..] = rest else {
            return Some(rest);
        };
        rest = spaces(token(spaces(tail))?);
        if let [b'=', tail @ ..] = rest {
            let tail = spaces(tail);
            rest = match tail {
                [b'"', tail @ ..] => quoted(tail)?,
                _ => token(tail)?,
            };
        }
    }
}

/// Skips a token.
fn token(input: &[u8]) -> Option<&[u8]> {
    let end = input
        .iter()
        .position(|&byte| !is_token_byte(byte))
        .unwrap_or(input.len());
    if end == 0 { None } else { input.get(end..) }
}

/// Skips the rest of a quoted string, whose content has to be a token (RFC 6455 §9.1).
fn quoted(mut input: &[u8]) -> Option<&[u8]> {
    let mut empty = true;
    loop {
        input = match input {
            [b'"', tail @ ..] => return (!empty).then_some(tail),
            [b'\\', byte, tail @ ..] | [byte, tail @ ..] if is_token_byte(*byte) => tail,
            _ => return None,
        };
        empty = false;
    }
}

fn spaces(mut input: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', tail @ ..] = input {
        input = tail;
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HS11: the grammar of RFC 6455 §9.1.
    #[test]
    fn grammar() {
        for line in [
            "foo",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            "a ; b = \"c\" ,b;c=d",
            "a; b=\"\\c\\d\"",
            ",, a ,,",
            "constructor; __proto__=1; __proto__=2",
        ] {
            assert!(is_well_formed(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            " , ",
            "a b",
            "a;",
            "a;;b",
            "a; b=",
            "a; b=\"",
            "a; b=\"\"",
            "a; b=\"c d\"",
            "a; =b",
            "a; b=c d",
            "\"a\"",
            "a=b",
            "a; b=\"\\",
        ] {
            assert!(!is_well_formed(line.as_bytes()), "{line}");
        }
    }
}
