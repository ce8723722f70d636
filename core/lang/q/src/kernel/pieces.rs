//! Groups of rows by symbol where the columns are in pieces, which nobody puts end to end for that:
//! each symbol's number says where the state of its group is.

use super::aggregate::{Aggregate, of_numbers};
use super::group::dense_max;
use super::segments::Grouped;
use super::statistics::weighted;
use formats::k::{Data, K, Sym, Type, Vector};

/// The pieces of a column.
pub(crate) type Column<'a> = Vec<&'a Vector>;

/// The keys of the rows.
pub(crate) struct Keys<'a> {
    pieces: Vec<&'a [Sym]>,
    /// The least number of a symbol.
    low: u32,
    /// How many numbers there may be from there on.
    size: usize,
    /// The symbols that there are, in the order of their texts.
    symbols: Vec<Sym>,
}

/// Items of the rows of such keys.
struct Items<'k, T> {
    keys: &'k Keys<'k>,
    pieces: Vec<&'k [T]>,
}

/// Pairs of them.
struct Pairs<'k, T, U>(Items<'k, T>, Vec<&'k [U]>);

impl<T: Copy> Grouped<T> for Items<'_, T> {
    fn fold<S: Clone>(&self, start: S, step: impl FnMut(&mut S, T)) -> Vec<S> {
        self.keys.fold(self.pieces.iter().map(|piece| piece.iter().copied()), start, step)
    }
}

impl<T: Copy, U: Copy> Grouped<(T, U)> for Pairs<'_, T, U> {
    fn fold<S: Clone>(&self, start: S, step: impl FnMut(&mut S, (T, U))) -> Vec<S> {
        let Self(Items { keys, pieces }, others) = self;
        let pairs = pieces.iter().zip(others);
        keys.fold(pairs.map(|(x, y)| x.iter().copied().zip(y.iter().copied())), start, step)
    }
}

/// The slices of a column's pieces, where all have the same storage.
fn slices<'a, T>(
    column: &Column<'a>,
    of: impl Fn(&'a Data) -> Option<&'a [T]>,
) -> Option<Vec<&'a [T]>> {
    column.iter().map(|piece| of(&piece.data)).collect()
}

/// Evaluates an expression with `$items` bound to the slices of a column of one of some storages;
/// leaves the function with `None` for another one.
macro_rules! on_slices {
    ($column:expr, $items:ident, [$($variant:ident),*] => $e:expr) => {
        match &$column.first()?.data {
            $(Data::$variant(_) => {
                let of = |data: &'a Data| match data {
                    Data::$variant(v) => Some(v.as_slice()),
                    _ => None,
                };
                let $items = slices($column, of)?;
                $e
            })*
            _ => return None,
        }
    };
}

impl<'a> Keys<'a> {
    /// The keys in a column; `None` for others than symbols, and where these are far apart.
    pub(crate) fn of(column: &Column<'a>) -> Option<Self> {
        let pieces: Vec<&[Sym]> = on_slices!(column, items, [Sym] => items);
        let max = dense_max(pieces.iter().map(|piece| piece.len()).sum());
        let mut keys = Self { pieces: Vec::new(), low: u32::MAX, size: 0, symbols: Vec::new() };
        let (mut seen, mut whole) = (Vec::new(), false);
        for piece in &pieces {
            // Most pieces have symbols near those of the ones before.
            if !keys.hold(piece) {
                let ids = piece.iter().map(|symbol| symbol.id());
                let ends = ids.fold((u32::MAX, 0), |(low, high), id| (low.min(id), high.max(id)));
                keys.widen(ends, max, &mut seen)?;
                whole = false;
            }
            // Once there is one of each number, others tell nothing new.
            if !whole {
                keys.mark(piece, &mut seen);
                whole = keys.size <= piece.len() && !seen.iter().any(|symbol| symbol.is_null());
            }
        }
        keys.pieces = pieces;
        keys.symbols = seen.into_iter().filter(|symbol| !symbol.is_null()).collect();
        // The null symbol has the least number of all, and a slot that looks like an empty one.
        if keys.size > 0 && keys.low == Sym::default().id() {
            keys.symbols.push(Sym::default());
        }
        keys.symbols.sort_unstable_by(|a, b| a.order(*b));
        Some(keys)
    }

    /// Whether there is room for all symbols of a piece.
    fn hold(&self, piece: &[Sym]) -> bool {
        let Some(last) = self.size.checked_sub(1) else { return piece.is_empty() };
        // All are looked at, several at once: that takes less time than to end at one.
        let within = |id: u32| id.wrapping_sub(self.low) <= last as u32;
        piece.iter().fold(true, |all, symbol| all & within(symbol.id()))
    }

