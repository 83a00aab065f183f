//! A Socket.IO packet as Engine.IO frames.

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use songi_engineio::Frame;
use songi_socketio::{EncodeError, encode};

/// A packet with its attachments.
#[derive(Debug)]
pub(crate) struct Outgoing {
    text: Frame,
    attachments: Vec<Bytes>,
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
        Self::encode(|wire| encode::event(wire, namespace, id, name, args))
    }

    pub(crate) fn ack(
        namespace: &str,
        id: u64,
        args: &impl Serialize,
    ) -> Result<Self, EncodeError> {
        Self::encode(|wire| encode::ack(wire, namespace, id, args))
    }

    /// Writes behind the digit of an Engine.IO message, so that the text need not be copied.
    pub(crate) fn encode<E: From<EncodeError>>(
        write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>,
    ) -> Result<Self, E> {
        let mut wire = Vec::with_capacity(128);
        wire.push(MESSAGE);
        let attachments = write(&mut wire)?;
        let wire = FastStr::from_vec_u8(wire)
            .map_err(|error| EncodeError::Serialize(error.to_string()))?;
        Ok(Self {
            text: Frame::from_message_wire(wire),
            attachments,
        })
    }

    pub(crate) fn frames(self) -> impl Iterator<Item = Frame> {
        let attachments = self.attachments.into_iter().map(Frame::Binary);
        std::iter::once(self.text).chain(attachments)
    }

    /// What the packet counts against the limit of what may wait.
    pub(crate) fn weight(&self) -> usize {
        let attachments = self.attachments.iter().map(|data| weight(data.len()));
        weight(self.text.len()) + attachments.sum::<usize>()
    }
}

/// What a frame of so many bytes counts: an empty one takes memory too.
pub(crate) fn weight(len: usize) -> usize {
    len + std::mem::size_of::<Frame>()
}
