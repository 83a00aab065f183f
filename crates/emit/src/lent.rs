//! A packet for one receiver, which is written and forgotten.

use std::cell::Cell;

use bytes::Bytes;
use songi_socketio::{EncodeError, Format, Parser};

use crate::Outgoing;
use crate::outgoing::MESSAGE;

/// The largest buffer that a thread keeps for its next packet.
const KEEP: usize = 4096;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A packet for one receiver.
#[derive(Debug)]
pub enum Encoded<'a> {
    /// Its whole text, as an Engine.IO message. It is lent: a sender that copies it behind the
    /// header of a frame anyway need not have it on the heap before.
    Text(&'a str),
    /// One that is larger, has attachments or is no text.
    Packet(Outgoing),
}

impl Encoded<'_> {
    /// The packet, to be kept.
    #[must_use]
    pub fn into_packet(self, parser: &Parser) -> Outgoing {
        match self {
            Self::Text(text) => Outgoing::from_message_text(text, parser),
            Self::Packet(packet) => packet,
        }
    }
}

/// Encodes a packet as one of its parser's methods writes it, and calls `send` with it.
///
/// ```
/// use songi_emit::{Encoded, Parser, encode_for_one};
///
/// let parser = Parser::Json;
/// encode_for_one(&parser, |wire| parser.ack(wire, "/", 7, "ok"), |packet| {
///     assert!(matches!(packet, Encoded::Text(r#"437["ok"]"#)));
/// })?;
/// # Ok::<(), songi_emit::EncodeError>(())
/// ```
///
/// # Errors
///
/// Those of `write`.
pub fn encode_for_one<R, E>(
    parser: &Parser,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>,
    send: impl FnOnce(Encoded<'_>) -> R,
) -> Result<R, E>
where
    E: From<EncodeError>,
{
    // Taken, not borrowed: what is serialised is foreign code, which may come back here.
    let mut wire = SCRATCH.take();
    wire.clear();
    let is_text = parser.format() == Format::Text;
    if is_text {
        wire.push(MESSAGE);
    }
    let attachments = write(&mut wire)?;
    if !is_text || !attachments.is_empty() || wire.len() > KEEP {
        return Outgoing::from_wire(wire, attachments, parser)
            .map(|packet| send(Encoded::Packet(packet)))
            .map_err(E::from);
    }
    let text = simdutf8::basic::from_utf8(&wire)
        .map_err(|error| EncodeError::Serialize(error.to_string()))?;
    let sent = send(Encoded::Text(text));
    if wire.capacity() <= KEEP {
        SCRATCH.set(wire);
    }
    Ok(sent)
}
