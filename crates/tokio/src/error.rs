use std::io;

use songi_websocket::{AbnormalClosure, Violation};
use thiserror::Error;

/// Why a connection ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule of the protocol, or a limit. It has been told, by a Close frame.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The stream ended without a closing handshake.
    #[error(transparent)]
    Abnormal(#[from] AbnormalClosure),
    /// The peer did not finish the closing in time.
    #[error("the peer did not finish the closing in time")]
    CloseTimeout,
    /// The peer did not answer a ping of the heartbeat ([`Config::heartbeat`](crate::Config)) in
    /// time.
    #[error("the peer did not answer a ping in time")]
    HeartbeatTimeout,
    /// A message was sent after the closing had begun. (Only from the `Sink`; elsewhere the
    /// message comes back, in a [`SendError`](crate::SendError).)
    #[error("the connection is closing")]
    Closing,
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}
