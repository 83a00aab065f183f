//! Text that arrives in pieces: validated as it comes, refused at the first impossible byte
//! (RFC 6455 §8.1).

use alloc::string::String;

/// Bytes that are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidUtf8;

/// A text under assembly: what is complete, and the start of a character cut by a piece's end.
#[derive(Debug, Default)]
pub(crate) struct Utf8Buffer {
    text: String,
    /// The first bytes of a character, possible so far.
    partial: [u8; 4],
    partial_len: u8,
}

impl Utf8Buffer {
    /// Appends a piece. Each byte is validated once.
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> Result<(), InvalidUtf8> {
        while self.partial_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.push_partial(byte)?;
        }
        let (whole, cut) = split_cut_character(piece);
        self.text
            .push_str(simdutf8::basic::from_utf8(whole).map_err(|_| InvalidUtf8)?);
        cut.iter().try_for_each(|&byte| self.push_partial(byte))
    }

    /// The text, if it does not end within a character.
    pub(crate) fn finish(self) -> Result<String, InvalidUtf8> {
        if self.partial_len > 0 {
            return Err(InvalidUtf8);
        }
        Ok(self.text)
    }

    /// The complete characters so far; the buffer goes on behind them.
    pub(crate) fn take(&mut self) -> String {
        core::mem::take(&mut self.text)
    }

    /// Bytes held.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + usize::from(self.partial_len)
    }

    /// Bytes allocated.
    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// Allocates for `additional` bytes more, exactly.
    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        self.text
            .reserve_exact(additional + usize::from(self.partial_len));
    }

    fn push_partial(&mut self, byte: u8) -> Result<(), InvalidUtf8> {
        let len = usize::from(self.partial_len);
        *self.partial.get_mut(len).ok_or(InvalidUtf8)? = byte;
        let bytes = self.partial.get(..=len).ok_or(InvalidUtf8)?;
        match core::str::from_utf8(bytes) {
            Ok(character) => {
                self.text.push_str(character);
                self.partial_len = 0;
                Ok(())
            }
            // No error length: more bytes could still make it a character.
            Err(error) if error.error_len().is_none() => {
                self.partial_len += 1;
                Ok(())
            }
            Err(_) => Err(InvalidUtf8),
        }
    }
}

/// Whether more bytes could make a text of these.
pub(crate) fn can_become_text(bytes: &[u8]) -> bool {
    let (whole, cut) = split_cut_character(bytes);
    simdutf8::basic::from_utf8(whole).is_ok()
        && core::str::from_utf8(cut)
            .err()
            .is_none_or(|error| error.error_len().is_none())
}

