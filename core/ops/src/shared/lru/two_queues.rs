//! `two_queues`: values that were used once, values that were used again, and the keys of those
//! that had to go before they were used again.

use plan::BuildError;

use super::Policy;
use super::list::{Key, List};

pub(super) struct TwoQueues {
    len_max: usize,
    /// How many values that were used once keep their place when others need one.
    once_max: usize,
    once: List,
    again: List,
    /// Keys without values.
    gone: List,
}

impl TwoQueues {
    pub(super) fn new(len_max: usize, recent: f64, ghost: f64) -> Result<Self, BuildError> {
        let share = |ratio: f64, name: &str| match (0.0..=1.0).contains(&ratio) {
            true => Ok((len_max as f64 * ratio) as usize),
            false => Err(BuildError::new(format!("invalid {name} ratio"))),
        };
        let (once_max, gone_max) = (share(recent, "recent")?, share(ghost, "ghost")?);
        if gone_max == 0 {
            return Err(BuildError::new("must provide a positive size"));
        }
        Ok(TwoQueues {
            len_max,
            once_max,
            once: List::new(len_max),
            again: List::new(len_max),
            gone: List::new(gone_max),
        })
    }

    /// Makes room for one more value.
    fn make_room(&mut self, was_gone: bool) {
        let once = self.once.len();
        if once + self.again.len() < self.len_max {
            return;
        }
        if once > self.once_max || (once > 0 && once == self.once_max && !was_gone) {
            if let Some((key, _)) = self.once.take_oldest() {
                self.gone.put(key, Vec::new());
            }
        } else {
            self.again.take_oldest();
        }
    }
}

impl Policy for TwoQueues {
    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        if let Some(value) = self.again.touch(key) {
            return Some(value.clone());
        }
        let (key, value) = self.once.take(key)?;
        self.again.put(key, value.clone());
        Some(value)
    }

    fn has(&self, key: &[u8]) -> bool {
        self.again.has(key) || self.once.has(key)
    }

    fn put(&mut self, key: Key, value: Vec<u8>) {
        if self.again.has(&key) || self.once.take(&key).is_some() {
            self.again.put(key, value);
        } else if self.gone.has(&key) {
            self.make_room(true);
            self.gone.take(&key);
            self.again.put(key, value);
        } else {
            self.make_room(false);
            self.once.put(key, value);
        }
    }

    fn remove(&mut self, key: &[u8]) {
        let lists = [&mut self.again, &mut self.once, &mut self.gone];
        let _ = lists.into_iter().find_map(|list| list.take(key));
    }

    fn bytes(&self) -> usize {
        self.once.bytes() + self.again.bytes() + self.gone.bytes()
    }

    fn shrink(&mut self) -> bool {
        let lists = [&mut self.gone, &mut self.once, &mut self.again];
        lists.into_iter().any(|list| list.take_oldest().is_some())
    }
}
