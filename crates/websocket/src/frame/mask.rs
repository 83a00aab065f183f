//! Masking (RFC 6455 §5.3).

/// A source of masking keys for the client role.
///
/// RFC 6455 §10.3 asks for keys that an observer cannot predict, so the caller brings a
/// cryptographically secure generator. Any `FnMut() -> [u8; 4] + Send` is one. A closure that
/// captures nothing costs no heap when it is boxed.
pub trait MaskSource: Send {
    /// A fresh key for the next frame.
    fn next_mask(&mut self) -> [u8; 4];
}

impl<F: FnMut() -> [u8; 4] + Send> MaskSource for F {
    fn next_mask(&mut self) -> [u8; 4] {
        self()
    }
}

/// From this length on it pays to ask what the processor has beyond its architecture's baseline.
#[cfg(feature = "std")]
const WIDE_MIN: usize = 512;

/// Vectors of this size are fastest where they are aligned to it.
#[cfg(feature = "std")]
const VECTOR: usize = 32;

/// Masks or unmasks `data` in place; the first byte of `data` meets the first byte of `key`.
#[inline]
pub(crate) fn apply(data: &mut [u8], key: [u8; 4]) {
    if key != [0; 4] {
        xor::<false>(data, key);
    }
}

/// The same, and tells whether `data` is ASCII then.
pub(crate) fn apply_and_look(data: &mut [u8], key: [u8; 4]) -> bool {
    if key == [0; 4] {
        return data.is_ascii();
    }
    xor::<true>(data, key)
}

#[inline]
fn xor<const LOOK: bool>(data: &mut [u8], key: [u8; 4]) -> bool {
    #[cfg(feature = "std")]
    if data.len() >= WIDE_MIN {
        return wide::<LOOK>(data, key);
    }
    narrow::<LOOK>(data, key)
}

/// The same loop, compiled for the vectors that this processor has.
#[cfg(feature = "std")]
#[inline(never)]
fn wide<const LOOK: bool>(data: &mut [u8], key: [u8; 4]) -> bool {
    use fearless_simd::{Level, dispatch};
    use std::sync::LazyLock;

    static LEVEL: LazyLock<Level> = LazyLock::new(Level::new);

    let head = data.as_ptr().align_offset(VECTOR).min(data.len());
    let (head, rest) = data.split_at_mut(head);
    let ascii = narrow::<LOOK>(head, key);
    let key = advance(key, head.len());
    dispatch!(*LEVEL, _simd => narrow::<LOOK>(rest, key)) && ascii
}

/// The fixed-width loop is what the compiler turns into vector instructions.
#[inline(always)]
fn narrow<const LOOK: bool>(data: &mut [u8], key: [u8; 4]) -> bool {
    let half = u32::from_ne_bytes(key);
    let whole = (u64::from(half) << 32) | u64::from(half);
    let mut all = 0;
    let (words, tail) = data.as_chunks_mut::<8>();
    for word in words {
        let plain = u64::from_ne_bytes(*word) ^ whole;
        all |= plain;
        *word = plain.to_ne_bytes();
    }
    let (words, tail) = tail.as_chunks_mut::<4>();
    for word in words {
        let plain = u32::from_ne_bytes(*word) ^ half;
        all |= u64::from(plain);
        *word = plain.to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
        all |= u64::from(*byte);
    }
    LOOK && all & u64::from_ne_bytes([0x80; 8]) == 0
}

/// The key as it stands `bytes` further into the payload.
pub(crate) fn advance(mut key: [u8; 4], bytes: usize) -> [u8; 4] {
    key.rotate_left(bytes % 4);
    key
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn bytewise(data: &mut [u8], key: [u8; 4]) {
        for (byte, key) in data.iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
    }

    /// RFC 6455 §5.7: "Hello" under the key 37 fa 21 3d.
    #[test]
    fn rfc_example() {
        let mut data = *b"Hello";
        apply(&mut data, [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(data, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    proptest! {
        /// RFC 6455 §5.3: octet i is XORed with key octet i modulo 4.
        #[test]
        fn words_agree_with_bytes(data in vec(any::<u8>(), 0..2000), key: [u8; 4], at in 0usize..64) {
            let at = at.min(data.len());
            let (mut words, mut bytes) = (data.clone(), data);
            let (words, bytes) = (&mut words[at..], &mut bytes[at..]);
            let ascii = apply_and_look(words, key);
            bytewise(bytes, key);
            prop_assert_eq!(ascii, bytes.is_ascii());
            prop_assert_eq!(words, bytes);
        }

        /// F9: each phase of the key across a chunk's edge.
        #[test]
        fn key_is_carried_across_chunks(data: Vec<u8>, key: [u8; 4], cut in 0usize..64) {
            let (mut whole, mut parts) = (data.clone(), data);
            apply(&mut whole, key);
            let cut = cut.min(parts.len());
            let (head, tail) = parts.split_at_mut(cut);
            apply(head, key);
            apply(tail, advance(key, cut));
            prop_assert_eq!(whole, parts);
        }
    }
}