/// Splits off the start of a character that the end of `piece` cuts, judged by its lead byte only.
fn split_cut_character(piece: &[u8]) -> (&[u8], &[u8]) {
    for back in 1..=piece.len().min(3) {
        let at = piece.len() - back;
        let Some((whole, cut)) = piece.split_at_checked(at) else {
            break;
        };
        let needed = match cut.first() {
            Some(0x80..=0xBF) => continue,
            Some(0xC0..=0xDF) => 2,
            Some(0xE0..=0xEF) => 3,
            Some(0xF0..=0xFF) => 4,
            _ => 1,
        };
        if needed > back {
            return (whole, cut);
        }
        break;
    }
    (piece, &[])
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// How many bytes were taken before the refusal, fed one at a time.
    fn refused_at(bytes: &[u8]) -> Option<usize> {
        let mut buffer = Utf8Buffer::default();
        bytes.iter().position(|byte| buffer.push(&[*byte]).is_err())
    }

    proptest! {
        /// U3: what may still become text is what the buffer takes.
        #[test]
        fn possible_starts_are_those_the_buffer_takes(bytes: Vec<u8>, text: String, cut in 0usize..9) {
            let cut_text = &text.as_bytes()[..text.len().saturating_sub(cut)];
            for bytes in [&bytes[..], cut_text, &[cut_text, &bytes].concat()] {
                let taken = Utf8Buffer::default().push(bytes).is_ok();
                prop_assert_eq!(can_become_text(bytes), taken);
            }
        }
    }

    fn in_pieces(bytes: &[u8], cuts: &[usize]) -> Result<String, InvalidUtf8> {
        let mut buffer = Utf8Buffer::default();
        let mut rest = bytes;
        for cut in cuts {
            let (piece, tail) = rest.split_at(*cut.min(&rest.len()));
            buffer.push(piece)?;
            rest = tail;
        }
        buffer.push(rest)?;
        assert_eq!(buffer.len(), bytes.len());
        buffer.finish()
    }

    /// U1, U6: characters of one to four bytes, and one that Unicode has not assigned for ever, cut
    /// at each byte.
    #[test]
    fn every_cut_of_every_length() {
        let text = "aé송😀\u{FFFE}\u{10FFFF}z";
        for first in 0..=text.len() {
            for second in 0..=text.len() - first {
                let result = in_pieces(text.as_bytes(), &[first, second]);
                assert_eq!(result.as_deref(), Ok(text));
            }
        }
    }

    /// U2 and U3: refused at the first byte that makes it impossible.
    #[test]
    fn first_impossible_byte() {
        let cases: &[(&[u8], usize)] = &[
            (b"\x80", 0),             // lone continuation
            (b"ab\xFF", 2),           // never a byte of UTF-8
            (b"\xC0\xAF", 0),         // overlong, two bytes
            (b"\xE0\x80\xAF", 1),     // overlong, three bytes
            (b"\xF0\x80\x80\xAF", 1), // overlong, four bytes
            (b"\xED\xA0\x80", 1),     // surrogate D800
            (b"\xED\xBF\xBF", 1),     // surrogate DFFF
            (b"\xF4\x90\x80\x80", 1), // above 10FFFF
            (b"\xF5\x80\x80\x80", 0), // lead byte above F4
            (b"\xE2\x28\xA1", 1),     // not a continuation
            (
                b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80",
                12,
            ), // Autobahn 6.4
        ];
        for (bytes, at) in cases {
            assert_eq!(refused_at(bytes), Some(*at), "{bytes:x?}");
            assert_eq!(in_pieces(bytes, &[]), Err(InvalidUtf8), "{bytes:x?}");
        }
    }

    /// U2: an incomplete character at the end of the message.
    #[test]
    fn truncated_at_the_end() {
        for bytes in [&b"a\xC3"[..], b"\xE2\x82", b"\xF0\x9F\x98"] {
            let mut buffer = Utf8Buffer::default();
            assert_eq!(buffer.push(bytes), Ok(()));
            assert_eq!(buffer.finish(), Err(InvalidUtf8));
        }
    }

    fn nearly_utf8() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<String>().prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..40),
            (any::<String>(), any::<u8>(), any::<usize>()).prop_map(|(text, byte, at)| {
                let mut bytes = text.into_bytes();
                let at = at % (bytes.len() + 1);
                bytes.insert(at, byte);
                bytes
            }),
        ]
    }

    proptest! {
        /// U8: the same verdict as the standard library for every split, and the first impossible
        /// byte is where the standard library puts it.
        #[test]
        fn agrees_with_std(bytes in nearly_utf8(), cuts: Vec<u8>) {
            let cuts: Vec<usize> = cuts.into_iter().map(usize::from).collect();
            let expected = core::str::from_utf8(&bytes);
            let result = in_pieces(&bytes, &cuts);
            prop_assert_eq!(result.as_deref().ok(), expected.ok());

            let possible = |end: usize| match core::str::from_utf8(&bytes[..end]) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none(),
            };
            let first = (0..bytes.len()).find(|at| !possible(at + 1));
            prop_assert_eq!(refused_at(&bytes), first);
        }
    }
}
