//! Keys as words: the items of a row of whole numbers, symbols and the like in the bits of one
//! word, so that rows are equal exactly when their words are.

use super::group::{Groups, dense_max, number_within};
use super::hash::{NONE, WordTable};
use formats::k::{Data, K, Vector};

/// The words of the rows of one or two tables that have like columns.
pub(crate) struct Words {
    tables: Vec<Vec<u64>>,
    /// No word is greater.
    high: u64,
}

/// An item as a word that keeps the order of whole numbers.
fn integer(x: i64) -> u64 {
    x.cast_unsigned() ^ (1 << 63)
}

/// Adds the items of a column to the words of its rows: above the bits that are used already.
fn add(data: &Data, low: u64, shift: u32, words: &mut [u64]) {
    fn all<T: Copy>(v: &[T], words: &mut [u64], word: impl Fn(T) -> u64) {
        words.iter_mut().zip(v).for_each(|(to, x)| *to |= word(*x));
    }
    let put = |word: u64| (word - low) << shift;
    match data {
        Data::U8(v) => all(v, words, |x| put(u64::from(x))),
        Data::I16(v) => all(v, words, |x| put(integer(i64::from(x)))),
        Data::I32(v) => all(v, words, |x| put(integer(i64::from(x)))),
        Data::I64(v) => all(v, words, |x| put(integer(x))),
        Data::Sym(v) => all(v, words, |x| put(u64::from(x.id()))),
        Data::F32(_) | Data::F64(_) | Data::Guid(_) | Data::List(_) => {}
    }
}

/// The least and the greatest word of a column; `None` for items that have none.
fn ends(data: &Data) -> Option<(u64, u64)> {
    fn of<T: Copy + Ord>(v: &[T], word: impl Fn(T) -> u64) -> (u64, u64) {
        let Some(first) = v.first().copied() else { return (u64::MAX, 0) };
        // One pass that the compiler can do several items at a time.
        let (low, high) = v.iter().fold((first, first), |(l, h), x| (l.min(*x), h.max(*x)));
        (word(low), word(high))
    }
    Some(match data {
        Data::U8(v) => of(v, u64::from),
        Data::I16(v) => of(v, |x| integer(i64::from(x))),
        Data::I32(v) => of(v, |x| integer(i64::from(x))),
        Data::I64(v) => of(v, integer),
        Data::Sym(v) => {
            let ids = v.iter().map(|x| u64::from(x.id()));
            ids.fold((u64::MAX, 0), |(low, high), x| (low.min(x), high.max(x)))
        }
        Data::F32(_) | Data::F64(_) | Data::Guid(_) | Data::List(_) => return None,
    })
}

/// The words of tables whose columns have the same types in the same order; `None` where a column
/// has items of another kind, or they do not fit.
pub(crate) fn packed(tables: &[&[K]]) -> Option<Words> {
    let width = tables.first()?.len();
    let column = |table: &[K], at: usize| match table.get(at) {
        Some(K::Vec(v)) => Some(v.clone()),
        _ => None,
    };
    let rows = |table: &&[K]| table.first().map_or(0, K::len);
    let mut words: Vec<Vec<u64>> = tables.iter().map(|t| vec![0; rows(t)]).collect();
    let mut shift = 0;
    // The last column has the lowest bits, so that words have the order of the rows' numbers.
    for at in (0..width).rev() {
        let columns: Vec<Vector> =
            tables.iter().map(|table| column(table, at)).collect::<Option<_>>()?;
        if columns.windows(2).any(|pair| matches!(pair, [a, b] if a.ty != b.ty)) {
            return None;
        }
        let ends = columns.iter().map(|c| ends(&c.data)).collect::<Option<Vec<_>>>()?;
        let low = ends.iter().map(|(low, _)| *low).min().unwrap_or(0);
        let high = ends.iter().map(|(_, high)| *high).max().unwrap_or(0).max(low);
        // Of no rows at all the least is above the greatest.
        let low = if ends.iter().all(|(low, high)| low > high) { high } else { low };
        let bits = u64::BITS - (high - low).leading_zeros();
        if shift + bits > u64::BITS {
            return None;
        }
        if bits > 0 {
            for (column, words) in columns.iter().zip(&mut words) {
                add(&column.data, low, shift, words);
            }
        }
        shift += bits;
    }
    let high = if shift == u64::BITS { u64::MAX } else { (1 << shift) - 1 };
    Some(Words { tables: words, high })
}

