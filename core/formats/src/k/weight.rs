//! How many bytes values take.

use super::{Data, Dict, Function, K, Table, Vector};
use crate::on_k_data;
use std::collections::HashSet;
use std::sync::Arc;

/// Bytes that a shared allocation takes besides what is in it: its counts and those of a vector.
const SHARED_BYTES: usize = 40;
/// Levels of functions within functions that are looked at.
const FUNCTIONS_MAX: usize = 100;

/// The bytes that values take which are put on it, where each is counted once, however many hold
/// it.
#[derive(Debug, Default)]
pub struct Weight {
    bytes: usize,
    seen: HashSet<usize, ahash::RandomState>,
}

/// About how many bytes a value takes, without looking at what is in a list twice.
#[must_use]
pub fn bytes(value: &K) -> usize {
    let mut weight = Weight::default();
    weight.add(value);
    weight.bytes()
}

impl Weight {
    /// The bytes so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds so many bytes.
    pub fn add_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Adds a value and what it holds.
    pub fn add(&mut self, value: &K) {
        self.add_below(value, FUNCTIONS_MAX);
    }

    /// Whether an allocation was not counted before. What only one holds is met once.
    fn is_new<T: ?Sized>(&mut self, shared: &Arc<T>) -> bool {
        Arc::strong_count(shared) == 1
            || self.seen.insert(Arc::as_ptr(shared).cast::<()>() as usize)
    }

    /// Without recursion but for functions, however deep lists are nested.
    fn add_below(&mut self, value: &K, levels: usize) {
        let mut work = vec![value];
        while let Some(value) = work.pop() {
            match value {
                K::Vec(v) => self.vector(v, &mut work),
                K::Dict(dict) if self.is_new(dict) => {
                    let dict: &Dict = dict;
                    self.add_bytes(size_of::<Dict>());
                    work.extend([&dict.keys, &dict.values]);
                }
                K::Table(table) if self.is_new(table) => {
                    let table: &Table = table;
                    let columns = table.columns.len() * (size_of::<K>() + size_of::<u32>());
                    self.add_bytes(size_of::<Table>() + columns);
                    work.extend(&table.columns);
                }
                K::Func(function) if self.is_new(function) => {
                    self.function(function.as_ref(), levels);
                }
                _ => {}
            }
        }
    }

    fn vector<'a>(&mut self, v: &'a Vector, work: &mut Vec<&'a K>) {
        let new = on_k_data!(&v.data, items => self.is_new(items));
        if !new {
            return;
        }
        let taken = on_k_data!(&v.data, items => taken(items.as_slice(), items.capacity()));
        self.add_bytes(SHARED_BYTES + taken);
        if let Data::List(items) = &v.data {
            work.extend(items.iter());
        }
    }

    fn function(&mut self, function: &dyn Function, levels: usize) {
        self.add_bytes(function.bytes());
        if let Some((address, bytes)) = function.shared()
            && self.seen.insert(address)
        {
            self.add_bytes(bytes);
        }
        let Some(levels) = levels.checked_sub(1) else { return };
        for part in function.items() {
            self.add_below(&part, levels);
        }
    }
}

/// Bytes of a vector that has room for so many of these items.
fn taken<T>(_: &[T], room: usize) -> usize {
    room.saturating_mul(size_of::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longs(count: usize) -> K {
        K::longs(vec![0; count])
    }

    #[test]
    fn what_is_held_twice_is_counted_once() {
        let one = bytes(&longs(1000));
        assert!((8000..8100).contains(&one), "{one}");
        let shared = longs(1000);
        let many = bytes(&K::list(vec![shared; 1000]));
        assert!((one..one + 1010 * size_of::<K>()).contains(&many), "{many}");
        let many = bytes(&K::list((0..1000).map(|_| longs(1000)).collect()));
        assert!(many >= 1000 * one, "{many}");
    }

    #[test]
    fn whatever_is_within_is_counted() {
        let table = K::table(vec!["a".into(), "b".into()], vec![longs(1000), longs(1000)]).unwrap();
        let dict = K::dict(K::longs(vec![1]), K::list(vec![table.clone()]));
        assert!(bytes(&table) > 16_000);
        assert!(bytes(&dict) > bytes(&table));
        let function = crate::k::Foreign {
            code: 104,
            index: 0,
            context: Vec::new(),
            source: vec![0; 500],
            items: vec![K::Null, longs(1000)],
        };
        assert!(bytes(&K::Func(Arc::new(function))) > 8500);
    }

    #[test]
    fn deep_values_and_those_that_hold_themselves_again_and_again_are_counted_in_time() {
        let deep = (0..100_000).fold(K::long(1), |k, _| K::list(vec![k, K::Null]));
        assert!(bytes(&deep) > 100_000 * 2 * size_of::<K>());
        // As a tree it would have a trillion leaves.
        let wide = (0..40).fold(longs(10), |k, _| K::list(vec![k.clone(), k]));
        assert!(bytes(&wide) < 40 * 200);
    }
}
