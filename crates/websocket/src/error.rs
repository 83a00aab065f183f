//! What can go wrong, by the rule that was broken.

use thiserror::Error;

use crate::{CloseCode, Message};

/// A rule of RFC 6455, or a limit of [`Config`](crate::Config), that the peer broke.
///
/// It is found at the first byte that decides it. The connection then fails: the Close frame of
/// [`close_code`](Self::close_code) is queued, and all further input is discarded (RFC 6455
/// §7.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit is set though no extension gave it a meaning (RFC 6455 §5.2).
    #[error("a reserved bit is set without a negotiated extension")]
    ReservedBits,
    /// An opcode that RFC 6455 §5.2 reserves.
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// A client sent a frame without a mask (RFC 6455 §5.1).
    #[error("a frame from a client must be masked")]
    Unmasked,
    /// A server sent a frame with a mask (RFC 6455 §5.1).
    #[error("a frame from a server must not be masked")]
    Masked,
    /// A control frame without FIN (RFC 6455 §5.5).
    #[error("a control frame must not be fragmented")]
    FragmentedControl,
    /// A control frame that announces more than 125 bytes (RFC 6455 §5.5).
    #[error("a control frame carries at most 125 bytes")]
    ControlTooLong,
    /// A length in a longer form than it needs (RFC 6455 §5.2).
    #[error("a payload length must take its shortest form")]
    NonMinimalLength,
    /// A 64-bit length with its highest bit set (RFC 6455 §5.2).
    #[error("the highest bit of a payload length must be zero")]
    LengthOverflow,
    /// A continuation frame outside of a fragmented message (RFC 6455 §5.4).
    #[error("a continuation frame without a message to continue")]
    UnexpectedContinuation,
    /// A new message before the fragmented one ended (RFC 6455 §5.4).
    #[error("a new message inside a fragmented message")]
    InterleavedMessage,
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    #[error("a text message must be UTF-8")]
    InvalidUtf8,
    /// A compressed message is no deflate stream, or ends within one (RFC 7692 §7.2.2).
    #[error("a compressed message must be a deflate stream")]
    InvalidDeflate,
    /// The reason of a Close frame is not UTF-8 (RFC 6455 §5.5.1).
    #[error("the reason of a Close frame must be UTF-8")]
    InvalidCloseReason,
    /// A Close frame with a body of one byte (RFC 6455 §5.5.1).
    #[error("the body of a Close frame starts with a code of two bytes")]
    TruncatedCloseCode,
    /// A close code that must not be sent (RFC 6455 §7.4).
    #[error("close code {0} must not be sent")]
    InvalidCloseCode(u16),
    /// A message above [`Config::message_limit`](crate::Config::message_limit).
    #[error("a message is larger than the limit of {limit} bytes")]
    MessageTooBig {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A message of more frames than [`Config::fragment_limit`](crate::Config::fragment_limit).
    #[error("a message has more fragments than the limit of {limit}")]
    TooManyFragments {
        /// The limit, in frames.
        limit: u32,
    },
}

impl Violation {
    /// The code that tells the peer (RFC 6455 §7.4.1): 1002, 1007, 1008 or 1009.
    #[must_use]
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate | Self::InvalidCloseReason => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
            Self::TooManyFragments { .. } => CloseCode::POLICY,
            _ => CloseCode::PROTOCOL,
        }
    }
}

/// The transport ended without a closing handshake: close code 1006 to an application that speaks
/// in codes (RFC 6455 §7.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection ended without a closing handshake")]
pub struct AbnormalClosure;

/// Why a message was not queued. The message comes back, so that nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError<M: core::fmt::Debug = Message> {
    /// The queue holds as much as it may; send again once it has been transmitted.
    #[error("{queued} bytes are queued, and the limit is {limit}")]
    Full {
        /// What was to be sent.
        message: M,
        /// Bytes in the queue.
        queued: usize,
        /// The limit ([`Config::queue_limit`](crate::Config::queue_limit)), in bytes.
        limit: usize,
    },
    /// A message sent in parts has to end before the next one (RFC 6455 §5.4).
    #[error("another message is being sent in parts")]
    Interleaved {
        /// What was to be sent.
        message: M,
    },
    /// Nothing may follow a Close frame (RFC 6455 §5.5.1).
    #[error("the connection is closing")]
    Closing {
        /// What was to be sent.
        message: M,
    },
}

impl<M: core::fmt::Debug> SendError<M> {
    /// The message that was not sent.
    pub fn into_message(self) -> M {
        match self {
            Self::Full { message, .. }
            | Self::Interleaved { message }
            | Self::Closing { message } => message,
        }
    }
}
