//! Rows of two tables that go together: by equal keys, and by the latest time.

use super::compare::strict_order;
use super::group::groups;
use super::order;
use super::segments::Segments;
use super::words::packed;
use crate::error::Result;
use formats::k::{Data, K, Sym, Type};
use std::cmp::Ordering;

/// Numbers of the rows of two tables, less than the last: equal rows have equal ones. Right rows
/// that are like no left row may have a greater one.
pub(crate) type Numbered = (Vec<u32>, Vec<u32>, usize);

/// Numbers the rows of two lists of columns, which are as many.
///
/// # Errors
/// None for columns of data.
pub(crate) fn numbered(left: &[K], right: &[K]) -> Result<Numbered> {
    if let Some(words) = packed(&[left, right]) {
        return Ok(words.numbers());
    }
    let both = left.iter().zip(right);
    let columns = both.map(|(a, b)| K::collapse(a.items().chain(b.items()).collect()));
    let columns: Vec<K> = columns.collect();
    let names = (0..columns.len()).map(|n| Sym::new(&format!("x{n}"))).collect();
    let groups = groups(&K::table(names, columns)?)?;
    let (a, b) = groups.ids.split_at(left.first().map_or(0, K::len));
    Ok((a.to_vec(), b.to_vec(), groups.firsts.len()))
}

/// For each left row the last right row with equal keys and a time not after it; -1 for none.
///
/// # Errors
/// None for columns of data.
pub(crate) fn as_of(left: (&[K], &K), right: (&[K], &K)) -> Result<Vec<i64>> {
    let ((left_keys, left_time), (right_keys, right_time)) = (left, right);
    let ids = if left_keys.is_empty() { None } else { Some(numbered(left_keys, right_keys)?) };
    if let (K::Vec(v), K::Vec(w)) = (left_time, right_time)
        && v.ty == w.ty
    {
        let float = |x: f64, y: f64| strict_order(x, y).is_le();
        let out = match (&v.data, &w.data) {
            (Data::U8(x), Data::U8(y)) => timed(x, y, ids.as_ref(), |x, y| x <= y),
            (Data::I16(x), Data::I16(y)) => timed(x, y, ids.as_ref(), |x, y| x <= y),
            (Data::I32(x), Data::I32(y)) => timed(x, y, ids.as_ref(), |x, y| x <= y),
            (Data::I64(x), Data::I64(y)) => timed(x, y, ids.as_ref(), |x, y| x <= y),
            (Data::F64(x), Data::F64(y)) => timed(x, y, ids.as_ref(), float),
            _ => None,
        };
        if let Some(out) = out {
            return Ok(out);
        }
    }
    let (x, y) = (order::ascending(left_time)?, order::ascending(right_time)?);
    let at = |places: &[i64], n: usize| {
        places.get(n).and_then(|p| usize::try_from(*p).ok()).unwrap_or(usize::MAX)
    };
    let reached = |l: usize, r: usize| order::values(&right_time.at(r), &left_time.at(l)).is_le();
    let sides = ((x.len(), |n: usize| at(&x, n)), (y.len(), |n: usize| at(&y, n)));
    Ok(swept(sides, ids.as_ref(), reached))
}

/// The same for vectors of times; `None` unless both ascend.
fn timed<T: Copy>(
    left: &[T],
    right: &[T],
    ids: Option<&Numbered>,
    up_to: impl Fn(T, T) -> bool,
) -> Option<Vec<i64>> {
    let ascends = |times: &[T]| times.is_sorted_by(|x, y| up_to(*x, *y));
    if !ascends(left) || !ascends(right) {
        return None;
    }
    let reached = |l: usize, r: usize| match (left.get(l), right.get(r)) {
        (Some(l), Some(r)) => up_to(*r, *l),
        _ => false,
    };
    Some(swept(((left.len(), |n: usize| n), (right.len(), |n: usize| n)), ids, reached))
}

