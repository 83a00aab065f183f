//! A Socket.IO packet as Engine.IO frames, encoded once for any number of clients.

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use songi_engineio::Frame;
use songi_socketio::{EncodeError, encode};

/// A packet with its attachments. Its frames are shared, not copied, by whoever sends them.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    text: Frame,
    attachments: Vec<Frame>,
}

/// The type digit of an Engine.IO message, which stands in front of a Socket.IO packet.
const MESSAGE: u8 = b'4';

impl Outgoing {
    pub(crate) fn event(
        namespace: &str,
        id: Option<u64>,
        name: &str,
        args: &impl Serialize,
    ) -> Result<Self, EncodeError> {
        Self::with_attachments(|wire| encode::event(wire, namespace, id, name, args))
    }

    pub(crate) fn ack(
        namespace: &str,
        id: u64,
        args: &impl Serialize,
    ) -> Result<Self, EncodeError> {
        Self::with_attachments(|wire| encode::ack(wire, namespace, id, args))
    }

    /// A packet without attachments, whose text `write` appends.
    pub(crate) fn encode<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Self, E>
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
        let wire = FastStr::from_vec_u8(wire)
            .map_err(|error| EncodeError::Serialize(error.to_string()))?;
        Ok(Self {
            text: Frame::from_message_wire(wire),
            attachments: attachments.into_iter().map(Frame::Binary).collect(),
        })
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&self.text).chain(&self.attachments)
    }
}
