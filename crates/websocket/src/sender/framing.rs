//! Messages into frames: compressed, masked, copied or shared.

use bytes::{Bytes, BytesMut};

use super::{Chunked, Sender};
use crate::{
    Message, Prepared,
    frame::{
        Opcode,
        header::{self, CONTROL_MAX, first},
        mask,
    },
    queue::Shared,
};

/// Payloads up to this size are copied behind their header; larger ones are queued as they are.
const COPY_MAX: usize = 1024;

/// A prepared frame is shared from this size on: it is there to save memory too.
const COPY_PREPARED_MAX: usize = 256;

impl Sender {
    /// Queues a message in one frame.
    #[inline]
    pub(super) fn frame_message(&mut self, message: Message, compress: bool) {
        let (opcode, payload) = message.parts();
        if payload.len() <= CONTROL_MAX && self.compressor.is_none() && self.masks.is_none() {
            // The most common of all frames, and of all headers.
            return self.queue.copy(2 + payload.len(), |out| {
                out.extend_from_slice(&[first(true, false, opcode), payload.len() as u8]);
                out.extend_from_slice(payload);
            });
        }
        self.frame_any(message, compress);
    }

    fn frame_any(&mut self, message: Message, compress: bool) {
        let opcode = message.opcode();
        if compress
            && let Some(compressor) = &mut self.compressor
            && !opcode.is_control()
            && let Some(payload) = compressor.message(message.payload())
        {
            return self.frame(first(true, true, opcode), payload);
        }
        let first = first(true, false, opcode);
        if message.len() <= COPY_MAX {
            return self.frame_copied(first, message.payload());
        }
        self.frame(first, message.into_payload());
    }

    /// Queues a part of a message as a frame.
    pub(super) fn frame_chunk(&mut self, part: Message, last: bool) {
        let before = self.chunked;
        let compressed = match (&mut self.compressor, before) {
            (
                Some(compressor),
                None
                | Some(Chunked {
                    compressed: true, ..
                }),
            ) => compressor.chunk(part.payload(), last),
            _ => None,
        };
        let chunked = before.unwrap_or(Chunked {
            opcode: part.opcode(),
            compressed: compressed.is_some(),
        });
        self.chunked = (!last).then_some(chunked);
        let (opcode, rsv1) = match before {
            None => (chunked.opcode, chunked.compressed),
            Some(_) => (Opcode::Continuation, false),
        };
        let payload = compressed.unwrap_or_else(|| part.into_payload());
        self.frame(first(last, rsv1, opcode), payload);
    }

    #[inline]
    pub(super) fn frame_prepared(&mut self, prepared: &Prepared) {
        let compressor = self.compressor.as_ref();
        let framed = prepared.choose(|bits| compressor.is_some_and(|it| it.takes_prepared(bits)));
        if self.masks.is_some() {
            self.frame_copied(framed.first(), framed.payload());
        } else if self.queue.is_empty() || framed.frame().len() > COPY_PREPARED_MAX {
            self.queue.share(Shared::Frame(framed.frame().clone(), 0));
        } else {
            let frame = framed.frame();
            self.queue
                .copy(frame.len(), |out| out.extend_from_slice(frame));
        }
    }

    fn frame(&mut self, first: u8, payload: Bytes) {
        if payload.len() <= COPY_MAX {
            return self.frame_copied(first, &payload);
        }
        let mask = self.masks.as_mut().map(|masks| masks.next_mask());
        self.queue.copy(header::MAX, |out| {
            header::encode(out, first, payload.len(), mask);
        });
        let payload = match mask {
            None => payload,
            // A payload that nobody else holds is masked where it is.
            Some(mask) => {
                let mut masked = payload
                    .try_into_mut()
                    .unwrap_or_else(|shared| BytesMut::from(&shared[..]));
                mask::apply(&mut masked, mask);
                masked.freeze()
            }
        };
        self.queue.share(Shared::Payload(payload));
    }

    pub(super) fn frame_copied(&mut self, first: u8, payload: &[u8]) {
        let mask = self.masks.as_mut().map(|masks| masks.next_mask());
        self.queue.copy(header::MAX + payload.len(), |out| {
            header::encode(out, first, payload.len(), mask);
            let start = out.len();
            out.extend_from_slice(payload);
            if let (Some(mask), Some(payload)) = (mask, out.get_mut(start..)) {
                mask::apply(payload, mask);
            }
        });
    }
}
