use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use thiserror::Error;

use crate::Arguments;
use crate::limits::Limits;
use crate::packet::{Packet, PacketKind, RESERVED_EVENTS, RawJson};
use crate::scan::{JsonError, Scanner};

use header::{Header, Kind};

mod header;

/// Messages to packets, for one connection.
///
/// The messages are those of Engine.IO, without its packet type `4`. A packet with attachments
/// comes as a text and the announced number of binary messages, with nothing in between.
///
/// After an error the connection has to be closed, as every Socket.IO implementation does.
///
/// ```
/// use core::time::Duration;
/// use songi_socketio::{Decoder, Limits, PacketKind};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let packet = decoder.decode_text(r#"2/admin,456["rename","Ada",36]"#.into(), Duration::ZERO)?.unwrap();
/// assert_eq!(packet.namespace, "/admin");
/// let PacketKind::Event { id, name, args } = packet.kind else { panic!() };
/// assert_eq!((id, name.as_str()), (Some(456), "rename"));
/// assert_eq!(args.deserialize::<(&str, u8)>()?, ("Ada", 36));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// A packet whose attachments have not all come. Boxed: most connections never have one.
    pending: Option<Box<Pending>>,
}

#[derive(Debug)]
struct Pending {
    packet: Packet,
    attachments: Vec<Bytes>,
    announced: u16,
    bytes: usize,
    deadline: Duration,
}

/// Why messages are not packets. Each one closes the connection.
///
/// Section names are those of the Socket.IO protocol document, version 5.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// A text message without a character ("Packet encoding").
    #[error("empty packet")]
    Empty,
    /// The first character is not a digit from 0 to 6.
    #[error("unknown packet type {0:?}")]
    UnknownType(char),
    /// `BINARY_EVENT` or `BINARY_ACK` without `<number>-`, the number being a plain decimal above 0.
    #[error("illegal number of attachments")]
    IllegalAttachmentCount,
    /// More attachments announced than [`Limits::max_attachments`].
    #[error("more attachments announced than the limit of {limit}")]
    TooManyAttachments {
        /// The limit.
        limit: u16,
    },
    /// A namespace longer than [`Limits::max_namespace_bytes`].
    #[error("a namespace of {bytes} bytes, the limit is {limit}")]
    NamespaceTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: u16,
    },
    /// An ack id that is not a plain decimal of at most 64 bits.
    #[error("illegal ack id")]
    IllegalAckId,
    /// An ack without the id of the event that it answers.
    #[error("an ack without id")]
    MissingAckId,
    /// The packet type needs a payload and has none.
    #[error("the payload is missing")]
    MissingPayload,
    /// `DISCONNECT` has no payload.
    #[error("a payload where none may stand")]
    UnexpectedPayload,
    /// The payload has the wrong JSON type for the packet type.
    #[error("the payload is not {expected}")]
    WrongPayload {
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// The payload is not JSON, nested too deep, or has an illegal placeholder.
    #[error("illegal payload: {0}")]
    IllegalPayload(#[from] JsonError),
    /// An event whose first element is not a string or a number.
    #[error("the event has no name")]
    IllegalEventName,
    /// One of [`RESERVED_EVENTS`].
    #[error("the event name {0:?} is reserved")]
    ReservedEventName(&'static str),
    /// A text message where an attachment should be.
    #[error("a text message while {missing} attachments are missing")]
    TextInsteadOfAttachment {
        /// How many attachments are missing.
        missing: u16,
    },
    /// A binary message that no packet announced.
    #[error("a binary message that no packet announced")]
    UnexpectedAttachment,
    /// More bytes than [`Limits::max_packet_bytes`].
    #[error("the packet is larger than the limit of {limit} bytes")]
    PacketTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The next attachment did not come within [`Limits::attachment_timeout`].
    #[error("timed out while {missing} attachments are missing")]
    AttachmentTimeout {
        /// How many attachments are missing.
        missing: u16,
    },
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pending: None,
        }
    }

    /// Takes a text message. `None`: its attachments are still to come.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`UnexpectedAttachment`](DecodeError::UnexpectedAttachment) and
    /// [`AttachmentTimeout`](DecodeError::AttachmentTimeout).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the packet keeps slices of it"
    )]
    pub fn decode_text(
        &mut self,
        text: FastStr,
        now: Duration,
    ) -> Result<Option<Packet>, DecodeError> {
        if let Some(pending) = self.pending.take() {
            return Err(DecodeError::TextInsteadOfAttachment {
                missing: pending.missing(),
            });
        }
        let bytes = text.len();
        if bytes > self.limits.max_packet_bytes {
            return Err(DecodeError::PacketTooLarge {
                limit: self.limits.max_packet_bytes,
            });
        }
        let header = Header::parse(&text, &self.limits)?;
        let packet = decode_packet(&text, &header, &self.limits)?;
        let announced = header.attachments;
        if announced == 0 {
            return Ok(Some(packet));
        }
        let deadline = now.saturating_add(self.limits.attachment_timeout);
        // Grows with what arrives, not with what was announced.
        let attachments = Vec::new();
        self.pending = Some(Box::new(Pending {
            packet,
            attachments,
            announced,
            bytes,
            deadline,
        }));
        Ok(None)
    }

    /// Takes a binary message. `None`: more attachments are to come.
    ///
    /// # Errors
    /// [`UnexpectedAttachment`](DecodeError::UnexpectedAttachment) or
    /// [`PacketTooLarge`](DecodeError::PacketTooLarge).
    pub fn decode_binary(
        &mut self,
        data: Bytes,
        now: Duration,
    ) -> Result<Option<Packet>, DecodeError> {
        let mut pending = self
            .pending
            .take()
            .ok_or(DecodeError::UnexpectedAttachment)?;
        pending.bytes = pending.bytes.saturating_add(data.len());
        if pending.bytes > self.limits.max_packet_bytes {
            return Err(DecodeError::PacketTooLarge {
                limit: self.limits.max_packet_bytes,
            });
        }
        pending.attachments.push(data);
        if pending.missing() > 0 {
            pending.deadline = now.saturating_add(self.limits.attachment_timeout);
            self.pending = Some(pending);
            return Ok(None);
        }
        let Pending {
            mut packet,
            attachments,
            ..
        } = *pending;
        if let PacketKind::Event { args, .. } | PacketKind::Ack { args, .. } = &mut packet.kind {
            args.attach(attachments);
        }
        Ok(Some(packet))
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.pending.as_ref().map(|pending| pending.deadline)
    }

    /// Tells the time.
    ///
    /// # Errors
    /// [`AttachmentTimeout`](DecodeError::AttachmentTimeout), once.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), DecodeError> {
        match self.pending.take_if(|pending| now >= pending.deadline) {
            Some(pending) => Err(DecodeError::AttachmentTimeout {
                missing: pending.missing(),
            }),
            None => Ok(()),
        }
    }
}

