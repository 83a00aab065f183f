use super::Found;

/// Where the first three elements of an array end, so that arguments are read without a second scan.
/// Few events have more.
///
/// Each has 21 bits, the first one the lowest: its place in the text that was scanned, doubled, and
/// one more for a plain string. 0 where it is not known, as behind the first MiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends(u64);

const COUNT: usize = 3;
const BITS: usize = 21;

impl Ends {
    /// What a scan has found of an element.
    #[inline(always)]
    pub(super) fn set(&mut self, index: usize, end: usize, found: Found) {
        if index < COUNT && end < 1 << (BITS - 1) {
            let plain = u64::from(found == Found::PlainString);
            self.0 |= ((end as u64) << 1 | plain) << (BITS * index);
        }
    }

    /// Where an element ends, and what it is.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<(usize, Found)> {
        if index >= COUNT {
            return None;
        }
        let end = (self.0 >> (BITS * index)) as usize & ((1 << BITS) - 1);
        let found = match end & 1 {
            1 => Found::PlainString,
            _ => Found::Other,
        };
        (end > 1).then_some((end / 2, found))
    }
}
