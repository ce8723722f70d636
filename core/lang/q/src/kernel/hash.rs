//! Hashing of items as words, and tables of the rows that have a hash.

use super::few::Few;
use formats::k::{K, Scalar, Vector};

/// Mixes a word into a hash: both halves of a product, so that every bit of the word matters to
/// every bit of the hash.
pub(crate) fn mixed(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word ^ 0x2d35_8dcc_aa6c_78a5) * 0x9e37_79b9_7f4a_7c15;
    (product as u64) ^ ((product >> 64) as u64)
}

/// The bits of a float by which equal ones are found: one zero, one null.
pub(crate) fn float_key(x: f64) -> u64 {
    if x.is_nan() {
        f64::NAN.to_bits()
    } else if x == 0.0 {
        0
    } else {
        x.to_bits()
    }
}

/// A word that equal items have; only guids that differ may share one.
pub(crate) fn word(scalar: Scalar) -> u64 {
    match scalar {
        Scalar::U8(x) => u64::from(x),
        Scalar::I16(x) => i64::from(x).cast_unsigned(),
        Scalar::I32(x) => i64::from(x).cast_unsigned(),
        Scalar::I64(x) => x.cast_unsigned(),
        Scalar::F32(x) => float_key(f64::from(x)),
        Scalar::F64(x) => float_key(x),
        Scalar::Sym(x) => u64::from(x.id()),
        Scalar::Guid(x) => {
            let [low, high] = halves(x);
            mixed(low, high)
        }
    }
}

/// A guid as two words.
pub(crate) fn halves(guid: [u8; 16]) -> [u64; 2] {
    let all = u128::from_le_bytes(guid);
    [all as u64, (all >> 64) as u64]
}

/// The hash of an item of each of some columns: of the storage that `item` gives by column.
pub(crate) fn row_hash(items: impl Iterator<Item = Scalar>) -> u32 {
    shortened(items.fold(0, |hash, item| mixed(hash, word(item))))
}

/// As much of a hash as tables of rows keep.
pub(crate) fn shortened(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The storage of the items of a row; `None` where a column is a general list.
pub(crate) fn row<'a>(columns: &'a [&Vector], at: usize) -> impl Iterator<Item = Scalar> + 'a {
    columns.iter().filter_map(move |column| column.data.scalar(at))
}

/// The vectors of columns, unless one is a general list.
pub(crate) fn flat<'a>(columns: impl Iterator<Item = &'a K>) -> Option<Few<&'a Vector>> {
    let flat = |k: &'a K| match k {
        K::Vec(v) if v.ty != formats::k::Type::List => Some(v),
        _ => None,
    };
    columns.map(flat).collect()
}

/// Numbers of rows by hash. It holds no items: whoever looks a row up says which has them.
#[derive(Debug)]
pub(crate) struct RowTable {
    /// Hash and number of a row, or [`EMPTY`]; half of them at least are.
    slots: Vec<u64>,
    rows: usize,
}

const EMPTY: u64 = u64::MAX;

impl RowTable {
    /// A table with room for so many rows.
    pub(crate) fn with_room(rows: usize) -> Self {
        Self { slots: vec![EMPTY; (rows * 2).next_power_of_two().max(16)], rows: 0 }
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// The row of a hash for which `same` holds.
    pub(crate) fn find(&self, hash: u32, same: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.mask();
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots.get(at).copied().unwrap_or(EMPTY);
            if slot == EMPTY {
                return None;
            }
            let row = (slot & u64::from(u32::MAX)) as usize;
            if (slot >> 32) as u32 == hash && same(row) {
                return Some(row);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a row, whose number must be less than `u32::MAX`.
    pub(crate) fn insert(&mut self, hash: u32, row: usize) {
        if (self.rows + 1) * 2 > self.slots.len() {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![EMPTY; old.len() * 2];
            old.into_iter().filter(|slot| *slot != EMPTY).for_each(|slot| self.place(slot));
        }
        self.rows += 1;
        self.place(u64::from(hash) << 32 | row as u64);
    }

    fn place(&mut self, new: u64) {
        let mask = self.mask();
        let mut at = (new >> 32) as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == EMPTY {
                *slot = new;
                return;
            }
            at = (at + 1) & mask;
        }
    }
}

/// Numbers by word.
#[derive(Debug)]
pub(crate) struct WordTable {
    /// A word and its number, or [`NONE`] for none; a quarter of them at least are.
    slots: Vec<(u64, u32)>,
    words: usize,
}

/// No number.
pub(crate) const NONE: u32 = u32::MAX;

impl WordTable {
    /// A table with room for so many words.
    pub(crate) fn with_room(words: usize) -> Self {
        let slots = (words + words / 3).next_power_of_two().max(64);
        Self { slots: vec![(0, NONE); slots], words: 0 }
    }

    fn start(&self, word: u64) -> usize {
        mixed(0, word) as usize & (self.slots.len() - 1)
    }

    /// The number of a word, or [`NONE`].
    pub(crate) fn get(&self, word: u64) -> u32 {
        let mut at = self.start(word);
        loop {
            match self.slots.get(at) {
                Some((known, number)) if *number != NONE => {
                    if *known == word {
                        return *number;
                    }
                }
                _ => return NONE,
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The number of a word, which becomes `new` where it has none.
    pub(crate) fn get_or_insert(&mut self, word: u64, new: u32) -> u32 {
        if (self.words + 1) * 4 > self.slots.len() * 3 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![(0, NONE); old.len() * 2];
            for (word, number) in old.into_iter().filter(|(_, number)| *number != NONE) {
                self.place(word, number);
            }
        }
        let number = self.place(word, new);
        self.words += usize::from(number == new);
        number
    }

    fn place(&mut self, word: u64, new: u32) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = self.start(word);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.1 == NONE {
                *slot = (word, new);
                return new;
            }
            if slot.0 == word {
                return slot.1;
            }
            at = (at + 1) & mask;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_found_by_what_they_hold(
            items in prop::collection::vec(0u8..200, 0..600), sought in any::<u8>(),
        ) {
            let mut table = RowTable::with_room(0);
            // Few hashes, so that many rows share one.
            let hash = |item: u8| shortened(mixed(0, u64::from(item % 16)));
            for (row, item) in items.iter().enumerate() {
                if table.find(hash(*item), |at| items[at] == *item).is_none() {
                    table.insert(hash(*item), row);
                }
            }
            let found = table.find(hash(sought), |at| items[at] == sought);
            prop_assert_eq!(found, items.iter().position(|item| *item == sought));
        }

        #[test]
        fn words_keep_the_number_they_got_first(
            words in prop::collection::vec(0u64..300, 0..900), sought in 0u64..400,
        ) {
            let mut table = WordTable::with_room(0);
            let mut known = std::collections::HashMap::new();
            for (number, word) in words.iter().enumerate() {
                // Words that differ in their highest bits only.
                let number = number as u32;
                let first = *known.entry(*word).or_insert(number);
                prop_assert_eq!(table.get_or_insert(*word << 55, number), first);
            }
            let want = known.get(&(sought & 511)).copied().unwrap_or(NONE);
            prop_assert_eq!(table.get(sought << 55), want);
        }
    }
}
