//! The packet in a text.

use faststr::FastStr;

use super::header::{Header, Kind};
use super::{DecodeError, check_event_name};
use crate::Arguments;
use crate::limits::Limits;
use crate::packet::{Packet, PacketKind, RawJson};
use crate::scan::{JsonError, Scanner};

/// What a text says, and where: the packet is made of it in one piece, where it is to be, for moving
/// one costs as much as scanning a short text. Places are offsets in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) attachments: u16,
    namespace: Option<(usize, usize)>,
    payload: usize,
    kind: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Connect {
        auth: bool,
    },
    ConnectError,
    Disconnect,
    Event {
        id: Option<u64>,
        name: Name,
        /// Where the arguments start.
        args: usize,
    },
    Ack {
        id: u64,
    },
}

/// Where an event's name is, and whether it has escapes and is still in its quotes.
#[derive(Clone, Copy, Debug)]
struct Name {
    from: usize,
    to: usize,
    escaped: bool,
}

impl Layout {
    #[inline(always)]
    pub(super) fn of(text: &str, limits: &Limits, query: bool) -> Result<Self, DecodeError> {
        let header = Header::parse(text, limits, query)?;
        let Header {
            payload,
            attachments,
            ..
        } = header;
        let start = text.len() - payload.len();
        let scanner = || Scanner::new(payload, limits.max_depth, attachments);
        let kind = match header.kind {
            Kind::Event => {
                let (name, args) = event(payload, scanner())?;
                Shape::Event {
                    id: header.id,
                    name: Name {
                        from: start + name.from,
                        to: start + name.to,
                        ..name
                    },
                    args: start + args,
                }
            }
            Kind::Ack => {
                let id = header.id.ok_or(DecodeError::MissingAckId)?;
                check_ack(payload, scanner())?;
                Shape::Ack { id }
            }
            Kind::Connect if payload.is_empty() => Shape::Connect { auth: false },
            Kind::Connect => {
                check_json(payload, scanner(), "{", "an object")?;
                Shape::Connect { auth: true }
            }
            Kind::ConnectError => {
                check_json(payload, scanner(), "{\"", "an object or a string")?;
                Shape::ConnectError
            }
            Kind::Disconnect if payload.is_empty() => Shape::Disconnect,
            Kind::Disconnect => return Err(DecodeError::UnexpectedPayload),
        };
        Ok(Self {
            attachments,
            namespace: header.namespace,
            payload: start,
            kind,
        })
    }

    /// The arguments take the text itself: to count its holders up and down would cost as much as to
    /// scan it.
    #[inline(always)]
    pub(super) fn packet(self, text: FastStr) -> Packet {
        let namespace = match self.namespace {
            None => FastStr::from_static_str("/"),
            Some((from, to)) => part(&text, text.get(from..to).unwrap_or_default()),
        };
        let payload = self.payload;
        let json = || RawJson::new(part(&text, text.get(payload..).unwrap_or_default()));
        let kind = match self.kind {
            Shape::Event { id, name, args } => PacketKind::Event {
                id,
                name: name.of(&text),
                args: Arguments::new(text, payload, args),
            },
            Shape::Ack { id } => PacketKind::Ack {
                id,
                args: Arguments::new(text, payload, payload + 1),
            },
            Shape::Connect { auth } => PacketKind::Connect(auth.then(json)),
            Shape::ConnectError => PacketKind::ConnectError(json()),
            Shape::Disconnect => PacketKind::Disconnect,
        };
        Packet { namespace, kind }
    }
}

impl Name {
    /// Never inlined: see [`part`].
    #[inline(never)]
    fn of(self, text: &FastStr) -> FastStr {
        let name = text.get(self.from..self.to).unwrap_or_default();
        match self.escaped {
            false => text.slice_ref(name),
            // It has been read once before.
            true => escaped_name(name).unwrap_or_default(),
        }
    }
}

/// Never inlined: where the compiler sees what a text is made of, it moves it piece by piece, and
/// each piece waits for the one before.
#[inline(never)]
fn part(text: &FastStr, part: &str) -> FastStr {
    text.slice_ref(part)
}

fn check_json(
    payload: &str,
    mut scanner: Scanner<'_>,
    first: &str,
    expected: &'static str,
) -> Result<(), DecodeError> {
    let start = payload.chars().next().ok_or(DecodeError::MissingPayload)?;
    if !first.contains(start) {
        return Err(DecodeError::WrongPayload { expected });
    }
    scanner.value()?;
    Ok(scanner.end()?)
}

/// The name, and where the arguments start, in the payload.
#[inline(always)]
fn event(payload: &str, mut scanner: Scanner<'_>) -> Result<(Name, usize), DecodeError> {
    expect_array(payload)?;
    scanner.open_array()?;
    scanner.skip_whitespace();
    let start = scanner.pos();
    let (escaped, quote) = match scanner.peek() {
        Some(b'"') => match scanner.string()? {
            true => (true, 0),
            false => (false, 1),
        },
        Some(b'-' | b'0'..=b'9') => {
            scanner.number()?;
            (false, 0)
        }
        None => return Err(JsonError::UnexpectedEnd.into()),
        Some(_) => return Err(DecodeError::IllegalEventName),
    };
    let args = scanner.pos();
    let name = Name {
        from: start + quote,
        to: args - quote,
        escaped,
    };
    let text = payload.get(name.from..name.to).unwrap_or_default();
    if escaped {
        check_event_name(&escaped_name(text)?)?;
    } else {
        check_event_name(text)?;
    }
    scanner.rest_of_array()?;
    scanner.end()?;
    Ok((name, args))
}

/// A name that is escaped has to be text: a lone surrogate is not.
#[cold]
fn escaped_name(quoted: &str) -> Result<FastStr, DecodeError> {
    serde_json::from_str::<alloc::string::String>(quoted)
        .map(FastStr::from)
        .map_err(|_| DecodeError::IllegalEventName)
}

fn check_ack(payload: &str, mut scanner: Scanner<'_>) -> Result<(), DecodeError> {
    expect_array(payload)?;
    scanner.value()?;
    Ok(scanner.end()?)
}

fn expect_array(payload: &str) -> Result<(), DecodeError> {
    match payload.as_bytes().first() {
        Some(b'[') => Ok(()),
        Some(_) => Err(DecodeError::WrongPayload {
            expected: "an array",
        }),
        None => Err(DecodeError::MissingPayload),
    }
}
