//! Strings, eight bytes at a time.

/// Where the bytes that stand for themselves in a JSON string end: at the first quote, backslash or
/// control character from `start` on, or with the text.
#[inline(never)]
pub(crate) fn plain_end(text: &[u8], start: usize) -> usize {
    // Most strings end within the first words. Longer ones go by chunks that the compiler compares
    // as vectors (so no early exit inside a chunk), and end by words again.
    match plain_words(text, start, 4) {
        Ok(end) => end,
        Err(at) => {
            let (chunks, _) = text.get(at..).unwrap_or_default().as_chunks::<64>();
            let plain = chunks
                .iter()
                .take_while(|chunk| !chunk.iter().fold(false, |any, &b| any | is_special(b)))
                .count();
            plain_words(text, at + 64 * plain, usize::MAX).unwrap_or(text.len())
        }
    }
}

/// The same, inlined for strings that end within a word, as names and keys do.
#[inline(always)]
pub(super) fn plain_end_inline(text: &[u8], start: usize) -> usize {
    match word(text, start).map(specials) {
        None | Some(0) => plain_end(text, start),
        Some(specials) => start + first(specials),
    }
}

/// The end, if it is within so many words; otherwise where they end.
#[inline(always)]
fn plain_words(text: &[u8], mut at: usize, words: usize) -> Result<usize, usize> {
    for _ in 0..words {
        match word(text, at).map(specials) {
            Some(0) => at += 8,
            Some(specials) => return Ok(at + first(specials)),
            None => return Ok(at + first(specials(last_word(text, at)))),
        }
    }
    Err(at)
}

fn word(text: &[u8], at: usize) -> Option<[u8; 8]> {
    text.get(at..)?.first_chunk().copied()
}

/// The bytes from `at` on, which are less than eight, and zeros behind them.
#[inline(always)]
fn last_word(text: &[u8], at: usize) -> [u8; 8] {
    let rest = text.get(at..).unwrap_or_default();
    let word = match text.last_chunk() {
        Some(last) => u64::from_le_bytes(*last).checked_shr(64 - 8 * rest.len() as u32),
        None => Some(
            rest.iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u64::from(byte)),
        ),
    };
    word.unwrap_or_default().to_le_bytes()
}

/// The high bits of the bytes that are special, right up to the first one that is.
#[inline(always)]
fn specials(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let word = u64::from_le_bytes(word);
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    // With this bit changed the quote follows the control characters, whose order is of no interest.
    let below_space_or_quote = below(word ^ (ONES * 2), 0x21);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (below_space_or_quote | backslash) & (ONES << 7)
}

/// Which byte of a word is the first special one.
#[inline(always)]
fn first(specials: u64) -> usize {
    specials.trailing_zeros() as usize / 8
}

/// Without `||`, which would keep the chunks above from becoming vectors.
fn is_special(byte: u8) -> bool {
    (byte ^ 2 < 0x21) | (byte == b'\\')
}
