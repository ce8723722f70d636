//! Taking changes of parts back: when one of several parts cannot be changed, those before it are
//! made what they were. What was there is kept only where it was replaced anyhow, so that nothing
//! is copied for it.

use crate::verbs::join::cut::Cut;
use formats::k::{Attr, Data, Dict, K, Type, Vector};
use std::sync::Arc;

/// How to take back what was changed in a value.
#[derive(Debug)]
pub(super) enum Undo {
    /// Nothing was changed, or nobody will want it back.
    Nothing,
    /// The value was this.
    Was(K),
    /// Something was put behind its items.
    Behind(Cut),
    /// The item, or the column, at a place was changed.
    Part(usize, Box<Undo>),
    /// The item at a place was this.
    Item(usize, K),
    /// A vector had this attribute.
    Attr(Attr),
    /// Something was changed in the values of a dictionary.
    Values(Box<Undo>),
    /// Keys and values of a dictionary ended here.
    Entries(Cut, Cut),
    /// A dictionary was promised to ascend.
    Sorted,
    /// A table had so many columns.
    Columns(usize),
    /// Several changes, the first one first.
    All(Vec<Undo>),
}

impl Undo {
    /// The value that was replaced, if it is to be kept.
    pub(super) fn was(before: K, keep: bool) -> Self {
        if keep { Self::Was(before) } else { Self::Nothing }
    }

    /// What takes something back that is going to be put behind a value.
    pub(super) fn behind(value: &K) -> Self {
        match value {
            K::Vec(_) | K::Table(_) => Self::Behind(Cut::of(value)),
            // Entries may be replaced.
            other => Self::Was(other.clone()),
        }
    }

    /// Two changes, one after the other.
    pub(super) fn both(first: Self, second: Self) -> Self {
        match (first, second) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (first, second) => Self::All(vec![first, second]),
        }
    }

    /// A change of a part.
    pub(super) fn part(at: usize, change: Self) -> Self {
        match change {
            Self::Nothing => Self::Nothing,
            change => Self::Part(at, Box::new(change)),
        }
    }

    /// Makes the value what it was.
    pub(super) fn restore(self, target: &mut K) {
        match (self, &mut *target) {
            (Self::Nothing, _) => {}
            (Self::Was(before), _) => *target = before,
            (Self::Behind(cut), _) => cut.restore(target),
            (Self::Part(at, change), K::Table(table)) => {
                if let Some(column) = Arc::make_mut(table).columns.get_mut(at) {
                    change.restore(column);
                }
            }
            (Self::Part(at, change), K::Vec(v)) => match &mut v.data {
                Data::List(items) => {
                    if let Some(slot) = Arc::make_mut(items).get_mut(at) {
                        change.restore(slot);
                    }
                }
                _ => {
                    let mut item = v.at(at);
                    change.restore(&mut item);
                    write(target, at, item);
                }
            },
            (Self::Item(at, item), _) => write(target, at, item),
            (Self::Attr(attr), K::Vec(v)) => v.attr = attr,
            (Self::Values(change), K::Dict(dict)) => {
                change.restore(&mut Arc::make_mut(dict).values);
            }
            (Self::Entries(key_end, value_end), K::Dict(dict)) => {
                let Dict { keys, values, .. } = Arc::make_mut(dict);
                key_end.restore(keys);
                value_end.restore(values);
            }
            (Self::Sorted, K::Dict(dict)) => Arc::make_mut(dict).sorted = true,
            (Self::Columns(count), K::Table(table)) => {
                let table = Arc::make_mut(table);
                Arc::make_mut(&mut table.names).truncate(count);
                table.columns.truncate(count);
            }
            (Self::All(changes), _) => {
                changes.into_iter().rev().for_each(|change| change.restore(target));
            }
            // What was noted of a value holds of that value.
            _ => {}
        }
    }
}

/// Writes an item into a list, which becomes a general one where it must.
fn write(list: &mut K, at: usize, item: K) {
    let K::Vec(v) = list else { return };
    if let K::Atom(ty, scalar) = &item
        && *ty == v.ty
        && v.data.set(at, *scalar)
    {
        return;
    }
    let mut items: Vec<K> = v.iter().collect();
    if let Some(slot) = items.get_mut(at) {
        *slot = item;
    }
    // It was a general list before, whatever its items are now.
    *list = K::Vec(Vector { ty: Type::List, attr: v.attr, data: items.into() });
}
