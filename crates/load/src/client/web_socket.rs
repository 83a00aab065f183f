//! A client over a WebSocket.

use std::mem;
use std::net::IpAddr;

use mio::{Registry, Token};

use super::{Packet, Prepared, Stage, packet, stage_behind_handshake};
use crate::frame::{self, Head};
use crate::target::Protocol;
use crate::wire::{Read, Wire};
use crate::{LoadError, http};

/// Of a message that comes in several reads, only so much is kept: the rest is counted and dropped.
const KEPT: usize = 4096;

/// The opcode of a pong.
const PONG: u8 = 10;

#[derive(Debug)]
pub(crate) struct WebSocket {
    wire: Wire,
    pub(super) stage: Stage,
    /// The opcode of the frame of which bytes are missing.
    opcode: u8,
    /// Bytes that are missing of a long frame; `unread` then is the start of its payload.
    missing: usize,
    /// What came and is no whole frame.
    unread: Vec<u8>,
}

impl WebSocket {
    pub(super) fn connect(
        prepared: &Prepared,
        source: Option<IpAddr>,
        registry: &Registry,
        tokens: [Token; 2],
    ) -> Result<Self, LoadError> {
        let [token, _] = tokens;
        let mut wire = Wire::connect(prepared.target.address, source, registry, token)?;
        wire.queue(&prepared.upgrade);
        wire.flush()?;
        Ok(Self {
            wire,
            stage: Stage::Requesting,
            opcode: 0,
            missing: 0,
            unread: Vec::new(),
        })
    }

    pub(super) fn read(
        &mut self,
        prepared: &Prepared,
        buffer: &mut [u8],
        message: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        while self.stage != Stage::Closed {
            let (length, more) = match self.wire.read(buffer) {
                Ok(Read::More(length)) => (length, true),
                Ok(Read::All(length)) => (length, false),
                Ok(Read::End) | Err(_) if self.stage == Stage::Ending => {
                    self.stage = Stage::Closed;
                    break;
                }
                Ok(Read::End) => return Err(LoadError::Closed(None)),
                Err(error) => return Err(error.into()),
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            if self.unread.is_empty() && self.missing == 0 {
                self.take(bytes, prepared, message)?;
            } else {
                self.complete(bytes, prepared, message)?;
            }
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Takes bytes behind those of a frame that was not whole.
    fn complete(
        &mut self,
        mut bytes: &[u8],
        prepared: &Prepared,
        message: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        if self.missing == 0 {
            let mut all = mem::take(&mut self.unread);
            all.extend_from_slice(bytes);
            return self.take(&all, prepared, message);
        }
        match bytes.split_at_checked(self.missing) {
            None => self.missing -= bytes.len(),
            Some((_, rest)) => {
                self.missing = 0;
                bytes = rest;
                let mut start = mem::take(&mut self.unread);
                self.frame(self.opcode, &start, prepared, message)?;
                if bytes.is_empty() {
                    // The next long message needs it again.
                    start.clear();
                    self.unread = start;
                }
                self.take(bytes, prepared, message)?;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        mut bytes: &[u8],
        prepared: &Prepared,
        message: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        if self.stage == Stage::Requesting {
            let Some(response) = http::read(bytes)? else {
                self.unread.extend_from_slice(bytes);
                return Ok(());
            };
            response.expect(101)?;
            bytes = bytes.get(response.length..).unwrap_or_default();
            self.stage = stage_behind_handshake(prepared.target.protocol);
        }
        while let Some(head) = Head::read(bytes) {
            let payload = bytes.get(head.length..).unwrap_or_default();
            let Some((payload, rest)) = payload.split_at_checked(head.payload) else {
                if head.payload > KEPT {
                    self.opcode = head.opcode;
                    self.missing = head.payload - payload.len();
                    let start = payload.get(..KEPT).unwrap_or(payload);
                    self.unread.extend_from_slice(start);
                    return Ok(());
                }
                break;
            };
            self.frame(head.opcode, payload, prepared, message)?;
            bytes = rest;
        }
        self.unread.extend_from_slice(bytes);
        Ok(())
    }

    fn frame(
        &mut self,
        opcode: u8,
        payload: &[u8],
        prepared: &Prepared,
        message: &mut impl FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        match (opcode, prepared.target.protocol) {
            (frame::TEXT | frame::BINARY, Protocol::WebSocket) => message(payload),
            (frame::TEXT, Protocol::SocketIo) => match packet(self.stage, payload)? {
                Packet::Message(payload) => message(payload),
                Packet::Ping => self.wire.queue(&prepared.pong),
                Packet::Open => {
                    self.stage = Stage::Joining;
                    self.wire.queue(&prepared.connect.frame);
                }
                Packet::Joined => self.stage = Stage::Ready,
                Packet::Ignored => {}
            },
            (frame::PING, _) => self.wire.queue(&frame::masked(PONG, payload)),
            (frame::CLOSE, _) if self.stage == Stage::Ending => self.stage = Stage::Closed,
            (frame::CLOSE, _) => {
                let code = payload.first_chunk().copied().map(u16::from_be_bytes);
                return Err(LoadError::Closed(code));
            }
            // Attachments, pongs, and what follows the first frame of a message.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn send(&mut self, frame: &[u8]) {
        self.wire.queue(frame);
    }

    pub(super) fn flush(&mut self) -> Result<(), LoadError> {
        match self.wire.flush() {
            Err(_) if self.stage == Stage::Ending => self.stage = Stage::Closed,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        Ok(())
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.wire.is_flushed()
    }

    pub(super) fn end(&mut self, close: &[u8]) {
        self.wire.queue(close);
        self.stage = Stage::Ending;
    }

    pub(super) fn shrink(&mut self) {
        self.unread.shrink_to_fit();
        self.wire.shrink();
    }
}
