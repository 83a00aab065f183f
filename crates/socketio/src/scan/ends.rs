use super::Found;

/// Where the first two elements of an array end, so that arguments are read without a second scan.
/// Few events have more.
///
/// Each has 32 bits, the first one the lower: its place in the text that was scanned, doubled, and
/// one more for a plain string. 0 where it is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends(u64);

impl Ends {
    /// What a scan has found of an element.
    #[inline(always)]
    pub(super) fn set(&mut self, index: usize, end: usize, found: Found) {
        if index < 2 && end < 1 << 31 {
            let plain = u64::from(found == Found::PlainString);
            self.0 |= ((end as u64) << 1 | plain) << (32 * index);
        }
    }

    /// Where an element ends, and what it is.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<(usize, Found)> {
        let end = match index {
            0 => self.0 as u32,
            1 => (self.0 >> 32) as u32,
            _ => 0,
        };
        let found = match end & 1 {
            1 => Found::PlainString,
            _ => Found::Other,
        };
        (end > 1).then_some((end as usize / 2, found))
    }
}
