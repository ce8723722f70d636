//! Indexes of keyed tables, kept beside their key columns so that a row is found without looking
//! at all of them.
//!
//! An index holds the columns weakly. While it does, nobody can change them where they are: who
//! wants to gets them elsewhere, and the index is of no use from then on. So an index that still
//! points to a table's columns is right, whoever had the table in the meantime.

use super::group::WordMap;
use super::hash::{RowTable, flat, row, row_hash};
use formats::k::{Data, K, Vector};
use formats::on_k_data;
use std::any::Any;
use std::sync::{Arc, Weak};

/// Tables whose index a session keeps; the one that was not used for longest goes.
pub(crate) const INDEXES_MAX: usize = 64;
/// Tables of fewer rows are indexed anew each time.
const ROWS_MIN: usize = 32;

type Held = Weak<dyn Any + Send + Sync>;

#[derive(Debug)]
struct Index {
    columns: Vec<Held>,
    /// `None` while somebody has it.
    table: Option<RowTable>,
    used: u64,
}

/// The indexes of a session's tables.
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    /// By the address of the first key column.
    known: WordMap<usize, Index>,
    uses: u64,
}

fn held(data: &Data) -> Held {
    on_k_data!(data, v => {
        let weak: Held = Arc::downgrade(v) as Held;
        weak
    })
}

fn address(data: &Data) -> usize {
    on_k_data!(data, v => Arc::as_ptr(v).cast::<()>() as usize)
}

impl Index {
    /// Whether these are the columns that the index is of.
    fn is_of(&self, columns: &[&Vector]) -> bool {
        let same = |(held, column): (&Held, &&Vector)| {
            held.strong_count() > 0 && held.as_ptr().cast::<()>() as usize == address(&column.data)
        };
        self.columns.len() == columns.len() && self.columns.iter().zip(columns).all(same)
    }
}

impl Indexes {
    /// Takes the index of key columns out, or makes it. Of equal rows it has the first.
    pub(crate) fn take(&mut self, columns: &[&Vector]) -> RowTable {
        let known = columns.first().and_then(|first| self.known.get_mut(&address(&first.data)));
        let table = known.filter(|index| index.is_of(columns)).and_then(|index| index.table.take());
        table.unwrap_or_else(|| made(columns))
    }

    /// Bytes that the indexes take.
    pub(crate) fn bytes(&self) -> usize {
        self.known.values().filter_map(|index| index.table.as_ref()).map(RowTable::bytes).sum()
    }

    /// Keeps the index of key columns until it is taken, or others need the room.
    pub(crate) fn put(&mut self, keys: &[K], table: RowTable) {
        let Some(columns) = flat(keys.iter()) else { return };
        let Some(first) = columns.first() else { return };
        if first.data.len() < ROWS_MIN {
            return;
        }
        self.uses += 1;
        let known = self.known.get_mut(&address(&first.data));
        if let Some(index) = known.filter(|index| index.is_of(&columns)) {
            (index.table, index.used) = (Some(table), self.uses);
            return;
        }
        if self.known.len() >= INDEXES_MAX {
            self.known.retain(|_, index| index.columns.iter().all(|c| c.strong_count() > 0));
        }
        if self.known.len() >= INDEXES_MAX {
            let oldest = self.known.iter().min_by_key(|(_, index)| index.used).map(|(k, _)| *k);
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        let columns = columns.iter().map(|column| held(&column.data)).collect();
        let index = Index { columns, table: Some(table), used: self.uses };
        self.known.insert(address(&first.data), index);
    }
}

/// The index of columns.
fn made(columns: &[&Vector]) -> RowTable {
    let rows = columns.first().map_or(0, |column| column.data.len());
    let mut table = RowTable::with_room(rows);
    for at in 0..rows {
        let hash = row_hash(row(columns, at));
        let same = |other: usize| row(columns, other).eq(row(columns, at));
        if table.find(hash, same).is_none() {
            table.insert(hash, at);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(from: i64) -> Vec<K> {
        vec![K::longs((from..from + 100).collect())]
    }

    fn address_of(keys: &[K]) -> usize {
        let columns = flat(keys.iter()).unwrap();
        address(&columns[0].data)
    }

    #[test]
    fn what_was_changed_elsewhere_is_indexed_anew() {
        let mut indexes = Indexes::default();
        let mut table = keys(0);
        let index = indexes.take(&flat(table.iter()).unwrap());
        indexes.put(&table, index);
        let before = address_of(&table);
        // The table has one owner, and yet its column moves: the index must not be taken for its.
        let K::Vec(column) = &mut table[0] else { panic!("a vector") };
        assert!(column.data.set(7, formats::k::Scalar::I64(1000)));
        assert_ne!(address_of(&table), before);
        let columns = flat(table.iter()).unwrap();
        let index = indexes.take(&columns);
        let hash = row_hash([formats::k::Scalar::I64(1000)].into_iter());
        assert_eq!(index.find(hash, |at| at == 7), Some(7));
    }

    #[test]
    fn one_that_does_not_come_back_is_made_anew() {
        let mut indexes = Indexes::default();
        let table = keys(0);
        let columns = flat(table.iter()).unwrap();
        let find = |index: &RowTable, item: i64| {
            let hash = row_hash([formats::k::Scalar::I64(item)].into_iter());
            index.find(hash, |at| at as i64 == item)
        };
        let index = indexes.take(&columns);
        indexes.put(&table, index);
        for _ in 0..2 {
            // An error keeps whoever has it from giving it back.
            let index = indexes.take(&columns);
            assert_eq!(find(&index, 42), Some(42));
        }
        let index = indexes.take(&columns);
        indexes.put(&table, index);
        assert_eq!(indexes.known.len(), 1);
        assert_eq!(find(&indexes.take(&columns), 99), Some(99));
    }

    #[test]
    fn as_many_tables_are_remembered_as_there_is_room_for() {
        let mut indexes = Indexes::default();
        let tables: Vec<Vec<K>> = (0..INDEXES_MAX as i64 + 10).map(keys).collect();
        for table in &tables {
            let index = indexes.take(&flat(table.iter()).unwrap());
            indexes.put(table, index);
            assert!(indexes.known.len() <= INDEXES_MAX);
        }
        assert!(!indexes.known.contains_key(&address_of(&tables[9])));
        assert!(indexes.known.contains_key(&address_of(&tables[10])));
        // Those that nobody has any more make room first.
        let kept = tables.last().unwrap().clone();
        drop(tables);
        let index = indexes.take(&flat(keys(0).iter()).unwrap());
        let new = keys(0);
        indexes.put(&new, index);
        assert_eq!(indexes.known.len(), 2);
        assert!(indexes.known.contains_key(&address_of(&kept)));
    }
}
