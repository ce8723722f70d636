//! Values in the order in which they were used.

use std::rc::Rc;

use hashlink::LruCache;

use super::Policy;
use crate::shared::memory::weight;

/// A key, which several lists may hold.
pub(crate) type Key = Rc<[u8]>;

/// At most so many values; one more takes the place of the one that was not used for longest.
pub(crate) struct List {
    entries: LruCache<Key, Vec<u8>>,
    len_max: usize,
    bytes: usize,
}

impl List {
    pub(crate) fn new(len_max: usize) -> Self {
        List { entries: LruCache::new_unbounded(), len_max, bytes: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    /// A value, which counts as used now.
    pub(crate) fn touch(&mut self, key: &[u8]) -> Option<&Vec<u8>> {
        self.entries.get(key)
    }

    /// Puts a value in, used now; what has lost its place comes back.
    pub(crate) fn put(&mut self, key: Key, value: Vec<u8>) -> Option<Key> {
        self.take(&key);
        self.bytes += weight(&key, &value);
        self.entries.insert(key, value);
        match self.len() > self.len_max {
            true => self.take_oldest().map(|(key, _)| key),
            false => None,
        }
    }

    pub(crate) fn take(&mut self, key: &[u8]) -> Option<(Key, Vec<u8>)> {
        let taken = self.entries.remove_entry(key);
        self.without(taken)
    }

    /// Takes out what was not used for longest.
    pub(crate) fn take_oldest(&mut self) -> Option<(Key, Vec<u8>)> {
        let taken = self.entries.remove_lru();
        self.without(taken)
    }

    fn without(&mut self, taken: Option<(Key, Vec<u8>)>) -> Option<(Key, Vec<u8>)> {
        if let Some((key, value)) = &taken {
            self.bytes -= weight(key, value);
        }
        taken
    }
}

/// What `standard` does.
impl Policy for List {
    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.touch(key).cloned()
    }

    fn has(&self, key: &[u8]) -> bool {
        self.has(key)
    }

    fn put(&mut self, key: Key, value: Vec<u8>) {
        self.put(key, value);
    }

    fn remove(&mut self, key: &[u8]) {
        self.take(key);
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) -> bool {
        self.take_oldest().is_some()
    }
}