impl Pending {
    fn missing(&self) -> u16 {
        let arrived = u16::try_from(self.attachments.len()).unwrap_or(u16::MAX);
        self.announced.saturating_sub(arrived)
    }
}

fn decode_packet(
    text: &FastStr,
    header: &Header<'_>,
    limits: &Limits,
) -> Result<Packet, DecodeError> {
    let &Header {
        namespace,
        payload,
        attachments,
        ..
    } = header;
    let scanner = || Scanner::new(payload, limits.max_depth, attachments);
    let kind = match header.kind {
        Kind::Connect if payload.is_empty() => PacketKind::Connect(None),
        Kind::Connect => {
            PacketKind::Connect(Some(raw_json(text, payload, scanner(), "{", "an object")?))
        }
        Kind::ConnectError => PacketKind::ConnectError(raw_json(
            text,
            payload,
            scanner(),
            "{\"",
            "an object or a string",
        )?),
        Kind::Disconnect if payload.is_empty() => PacketKind::Disconnect,
        Kind::Disconnect => return Err(DecodeError::UnexpectedPayload),
        Kind::Event => event(text, header.id, payload, scanner())?,
        Kind::Ack => {
            let id = header.id.ok_or(DecodeError::MissingAckId)?;
            PacketKind::Ack {
                id,
                args: ack_arguments(text, payload, scanner())?,
            }
        }
    };
    Ok(Packet {
        namespace: namespace_text(text, namespace),
        kind,
    })
}

fn raw_json(
    text: &FastStr,
    payload: &str,
    mut scanner: Scanner<'_>,
    first: &str,
    expected: &'static str,
) -> Result<RawJson, DecodeError> {
    let start = payload.chars().next().ok_or(DecodeError::MissingPayload)?;
    if !first.contains(start) {
        return Err(DecodeError::WrongPayload { expected });
    }
    scanner.value()?;
    scanner.end()?;
    Ok(RawJson::new(text.slice_ref(payload)))
}

fn event(
    text: &FastStr,
    id: Option<u64>,
    payload: &str,
    mut scanner: Scanner<'_>,
) -> Result<PacketKind, DecodeError> {
    expect_array(payload)?;
    scanner.open_array()?;
    scanner.skip_whitespace();
    let start = scanner.pos();
    let name = match scanner.peek() {
        Some(b'"') => {
            let escaped = scanner.string()?;
            let quoted = payload.get(start..scanner.pos()).unwrap_or_default();
            string_name(text, quoted, escaped)?
        }
        Some(b'-' | b'0'..=b'9') => {
            scanner.number()?;
            text.slice_ref(payload.get(start..scanner.pos()).unwrap_or_default())
        }
        None => return Err(JsonError::UnexpectedEnd.into()),
        Some(_) => return Err(DecodeError::IllegalEventName),
    };
    if let Some(reserved) = RESERVED_EVENTS.iter().find(|reserved| name == **reserved) {
        return Err(DecodeError::ReservedEventName(reserved));
    }
    let args_start = scanner.pos();
    scanner.rest_of_array()?;
    scanner.end()?;
    let args = Arguments::new(text.slice_ref(payload), args_start);
    Ok(PacketKind::Event { id, name, args })
}

/// The name inside the quotes. Where it is escaped it has to be text: a lone surrogate is not.
fn string_name(text: &FastStr, quoted: &str, escaped: bool) -> Result<FastStr, DecodeError> {
    if escaped {
        return serde_json::from_str::<alloc::string::String>(quoted)
            .map(FastStr::from)
            .map_err(|_| DecodeError::IllegalEventName);
    }
    let name = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Ok(text.slice_ref(name.unwrap_or_default()))
}

fn ack_arguments(
    text: &FastStr,
    payload: &str,
    mut scanner: Scanner<'_>,
) -> Result<Arguments, DecodeError> {
    expect_array(payload)?;
    scanner.value()?;
    scanner.end()?;
    Ok(Arguments::new(text.slice_ref(payload), 1))
}

fn expect_array(payload: &str) -> Result<(), DecodeError> {
    match payload.chars().next() {
        Some('[') => Ok(()),
        Some(_) => Err(DecodeError::WrongPayload {
            expected: "an array",
        }),
        None => Err(DecodeError::MissingPayload),
    }
}

fn namespace_text(text: &FastStr, namespace: &str) -> FastStr {
    if namespace == "/" {
        FastStr::from_static_str("/")
    } else {
        text.slice_ref(namespace)
    }
}

#[cfg(test)]
mod tests;