/// Goes through both tables in the order of time and keeps the last right row of each number.
/// Each side is how many rows it has, and which is the nth of them.
fn swept(
    ((left_len, left), (right_len, right)): (
        (usize, impl Fn(usize) -> usize),
        (usize, impl Fn(usize) -> usize),
    ),
    ids: Option<&Numbered>,
    reached: impl Fn(usize, usize) -> bool,
) -> Vec<i64> {
    let count = ids.map_or(1, |(_, _, count)| *count);
    let (left_ids, right_ids) = ids.map_or((&[][..], &[][..]), |(l, r, _)| (&l[..], &r[..]));
    let id = |ids: &[u32], row: usize| ids.get(row).map_or(0, |id| *id as usize);
    let mut last = vec![-1i64; count];
    let mut out = vec![-1i64; left_len];
    let mut next = 0;
    for n in 0..left_len {
        let row = left(n);
        while next < right_len {
            let other = right(next);
            if !reached(row, other) {
                break;
            }
            // Right rows whose keys no left row has have no place.
            if let Some(slot) = last.get_mut(id(right_ids, other)) {
                *slot = other as i64;
            }
            next += 1;
        }
        if let (Some(slot), Some(found)) = (out.get_mut(row), last.get(id(left_ids, row))) {
            *slot = *found;
        }
    }
    out
}

/// The right rows that go with each left row, by time.
pub(crate) struct ByTime {
    /// The number of each left row.
    left: Vec<u32>,
    /// The right rows, number after number, and of one number in the order of time.
    rows: Vec<i64>,
    /// Where in `rows` each number ends.
    ends: Vec<usize>,
    /// The times of `rows`.
    times: K,
}

impl ByTime {
    /// Of left rows, as many as `count`, and right rows with times.
    ///
    /// # Errors
    /// None for columns of data.
    pub(crate) fn new(left: (&[K], usize), right: (&[K], &K)) -> Result<Self> {
        let ((left_keys, count), (right_keys, time)) = (left, right);
        let (left, right, numbers) = match left_keys {
            [] => (vec![0; count], vec![0; time.len()], 1),
            _ => numbered(left_keys, right_keys)?,
        };
        let order = order::ascending(time)?;
        let at = |place: i64| usize::try_from(place).unwrap_or(usize::MAX);
        // Right rows that are like no left row go behind the others.
        let id = |place: &i64| right.get(at(*place)).copied().unwrap_or(0).min(numbers as u32);
        let Segments { places, ends } =
            Segments::new(&order.iter().map(id).collect::<Vec<_>>(), numbers + 1);
        let row = |place: &i64| order.get(at(*place)).copied().unwrap_or(-1);
        let rows: Vec<i64> = places.iter().map(row).collect();
        let times = time.gather(&rows);
        Ok(Self { left, rows, ends, times })
    }

    /// For each left row the right rows from one time up to another; with `before` also the latest
    /// one before, unless a row has the first time.
    pub(crate) fn windows(&self, from: &K, to: &K, before: bool) -> Vec<&[i64]> {
        let (from, to) = (Compared::new(&self.times, from), Compared::new(&self.times, to));
        let window = |(row, id): (usize, &u32)| {
            let id = *id as usize;
            let start = id.checked_sub(1).and_then(|id| self.ends.get(id)).copied().unwrap_or(0);
            let end = self.ends.get(id).copied().unwrap_or(start);
            let mut first = halved(start, end, |place| from.order(place, row).is_lt());
            let exact = first < end && from.order(first, row).is_eq();
            if before && !exact {
                first = first.saturating_sub(1).max(start);
            }
            let last = halved(first, end, |place| to.order(place, row).is_le());
            self.rows.get(first..last).unwrap_or_default()
        };
        self.left.iter().enumerate().map(window).collect()
    }
}

