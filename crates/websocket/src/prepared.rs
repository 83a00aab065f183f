//! One message for many connections.

use bytes::{Bytes, BytesMut};
use faststr::FastStr;

use crate::frame::{Opcode, header};

/// A message framed once, for any number of server connections: a broadcast then costs one
/// reference per receiver. (Clients mask each frame with its own key, so on a client connection
/// it is framed again.)
///
/// ```
/// use songi_websocket::{Config, Connection, Prepared};
///
/// let prepared = Prepared::text("news");
/// for _ in 0..3 {
///     let mut connection = Connection::server(Config::default());
///     connection.send_prepared(&prepared)?;
///     assert_eq!(connection.slices().next(), Some(&b"\x81\x04news"[..]));
/// }
/// # Ok::<(), songi_websocket::SendError<()>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    frame: Bytes,
    header: u8,
    opcode: Opcode,
}

impl Prepared {
    /// Frames a text message.
    pub fn text(text: impl Into<FastStr>) -> Self {
        Self::new(Opcode::Text, text.into().as_bytes())
    }

    /// Frames a binary message.
    pub fn binary(payload: impl AsRef<[u8]>) -> Self {
        Self::new(Opcode::Binary, payload.as_ref())
    }

    /// The frame as a server sends it: header and payload.
    #[must_use]
    pub const fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// The payload alone.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.frame
            .get(usize::from(self.header)..)
            .unwrap_or_default()
    }

    pub(crate) const fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let mut frame = BytesMut::with_capacity(header::MAX + payload.len());
        header::encode(&mut frame, true, opcode, payload.len(), None);
        let header = frame.len() as u8;
        frame.extend_from_slice(payload);
        Self {
            frame: frame.freeze(),
            header,
            opcode,
        }
    }
}
