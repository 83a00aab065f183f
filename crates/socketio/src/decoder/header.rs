use super::DecodeError;
use crate::limits::Limits;

/// What stands before the payload: `<type>[<attachments>-][<namespace>,][<id>]`. Places are offsets
/// in the text.
pub(super) struct Header {
    pub(super) kind: Kind,
    /// 0, or the number that a binary packet announces.
    pub(super) attachments: u16,
    /// Where it starts and ends; `/` is not written.
    pub(super) namespace: Option<(usize, usize)>,
    pub(super) id: Option<u64>,
    /// Where the payload starts.
    pub(super) payload: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

impl Header {
    #[inline(always)]
    pub(super) fn parse(text: &str, limits: &Limits, query: bool) -> Result<Self, DecodeError> {
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
        let mut at = 1;
        let mut attachments = 0;
        if binary {
            (attachments, at) = attachment_count(text, at, limits)?;
        }
        let mut namespace = None;
        if text.as_bytes().get(at) == Some(&b'/') {
            let start = at;
            let (end, behind) = namespace_end(text, start, limits, query)?;
            namespace = Some((start, end));
            at = behind;
        }
        let mut id = None;
        // JavaScript reads an id in other packets too, and nobody uses it: what is not the payload
        // is refused as a payload.
        if matches!(kind, Kind::Event | Kind::Ack) {
            let digits = number(text, at);
            if digits.len > 0 {
                id = Some(digits.value.ok_or(DecodeError::IllegalAckId)?);
                at += digits.len;
            }
        }
        Ok(Self {
            kind,
            attachments,
            namespace,
            id,
            payload: at,
        })
    }
}

/// The number of attachments, and where it ends. JavaScript takes whatever `Number()` takes (`1e1`,
/// ` 1`, `0x1`), but writes plain decimals.
#[inline(always)]
fn attachment_count(text: &str, at: usize, limits: &Limits) -> Result<(u16, usize), DecodeError> {
    let digits = number(text, at);
    let end = at + digits.len;
    if digits.len == 0 || text.as_bytes().get(end) != Some(&b'-') || digits.starts_with_zero {
        return Err(DecodeError::IllegalAttachmentCount);
    }
    // What does not fit 64 bits is above any limit.
    let limit = limits.max_attachments;
    match digits.value.and_then(|count| u16::try_from(count).ok()) {
        Some(count) if count <= limit => Ok((count, end + 1)),
        _ => Err(DecodeError::TooManyAttachments { limit }),
    }
}

/// Where the namespace at `start` ends, which is at the first comma or with the text, and where what
/// follows starts.
fn namespace_end(
    text: &str,
    start: usize,
    limits: &Limits,
    query: bool,
) -> Result<(usize, usize), DecodeError> {
    let rest = text.get(start..).unwrap_or_default();
    let (namespace, behind) = match rest.split_once(',') {
        Some((namespace, _)) => (namespace, 1),
        None => (rest, 0),
    };
    let (name, query) = match namespace.split_once('?') {
        Some((name, rest)) if query => (name, rest),
        _ => (namespace, ""),
    };
    limits.check_namespace(name)?;
    limits.check_query(query)?;
    let end = start + namespace.len();
    Ok((end, end + behind))
}

/// Decimal digits.
struct Digits {
    len: usize,
    starts_with_zero: bool,
    /// JavaScript takes any number of digits, and answers with what the number became (`1e+30`).
    /// None for what could not be echoed exactly: more than 64 bits, leading zeros.
    value: Option<u64>,
}

#[inline(always)]
fn number(text: &str, start: usize) -> Digits {
    let digits = text.as_bytes().get(start..).unwrap_or_default();
    let (mut len, mut value) = (0, Some(0_u64));
    while let Some(digit @ b'0'..=b'9') = digits.get(len) {
        let digit = u64::from(digit - b'0');
        value = value
            .and_then(|value| value.checked_mul(10))
            .and_then(|value| value.checked_add(digit));
        len += 1;
    }
    let starts_with_zero = digits.first() == Some(&b'0');
    if starts_with_zero && len > 1 {
        value = None;
    }
    Digits {
        len,
        starts_with_zero,
        value,
    }
}
