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

/// Masks or unmasks `data` in place; the first byte of `data` meets the first byte of `key`.
///
/// The fixed-width loop is what the compiler turns into vector instructions.
#[inline]
pub(crate) fn apply(data: &mut [u8], key: [u8; 4]) {
    let wide = (u64::from(u32::from_ne_bytes(key)) << 32) | u64::from(u32::from_ne_bytes(key));
    let (words, tail) = data.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    let (words, tail) = tail.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// The key as it stands `bytes` further into the payload.
pub(crate) fn advance(mut key: [u8; 4], bytes: usize) -> [u8; 4] {
    key.rotate_left(bytes % 4);
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        fn words_agree_with_bytes(data: Vec<u8>, key: [u8; 4]) {
            let (mut words, mut bytes) = (data.clone(), data);
            apply(&mut words, key);
            bytewise(&mut bytes, key);
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
