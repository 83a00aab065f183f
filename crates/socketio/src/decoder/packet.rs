//! The packet in a text.

use faststr::FastStr;

use super::header::{Header, Kind};
use super::{DecodeError, check_event_name};
use crate::Arguments;
use crate::limits::Limits;
use crate::packet::{Packet, PacketKind, RawJson};
use crate::scan::{Ends, Found, JsonError, Rules, Scanner};

/// The packet of which a text is the first message, without attachments: always one, given as
/// [`decode_text`](super::Decoder::decode_text) gives it, for then it is made where it is to be.
/// Moving one costs as much as scanning a short text.
///
/// The arguments take the text itself: to count its holders up and down would cost as much too.
#[inline(always)]
pub(super) fn packet(
    text: FastStr,
    header: &Header,
    limits: &Limits,
) -> Result<Option<Packet>, DecodeError> {
    let rules = Rules::new(limits.max_depth, header.attachments);
    let start = header.payload;
    let payload = text.as_bytes().get(start..).unwrap_or_default();
    match header.kind {
        Kind::Event => {
            let (mut scanner, rules) = open_array(payload, rules)?;
            let name = Name::scan(&mut scanner, &text, start)?.of(&text);
            let args = scanner.pos();
            let ends = scanner.more_elements(rules, Ends::default(), 0)?;
            scanner.end()?;
            Ok(Some(Packet {
                namespace: namespace(&text, header),
                kind: PacketKind::Event {
                    id: header.id,
                    name,
                    args: Arguments::scanned(text, start, args, ends),
                },
            }))
        }
        Kind::Ack => {
            let id = header.id.ok_or(DecodeError::MissingAckId)?;
            let (mut scanner, rules) = open_array(payload, rules)?;
            let args = scanner.pos();
            let ends = scanner.elements(rules)?;
            scanner.end()?;
            Ok(Some(Packet {
                namespace: namespace(&text, header),
                kind: PacketKind::Ack {
                    id,
                    args: Arguments::scanned(text, start, args, ends),
                },
            }))
        }
        _ => other(&text, header, rules).map(Some),
    }
}

/// Never inlined: [`packet`] is to be so only once.
#[inline(never)]
pub(super) fn binary_packet(
    text: FastStr,
    header: &Header,
    limits: &Limits,
) -> Result<Option<Packet>, DecodeError> {
    packet(text, header, limits)
}

/// A packet that is neither an event nor an ack.
fn other(text: &FastStr, header: &Header, rules: Rules) -> Result<Packet, DecodeError> {
    let payload = text.get(header.payload..).unwrap_or_default();
    let json = || RawJson::new(part(text, payload));
    let kind = match header.kind {
        Kind::Connect if payload.is_empty() => PacketKind::Connect(None),
        Kind::Connect => {
            check_json(payload, rules, "{", "an object")?;
            PacketKind::Connect(Some(json()))
        }
        Kind::ConnectError => {
            check_json(payload, rules, "{\"", "an object or a string")?;
            PacketKind::ConnectError(json())
        }
        _ if payload.is_empty() => PacketKind::Disconnect,
        _ => return Err(DecodeError::UnexpectedPayload),
    };
    let namespace = namespace(text, header);
    Ok(Packet { namespace, kind })
}

#[inline(always)]
fn namespace(text: &FastStr, header: &Header) -> FastStr {
    match header.namespace {
        None => FastStr::from_static_str("/"),
        Some((from, to)) => part(text, text.get(from..to).unwrap_or_default()),
    }
}

/// Where an event's name is in the text. One with escapes is still in its quotes, and no other
/// starts with one.
#[derive(Clone, Copy)]
struct Name {
    from: usize,
    to: usize,
}

impl Name {
    /// Moves past a name. The scanner's text starts at `payload`.
    #[inline(always)]
    fn scan(
        scanner: &mut Scanner<'_>,
        text: &FastStr,
        payload: usize,
    ) -> Result<Self, DecodeError> {
        scanner.skip_whitespace();
        let start = payload + scanner.pos();
        let quote = match scanner.peek() {
            Some(b'"') => match scanner.string()? {
                Found::PlainString => 1,
                Found::Other => 0,
            },
            Some(b'-' | b'0'..=b'9') => {
                scanner.number()?;
                0
            }
            None => return Err(JsonError::UnexpectedEnd.into()),
            Some(_) => return Err(DecodeError::IllegalEventName),
        };
        let name = Self {
            from: start + quote,
            to: payload + scanner.pos() - quote,
        };
        let text = name.text(text);
        if text.starts_with('"') {
            check_event_name(&escaped_name(text)?)?;
        } else {
            check_event_name(text)?;
        }
        Ok(name)
    }

    fn text(self, text: &str) -> &str {
        text.get(self.from..self.to).unwrap_or_default()
    }

    /// Never inlined: see [`part`].
    #[inline(never)]
    fn of(self, text: &FastStr) -> FastStr {
        let name = self.text(text);
        if name.starts_with('"') {
            // It has been read once before.
            escaped_name(name).unwrap_or_default()
        } else {
            text.slice_ref(name)
        }
    }
}

/// A name that is escaped has to be text: a lone surrogate is not.
#[cold]
fn escaped_name(quoted: &str) -> Result<FastStr, DecodeError> {
    serde_json::from_str::<alloc::string::String>(quoted)
        .map(FastStr::from)
        .map_err(|_| DecodeError::IllegalEventName)
}

/// Never inlined: where the compiler sees what a text is made of, it moves it piece by piece, and
/// each piece waits for the one before.
#[inline(never)]
fn part(text: &FastStr, part: &str) -> FastStr {
    text.slice_ref(part)
}

fn check_json(
    payload: &str,
    rules: Rules,
    first: &str,
    expected: &'static str,
) -> Result<(), DecodeError> {
    let start = payload.chars().next().ok_or(DecodeError::MissingPayload)?;
    if !first.contains(start) {
        return Err(DecodeError::WrongPayload { expected });
    }
    let mut scanner = Scanner::new(payload.as_bytes(), 0);
    scanner.value(rules)?;
    Ok(scanner.end()?)
}

/// A scanner inside of the array that the payload has to be, and the rules for its elements.
#[inline(always)]
fn open_array(payload: &[u8], rules: Rules) -> Result<(Scanner<'_>, Rules), DecodeError> {
    match payload.first() {
        Some(b'[') => {}
        Some(_) => {
            let expected = "an array";
            return Err(DecodeError::WrongPayload { expected });
        }
        None => return Err(DecodeError::MissingPayload),
    }
    let mut scanner = Scanner::new(payload, 0);
    let rules = scanner.open_array(rules)?;
    Ok((scanner, rules))
}
