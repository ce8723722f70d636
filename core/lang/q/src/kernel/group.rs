//! Equal items by hashing: dense numbers for the distinct values of one or more columns.

use super::dense::Dense;
use super::hash::{NONE, WordTable, float_key, mixed};
use crate::error::Result;
use formats::budget;
use formats::k::ipc::{self, Endian};
use formats::k::{Data, K, Sym, Vector};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A multiplicative hash of the words that columns are made of.
#[derive(Default)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (slot, byte) in word.iter_mut().zip(chunk) {
                *slot = *byte;
            }
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mixed(self.0, word);
    }
}

/// A map keyed by words or bytes of data.
pub(crate) type WordMap<T, V> = HashMap<T, V, BuildHasherDefault<WordHasher>>;

/// The groups of equal rows, numbered as they first appear.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// The group of each row.
    pub(crate) ids: Vec<u32>,
    /// The first row of each group.
    pub(crate) firsts: Vec<i64>,
}

impl Groups {
    /// The same groups in another order: `order` has the old numbers.
    pub(crate) fn reordered(self, order: &[i64]) -> Self {
        if order.len() == self.firsts.len() && (0..).zip(order).all(|(at, old)| at == *old) {
            return self;
        }
        let mut new = vec![0u32; self.firsts.len()];
        let mut firsts = Vec::with_capacity(order.len());
        for (place, old) in (0..).zip(order) {
            let old = usize::try_from(*old).unwrap_or(0);
            if let (Some(slot), Some(first)) = (new.get_mut(old), self.firsts.get(old)) {
                *slot = place;
                firsts.push(*first);
            }
        }
        let renumber = |id: &u32| new.get(*id as usize).copied().unwrap_or(0);
        Self { ids: self.ids.iter().map(renumber).collect(), firsts }
    }
}

fn number<T: std::hash::Hash + Eq>(items: impl Iterator<Item = T>) -> Groups {
    let mut known: WordMap<T, u32> = WordMap::default();
    let (mut ids, mut firsts) = (Vec::with_capacity(items.size_hint().0), Vec::new());
    for (row, item) in (0i64..).zip(items) {
        let next = firsts.len() as u32;
        let id = *known.entry(item).or_insert(next);
        if id == next {
            firsts.push(row);
        }
        ids.push(id);
    }
    Groups { ids, firsts }
}

/// The same for words.
fn number_words(items: impl Iterator<Item = u64>) -> Groups {
    let mut known = WordTable::with_room(0);
    let (mut ids, mut firsts) = (Vec::with_capacity(items.size_hint().0), Vec::new());
    // Like items often follow each other.
    let mut last = (0, NONE);
    for (row, item) in (0i64..).zip(items) {
        if last.1 == NONE || last.0 != item {
            let next = firsts.len() as u32;
            last = (item, known.get_or_insert(item, next));
            if last.1 == next {
                firsts.push(row);
            }
        }
        ids.push(last.1);
    }
    Groups { ids, firsts }
}

/// Most numbers that a table of all of them is made for, beside four for each item.
const DENSE: u64 = 1 << 16;

/// How far apart the least and the greatest of so many items may be for a table of all numbers
/// between them.
pub(crate) fn dense_max(count: usize) -> u64 {
    DENSE + 4 * count as u64
}

/// The same for items that are numbers from `low` to `high`, by a table of all of them where they
/// are few.
pub(crate) fn number_within(
    items: impl Iterator<Item = u64> + Clone,
    low: u64,
    high: u64,
) -> Groups {
    let count = items.size_hint().0;
    let size = high.wrapping_sub(low);
    if size >= dense_max(count) {
        return number_words(items);
    }
    budget::ask_for::<u32>(size as usize + 1 + count);
    let mut known = vec![NONE; size as usize + 1];
    let (mut ids, mut firsts) = (Vec::with_capacity(count), Vec::new());
    for (row, item) in (0i64..).zip(items) {
        let Some(slot) = known.get_mut(item.wrapping_sub(low) as usize) else { continue };
        if *slot == NONE {
            *slot = firsts.len() as u32;
            firsts.push(row);
        }
        ids.push(*slot);
    }
    Groups { ids, firsts }
}

/// The groups of items that are alike in two ways: in the one they have numbers, in the other
/// they are groups, too.
pub(crate) fn numbered_pairs(ids: &[u32], others: &Groups) -> Groups {
    let (count, width) = (ids.iter().max().map_or(0, |m| u64::from(*m) + 1), others.firsts.len());
    let pairs = ids.iter().zip(&others.ids);
    let pairs = pairs.map(|(a, b)| u64::from(*a) * width as u64 + u64::from(*b));
    number_within(pairs, 0, (count * width as u64).saturating_sub(1))
}

/// The groups of whole numbers.
fn number_ints<T: Copy + Ord + Into<i64>>(items: &[T]) -> Groups {
    let ends = items.iter().min().zip(items.iter().max());
    let (low, high) = ends.map_or((0, 0), |(low, high)| ((*low).into(), (*high).into()));
    let word = |x: &T| -> u64 { (*x).into().cast_unsigned() };
    number_within(items.iter().map(word), low.cast_unsigned(), high.cast_unsigned())
}

/// The groups of symbols.
pub(crate) fn numbered(symbols: &[Sym]) -> Groups {
    let ids = symbols.iter().map(|symbol| u64::from(symbol.id()));
    let high = ids.clone().max().unwrap_or(0);
    let low = ids.clone().min().unwrap_or(0);
    number_within(ids, low, high)
}

/// Bytes that only equal values have.
pub(crate) fn bytes(k: &K) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match ipc::encode(k, Endian::Little, &mut out) {
        Ok(()) => Ok(out),
        // Functions of this process are told apart by their text.
        Err(_) => Ok(crate::display::text(k).into_bytes()),
    }
}

/// The groups of equal items of a list or table.
///
/// # Errors
/// None for lists and tables of data.
pub(crate) fn groups(k: &K) -> Result<Groups> {
    match k {
        K::Vec(Vector { data, .. }) => Ok(match data {
            Data::U8(v) => number_ints(v),
            Data::I16(v) => number_ints(v),
            Data::I32(v) => number_ints(v),
            Data::I64(v) => number_ints(v),
            Data::F32(v) => number_words(v.iter().map(|x| float_key(f64::from(*x)))),
            Data::F64(v) => number_words(v.iter().map(|x| float_key(*x))),
            Data::Sym(v) => numbered(v),
            Data::Guid(v) => number(v.iter().copied()),
            Data::List(v) => number(v.iter().map(bytes).collect::<Result<Vec<_>>>()?.into_iter()),
        }),
        K::Table(t) => {
            if t.columns.len() > 1
                && let Some(dense) = Dense::of(&t.columns)
            {
                return Ok(dense.groups());
            }
            let mut columns = t.columns.iter();
            let Some(first) = columns.next() else {
                return Ok(Groups { ids: Vec::new(), firsts: Vec::new() });
            };
            let mut all = groups(first)?;
            for column in columns {
                all = numbered_pairs(&all.ids, &groups(column)?);
            }
            Ok(all)
        }
        other => groups(&K::list(other.items().collect())),
    }
}
