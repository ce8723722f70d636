//! `arc`: values that were used once and values that were used again share the room in a way that
//! follows what is asked for: a key that comes back after its value had to go says which of the
//! two should have had more of it.

use super::Policy;
use super::list::{Key, List};

pub(super) struct Arc {
    len_max: usize,
    /// How many values that were used once should keep their place.
    once_wanted: usize,
    once: List,
    again: List,
    /// Keys whose values had to go from `once`.
    gone_once: List,
    /// Keys whose values had to go from `again`.
    gone_again: List,
}

impl Arc {
    pub(super) fn new(len_max: usize) -> Self {
        let list = || List::new(len_max);
        let (once, again, gone_once, gone_again) = (list(), list(), list(), list());
        Arc { len_max, once_wanted: 0, once, again, gone_once, gone_again }
    }

    /// Makes room for one more value.
    fn make_room(&mut self, was_gone_again: bool) {
        let once = self.once.len();
        if once + self.again.len() < self.len_max {
            return;
        }
        let wanted = self.once_wanted;
        let (from, to) = match once > 0 && (once > wanted || (once == wanted && was_gone_again)) {
            true => (&mut self.once, &mut self.gone_once),
            false => (&mut self.again, &mut self.gone_again),
        };
        if let Some((key, _)) = from.take_oldest() {
            to.put(key, Vec::new());
        }
    }

    /// By how much the room is shared in another way when a key of the first list comes back.
    fn step(of: &List, other: &List) -> usize {
        (other.len() / of.len().max(1)).max(1)
    }
}

impl Policy for Arc {
    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        if let Some((key, value)) = self.once.take(key) {
            self.again.put(key, value.clone());
            return Some(value);
        }
        self.again.touch(key).cloned()
    }

    fn has(&self, key: &[u8]) -> bool {
        self.once.has(key) || self.again.has(key)
    }

    fn put(&mut self, key: Key, value: Vec<u8>) {
        if self.once.take(&key).is_some() || self.again.has(&key) {
            self.again.put(key, value);
        } else if self.gone_once.has(&key) {
            let step = Self::step(&self.gone_once, &self.gone_again);
            self.once_wanted = self.once_wanted.saturating_add(step).min(self.len_max);
            self.make_room(false);
            self.gone_once.take(&key);
            self.again.put(key, value);
        } else if self.gone_again.has(&key) {
            let step = Self::step(&self.gone_again, &self.gone_once);
            self.once_wanted = self.once_wanted.saturating_sub(step);
            self.make_room(true);
            self.gone_again.take(&key);
            self.again.put(key, value);
        } else {
            self.make_room(false);
            if self.gone_once.len() > self.len_max - self.once_wanted {
                self.gone_once.take_oldest();
            }
            if self.gone_again.len() > self.once_wanted {
                self.gone_again.take_oldest();
            }
            self.once.put(key, value);
        }
    }

    fn remove(&mut self, key: &[u8]) {
        let lists = [&mut self.once, &mut self.again, &mut self.gone_once, &mut self.gone_again];
        let _ = lists.into_iter().find_map(|list| list.take(key));
    }

    fn bytes(&self) -> usize {
        let lists = [&self.once, &self.again, &self.gone_once, &self.gone_again];
        lists.into_iter().map(List::bytes).sum()
    }

    fn shrink(&mut self) -> bool {
        let values = match self.once.len() > self.again.len() {
            true => [&mut self.once, &mut self.again],
            false => [&mut self.again, &mut self.once],
        };
        let lists = [&mut self.gone_once, &mut self.gone_again].into_iter().chain(values);
        lists.into_iter().any(|list| list.take_oldest().is_some())
    }
}
