use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use bytes::Bytes;
use faststr::FastStr;
use thiserror::Error;

#[cfg(doc)]
use crate::Parser;
use crate::limits::Limits;
#[cfg(feature = "msgpack")]
use crate::msgpack::{self, MsgpackError};
use crate::namespaces;
use crate::packet::{Packet, PacketKind, RESERVED_EVENTS};
use crate::parser::CustomDecoder;
use crate::scan::JsonError;

use header::Header;
use packet::{binary_packet, packet};

mod header;
mod packet;

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
    state: State,
    /// Whether a namespace may be followed by a query: see [`Decoder::accept_query`].
    query: bool,
}

/// The parser, and what it keeps between messages.
#[derive(Debug)]
enum State {
    /// A packet whose attachments have not all come. Boxed: most connections never have one.
    Json(Option<Box<Pending>>),
    #[cfg(feature = "msgpack")]
    Msgpack,
    Custom(Box<dyn CustomDecoder>),
}

#[derive(Debug)]
struct Pending {
    /// Without attachments.
    packet: Packet,
    /// Those that have come.
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
    /// A query longer than [`Limits::max_query_bytes`].
    #[error("a query of {bytes} bytes, the limit is {limit}")]
    QueryTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: u16,
    },
    /// A namespace that JSON could not have written: without its slash, or with a comma.
    #[error("illegal namespace")]
    IllegalNamespace,
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
    /// The message is not the MessagePack of a packet.
    #[cfg(feature = "msgpack")]
    #[error("illegal MessagePack: {0}")]
    IllegalMsgpack(#[from] MsgpackError),
    /// A parser of the application refused the message.
    #[error("{0}")]
    Custom(FastStr),
    /// A text message, where the parser has binary ones only.
    #[error("a text message where only binary ones may come")]
    UnexpectedText,
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
    /// A decoder of JSON at the start of a connection. [`Parser::decoder`] makes others.
    pub fn new(limits: Limits) -> Self {
        Self::with_state(limits, State::Json(None))
    }

    #[cfg(feature = "msgpack")]
    pub(crate) fn msgpack(limits: Limits) -> Self {
        Self::with_state(limits, State::Msgpack)
    }

    pub(crate) fn custom(limits: Limits, decoder: Box<dyn CustomDecoder>) -> Self {
        Self::with_state(limits, State::Custom(decoder))
    }

    fn with_state(limits: Limits, state: State) -> Self {
        Self {
            limits,
            state,
            query: false,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// What follows a `?` in a namespace has a limit of its own: [`Limits::max_query_bytes`].
    pub(crate) fn accept_query(&mut self) {
        self.query = true;
    }

    /// Takes a text message. `None`: more messages belong to the packet.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`UnexpectedAttachment`](DecodeError::UnexpectedAttachment) and
    /// [`AttachmentTimeout`](DecodeError::AttachmentTimeout).
    pub fn decode_text(
        &mut self,
        text: FastStr,
        now: Duration,
    ) -> Result<Option<Packet>, DecodeError> {
        let pending = match &mut self.state {
            State::Json(pending) => pending,
            #[cfg(feature = "msgpack")]
            State::Msgpack => return Err(DecodeError::UnexpectedText),
            State::Custom(decoder) => {
                self.limits.check_packet(text.len())?;
                return checked(decoder.decode_text(text, now)?, &self.limits);
            }
        };
        if let Some(pending) = pending.take() {
            return Err(DecodeError::TextInsteadOfAttachment {
                missing: pending.missing(),
            });
        }
        let str = text.as_str();
        let bytes = str.len();
        self.limits.check_packet(bytes)?;
        let header = Header::parse(str, &self.limits, self.query)?;
        let announced = header.attachments;
        if announced == 0 {
            return packet(text, &header, &self.limits);
        }
        let packet = binary_packet(text, &header, &self.limits)?;
        let deadline = now.saturating_add(self.limits.attachment_timeout);
        *pending = packet.map(|packet| {
            Box::new(Pending {
                packet,
                // Grows with what arrives, not with what was announced.
                attachments: Vec::new(),
                announced,
                bytes,
                deadline,
            })
        });
        Ok(None)
    }

    /// Takes a binary message. `None`: more messages belong to the packet.
    ///
    /// # Errors
    /// With JSON [`UnexpectedAttachment`](DecodeError::UnexpectedAttachment) or
    /// [`PacketTooLarge`](DecodeError::PacketTooLarge), with other parsers any.
    pub fn decode_binary(
        &mut self,
        data: Bytes,
        now: Duration,
    ) -> Result<Option<Packet>, DecodeError> {
        let slot = match &mut self.state {
            State::Json(pending) => pending,
            #[cfg(feature = "msgpack")]
            State::Msgpack => {
                self.limits.check_packet(data.len())?;
                return msgpack::decode(data, &self.limits);
            }
            State::Custom(decoder) => {
                self.limits.check_packet(data.len())?;
                return checked(decoder.decode_binary(data, now)?, &self.limits);
            }
        };
        let mut pending = slot.take().ok_or(DecodeError::UnexpectedAttachment)?;
        pending.bytes = pending.bytes.saturating_add(data.len());
        self.limits.check_packet(pending.bytes)?;
        if pending.missing() > 1 {
            pending.attachments.push(data);
            pending.deadline = now.saturating_add(self.limits.attachment_timeout);
            *slot = Some(pending);
            return Ok(None);
        }
        if let PacketKind::Event { args, .. } | PacketKind::Ack { args, .. } =
            &mut pending.packet.kind
        {
            args.attach(mem::take(&mut pending.attachments), data);
        }
        Ok(Some(pending.packet))
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match &self.state {
            State::Json(pending) => pending.as_ref().map(|pending| pending.deadline),
            #[cfg(feature = "msgpack")]
            State::Msgpack => None,
            State::Custom(decoder) => decoder.poll_timeout(),
        }
    }

    /// Tells the time.
    ///
    /// # Errors
    /// [`AttachmentTimeout`](DecodeError::AttachmentTimeout), once.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), DecodeError> {
        match &mut self.state {
            State::Json(pending) => match pending.take_if(|pending| now >= pending.deadline) {
                Some(pending) => Err(DecodeError::AttachmentTimeout {
                    missing: pending.missing(),
                }),
                None => Ok(()),
            },
            #[cfg(feature = "msgpack")]
            State::Msgpack => Ok(()),
            State::Custom(decoder) => decoder.handle_timeout(now),
        }
    }
}

/// What holds for every packet, whoever has parsed it.
fn checked(packet: Option<Packet>, limits: &Limits) -> Result<Option<Packet>, DecodeError> {
    let Some(packet) = packet else {
        return Ok(None);
    };
    if !namespaces::is_legal(&packet.namespace) {
        return Err(DecodeError::IllegalNamespace);
    }
    limits.check_namespace(&packet.namespace)?;
    if let PacketKind::Event { name, .. } = &packet.kind {
        check_event_name(name)?;
    }
    Ok(Some(packet))
}

/// The name must not be one of [`RESERVED_EVENTS`].
pub(crate) fn check_event_name(name: &str) -> Result<(), DecodeError> {
    match RESERVED_EVENTS.iter().find(|reserved| name == **reserved) {
        Some(reserved) => Err(DecodeError::ReservedEventName(reserved)),
        None => Ok(()),
    }
}

impl Pending {
    fn missing(&self) -> u16 {
        let arrived = u16::try_from(self.attachments.len()).unwrap_or(u16::MAX);
        self.announced.saturating_sub(arrived)
    }
}

#[cfg(test)]
mod tests;
