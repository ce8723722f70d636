//! Keys as words: the items of a row of whole numbers, symbols and the like in the bits of one
//! word, so that rows are equal exactly when their words are.

use super::group::dense_max;
use super::hash::{NONE, WordTable};
use formats::k::{Data, K, Vector};

/// The words of the rows of one or two tables that have like columns.
pub(crate) struct Words {
    tables: Vec<Vec<u64>>,
    /// No word is greater.
    high: u64,
}

/// An item as a word that keeps the order of whole numbers.
pub(super) fn integer(x: i64) -> u64 {
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
pub(super) fn ends(data: &Data) -> Option<(u64, u64)> {
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

/// For each column the word that becomes 0 and the place of its lowest bit.
struct Layout {
    columns: Vec<(u64, u32)>,
    high: u64,
}

/// Where the items of columns go; `None` where a column has items of another kind, or they do not
/// fit.
fn layout(tables: &[&[K]]) -> Option<Layout> {
    let width = tables.first()?.len();
    let mut columns = vec![(0, 0); width];
    let mut shift = 0;
    // The last column has the lowest bits, so that words have the order of the rows' numbers.
    for (at, place) in columns.iter_mut().enumerate().rev() {
        let mut like: Option<&Vector> = None;
        // Of no rows at all the least is above the greatest.
        let (mut low, mut high) = (u64::MAX, 0);
        for table in tables {
            let Some(K::Vec(column)) = table.get(at) else { return None };
            if like.is_some_and(|like| like.ty != column.ty) {
                return None;
            }
            like = Some(column);
            let ends = ends(&column.data)?;
            (low, high) = (low.min(ends.0), high.max(ends.1));
        }
        let low = low.min(high);
        let bits = u64::BITS - (high - low).leading_zeros();
        if shift + bits > u64::BITS {
            return None;
        }
        *place = (low, shift);
        shift += bits;
    }
    let high = if shift == u64::BITS { u64::MAX } else { (1 << shift) - 1 };
    Some(Layout { columns, high })
}

impl Layout {
    fn words(&self, tables: &[&[K]]) -> Words {
        let of = |table: &&[K]| {
            let mut words = vec![0; table.first().map_or(0, K::len)];
            for (column, (low, shift)) in table.iter().zip(&self.columns) {
                // All items of a column without bits are alike.
                if let (K::Vec(column), true) = (column, *shift < u64::BITS) {
                    add(&column.data, *low, *shift, &mut words);
                }
            }
            words
        };
        Words { tables: tables.iter().map(of).collect(), high: self.high }
    }
}

/// The words of tables whose columns have the same types in the same order; `None` where a column
/// has items of another kind, or they do not fit.
pub(crate) fn packed(tables: &[&[K]]) -> Option<Words> {
    Some(layout(tables)?.words(tables))
}

impl Words {
    fn table(&self, at: usize) -> &[u64] {
        self.tables.get(at).map(Vec::as_slice).unwrap_or_default()
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
