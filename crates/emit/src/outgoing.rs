//! A Socket.IO packet as Engine.IO frames.

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use songi_engineio::Frame;
use songi_socketio::{EncodeError, encode};

/// The type digit of an Engine.IO message, which stands in front of a Socket.IO packet.
const MESSAGE: u8 = b'4';

/// A Socket.IO packet with its attachments, as Engine.IO frames. Whoever sends it shares its bytes.
///
/// ```
/// use songi_emit::Outgoing;
/// use songi_engineio::Frame;
///
/// let packet = Outgoing::event("/", None, "hey", &("Jude", 1))?;
/// assert_eq!(packet.frames().collect::<Vec<_>>(), [Frame::Text(r#"42["hey","Jude",1]"#.into())]);
/// # Ok::<(), songi_emit::EncodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing {
    text: FastStr,
    attachments: Vec<Bytes>,
}

impl Outgoing {
    /// An event; with an `id`, one that asks for an ack.
    ///
    /// # Errors
    ///
    /// When the namespace or the name is not allowed, or the arguments do not serialise.
    pub fn event(
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args: &impl Serialize,
    ) -> Result<Self, EncodeError> {
        Self::with_attachments(|wire| encode::event(wire, namespace, id, name, args))
    }

    /// The answer to the event that had this id.
    ///
    /// # Errors
    ///
    /// When the namespace is not allowed, or the arguments do not serialise.
    pub fn ack(namespace: &str, id: u64, args: &impl Serialize) -> Result<Self, EncodeError> {
        Self::with_attachments(|wire| encode::ack(wire, namespace, id, args))
    }

    /// A packet without attachments, whose text `write` appends.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn encode<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Self, E>
    where
        E: From<EncodeError>,
    {
        Self::with_attachments(|wire| write(wire).map(|()| Vec::new()))
    }

    /// Writes behind the digit of an Engine.IO message, so that the text need not be copied.
    fn with_attachments<E>(
        write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>,
    ) -> Result<Self, E>
    where
        E: From<EncodeError>,
    {
        let mut wire = Vec::with_capacity(128);
        wire.push(MESSAGE);
        let attachments = write(&mut wire)?;
        let text = FastStr::from_vec_u8(wire)
            .map_err(|error| EncodeError::Serialize(error.to_string()))?;
        Ok(Self { text, attachments })
    }

    /// The frames, in the order in which they must be sent, next to each other.
    pub fn frames(&self) -> impl Iterator<Item = Frame> {
        let text = Frame::from_message_wire(self.text.clone());
        let attachments = self.attachments.iter().cloned().map(Frame::Binary);
        std::iter::once(text).chain(attachments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_follow_their_packet() {
        let bytes = [Bytes::from_static(&[1]), Bytes::from_static(&[2])];
        let packet = Outgoing::event("/n", Some(3), "e", &(&bytes[0], &bytes[1])).unwrap();
        let frames: Vec<_> = packet.frames().collect();
        let [Frame::Text(text), first, second] = frames.as_slice() else {
            panic!("{frames:?}")
        };
        assert!(text.starts_with(r#"452-/n,3["e",{"#), "{text}");
        let binary = bytes.map(Frame::Binary);
        assert_eq!([first, second], [&binary[0], &binary[1]]);
    }

    #[test]
    fn acks_and_other_packets_are_messages_too() {
        let ack = Outgoing::ack("/", 7, &"ok").unwrap();
        assert_eq!(
            ack.frames().next(),
            Some(Frame::Text(r#"437["ok"]"#.into()))
        );
        let leave = Outgoing::encode(|wire| encode::disconnect(wire, "/n")).unwrap();
        assert_eq!(leave.frames().next(), Some(Frame::Text("41/n,".into())));
    }
}
