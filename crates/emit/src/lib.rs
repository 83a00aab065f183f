//! What Songi's server and client share in sending events.
//!
//! - [`Outgoing`] is a Socket.IO packet as Engine.IO frames, encoded once for any number of
//!   receivers; [`encode_for_one`] is for a single one.
//! - [`EmitWithAck`] waits for the answer to an event of a server. (A client has its own: its events
//!   may wait for a connection, or be sent again.)
//! - [`EmitError`] and [`AckError`] say why an event was not sent, or not answered.
//!
//! An application meets these as items of `songi-server` and `songi-client`, which fill in their
//! own `Socket`.

#![forbid(unsafe_code)]

mod ack;
mod error;
mod lent;
mod outgoing;

pub use ack::{AckReply, EmitWithAck, Emitter};
pub use error::{AckError, EmitError};
pub use lent::{Encoded, encode_for_one};
pub use outgoing::Outgoing;
pub use songi_socketio::{EncodeError, Packet, PacketKind, Parser};
