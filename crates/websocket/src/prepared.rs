//! One message for many connections.

use alloc::sync::Arc;
use core::iter;

use bytes::BufMut;
use faststr::FastStr;

use crate::frame::{
    Opcode,
    header::{self, first},
};

/// A message framed once, in one allocation, for any number of server connections: a broadcast then
/// costs one reference per receiver. (Clients mask each frame with its own key, so on a client
/// connection it is framed again.)
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
    plain: Framed,
    /// Compressed, with the bits of the window that it takes.
    deflated: Option<(u8, Framed)>,
}

/// A frame that is not masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Framed {
    frame: Arc<[u8]>,
    /// The header's size.
    header: u8,
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

    /// Compresses the message too, once. Where compression was agreed on, it is sent so to the
    /// peers to whom our side sends without context takeover, and with a window at least as large
    /// as that of `deflate`; to all others as it is. (With takeover each connection has a window
    /// of its own, of which a frame for all knows nothing.)
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compress(mut self, deflate: &crate::Deflate) -> Self {
        let first = self.plain.first() | header::RSV1;
        self.deflated = deflate
            .prepare(self.payload())
            .map(|(bits, payload)| (bits, Framed::new(first, &payload)));
        self
    }

    /// The frame as a server sends it uncompressed: header and payload.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        &self.plain.frame
    }

    /// The payload alone.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.plain.payload()
    }

    /// The compressed form if there is one, in a window of so many bits that it is accepted.
    pub(crate) fn choose(&self, accepts: impl FnOnce(u8) -> bool) -> &Framed {
        match &self.deflated {
            Some((bits, framed)) if accepts(*bits) => framed,
            _ => &self.plain,
        }
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        Self {
            plain: Framed::new(first(true, false, opcode), payload),
            deflated: None,
        }
    }
}

impl Framed {
    fn new(first: u8, payload: &[u8]) -> Self {
        let header = header::size(payload.len());
        // In one allocation, whose bytes are written twice: taken one by one from the header and the
        // payload, they take ten times as long.
        let mut frame: Arc<[u8]> = iter::repeat_n(0, usize::from(header) + payload.len()).collect();
        if let Some(mut out) = Arc::get_mut(&mut frame) {
            header::encode(&mut out, first, payload.len(), None);
            out.put_slice(payload);
        }
        Self { frame, header }
    }

    /// Header and payload.
    pub(crate) const fn frame(&self) -> &Arc<[u8]> {
        &self.frame
    }

    /// The header's first byte.
    pub(crate) fn first(&self) -> u8 {
        self.frame.first().copied().unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.frame
            .get(usize::from(self.header)..)
            .unwrap_or_default()
    }
}
