use alloc::vec::Vec;

use faststr::FastStr;

/// The namespaces of one connection and the state of each. The first one needs no allocation:
/// most connections have no other. There are few, so they are searched one by one.
#[derive(Debug)]
pub(crate) struct Namespaces<S> {
    first: Option<(FastStr, S)>,
    more: Vec<(FastStr, S)>,
}

impl<S> Namespaces<S> {
    pub(crate) const fn new() -> Self {
        Self {
            first: None,
            more: Vec::new(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&S> {
        self.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, state)| state)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut S> {
        let entries = self.first.iter_mut().chain(&mut self.more);
        entries
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, state)| state)
    }

    /// Adds a namespace that is not there.
    pub(crate) fn insert(&mut self, name: FastStr, state: S) {
        match &mut self.first {
            first @ None => *first = Some((name, state)),
            Some(_) => self.more.push((name, state)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<S> {
        if let Some((_, state)) = self.first.take_if(|(key, _)| key == name) {
            return Some(state);
        }
        let at = self.more.iter().position(|(key, _)| key == name)?;
        Some(self.more.swap_remove(at).1)
    }

    /// Removes the first one found in a state.
    pub(crate) fn remove_where(&mut self, unwanted: impl Fn(&S) -> bool) {
        let found = self
            .iter()
            .find(|(_, state)| unwanted(state))
            .map(|(name, _)| name.clone());
        if let Some(name) = found {
            self.remove(&name);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FastStr, &S)> {
        self.first
            .iter()
            .chain(&self.more)
            .map(|(name, state)| (name, state))
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }
}

/// A namespace starts with a slash, and has no comma: on the wire that would end it.
pub(crate) fn is_legal(name: &str) -> bool {
    name.starts_with('/') && !name.contains(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_namespace_needs_no_allocation() {
        let mut namespaces = Namespaces::new();
        namespaces.insert("/".into(), 1);
        assert_eq!(namespaces.more.capacity(), 0);
        assert_eq!(namespaces.get("/"), Some(&1));
    }

    #[test]
    fn finds_and_removes_wherever_it_stands() {
        let mut namespaces = Namespaces::new();
        for (at, name) in ["/", "/a", "/b"].into_iter().enumerate() {
            namespaces.insert(name.into(), at);
        }
        assert_eq!(namespaces.remove("/"), Some(0));
        assert_eq!(namespaces.get("/"), None);
        *namespaces.get_mut("/b").unwrap() = 7;
        namespaces.insert("/c".into(), 3);
        namespaces.remove_where(|&state| state == 1);
        assert_eq!(namespaces.remove("/a"), None);
        let mut all: Vec<_> = namespaces
            .iter()
            .map(|(name, state)| (name.as_str(), *state))
            .collect();
        all.sort_unstable();
        assert_eq!(all, [("/b", 7), ("/c", 3)]);
        assert_eq!(namespaces.len(), 2);
    }
}