    /// Marks the symbols of a piece as seen.
    fn mark(&self, piece: &[Sym], seen: &mut [Sym]) {
        for symbol in piece {
            if let Some(slot) = seen.get_mut(self.slot(*symbol)) {
                *slot = *symbol;
            }
        }
    }

    /// Makes room for symbols with numbers between two; `None` where there would be more than `max`
    /// of such.
    fn widen(&mut self, (low, high): (u32, u32), max: u64, seen: &mut Vec<Sym>) -> Option<()> {
        if low > high || self.low <= low && ((high - self.low) as usize) < self.size {
            return Some(()); // of no symbols, or among those that there are
        }
        let last = high.max(self.low.wrapping_add(self.size as u32).wrapping_sub(1));
        let (low, last) = if self.size == 0 { (low, high) } else { (low.min(self.low), last) };
        if u64::from(last - low) >= max {
            return None;
        }
        let (front, size) = (self.low.wrapping_sub(low) as usize, (last - low) as usize + 1);
        let mut wider = vec![Sym::default(); size];
        if let Some(slots) = wider.get_mut(front..).filter(|_| self.size > 0) {
            slots.iter_mut().zip(seen.iter()).for_each(|(to, from)| *to = *from);
        }
        (*seen, self.low, self.size) = (wider, low, size);
        Some(())
    }

    fn slot(&self, symbol: Sym) -> usize {
        symbol.id().wrapping_sub(self.low) as usize
    }

    /// The key of each group.
    pub(crate) fn groups(&self) -> K {
        K::syms(self.symbols.clone())
    }

    /// A state for each group after what comes of each row, piece by piece.
    fn fold<T, S: Clone>(
        &self,
        pieces: impl Iterator<Item = impl Iterator<Item = T>>,
        start: S,
        mut step: impl FnMut(&mut S, T),
    ) -> Vec<S> {
        let mut states = vec![start; self.size];
        for (keys, items) in self.pieces.iter().zip(pieces) {
            for (key, item) in keys.iter().zip(items) {
                if let Some(state) = states.get_mut(self.slot(*key)) {
                    step(state, item);
                }
            }
        }
        let of = |symbol: &Sym| states.get(self.slot(*symbol)).cloned();
        self.symbols.iter().filter_map(of).collect()
    }

    /// The numbers of the rows, by piece.
    fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = usize>> {
        self.pieces.iter().scan(0, |next, piece| {
            let start = *next;
            *next += piece.len();
            Some(start..*next)
        })
    }

    /// How many rows each group has.
    pub(crate) fn counts(&self) -> K {
        K::longs(self.fold(self.rows(), 0, |count, _| *count += 1))
    }

    /// The item of the first or the last row of each group.
    fn ends(&self, column: &Column<'a>, last: bool) -> K {
        let rows = match last {
            true => self.fold(self.rows(), usize::MAX, |found, row| *found = row),
            false => self.fold(self.rows(), usize::MAX, |found, row| *found = row.min(*found)),
        };
        let item = |mut row: usize| {
            for piece in column {
                if row < piece.data.len() {
                    return piece.at(row);
                }
                row -= piece.data.len();
            }
            K::Null // a group has a row
        };
        K::collapse(rows.into_iter().map(item).collect())
    }

    /// An aggregate of each group of a column; `None` where that takes another way.
    pub(crate) fn aggregate(&self, op: Aggregate, column: &Column<'a>) -> Option<K> {
        match op {
            Aggregate::Count => return Some(self.counts()),
            Aggregate::First => return Some(self.ends(column, false)),
            Aggregate::Last => return Some(self.ends(column, true)),
            _ => {}
        }
        let ty = column.first()?.ty;
        on_slices!(column, pieces, [U8, I16, I32, I64, F32, F64] => {
            of_numbers(op, ty, &Items { keys: self, pieces }).ok()
        })
    }

    /// The mean of each group of a column weighted by another; `None` where that takes another way.
    pub(crate) fn weighted(&self, weights: &Column<'a>, column: &Column<'a>) -> Option<K> {
        let means = on_slices!(weights, pieces, [I32, I64, F64] => {
            on_slices!(column, others, [I64, F64] => {
                weighted(&Pairs(Items { keys: self, pieces }, others))
            })
        });
        Some(K::floats(means))
    }
}

/// Whether a column's pieces are vectors of one type, all of items that stand for themselves.
pub(crate) fn alike(column: &Column<'_>) -> bool {
    let first = column.first().map(|piece| piece.ty);
    let same = |piece: &&Vector| Some(piece.ty) == first && piece.attr.domain().is_none();
    first.is_some_and(|ty| ty != Type::List) && column.iter().all(same)
}
