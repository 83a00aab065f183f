//! The decisions of a schedule: from a seed in a test, from its bytes in a fuzz target.

use std::time::Duration;

/// Decides what happens next.
#[derive(Debug)]
pub(crate) enum Choices<'a> {
    /// Pseudo-random and without end.
    Seed(u64),
    /// What a fuzzer says, then zeros.
    Bytes(&'a [u8]),
}

#[allow(dead_code, reason = "each user needs a part of it")]
impl<'a> Choices<'a> {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self::Seed(seed)
    }

    pub(crate) fn of_bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }

    /// Whether a fuzzer has nothing more to say.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Bytes([]))
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u32 {
        match self {
            // SplitMix64.
            Self::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut bits = *state;
                bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (bits ^ (bits >> 31)) as u32
            }
            Self::Bytes(_) => self.below(1 << 16) as u32 * 0x1_0001,
        }
    }

    /// A number below a limit that is not zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let Self::Bytes(bytes) = self else {
            return self.any() as usize % limit;
        };
        let mut number = 0;
        let mut covered = 1;
        while covered < limit {
            let Some((&byte, rest)) = bytes.split_first() else {
                break;
            };
            *bytes = rest;
            number = number << 8 | usize::from(byte);
            covered <<= 8;
        }
        number % limit
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    pub(crate) fn millis(&mut self, below: usize) -> Duration {
        Duration::from_millis(self.below(below) as u64)
    }

    pub(crate) fn bytes(&mut self, below: usize) -> Vec<u8> {
        let len = self.below(below);
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}
