use super::DecodeError;
use crate::limits::Limits;

/// What stands before the payload: `<type>[<attachments>-][<namespace>,][<id>]`.
pub(super) struct Header<'a> {
    pub(super) kind: Kind,
    /// 0, or the number that a binary packet announces.
    pub(super) attachments: u16,
    pub(super) namespace: &'a str,
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
    pub(super) fn parse(text: &'a str, limits: &Limits, query: bool) -> Result<Self, DecodeError> {
        let first = text.chars().next().ok_or(DecodeError::Empty)?;
        let (kind, binary) = match first {
            '0' => (Kind::Connect, false),
            '1' => (Kind::Disconnect, false),
            '2' => (Kind::Event, false),
            '3' => (Kind::Ack, false),
            '4' => (Kind::ConnectError, false),
            '5' => (Kind::Event, true),
            '6' => (Kind::Ack, true),
            other => return Err(DecodeError::UnknownType(other)),
        };
        let rest = text.get(1..).unwrap_or_default();
        let (attachments, rest) = if binary {
            attachments(rest, limits)?
        } else {
            (0, rest)
        };
        let (namespace, rest) = namespace(rest, limits, query)?;
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
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
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