/// The first place that is not before what is sought.
pub(super) fn halved(start: usize, end: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (start, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// Items of two lists, to be compared by place.
enum Compared<'a> {
    Words(Vec<u64>, Vec<u64>),
    Values(&'a K, &'a K),
}

impl<'a> Compared<'a> {
    fn new(x: &'a K, y: &'a K) -> Self {
        if let (K::Vec(v), K::Vec(w)) = (x, y)
            && v.ty == w.ty
            && v.ty != Type::Symbol
            && let (Some(v), Some(w)) = (order::ordered(v), order::ordered(w))
        {
            return Self::Words(v, w);
        }
        Self::Values(x, y)
    }

    fn order(&self, x: usize, y: usize) -> Ordering {
        match self {
            Self::Words(v, w) => v.get(x).cmp(&w.get(y)),
            Self::Values(v, w) => order::values(&v.at(x), &w.at(y)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::{TYPES, atom};
    use proptest::prelude::*;

    type Row = (i16, i16, i16);

    fn columns(types: (Type, Type, Type), rows: &[Row]) -> (Vec<K>, K) {
        let column = |ty: Type, seed: fn(&Row) -> i16| {
            let items: Vec<K> = rows.iter().map(|row| atom(ty, seed(row))).collect();
            if items.is_empty() { K::empty(ty) } else { K::collapse(items) }
        };
        (vec![column(types.0, |r| r.0), column(types.1, |r| r.1)], column(types.2, |r| r.2))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_latest_row_is_the_one_found_by_looking_at_all(
            types in (0..TYPES.len(), 0..TYPES.len(), 0..TYPES.len()), keys in 0usize..3,
            left in prop::collection::vec((0i16..3, 0i16..3, 0i16..9), 0..12),
            right in prop::collection::vec((0i16..4, 0i16..3, 0i16..9), 0..12),
        ) {
            let types = (TYPES[types.0], TYPES[types.1], TYPES[types.2]);
            let ((mut x, xt), (mut y, yt)) = (columns(types, &left), columns(types, &right));
            x.truncate(keys);
            y.truncate(keys);
            let got = as_of((&x, &xt), (&y, &yt)).unwrap();
            for (row, found) in got.iter().enumerate() {
                let fits = |other: &usize| {
                    x.iter().zip(&y).all(|(x, y)| x.at(row) == y.at(*other))
                        && order::values(&yt.at(*other), &xt.at(row)).is_le()
                };
                let latest = (0..right.len()).filter(fits).reduce(|best, other| {
                    if order::values(&yt.at(best), &yt.at(other)).is_le() { other } else { best }
                });
                prop_assert_eq!(*found, latest.map_or(-1, |at| at as i64));
            }
        }

        #[test]
        fn windows_have_the_rows_found_by_looking_at_all(
            types in (0..TYPES.len(), 0..TYPES.len(), 0..TYPES.len()), keys in 0usize..3,
            before in any::<bool>(), width in 0i16..4,
            left in prop::collection::vec((0i16..3, 0i16..3, 0i16..9), 0..12),
            right in prop::collection::vec((0i16..4, 0i16..3, 0i16..9), 0..12),
        ) {
            let types = (TYPES[types.0], TYPES[types.1], TYPES[types.2]);
            let ends: Vec<Row> = left.iter().map(|row| (row.0, row.1, row.2 + width)).collect();
            let ((mut x, from), (mut y, times)) = (columns(types, &left), columns(types, &right));
            let (_, to) = columns(types, &ends);
            x.truncate(keys);
            y.truncate(keys);
            let by_time = ByTime::new((&x, left.len()), (&y, &times)).unwrap();
            for (row, found) in by_time.windows(&from, &to, before).into_iter().enumerate() {
                let fits = |other: &usize| x.iter().zip(&y).all(|(x, y)| x.at(row) == y.at(*other));
                let mut like: Vec<usize> = (0..right.len()).filter(fits).collect();
                like.sort_by(|a, b| order::values(&times.at(*a), &times.at(*b)));
                let at = |other: usize, end: &K| order::values(&times.at(other), &end.at(row));
                let earlier = like.iter().filter(|other| at(**other, &from).is_lt()).count();
                let exact = like.iter().any(|other| at(*other, &from).is_eq());
                let first = if before && !exact { earlier.saturating_sub(1) } else { earlier };
                let last = like.iter().filter(|other| at(**other, &to).is_le()).count();
                let want: Vec<i64> =
                    like.get(first..last).unwrap_or_default().iter().map(|r| *r as i64).collect();
                prop_assert_eq!(found, want.as_slice());
            }
        }
    }
}
