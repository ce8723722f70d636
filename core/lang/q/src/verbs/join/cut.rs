//! Taking back what was put behind a list or a table.

use formats::k::{Attr, K, Type, Vector};
use formats::on_k_data;
use std::sync::Arc;

/// A list, or the columns of a table, before something was put behind. It holds none of the items,
/// so that lists of one owner stay where they are.
#[derive(Debug)]
pub(crate) struct Cut {
    ends: Vec<End>,
    /// Whether they are those of the columns of a table; a list without items may become one.
    of_table: bool,
}

/// Where a list ended.
#[derive(Debug)]
enum End {
    /// So many items, of this type and attribute.
    Behind(usize, Type, Attr),
    /// There were no items, or it is no list: this was it.
    Whole(K),
}

impl End {
    fn of(list: &K) -> Self {
        match list {
            K::Vec(v) if !v.data.is_empty() => Self::Behind(v.data.len(), v.ty, v.attr),
            whole => Self::Whole(whole.clone()),
        }
    }

    fn restore(self, list: &mut K) {
        match (self, &mut *list) {
            (Self::Whole(whole), _) => *list = whole,
            (Self::Behind(count, ty, attr), K::Vec(Vector { data, ty: now, attr: kept })) => {
                if data.len() > count {
                    on_k_data!(data, items => Arc::make_mut(items).truncate(count));
                }
                *kept = attr;
                if ty != *now {
                    // Items of its type and others had become a general list.
                    *list = K::collapse(list.items().collect()).with_attr(attr);
                }
            }
            _ => {}
        }
    }
}

impl Cut {
    /// Where a list or table ends; of what is neither all.
    pub(crate) fn of(k: &K) -> Self {
        match k {
            K::Table(t) => Self::of_columns(&t.columns),
            list => Self { ends: vec![End::of(list)], of_table: false },
        }
    }

    pub(crate) fn of_columns(columns: &[K]) -> Self {
        Self { ends: columns.iter().map(End::of).collect(), of_table: true }
    }

    /// Makes the value what it was; only items behind its own may have come in meanwhile.
    pub(crate) fn restore(self, k: &mut K) {
        match k {
            K::Table(t) if self.of_table => {
                self.restore_columns(&mut Arc::make_mut(t).columns);
            }
            list => self.restore_columns(std::slice::from_mut(list)),
        }
    }

    pub(crate) fn restore_columns(self, columns: &mut [K]) {
        for (column, end) in columns.iter_mut().zip(self.ends) {
            end.restore(column);
        }
    }
}
