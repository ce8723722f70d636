//! The items of a general list, and how nested values are dropped without recursion.

use super::{Data, K};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The items of a general list. Behaves as the vector it holds; dropping it uses a work list,
/// since a program can nest lists deeper than any stack.
#[derive(Clone, Debug, Default)]
pub struct Items(pub Vec<K>);

impl Deref for Items {
    type Target = Vec<K>;
    fn deref(&self) -> &Vec<K> {
        &self.0
    }
}

impl DerefMut for Items {
    fn deref_mut(&mut self) -> &mut Vec<K> {
        &mut self.0
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if self.0.iter().any(nests) {
            unwind(std::mem::take(&mut self.0));
        }
    }
}

/// Whether dropping the value could drop another that nests.
fn nests(value: &K) -> bool {
    match value {
        K::Vec(v) => matches!(v.data, Data::List(_)),
        K::Dict(_) | K::Table(_) | K::Func(_) => true,
        K::Atom(..) | K::Null => false,
    }
}

/// Drops values, and those that only they hold, one after the other.
pub fn unwind(mut work: Vec<K>) {
    while let Some(value) = work.pop() {
        match value {
            K::Vec(v) => {
                if let Data::List(list) = v.data
                    && let Some(mut items) = Arc::into_inner(list)
                {
                    work.append(&mut items.0);
                }
            }
            K::Dict(dict) => {
                if let Some(dict) = Arc::into_inner(dict) {
                    work.extend([dict.keys, dict.values]);
                }
            }
            K::Table(table) => {
                if let Some(table) = Arc::into_inner(table) {
                    work.extend(table.columns);
                }
            }
            K::Func(mut func) => {
                if let Some(func) = Arc::get_mut(&mut func) {
                    work.append(&mut func.take_items());
                }
            }
            K::Atom(..) | K::Null => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_levels_are_dropped_without_a_stack() {
        let mut value = K::long(1);
        for level in 0..1_000_000 {
            value = if level % 3 == 0 {
                K::dict(K::list(vec![K::long(1)]), K::list(vec![value]))
            } else {
                K::list(vec![value, K::Null])
            };
        }
        drop(value);
    }
}
