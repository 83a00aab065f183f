use super::DecodeError;
use crate::limits::Limits;

/// What stands before the payload: `<type>[<attachments>-][<namespace>,][<id>]`.
pub(super) struct Header<'a> {
    pub(super) kind: Kind,
    /// 0, or the number that a binary packet announces.
    pub(super) attachments: u16,
    /// Where it stands in the text; `/` is not written.
    pub(super) namespace: Option<(usize, usize)>,
    pub(super) id: Option<u64>,
    pub(super) payload: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

impl<'a> Header<'a> {
    #[inline(always)]
    pub(super) fn parse(text: &'a str, limits: &Limits, query: bool) -> Result<Self, DecodeError> {
        let (kind, binary) = match text.as_bytes().first() {
            Some(b'0') => (Kind::Connect, false),
            Some(b'1') => (Kind::Disconnect, false),
            Some(b'2') => (Kind::Event, false),
            Some(b'3') => (Kind::Ack, false),
            Some(b'4') => (Kind::ConnectError, false),
            Some(b'5') => (Kind::Event, true),
            Some(b'6') => (Kind::Ack, true),
            _ => {
                let first = text.chars().next().ok_or(DecodeError::Empty)?;
                return Err(DecodeError::UnknownType(first));
            }
        };
        let rest = text.get(1..).unwrap_or_default();
        let (attachments, rest) = if binary {
            attachments(rest, limits)?
        } else {
            (0, rest)
        };
        let (namespace, rest) = if rest.starts_with('/') {
            let start = text.len() - rest.len();
            let (namespace, rest) = namespace(rest, limits, query)?;
            (Some((start, start + namespace.len())), rest)
        } else {
            (None, rest)
        };
        let (id, payload) = match kind {
            Kind::Event | Kind::Ack => ack_id(rest)?,
            // JavaScript reads an id here too, and nobody uses it: what is not the payload is
            // refused as a payload.
            Kind::Connect | Kind::Disconnect | Kind::ConnectError => (None, rest),
        };
        Ok(Self {
            kind,
            attachments,
            namespace,
            id,
            payload,
        })
    }
}

/// JavaScript takes whatever `Number()` takes (`1e1`, ` 1`, `0x1`), but writes plain decimals.
fn attachments<'a>(text: &'a str, limits: &Limits) -> Result<(u16, &'a str), DecodeError> {
    let (digits, rest) = split_digits(text);
    let rest = rest
        .strip_prefix('-')
        .ok_or(DecodeError::IllegalAttachmentCount)?;
    if digits.is_empty() || digits.starts_with('0') {
        return Err(DecodeError::IllegalAttachmentCount);
    }
    // What does not fit 16 bits is above any limit.
    let limit = limits.max_attachments;
    match digits.parse() {
        Ok(count) if count <= limit => Ok((count, rest)),
        _ => Err(DecodeError::TooManyAttachments { limit }),
    }
}

/// Starts with a slash; ends at the first comma or with the text.
fn namespace<'a>(
    text: &'a str,
    limits: &Limits,
    query: bool,
) -> Result<(&'a str, &'a str), DecodeError> {
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let (name, query) = match namespace.split_once('?') {
        Some((name, rest)) if query => (name, rest),
        _ => (namespace, ""),
    };
    limits.check_namespace(name)?;
    limits.check_query(query)?;
    Ok((namespace, rest))
}

/// JavaScript takes blanks and any number of digits, and answers with what the number became
/// (`1e+30`). An id that we could not echo exactly is refused: more than 64 bits, leading zeros.
fn ack_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let (digits, rest) = split_digits(text);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return Err(DecodeError::IllegalAckId);
    }
    let id = digits.parse().map_err(|_| DecodeError::IllegalAckId)?;
    Ok((Some(id), rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(len).unwrap_or(("", text))
}
