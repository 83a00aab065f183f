//! Tokens and comma-separated lists (RFC 9110 §5.6).

/// Whether `value` is a token (RFC 9110 §5.6.2).
pub(crate) fn is_token(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().copied().all(is_token_byte)
}

pub(crate) const fn is_token_byte(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}

/// The elements of a list, over all lines of a header; empty ones are skipped (RFC 9110 §5.6.1.2).
///
/// It splits at every comma: for lists whose elements may be quoted see `extensions`.
pub(crate) fn elements<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = &'a [u8]> {
    lines
        .flat_map(|line| line.split(|&byte| byte == b','))
        .map(trim)
        .filter(|element| !element.is_empty())
}

/// Whether a list contains `token`, in any case.
pub(crate) fn contains<'a>(mut lines: impl Iterator<Item = &'a [u8]>, token: &str) -> bool {
    elements(lines.by_ref()).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// Without the spaces and tabs at both ends.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
