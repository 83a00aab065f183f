//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use super::list::{is_token_byte, trim};

/// One element of an extension list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension<'a> {
    name: &'a [u8],
    parameters: &'a [u8],
}

/// A parameter's value, as it stands: a token, or one in quotes with backslashes in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a>(&'a [u8]);

impl<'a> Extension<'a> {
    pub(crate) const fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The parameters in order: names, and values where there are any.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'a [u8], Option<Value<'a>>)> {
        let mut rest = self.parameters;
        core::iter::from_fn(move || {
            let (parameter, tail) = parameter(rest)??;
            rest = tail;
            Some(parameter)
        })
    }
}

impl Value<'_> {
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> {
        // A token holds neither quotes nor backslashes.
        let is_content = |byte: &u8| !matches!(byte, b'"' | b'\\');
        self.0.iter().copied().filter(is_content)
    }
}

/// Whether a header line follows the grammar of an extension list. Linear in its length.
pub(crate) fn is_well_formed(line: &[u8]) -> bool {
    let mut any = false;
    parse(line).all(|element| {
        any = true;
        element.is_some()
    }) && any
}

/// The elements of a header line; a malformed one is `None`, and the last.
pub(crate) fn parse(line: &[u8]) -> impl Iterator<Item = Option<Extension<'_>>> {
    let mut rest = trim(line);
    core::iter::from_fn(move || {
        // Empty elements are allowed for (RFC 9110 §5.6.1.2).
        while let [b',' | b' ' | b'\t', tail @ ..] = rest {
            rest = tail;
        }
        if rest.is_empty() {
            return None;
        }
        let element = extension(rest);
        rest = element.map_or(&[], |(_, tail)| tail);
        Some(element.map(|(extension, _)| extension))
    })
}

/// Takes an extension with the comma behind it.
fn extension(input: &[u8]) -> Option<(Extension<'_>, &[u8])> {
    let (name, parameters) = token(input)?;
    let mut rest = parameters;
    while let Some((_, tail)) = parameter(rest)? {
        rest = tail;
    }
    let length = parameters.len() - rest.len();
    let extension = Extension {
        name,
        parameters: parameters.get(..length)?,
    };
    match spaces(rest) {
        [] => Some((extension, &[])),
        [b',', tail @ ..] => Some((extension, tail)),
        _ => None,
    }
}

type Parameter<'a> = (&'a [u8], Option<Value<'a>>);

/// Takes `OWS ";" OWS name [ "=" value ]`: `Some(None)` if no parameter follows, `None` if what
/// follows is malformed.
#[expect(clippy::option_option, reason = "absent and malformed differ")]
fn parameter(input: &[u8]) -> Option<Option<(Parameter<'_>, &[u8])>> {
    let [b';', rest @ ..] = spaces(input) else {
        return Some(None);
    };
    let (name, rest) = token(spaces(rest))?;
    let [b'=', tail @ ..] = spaces(rest) else {
        return Some(Some(((name, None), rest)));
    };
    let start = spaces(tail);
    let rest = match start {
        [b'"', tail @ ..] => quoted(tail)?,
        _ => token(start)?.1,
    };
    let value = Value(start.get(..start.len() - rest.len())?);
    Some(Some(((name, Some(value)), rest)))
}

/// Takes a token.
fn token(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input
        .iter()
        .position(|&byte| !is_token_byte(byte))
        .unwrap_or(input.len());
    if end == 0 {
        None
    } else {
        input.split_at_checked(end)
    }
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
    use alloc::vec::Vec;

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

    #[test]
    fn elements_and_parameters() {
        let line = b"foo, bar; a; b=1 ;c = \"x\\yz\" , ,baz";
        let elements: Vec<_> = parse(line).map(|element| element.unwrap()).collect();
        let names: Vec<_> = elements.iter().map(Extension::name).collect();
        assert_eq!(names, [&b"foo"[..], b"bar", b"baz"]);
        let parameters: Vec<_> = elements[1]
            .parameters()
            .map(|(name, value)| (name, value.map(|value| value.bytes().collect::<Vec<_>>())))
            .collect();
        let expected = [
            (&b"a"[..], None),
            (b"b", Some(b"1".to_vec())),
            (b"c", Some(b"xyz".to_vec())),
        ];
        assert_eq!(parameters, expected);
        assert!(
            parse(b"foo, b@r, baz")
                .nth(1)
                .is_some_and(|element| element.is_none())
        );
        assert_eq!(parse(b"foo, b@r, baz").count(), 2);
    }
}
