//! A Socket.IO packet as Engine.IO frames, encoded once for any number of clients.

use bytes::Bytes;
use faststr::FastStr;
use serde::Serialize;
use songi_engineio::Frame;
use songi_socketio::{EncodeError, encode};

use crate::authorize::ConnectError;

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
        Self::encode(|wire| encode::event(wire, namespace, id, name, args))
    }

    pub(crate) fn ack(namespace: &str, id: u64, args: &impl Serialize) -> Result<Self, EncodeError> {
        Self::encode(|wire| encode::ack(wire, namespace, id, args))
    }

    pub(crate) fn connected(namespace: &str, sid: &str) -> Result<Self, EncodeError> {
        Self::encode(|wire| encode::connected(wire, namespace, sid, None).map(|()| Vec::new()))
    }

    pub(crate) fn connect_error(
        namespace: &str,
        error: &ConnectError,
    ) -> Result<Self, EncodeError> {
        let (message, data) = (error.message(), error.data());
        Self::encode(|wire| {
            encode::connect_error(wire, namespace, message, data).map(|()| Vec::new())
        })
    }

    pub(crate) fn disconnect(namespace: &str) -> Result<Self, EncodeError> {
        Self::encode(|wire| encode::disconnect(wire, namespace).map(|()| Vec::new()))
    }

    /// Encodes behind the digit of an Engine.IO message, so that the text need not be copied.
    fn encode(
        packet: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut wire = Vec::with_capacity(128);
        wire.push(MESSAGE);
        let attachments = packet(&mut wire)?;
        let wire = FastStr::from_vec_u8(wire).map_err(|error| EncodeError::Serialize(error.to_string()))?;
        Ok(Self {
            text: Frame::from_message_wire(wire),
            attachments: attachments.into_iter().map(Frame::Binary).collect(),
        })
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&self.text).chain(&self.attachments)
    }
}
