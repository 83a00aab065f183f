//! The bytes of one direction of a WebSocket, taken apart for who looks at them: the head of the
//! opening handshake, then frames (RFC 6455 §5.2). It checks nothing.

use songi::client::Bytes;

/// Bytes that are kept of a head.
const HEAD_MAX: usize = 64 * 1024;

/// Bytes that are kept of a frame, header and payload.
const FRAME_MAX: usize = 4096;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The request or the response, with its empty line.
    Head(String),
    /// A frame; of a long one the beginning, as it travelled: a client's payload is masked.
    Frame { what: String, bytes: Bytes },
    /// What is behind a head that refuses.
    Body(String),
}

/// What comes next.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    kept: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Head,
    /// Header of a frame.
    Header,
    /// So many bytes of payload are missing.
    Payload(u64),
    Body,
}

impl Splitter {
    /// Takes bytes, in whatever pieces.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Head => self.head(rest, &mut pieces),
                State::Header => self.header(rest, &mut pieces),
                State::Payload(missing) => self.payload(missing, rest, &mut pieces),
                State::Body => {
                    pieces.push(Piece::Body(String::from_utf8_lossy(rest).into_owned()));
                    &[]
                }
            };
        }
        pieces
    }

    fn head<'a>(&mut self, bytes: &'a [u8], pieces: &mut Vec<Piece>) -> &'a [u8] {
        for (index, byte) in bytes.iter().enumerate() {
            self.kept.push(*byte);
            if !self.kept.ends_with(b"\r\n\r\n") && self.kept.len() < HEAD_MAX {
                continue;
            }
            let head = String::from_utf8_lossy(&self.kept).into_owned();
            self.kept.clear();
            let refuses = head.starts_with("HTTP/") && head.split(' ').nth(1) != Some("101");
            self.state = if refuses { State::Body } else { State::Header };
            pieces.push(Piece::Head(head));
            return bytes.get(index + 1..).unwrap_or_default();
        }
        &[]
    }

    fn header<'a>(&mut self, bytes: &'a [u8], pieces: &mut Vec<Piece>) -> &'a [u8] {
        for (index, byte) in bytes.iter().enumerate() {
            self.kept.push(*byte);
            if let Some(length) = payload_length(&self.kept) {
                self.state = State::Payload(length);
                let rest = bytes.get(index + 1..).unwrap_or_default();
                if length == 0 {
                    self.frame_ends(pieces);
                }
                return rest;
            }
        }
        &[]
    }

    fn payload<'a>(&mut self, missing: u64, bytes: &'a [u8], pieces: &mut Vec<Piece>) -> &'a [u8] {
        let taken = usize::try_from(missing)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let (payload, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        let room = FRAME_MAX.saturating_sub(self.kept.len()).min(taken);
        self.kept
            .extend_from_slice(payload.get(..room).unwrap_or_default());
        let missing = missing - payload.len() as u64;
        self.state = State::Payload(missing);
        if missing == 0 {
            self.frame_ends(pieces);
        }
        rest
    }

    fn frame_ends(&mut self, pieces: &mut Vec<Piece>) {
        let bytes = std::mem::take(&mut self.kept);
        self.state = State::Header;
        pieces.push(Piece::Frame {
            what: describe(&bytes),
            bytes: bytes.into(),
        });
    }
}

/// The length of the payload, when the header is whole.
fn payload_length(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (length, extended) = extended_length(header, second)?;
    (header.len() >= 2 + extended + mask).then_some(length)
}

fn extended_length(header: &[u8], second: u8) -> Option<(u64, usize)> {
    Some(match second & 0x7f {
        126 => {
            let bytes = header.get(2..4)?.try_into().ok()?;
            (u16::from_be_bytes(bytes).into(), 2)
        }
        127 => {
            let bytes = header.get(2..10)?.try_into().ok()?;
            (u64::from_be_bytes(bytes), 8)
        }
        short => (short.into(), 0),
    })
}

fn describe(frame: &[u8]) -> String {
    let [first, second, ..] = *frame else {
        return String::new();
    };
    let opcode = match first & 0x0f {
        0x0 => "continuation".to_owned(),
        0x1 => "text".to_owned(),
        0x2 => "binary".to_owned(),
        0x8 => "close".to_owned(),
        0x9 => "ping".to_owned(),
        0xa => "pong".to_owned(),
        other => format!("opcode {other}"),
    };
    let length = extended_length(frame, second).map_or(0, |(length, _)| length);
    let fin = if first & 0x80 == 0 {
        ", not the last"
    } else {
        ""
    };
    let compressed = if first & 0x40 == 0 {
        ""
    } else {
        ", compressed"
    };
    let masked = if second & 0x80 == 0 { "" } else { ", masked" };
    format!("{opcode}, {length} B{fin}{compressed}{masked}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

    fn frame(what: &str, bytes: &[u8]) -> Piece {
        Piece::Frame {
            what: what.to_owned(),
            bytes: Bytes::copy_from_slice(bytes),
        }
    }

    #[test]
    fn the_same_in_whatever_pieces_it_comes() {
        let mut wire = RESPONSE.to_vec();
        let long: Vec<u8> = [0x82, 126, 0x01, 0x00]
            .into_iter()
            .chain([7; 256])
            .collect();
        let frames: [&[u8]; 4] = [
            &[0x81, 2, b'h', b'i'],
            &[0xc1, 0x83, 1, 2, 3, 4, 5, 6, 7],
            &long,
            &[0x88, 0],
        ];
        wire.extend(frames.concat());
        let expected = [
            Piece::Head(String::from_utf8(RESPONSE.to_vec()).unwrap()),
            frame("text, 2 B", frames[0]),
            frame("text, 3 B, compressed, masked", frames[1]),
            frame("binary, 256 B", &long),
            frame("close, 0 B", frames[3]),
        ];
        for size in [1, 2, 3, 7, 1000] {
            let mut splitter = Splitter::default();
            let pieces = wire.chunks(size).flat_map(|chunk| splitter.push(chunk));
            assert_eq!(pieces.collect::<Vec<_>>(), expected, "{size}");
        }
    }

    #[test]
    fn of_a_long_frame_only_the_beginning_is_kept() {
        let mut splitter = Splitter::default();
        splitter.push(RESPONSE);
        let length: u64 = 10_000_000;
        let mut header = vec![0x02, 127];
        header.extend(length.to_be_bytes());
        assert_eq!(splitter.push(&header), []);
        for _ in 0..9 {
            assert_eq!(splitter.push(&[0; 1_000_000]), []);
            assert!(splitter.kept.len() <= FRAME_MAX);
        }
        let pieces = splitter.push(&[0; 1_000_000]);
        let [Piece::Frame { what, bytes }] = pieces.as_slice() else {
            panic!("{pieces:?}")
        };
        assert_eq!(what, "binary, 10000000 B, not the last");
        assert_eq!(bytes.len(), FRAME_MAX);
    }

    #[test]
    fn a_refusal_has_a_body_and_no_frames() {
        let mut splitter = Splitter::default();
        let pieces = splitter.push(b"HTTP/1.1 400 Bad Request\r\n\r\nno such");
        assert_eq!(
            pieces,
            [
                Piece::Head("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned()),
                Piece::Body("no such".to_owned()),
            ]
        );
    }
}
