//! Masking keys and nonces, from the operating system's generator.

use std::cell::RefCell;

/// Random bytes are fetched this many at a time, so that a mask costs no system call.
const POOL: usize = 1024;

struct Pool {
    bytes: [u8; POOL],
    left: usize,
}

thread_local! {
    static MASKS: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL], left: 0 }) };
}

/// A masking key that nobody can predict (RFC 6455 §10.3).
///
/// # Panics
/// If the operating system has no randomness, which a handshake would have reported before.
pub(crate) fn mask() -> [u8; 4] {
    MASKS.with_borrow_mut(|pool| {
        if pool.left < 4 {
            getrandom::fill(&mut pool.bytes).expect("the operating system gives randomness");
            pool.left = POOL;
        }
        let mask = pool
            .bytes
            .get(pool.left - 4..)
            .and_then(|bytes| bytes.first_chunk());
        pool.left -= 4;
        mask.copied().unwrap_or_default()
    })
}

/// The nonce of an opening handshake (RFC 6455 §4.1, item 7).
pub(crate) fn nonce() -> std::io::Result<[u8; 16]> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    Ok(nonce)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// HC1 and F13: fresh each time; 5,000 masks of 32 bits repeat in 0.3 % of runs, so a few
    /// repetitions are let pass.
    #[test]
    fn nothing_repeats() {
        let masks: HashSet<_> = (0..5000).map(|_| mask()).collect();
        assert!(masks.len() > 4990);
        let nonces: HashSet<_> = (0..100).map(|_| nonce().unwrap()).collect();
        assert_eq!(nonces.len(), 100);
    }
}
