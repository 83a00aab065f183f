//! Hash tables that shrink again.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Smaller tables are left as they are.
const SMALL: usize = 256;

/// Removes an entry. A table that has become mostly empty is made smaller, so that a crowd which
/// has gone leaves no memory behind.
pub(crate) fn remove<K, V, Q>(table: &mut HashMap<K, V>, key: &Q) -> Option<V>
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    let removed = table.remove(key);
    if table.capacity() > SMALL && table.len() < table.capacity() / 4 {
        // Half of it is kept free, so that each entry is moved a few times at most.
        table.shrink_to(table.len() * 2);
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shrinks_with_what_is_in_it() {
        let mut table: HashMap<u32, u32> = (0..10_000).map(|key| (key, key)).collect();
        for key in 0..9_990 {
            assert_eq!(remove(&mut table, &key), Some(key));
            let most = (8 * table.len()).max(2 * SMALL);
            assert!(
                table.capacity() <= most,
                "{} of {}",
                table.len(),
                table.capacity()
            );
        }
        assert_eq!(remove(&mut table, &1), None);
        assert_eq!(table.len(), 10);
    }
}