impl Words {
    fn table(&self, at: usize) -> &[u64] {
        self.tables.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    /// The groups of equal rows of the first table; `None` where words are far apart, so that
    /// going column by column may be shorter.
    pub(crate) fn groups(&self) -> Option<Groups> {
        let words = self.table(0);
        (self.high < dense_max(words.len()))
            .then(|| number_within(words.iter().copied(), 0, self.high))
    }

    /// The same groups in ascending order of their words; `None` where they are too many to be
    /// looked at in turn.
    pub(crate) fn ordered_groups(&self) -> Option<Groups> {
        let words = self.table(0);
        if self.high >= dense_max(words.len()) {
            return None;
        }
        let mut table = Self::firsts(words, self.high, 0..);
        let mut firsts = Vec::new();
        for slot in table.iter_mut().filter(|slot| **slot != NONE) {
            firsts.push(i64::from(*slot));
            *slot = firsts.len() as u32 - 1;
        }
        let id = |word: &u64| table.get(*word as usize).copied().unwrap_or(0);
        Some(Groups { ids: words.iter().map(id).collect(), firsts })
    }

    /// For all words up to `high` the number of the first row that has it, or [`NONE`].
    fn firsts(words: &[u64], high: u64, numbers: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut table = vec![NONE; high as usize + 1];
        for (word, number) in words.iter().zip(numbers) {
            if let Some(slot) = table.get_mut(*word as usize).filter(|slot| **slot == NONE) {
                *slot = number;
            }
        }
        table
    }

    /// For each row of the second table the number of the first that is equal in the first table,
    /// or `none`.
    pub(crate) fn places(&self, none: i64) -> Vec<i64> {
        let place = |row: u32| if row == NONE { none } else { i64::from(row) };
        let find = Numbers::of(self.table(0), self.high, (0..).take(self.table(0).len()));
        self.table(1).iter().map(|word| place(find.get(*word))).collect()
    }

    /// Numbers of the rows of both tables, less than the count that is last: equal rows have equal
    /// ones, and rows of the second table that the first has not have [`NONE`].
    pub(crate) fn numbers(&self) -> (Vec<u32>, Vec<u32>, usize) {
        let (a, b) = (self.table(0), self.table(1));
        if self.high < dense_max(a.len()) {
            let number = |words: &[u64]| words.iter().map(|word| *word as u32).collect();
            return (number(a), number(b), self.high as usize + 1);
        }
        let mut known = WordTable::with_room(0);
        let mut count = 0;
        let number = |word: &u64| {
            let id = known.get_or_insert(*word, count);
            count += u32::from(id == count);
            id
        };
        let left = a.iter().map(number).collect();
        let right = b.iter().map(|word| known.get(*word)).collect();
        (left, right, count as usize)
    }
}

/// Numbers by word: in a table of all words where they are few, else hashed.
enum Numbers {
    Dense(Vec<u32>),
    Hashed(WordTable),
}

impl Numbers {
    /// The number of each word; of equal ones that of the first.
    fn of(words: &[u64], high: u64, numbers: impl Iterator<Item = u32>) -> Self {
        if high < dense_max(words.len()) {
            return Self::Dense(Words::firsts(words, high, numbers));
        }
        let mut table = WordTable::with_room(words.len());
        for (word, number) in words.iter().zip(numbers) {
            table.get_or_insert(*word, number);
        }
        Self::Hashed(table)
    }

    fn get(&self, word: u64) -> u32 {
        match self {
            Self::Dense(table) => table.get(word as usize).copied().unwrap_or(NONE),
            Self::Hashed(table) => table.get(word),
        }
    }
}
