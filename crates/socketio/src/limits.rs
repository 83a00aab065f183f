use core::time::Duration;

use crate::DecodeError;

/// What a peer may send at most.
///
/// ```
/// use songi_socketio::Limits;
///
/// let limits = Limits { max_attachments: 1, ..Limits::default() };
/// assert_eq!(limits.max_packet_bytes, 10_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Binary attachments of one packet. Default: 10, as `maxAttachments` of `socket.io-parser`.
    pub max_attachments: u16,
    /// Bytes of a namespace's name. Default: 256.
    pub max_namespace_bytes: u16,
    /// Bytes of the query that a client of [`Revision::V4`](crate::server::Revision::V4) puts
    /// behind a namespace's name. Default: 8192.
    pub max_query_bytes: u16,
    /// Levels of nesting in a payload, its outermost array or object being the first.
    /// Default, and most: 127, because `serde_json` reads no further.
    pub max_depth: u8,
    /// Bytes of one packet: its text and all its attachments. Default: 10 000 000; at most 4 GiB.
    ///
    /// The text alone and each attachment alone are also bounded by the transport below
    /// (`maxPayload` in Engine.IO, 1 000 000 by default).
    pub max_packet_bytes: usize,
    /// How long to wait for the next attachment of a packet. Default: 60 s.
    pub attachment_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attachments: 10,
            max_namespace_bytes: 256,
            max_query_bytes: 8192,
            max_depth: 127,
            max_packet_bytes: 10_000_000,
            attachment_timeout: Duration::from_secs(60),
        }
    }
}

impl Limits {
    pub(crate) fn check_namespace(&self, name: &str) -> Result<(), DecodeError> {
        let (bytes, limit) = (name.len(), self.max_namespace_bytes);
        if bytes > usize::from(limit) {
            return Err(DecodeError::NamespaceTooLong { bytes, limit });
        }
        Ok(())
    }

    pub(crate) fn check_query(&self, query: &str) -> Result<(), DecodeError> {
        let (bytes, limit) = (query.len(), self.max_query_bytes);
        if bytes > usize::from(limit) {
            return Err(DecodeError::QueryTooLong { bytes, limit });
        }
        Ok(())
    }

    pub(crate) fn check_packet(&self, bytes: usize) -> Result<(), DecodeError> {
        let limit = self.max_packet_bytes.min(u32::MAX as usize);
        if bytes > limit {
            return Err(DecodeError::PacketTooLarge { limit });
        }
        Ok(())
    }
}
