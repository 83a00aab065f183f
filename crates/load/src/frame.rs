//! WebSocket frames (RFC 6455 §5.2), as far as a load needs them.

/// Text frame.
pub const TEXT: u8 = 1;
/// Binary frame.
pub const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;

/// Every frame has the same masking key: servers do not look at it, and so bytes can be prepared.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A whole message of a client, masked.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, 0x80, payload.len());
    frame.extend(KEY);
    let key = KEY.iter().cycle();
    frame.extend(payload.iter().zip(key).map(|(byte, key)| byte ^ key));
    frame
}

/// A whole message of a server.
pub fn unmasked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, 0, payload.len());
    frame.extend(payload);
    frame
}

fn head(opcode: u8, mask: u8, length: usize) -> Vec<u8> {
    let mut head = vec![0x80 | opcode];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => head.push(mask | length),
        (_, Ok(length)) => {
            head.push(mask | 126);
            head.extend(length.to_be_bytes());
        }
        _ => {
            head.push(mask | 127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head
}

/// The head of a server's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) opcode: u8,
    /// Bytes of the head.
    pub(crate) length: usize,
    /// Bytes of the payload behind it.
    pub(crate) payload: usize,
}

impl Head {
    /// `None` while there are too few bytes.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (length, payload) = match *bytes {
            [_, short @ ..126, ..] => (2, usize::from(short)),
            [_, 126] | [_, 126, _] => return None,
            [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([a, b]))),
            [_, _, a, b, c, d, e, f, g, h, ..] => {
                let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                (10, usize::try_from(length).unwrap_or(usize::MAX))
            }
            _ => return None,
        };
        Some(Self {
            opcode: bytes.first()? & 0x0f,
            length,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_all_lengths_are_read_as_they_are_written() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = unmasked(BINARY, &vec![7; length]);
            let head = Head::read(&frame).expect("it is whole");
            assert_eq!((head.opcode, head.payload), (BINARY, length));
            assert_eq!(head.length + head.payload, frame.len());
            for end in 0..head.length {
                assert_eq!(Head::read(&frame[..end]), None);
            }
        }
    }

    #[test]
    fn the_example_of_rfc_6455_5_7_is_masked_so() {
        let frame = masked(TEXT, b"Hello");
        assert_eq!(
            frame,
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }
}
